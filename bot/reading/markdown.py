"""Seeds: readings as Markdown files that people can read and edit.

Front matter between ``---`` lines, an introduction, then a section per excerpt: ``## Heading`` (or a bare
``##``), comment paragraphs, a block quote, remark paragraphs.
"""

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.reading.models import Excerpt, Reading
from bot.reading.text import (
    CONTROL,
    MOST_BYTES,
    MOST_EXCERPTS,
    Problem,
    ReadingError,
    control_characters,
    too_long,
    unify_newlines,
)

FRONT_MATTER = ("title", "author", "source", "translator", "licence", "workarounds", "workaround_reason")
_FENCE = "---"
_HEADING = re.compile(r" {0,3}##(?:[ \t]+(.*))?$")
_QUOTE = re.compile(r" {0,3}> ?(.*)$")
_STRUCTURE = re.compile(r"^( {0,3})(?=>|##(?:[ \t]|$))", re.MULTILINE)


def parse(text: str, name: str = "reading.md") -> Reading:
    """The reading in a seed's text; a ``ReadingError`` tells every problem, with its line."""
    text = unify_newlines(text)
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise too_long(name)
    problems = control_characters(text)
    lines = text.split("\n")
    front, body_at = _front_matter(lines, problems)
    body = _body(lines, body_at, problems)
    if len(body.sections) > MOST_EXCERPTS:
        message = f"there are {len(body.sections)} of them; a reading has at most {MOST_EXCERPTS}"
        problems.append(Problem(body.sections[MOST_EXCERPTS].line, "excerpts", message))
        raise ReadingError(name, problems)
    data = {
        **front.values,
        "introduction": "\n".join(body.introduction),
        "excerpts": [section.excerpt() for section in body.sections],
    }
    try:
        reading = Reading.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # pydantic also counts only the good excerpts, and misses them where a bad one was named already.
        told = [detail for detail in details if not (body.sections and detail["loc"] == ("excerpts",))]
        problems.extend(_explained(detail, front, body) for detail in told)
        raise ReadingError(name, problems) from error
    if problems:
        raise ReadingError(name, problems)
    return reading


def has_front_matter(text: str) -> bool:
    return unify_newlines(text).split("\n", 1)[0].rstrip() == _FENCE


@dataclass
class _FrontMatter:
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    end: int = 1
    """The line of the closing fence: where a missing field is to be added."""


LONGEST_FRONT_MATTER = 10_000
"""Characters: ours, so that nobody keeps a YAML parser busy. Its seven fields take at most 3,000."""


def _front_matter(lines: list[str], problems: list[Problem]) -> tuple[_FrontMatter, int]:
    """The front matter, and the index of the first line after it."""
    front = _FrontMatter()
    if lines[0].rstrip() != _FENCE:
        message = "is missing; begin the file with a line “---”, a line “title: …” and another line “---”"
        problems.append(Problem(1, "front matter", message))
        return front, 0
    ends = (index for index, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE)
    end = next(ends, None)
    if end is None:
        problems.append(Problem(1, "front matter", "has no end; close it with a line “---”"))
        return front, 1
    front.end = end + 1
    if sum(map(len, lines[1:end])) > LONGEST_FRONT_MATTER:
        message = f"is longer than {LONGEST_FRONT_MATTER:,} characters; close it with a line “---” before the text"
        problems.append(Problem(1, "front matter", message))
        return front, end + 1
    try:
        node = yaml.compose("\n".join(lines[1:end]), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        problems.append(_yaml_problem(error))
        return front, end + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _read_field(front, key, value, problems)
    elif node is not None:
        problems.append(Problem(2, "front matter", "must be lines like “title: …”"))
    return front, end + 1


def _yaml_problem(error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    told = getattr(error, "problem", None) or "it can't be read"
    hint = "put quotes round a value that holds “: ” or begins with a mark"
    return Problem(mark.line + 2 if mark else 2, "front matter", f"is not YAML: {told}; {hint}")


def _read_field(front: _FrontMatter, key: yaml.Node, value: yaml.Node, problems: list[Problem]) -> None:
    line = key.start_mark.line + 2
    name = key.value if isinstance(key, yaml.ScalarNode) else "front matter"
    if name not in FRONT_MATTER:
        close = difflib.get_close_matches(name, FRONT_MATTER, 1)
        meant = f"; did you mean “{close[0]}”?" if close else ""
        problems.append(Problem(line, name, f"is not one of {', '.join(FRONT_MATTER)}{meant}"))
    elif name in front.lines:
        problems.append(Problem(line, name, f"stands twice; it is on line {front.lines[name]} already"))
    elif name == "workarounds":
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if not all(isinstance(item, yaml.ScalarNode) for item in items):
            problems.append(Problem(line, name, "must be a list of words, such as [apple]"))
        front.values[name] = tuple(word for word in map(_scalar, items) if word is not None)
    elif isinstance(value, yaml.ScalarNode):
        if (text := _scalar(value)) is not None:
            front.values[name] = text
    else:
        problems.append(Problem(line, name, "must be one line of text"))
        front.values[name] = "…"  # told already; the line need not be missed as well
    front.lines[name] = line


def _scalar(node: yaml.Node) -> str | None:
    """The text as it stands (``1984`` is a title, not a number); None for nothing."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
        return None
    return str(node.value)


@dataclass
class _Section:
    line: int
    heading: str
    comment: list[str] = field(default_factory=list)
    quote: list[str] = field(default_factory=list)
    remark: list[str] = field(default_factory=list)

    def excerpt(self) -> dict[str, str]:
        texts = {"comment": self.comment, "quote": self.quote, "remark": self.remark}
        found = {name: "\n".join(lines) for name, lines in texts.items() if lines}
        return {"heading": self.heading, **found}


@dataclass
class _Body:
    introduction: list[str] = field(default_factory=list)
    sections: list[_Section] = field(default_factory=list)


def _body(lines: list[str], start: int, problems: list[Problem]) -> _Body:
    body = _Body()
    blank = True
    for number, line in enumerate(lines[start:], start + 1):
        heading, quoted = _HEADING.match(line), _QUOTE.match(line)
        if heading:
            body.sections.append(_Section(number, heading[1] or ""))
        elif body.sections and quoted:
            _add_quoted(body.sections[-1], quoted[1], number, blank, problems)
        elif body.sections:
            _add_plain(body.sections[-1], line, number, blank, problems)
        elif quoted:
            message = "a quote stands before the first excerpt; put a line “##” above its comment"
            problems.append(Problem(number, "introduction", message))
        else:
            body.introduction.append(line)
        blank = not line.strip()
    return body


def _add_quoted(section: _Section, text: str, number: int, blank: bool, problems: list[Problem]) -> None:
    if any(line.strip() for line in section.remark):
        message = "a second quote in one excerpt; begin a new one with a line “##”, or write “\\>”"
        problems.append(Problem(number, "quote", message))
        return
    if section.quote and blank:
        section.quote.append("")
    section.remark.clear()
    section.quote.append(text)


def _add_plain(section: _Section, line: str, number: int, blank: bool, problems: list[Problem]) -> None:
    if not section.quote:
        section.comment.append(line)
        return
    if line.strip() and not blank and not section.remark:
        message = "put “> ” before the line if it belongs to the quote, or an empty line if it is a remark"
        problems.append(Problem(number, "quote", message))
    section.remark.append(line)


def _explained(detail: ErrorDetails, front: _FrontMatter, body: _Body) -> Problem:
    """What pydantic found, in the words of the file."""
    message = _message(detail)
    match detail["loc"]:
        case ("excerpts", int(index), *names):
            name = f"excerpt {index + 1}, {'.'.join(str(part) for part in names)}"
            return Problem(body.sections[index].line, name, message)
        case ("excerpts", *_):
            last = body.sections[-1].line if body.sections else front.end
            return Problem(last, "excerpts", "there is none; add a line “##” and below it lines that begin with “> ”")
        case (str(name), *_):
            return Problem(front.lines.get(name, front.end), name, message)
        case _:
            return Problem(front.end, "", message)


def _message(detail: ErrorDetails) -> str:
    name = str(detail["loc"][-1])
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing" if name == "quote":
            return "is missing; put “> ” before the lines of the passage"
        case "missing":
            return f"is missing; add a line “{name}: …” to the front matter"
        case "string_too_short":
            return "is blank; fill it in or take the line out"
        case "string_too_long":
            return f"is too long: {len(detail['input'])} characters, at most {context['max_length']} are allowed"
        case "string_pattern_mismatch":
            return "must be one line"
    return detail["msg"]


def render(reading: Reading) -> str:
    """The seed's text; ``parse`` gives back ``normalise(reading)``."""
    reading = normalise(reading)
    values = {name: getattr(reading, name) for name in FRONT_MATTER}
    front = "".join(_front_line(name, value) for name, value in values.items() if value)
    parts = [f"---\n{front}---"]
    if reading.introduction:
        parts.append(reading.introduction)
    for excerpt in reading.excerpts:
        parts.append(f"## {excerpt.heading}".rstrip(" "))
        quote = "\n".join(f"> {line}" if line else ">" for line in excerpt.quote.split("\n"))
        parts.extend(text for text in (excerpt.comment, quote, excerpt.remark) if text)
    return "\n\n".join(parts) + "\n"


def _front_line(name: str, value: str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        words = yaml.safe_dump(list(value), allow_unicode=True, default_flow_style=True, width=10**9)
        return f"{name}: {words}"
    return yaml.safe_dump({name: value}, allow_unicode=True, default_flow_style=False, width=10**9)


def normalise(reading: Reading) -> Reading:
    """The reading as a seed can hold it.

    Lines of comments that would begin a section or a quote get a backslash, which Markdown does not show;
    control characters become U+FFFD; headings are one line.
    """
    excerpts = [
        Excerpt(
            heading=" ".join(_clean(excerpt.heading).split("\n")),
            comment=_prose(excerpt.comment),
            quote=_clean(excerpt.quote),
            remark=_prose(excerpt.remark),
        )
        for excerpt in reading.excerpts
    ]
    lines = {name: _front_value(getattr(reading, name)) for name in FRONT_MATTER}
    return Reading.model_validate({**lines, "introduction": _prose(reading.introduction), "excerpts": excerpts})


def _front_value(value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
    if isinstance(value, tuple):
        return tuple(" ".join(_clean(word).split("\n")) for word in value)
    return _clean(value) if value else value


def _clean(text: str) -> str:
    return CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _prose(text: str) -> str:
    return _STRUCTURE.sub(r"\1\\", _clean(text).strip())
