from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.reading.markdown import normalise, parse, render
from bot.reading.models import Excerpt, Reading
from bot.reading.text import MOST_BYTES, MOST_EXCERPTS, ReadingError, decode

SEED = """---
title: A title
author: Somebody
workarounds: [apple]
workaround_reason: because
---

An introduction.

## First

A comment.

Another.

> A quote
> in two lines.
>
> And a paragraph.

A remark.

##

> Only a quote.
"""

PIECES = [
    "#",
    "##",
    "## x",
    "---",
    "> ",
    ">",
    "\\",
    "- ",
    "1. ",
    "a",
    "b c",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "|",
]
PIECES += [
    "\u2028",
    "\u2029",
    "\x85",
    "\ufeff",
    "\x00",
    "\r",
    "é",
    "🍎",
    "```",
    ": ",
    "“",
    "{",
    "&",
    "*",
    "null",
    "#1",
]
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join) | st.text(st.characters(codec="utf-8"))
lines = texts.map(lambda text: " ".join(text.split())[:300].strip()).filter(bool)
excerpts = st.builds(
    Excerpt,
    heading=texts.map(lambda text: text[:300]),
    comment=texts,
    quote=texts.map(lambda text: f"“{text}”" if not text.strip() else text),
    remark=texts,
)
readings = st.builds(
    Reading,
    title=lines,
    author=st.none() | lines,
    source=st.none() | lines,
    licence=st.none() | lines,
    workarounds=st.lists(lines.map(lambda line: line[:40].strip()), max_size=3).map(tuple),
    workaround_reason=st.none() | lines,
    introduction=texts,
    excerpts=st.lists(excerpts, min_size=1, max_size=4).map(tuple),
)


def problems_of(text: str) -> str:
    with pytest.raises(ReadingError) as caught:
        parse(text, "seed.md")
    return str(caught.value)


def test_a_seed_becomes_a_reading() -> None:
    assert parse(SEED) == Reading(
        title="A title",
        author="Somebody",
        workarounds=("apple",),
        workaround_reason="because",
        introduction="An introduction.",
        excerpts=(
            Excerpt(
                heading="First",
                comment="A comment.\n\nAnother.",
                quote="A quote\nin two lines.\n\nAnd a paragraph.",
                remark="A remark.",
            ),
            Excerpt(quote="Only a quote."),
        ),
    )


def test_windows_files_read_the_same() -> None:
    data = SEED.replace("\n", "\r\n").encode("utf-8-sig")
    assert parse(decode(data, "seed.md")) == parse("\ufeff" + SEED.replace("\n", "\r\n")) == parse(SEED)


@settings(deadline=None)
@given(readings)
@example(Reading(title="x", excerpts=(Excerpt(comment="## x\n> y\n---\n  > z", quote="## x\n---\n> y  \n\n  \nz"),)))
def test_rendering_and_parsing_gives_the_normalised_reading_back(reading: Reading) -> None:
    assert parse(render(reading)) == normalise(reading)
    assert normalise(normalise(reading)) == normalise(reading)


@given(readings)
def test_normalising_keeps_quotes_and_comments(reading: Reading) -> None:
    def bare(text: str) -> str:
        return "".join(char for char in text if char.isprintable() and char not in "\\\ufffd")

    for before, after in zip(reading.excerpts, normalise(reading).excerpts, strict=True):
        assert bare(before.quote) == bare(after.quote)
        assert bare(before.comment) == bare(after.comment)


def test_plain_looking_values_stay_text() -> None:
    for title in ("1984", "yes", "null", "2020-01-01", "a: b", "# x", "“x”", "- x"):
        reading = Reading(title=title, excerpts=(Excerpt(quote="q"),))
        assert parse(render(reading)).title == title
    assert parse("---\ntitle: 1984\nworkarounds: apple\nauthor:\n---\n##\n> q").title == "1984"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"title: A title\n": ""},
            "seed.md, line 5: title: is missing; add a line “title: …” to the front matter",
        ),
        (
            {"A title": "x" * 301},
            "seed.md, line 2: title: is too long: 301 characters, at most 300 are allowed",
        ),
        ({"A title": "' '"}, "line 2: title: is blank"),
        ({"A title": "[a, b]"}, "line 2: title: must be one line of text"),
        ({"author:": "autor:"}, "line 3: autor: is not one of title, author, source, translator"),
        ({"author:": "autor:"}, "did you mean “author”?"),
        ({"author:": "title:"}, "line 3: title: stands twice; it is on line 2 already"),
        ({"[apple]": "[[a]]"}, "line 4: workarounds: must be a list of words, such as [apple]"),
        ({"Somebody": "a: b: c"}, "line 3: front matter: is not YAML"),
        ({"Somebody": "[" * 9_000}, "front matter: is not YAML"),
        ({"---\ntitle": "title"}, "line 1: front matter: is missing"),
        ({"because\n---": "because"}, "line 1: front matter: has no end"),
        ({"An intro": "> An intro"}, "line 8: introduction: a quote stands before the first excerpt"),
        ({"> Only a quote.": "Only words."}, "line 23: excerpt 2, quote: is missing; put “> ”"),
        ({"A remark.": "A remark.\n> Again."}, "line 22: quote: a second quote in one excerpt"),
        ({"> And a": "And a"}, "line 19: quote: put “> ” before the line"),
        ({"## First": "## " + "x" * 301}, "line 10: excerpt 1, heading: is too long"),
        ({"A remark.": "A \x07 remark."}, "line 21: holds the control character U+0007"),
        ({"A remark.": "A \x00 remark."}, "line 21: holds the control character U+0000"),
        ({SEED[SEED.index("## First") :]: ""}, "excerpts: there is none; add a line “##”"),
    ],
)
def test_an_error_names_file_line_and_field(change: dict[str, str], told: str) -> None:
    text = SEED
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new, 1)
    assert told in problems_of(text)


def test_all_problems_are_told_one_line_each() -> None:
    text = SEED.replace("title: A title\n", "").replace("author", "autor").replace("> Only", "Only")
    told = problems_of(text).split("\n")
    assert [line.split(": ")[1] for line in told] == ["autor", "title", "excerpt 2, quote"]
    assert all(line.startswith("seed.md, line ") for line in told)


def test_limits_of_a_seed() -> None:
    head = "---\ntitle: x\n---\n"
    assert len(parse(head + "##\n> q\n" * MOST_EXCERPTS).excerpts) == MOST_EXCERPTS
    assert "a reading has at most 1000" in problems_of(head + "##\n> q\n" * (MOST_EXCERPTS + 1))
    assert "longer than 1 MiB" in problems_of(head + "##\n> " + "q" * MOST_BYTES)
    assert "and 980 more" in problems_of(head + "\x07\n" * 1000 + "##\n> q")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"one\ntwo \xff", "seed.md, line 2: is not UTF-8 text"),
        ("x".encode("utf-16"), "seed.md: is UTF-16 text"),
        (b"x" * (MOST_BYTES + 1), "longer than 1 MiB"),
    ],
)
def test_files_that_are_not_such_text(data: bytes, told: str) -> None:
    with pytest.raises(ReadingError, match=told):
        decode(data, "seed.md")


@given(st.lists(st.sampled_from([*"->#[]{}:&*!|'\"\n a", "title: x", "---\n"]), max_size=60).map("".join))
def test_whatever_is_read_fails_only_in_words(text: str) -> None:
    result: Any = None
    try:
        result = parse(text)
    except ReadingError as error:
        result = error.problems
    assert result


def test_a_front_matter_of_thousands_of_lines_is_refused_at_once() -> None:
    text = "---\n" + "".join(f"k{number}: v\n" for number in range(100_000)) + "---\n\n## A\n\n> q\n"
    with pytest.raises(ReadingError, match="longer than 10,000 characters"):
        parse(text, "long.md")
