"""What all texts of readings go through: decoding, errors with their line, and Discord's Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from bot.errors import ApplecoreError

MOST_BYTES = 1024 * 1024
"""A reading's text may be this long, in UTF-8."""
MOST_EXCERPTS = 1000
MOST_PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right; ``line`` counts from 1, and is None where no line is to blame."""

    line: int | None
    field: str
    message: str


class ReadingError(ApplecoreError):
    """A text that can't become a reading, with every problem that was found in it."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        lines = [self._line(problem) for problem in self.problems[:MOST_PROBLEMS_SHOWN]]
        if more := len(self.problems) - len(lines):
            lines.append(f"{name}: and {more} more")
        super().__init__("\n".join(lines))

    def _line(self, problem: Problem) -> str:
        where = f"{self.name}, line {problem.line}" if problem.line else self.name
        return ": ".join(part for part in (where, problem.field, problem.message) if part)


def decode(data: bytes, name: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark, its lines ended by a line feed."""
    if len(data) > MOST_BYTES:
        raise too_long(name)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ReadingError(name, [Problem(None, "", "is UTF-16 text; save it as UTF-8")])
    try:
        return unify_newlines(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReadingError(name, [Problem(line, "", "is not UTF-8 text; save the file as UTF-8")]) from error


def too_long(name: str) -> ReadingError:
    return ReadingError(name, [Problem(None, "", "is longer than 1 MiB of text; split it into several readings")])


def unify_newlines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


CONTROL = regex.compile(r"[[\p{Cc}\p{Cs}]--[\n\t]]", regex.V1)


def control_characters(text: str) -> list[Problem]:
    """One problem for each line that holds a character which no text should."""
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if match := CONTROL.search(line):
            code = f"U+{ord(match.group()):04X}"
            problems.append(Problem(number, "", f"holds the control character {code}; take it out"))
    return problems


_DISCORD = regex.compile(
    r"""
    (?P<url>https?://[^\s<]+[^<.,:;"'\]\s])  # as Discord finds them
  | (?P<start>^[^\S\n]*+ (?: [#]{1,3}(?=\s|$) | -[#](?=\s) | > | [-+](?=\s) | \d{1,9}[.)](?=\s) ))
  | (?P<mark>[\\*_~`|] | <(?=[@#:/a-zA-Z]) | \](?=\() | :(?=[\w+-]{1,40}:))
    """,
    regex.VERBOSE | regex.MULTILINE,
)


def escape_markdown(text: str, keep: Sequence[str] = ()) -> str:
    """Plain text as Markdown that Discord shows literally; addresses stay, they are shown as they are.

    The declared insertions in ``keep`` stay as written where they are set off inside a word: they must still
    be found there when words are put back.
    """
    kept: set[int] = set()
    for insertion in keep:
        for match in set_off_in_word(insertion).finditer(text):
            kept.update(range(match.start(), match.end()))

    def escaped(match: regex.Match[str]) -> str:
        whole: str = match.group()
        if match.lastgroup == "url" or match.start() in kept:
            return whole
        if match.lastgroup == "mark":
            return "\\" + whole
        return _escape_start(whole)

    return _DISCORD.sub(escaped, text)


def escape_line_start(text: str) -> str:
    """The text with what would be a heading, quote or list marker at its very start made literal."""
    match = _DISCORD.match(text)
    if match is None or match.lastgroup != "start":
        return text
    return _escape_start(match.group()) + text[match.end() :]


def _escape_start(marker: str) -> str:
    symbol = marker.lstrip()
    at = len(marker) - (1 if symbol[0].isdecimal() else len(symbol))
    return f"{marker[:at]}\\{marker[at:]}"


_MARKDOWN = regex.compile(
    r"""
    \\(?P<literal>[^\p{L}\p{N}\s])
  | (?P<mention><(?:@[!&]?\d+|\#\d+|t:-?\d+(?::\w)?|/[^<>\n]{1,100}:\d+|id:\w+)>)
  | <a?:(?P<emoji>\w{2,32}):\d+>
  | \[(?P<label>[^\[\]\\\n]{1,300})\]\([^()\s]*\)
  | @(?P<everyone>everyone|here)\b
  | ^[^\S\n]*+(?P<start>(?:[#]{1,3}|-[#]|[-+*])[^\S\n] | >(?:>>)?)
  | (?P<mark>`+ | ~~ | \|\| | (?<!\s)\*+ | \*+(?!\s) | (?<![\p{L}\p{N}])_+ | _+(?![\p{L}\p{N}]))
    """,
    regex.VERBOSE | regex.MULTILINE,
)


def strip_markdown(text: str) -> str:
    """The words of a Markdown text as plain text: no marks, no mentions, links by their label."""

    def plain(match: regex.Match[str]) -> str:
        words = ("literal", "emoji", "label", "everyone")
        return next((match.group(name) for name in words if match.group(name)), "")

    return _MARKDOWN.sub(plain, text)


_SPOILER = regex.compile(r"\|\|.+?\|\|", regex.DOTALL)


def hide_spoilers(text: str) -> str:
    """Markdown without what Discord shows only to those who click on it. To be asked of the whole text: of one that
    was cut short nobody can tell any more."""
    return _SPOILER.sub("(spoiler)", text)


QUOTE_MARKS = "\"'“”„‟‘’‚‛«»‹›＂＇"


def set_off_in_word(insertion: str) -> regex.Pattern[str]:
    """Finds the insertion where it stands between letters, set off by quotes, brackets or emphasis."""
    word = r"\s".join(regex.escape(part) for part in insertion.split())
    quote = f"[{QUOTE_MARKS}]"
    forms = f"{quote}{word}{quote}|\\({word}\\)|\\[{word}\\]|\\{{{word}\\}}|<{word}>|(?P<m>[*_~`]+){word}(?P=m)"
    return regex.compile(rf"(?<=\p{{L}}\p{{M}}*+)(?:{forms})(?=\p{{L}})", regex.IGNORECASE)
