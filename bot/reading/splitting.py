"""Where a text may be divided: between paragraphs, lines, sentences, words, and graphemes at the worst."""

from itertools import pairwise, takewhile

import regex

_SPACE_END = r"(?![\p{M}\p{Cf}\p{EMod}])"  # a mark after a space belongs to the space
PARAGRAPH = regex.compile(rf"(?P<space>[^\S\n]*\n[^\S\n]*\n\s*+){_SPACE_END}")
LINE = regex.compile(rf"(?P<space>[^\S\n]*+\n\s*+){_SPACE_END}")
SENTENCE = regex.compile(
    rf"""(?<![.!?…])[.!?…]++[\p{{Pe}}\p{{Pf}}"'*_~`]*+(?P<space>\s++){_SPACE_END}(?!\p{{Ll}})"""
    r"|[。！？]++[」』”’）]*+(?P<space>)(?![\p{M}\p{Cf}])"
)
WORD = regex.compile(rf"(?P<space>\s++){_SPACE_END}")
_GRAPHEME = regex.compile(r"\X")


def utf16_len(text: str) -> int:
    """How long Discord takes a text to be when it counts strictly: in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def reach(text: str, room: int, prefix: int = 0) -> int:
    """How many code points from the start fit in ``room`` units, each line costing ``prefix`` units more."""
    used = prefix
    for index, char in enumerate(text):
        used += 2 if char > "\uffff" else 1
        if char == "\n":
            used += prefix
        if used > room:
            return index
    return len(text)


def cut(text: str, end: int) -> tuple[int, int]:
    """Where to end a piece of at most ``end`` code points, and where the next one begins.

    Only whitespace lies between the two. The coarsest boundary wins that leaves the piece at least half full;
    a word is divided where there is none: a page should not end early before a text without spaces.
    """
    least = max(1, end // 2)
    for boundary in (PARAGRAPH, LINE, SENTENCE, WORD):
        best = None
        for match in boundary.finditer(text, least - 1, min(len(text), end + 1000)):
            if match.start("space") > end:
                break
            if match.start("space") >= least and match.end() < len(text):
                best = match.start("space"), match.end()
        if best:
            return best
    return (inside := _grapheme_cut(text, end)), inside


def _grapheme_cut(text: str, end: int) -> int:
    """The last grapheme boundary up to ``end``, never between a backslash and what it escapes."""
    clusters = _GRAPHEME.finditer(text, 0, min(len(text), end + 64))
    ends = list(takewhile(lambda at: at <= end, (match.end() for match in clusters)))
    for at in reversed(ends):
        if not _escapes_next(text, at):
            return at
    return end - 1 if end > 1 and _escapes_next(text, end) else end


def _escapes_next(text: str, at: int) -> bool:
    before = text[:at]
    return bool((len(before) - len(before.rstrip("\\"))) % 2) if text[at - 1] == "\\" else False


def shorten(text: str, room: int) -> str:
    """The text if it fits in ``room`` UTF-16 units, else its beginning up to a word, with an ellipsis."""
    if reach(text, room) == len(text):
        return text
    end = reach(text, room - 1)
    if end < 1:
        return "…"[:room]
    words = [match for match in WORD.finditer(text, end // 2, end + 1) if match.start() >= end // 2]
    at = words[-1].start() if words else _grapheme_cut(text, end)
    return text[:at].rstrip(" \t\n,;:–—-·") + "…"


def pack(paragraphs: list[str], target: int) -> list[str]:
    """Texts of about ``target`` code points: short paragraphs together, long ones divided at sentence ends.

    A sentence longer than the target is divided between words; a word never is. Only whitespace is lost.
    """
    pieces: list[str] = []
    for paragraph in paragraphs:
        pieces.extend(piece.strip() for piece in _divide(paragraph.strip(), target))
    packed: list[str] = []
    for piece in pieces:
        if packed and len(packed[-1]) + 2 + len(piece) <= target:
            packed[-1] = f"{packed[-1]}\n\n{piece}"
        elif piece:
            packed.append(piece)
    return packed


def _divide(paragraph: str, target: int) -> list[str]:
    if len(paragraph) <= target * 1.25:
        return [paragraph]
    pieces: list[str] = []
    for sentence in _split(paragraph, SENTENCE):
        pieces.extend([sentence] if len(sentence) <= target * 1.25 else _fill(_split(sentence, WORD), target))
    return _fill(pieces, target)


def _split(text: str, boundary: regex.Pattern[str]) -> list[str]:
    starts = [0, *(match.end() for match in boundary.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(starts) if start < end]


def _fill(parts: list[str], target: int) -> list[str]:
    filled: list[str] = []
    length = 0
    run: list[str] = []
    for part in parts:
        if run and length + len(part) > target:
            filled.append("".join(run))
            run, length = [], 0
        run.append(part)
        length += len(part)
    return [*filled, "".join(run)] if run else filled
