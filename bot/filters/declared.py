"""Declared workarounds: insertions that a source says it made to get past a filter, taken out again.

A declared insertion is taken out wherever it stands unspaced between letters, set off by quotes or brackets:
``hard"apple"core`` becomes ``hardcore``. Bare (``hardapplecore``) or spaced (``hard "apple" core``) it stays:
whether those are one word only a word list could say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

QUOTE_MARKS = "\"'“”„‟‘’‚‛«»‹›＂＇"
"""Any of these may open, and any other of them close: people and phones mix the styles."""

_CLOSING = frozenset(QUOTE_MARKS + ")]}>*_~`")
_LETTER = regex.compile(r"\p{L}")
_MARK = regex.compile(r"\p{M}")
_IN_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]")


@dataclass(frozen=True, slots=True)
class Restoration:
    """A whole word that was put back; ``start`` and ``end`` are code points of the original text."""

    written: str
    word: str
    insertion: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RestoredText:
    text: str
    restorations: tuple[Restoration, ...]


def restore_declared(text: str, insertions: Sequence[str]) -> RestoredText:
    """Take the declared insertions out of ``text``. Doing it twice changes nothing more."""
    declared = [insertion for insertion in insertions if insertion.strip()]
    if not declared or not text:
        return RestoredText(text, ())
    kept, removed = _take_out(text, declared)
    if not removed:
        return RestoredText(text, ())
    restored = "".join(text[index] for index in kept)
    return RestoredText(restored, tuple(_restorations(text, restored, kept, removed)))


def _take_out(text: str, declared: list[str]) -> tuple[list[int], dict[int, str]]:
    """The indices of the code points that stay, and for the first index of each gap what was taken out.

    One pass with a growing result: an insertion that only appears once another is gone is found as well.
    """
    set_off = {insertion: _set_off(insertion) for insertion in declared}
    reach = 2 * max(len(insertion) for insertion in declared) + 6
    kept: list[int] = []
    removed: dict[int, str] = {}
    for index, char in enumerate(text):
        if kept and text[kept[-1]] in _CLOSING and _LETTER.match(char):
            start, insertion = _insertions_at_end(text, kept, set_off, reach)
            if start < len(kept):
                removed[kept[start]] = insertion
                del kept[start:]
        kept.append(index)
    return kept, removed


def _insertions_at_end(
    text: str, kept: list[int], set_off: dict[str, regex.Pattern[str]], reach: int
) -> tuple[int, str]:
    """Where the insertions begin that follow a letter and end ``kept``; its length if there are none."""
    end = len(kept)
    found = ""
    while end:
        tail = "".join(text[index] for index in kept[max(0, end - reach) : end])
        match, insertion = _ending(tail, set_off)
        if match is None:
            break
        end -= len(match.group())
        found = insertion
    before = end - 1
    while before > 0 and _MARK.match(text[kept[before]]):
        before -= 1
    return (end, found) if end and _LETTER.match(text[kept[before]]) else (len(kept), "")


def _ending(tail: str, set_off: dict[str, regex.Pattern[str]]) -> tuple[regex.Match[str] | None, str]:
    for insertion, pattern in set_off.items():
        if match := pattern.search(tail):
            return match, insertion
    return None, ""


def _set_off(insertion: str) -> regex.Pattern[str]:
    word = r"\s".join(regex.escape(part) for part in insertion.split())
    quote = f"[{QUOTE_MARKS}]"
    forms = [f"{quote}{word}{quote}", rf"\({word}\)", rf"\[{word}\]", rf"\{{{word}\}}", f"<{word}>"]
    forms.append(rf"(?P<mark>\*{{1,3}}|_{{1,3}}|~{{1,2}}|`{{1,3}}){word}(?P=mark)")
    return regex.compile(rf"(?:{'|'.join(forms)})\Z", regex.IGNORECASE)


def _restorations(text: str, restored: str, kept: list[int], removed: dict[int, str]) -> list[Restoration]:
    """One restoration for each whole word with a gap in it."""
    found: list[Restoration] = []
    done = 0
    gaps = (index for index, (left, right) in enumerate(pairwise(kept), 1) if right != left + 1)
    for gap in gaps:
        if gap < done:
            continue
        start, end = gap, gap
        while start > 0 and _IN_WORD.match(restored[start - 1]):
            start -= 1
        while end < len(restored) and _IN_WORD.match(restored[end]):
            end += 1
        first, last = kept[start], kept[end - 1] + 1
        insertion = removed.get(kept[gap - 1] + 1, "")
        found.append(Restoration(text[first:last], restored[start:end], insertion, first, last))
        done = end
    return found
