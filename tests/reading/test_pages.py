import re
import time

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.reading.models import Excerpt, Restored
from bot.reading.pages import MOST_BYLINE_UNITS, MOST_UNITS, Page, byline, lay_out, thread_name
from bot.reading.splitting import utf16_len

HARDCORE = Restored(written='hard"apple"core', word="hardcore", insertion="apple")
NOTE = '-# ¹ “hardcore” is written hard"apple"core in the source: had to insert “apple” because of TMF censor.'
LINE = "Liang · The interview · a forum"

PIECES = [
    "word ",
    "hardcore ",
    "e\u0301",
    "👨\u200d👩\u200d👧",
    "🍎",
    "a",
    ". ",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "# ",
    "z" * 50,
    "\\*",
]
texts = st.lists(st.sampled_from(PIECES), max_size=80).map("".join)


def pages_of(excerpt: Excerpt, *restored: Restored, limit: int = MOST_UNITS, signed: str = LINE) -> tuple[Page, ...]:
    reason = "had to insert “apple” because of TMF censor"
    return lay_out("T", excerpt, restored, byline=signed, day=2, total=4, reason=reason, limit=limit)


def units(page: Page) -> int:
    return utf16_len("".join((page.header, *page.body, page.footer)))


def words_of(*texts: str) -> str:
    """What is left of the texts without whitespace, backslashes and footnote marks."""
    return re.sub(r"[\s\\⁰¹²³⁴⁵⁶⁷⁸⁹]", "", "".join(texts))


def test_a_page_has_its_parts_in_order() -> None:
    excerpt = Excerpt(
        heading="Innovation",
        comment="First.\n\nSecond.",
        quote="In the future, hardcore innovation.\n\nOnce more: hardcore.",
        remark="A remark.",
    )
    assert pages_of(excerpt, HARDCORE) == (
        Page(
            header="## Innovation",
            body=(
                "First.\n\nSecond.",
                "> In the future, hardcore innovation.¹\n> \n> Once more: hardcore.",
                "A remark.",
                NOTE,
            ),
            footer="-# Liang · The interview · a forum · day 2 of 4",
        ),
    )


def test_without_a_heading_the_title_heads_the_page() -> None:
    page = lay_out("A *title*", Excerpt(quote="q"), (), byline="", day=1, total=1, reason=None)[0]
    assert (page.header, page.footer) == ("## A \\*title\\*", "-# day 1 of 1")


def test_a_comment_that_is_the_heading_is_not_said_twice() -> None:
    assert pages_of(Excerpt(heading="China", comment="China:", quote="q"))[0].body == ("> q",)
    assert pages_of(Excerpt(heading="China", comment="China:\n\nMore.", quote="q"))[0].body == (
        "More.",
        "> q",
    )
    assert pages_of(Excerpt(heading="China", comment="China today:", quote="q"))[0].body == (
        "China today:",
        "> q",
    )


def test_footnotes_are_one_per_written_form_and_literal() -> None:
    other = Restored(written="hard*apple*core", word="hardcore", insertion="apple")
    soft = Restored(written="[apple]soft", word="software", insertion="apple")
    body = pages_of(Excerpt(comment="software", quote="hardcore"), HARDCORE, HARDCORE, other, soft)[0].body
    assert body[0] == "software³"
    assert body[1] == "> hardcore¹˒²"
    notes = body[2].split("\n")
    assert [note[:4] for note in notes] == ["-# ¹", "-# ²", "-# ³"]
    assert "hard\\*apple\\*core" in notes[1]


def test_the_mark_stands_behind_the_sentence_and_leaves_the_words_alone() -> None:
    def marked(quote: str) -> str:
        return pages_of(Excerpt(quote=quote), HARDCORE)[0].body[0].removeprefix("> ")

    assert marked("So hardcore innovation? Yes.") == "So hardcore innovation?¹ Yes."
    assert marked("He said “hardcore.” Then left.") == "He said “hardcore.”¹ Then left."
    assert marked("A hardcore 3.5 version, no end") == "A hardcore 3.5 version, no end¹"
    assert marked("hardcore line\nnext line.") == "hardcore line¹\n> next line."


def test_a_footnote_ends_with_one_full_stop() -> None:
    def note(reason: str | None) -> str:
        quote = Excerpt(quote="hardcore")
        return lay_out("T", quote, (HARDCORE,), byline="", day=1, total=1, reason=reason)[0].body[-1]

    assert note(None).endswith("in the source.")
    assert note("why.").endswith("source: why.")
    assert note("why?").endswith("source: why?")


@pytest.mark.parametrize("unit", ["a", "🍎", "e\u0301"])
@pytest.mark.parametrize("restored", [(), (HARDCORE,)])
def test_exactly_at_the_limit_is_one_page_and_one_unit_more_is_two(unit: str, restored: tuple[Restored, ...]) -> None:
    start = "hardcore a"
    left = MOST_UNITS - units(pages_of(Excerpt(heading="H", quote=start), *restored)[0])
    fill = unit * (left // utf16_len(unit)) + "a" * (left % utf16_len(unit))
    full = pages_of(Excerpt(heading="H", quote=start + fill), *restored)
    assert [units(page) for page in full] == [MOST_UNITS]
    over = pages_of(Excerpt(heading="H", quote=start + fill + "a"), *restored)
    assert len(over) == 2
    assert all(units(page) <= MOST_UNITS for page in over)
    assert over[1].header == "-# H, continued"
    assert over[1].footer.endswith("day 2 of 4 · page 2 of 2")


@settings(deadline=None)
@given(texts, texts, texts, st.integers(200, 700))
@example("", "🍎" * 400, "", 200)
@example("", "a" + "\u0301" * 900, "", 200)
def test_pages_keep_within_the_limit_and_lose_no_word(comment: str, quote: str, remark: str, limit: int) -> None:
    excerpt = Excerpt(heading="The heading", comment=comment, quote=f"“{quote}”", remark=remark)
    pages = pages_of(excerpt, HARDCORE, limit=limit, signed="x" * 300)
    assert all(units(page) <= limit for page in pages)
    assert all(text.strip() for page in pages for text in page.body)
    shown = [text for page in pages for text in page.body]
    kinds = {"> ": "", "-# ": "", "": ""}
    for text in shown:
        prefix = next(kind for kind in kinds if text.startswith(kind))
        for line in text.split("\n"):
            assert line.startswith(prefix)
            kinds[prefix] += line.removeprefix(prefix)
    assert words_of(kinds["> "]) == words_of(excerpt.quote)
    assert words_of(kinds[""]) == words_of(excerpt.comment, excerpt.remark)
    assert words_of("hardcore is written hard").replace("hardcore", "“hardcore”") in words_of(kinds["-# "])


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_keeps_within_the_limit(heading: str, quote: str) -> None:
    pages = pages_of(Excerpt(heading=heading, quote=f"“{quote}”" * 50), limit=400)
    assert all(units(page) <= 400 for page in pages)


def test_long_headings_and_sources_fit() -> None:
    heading, source = "🍎" * 300, "*" * 300
    pages = pages_of(Excerpt(heading=heading, quote="word " * 3000), signed=byline(source, source, source))
    assert all(units(page) <= MOST_UNITS for page in pages)
    assert pages[0].header == f"## {heading}"


def test_a_very_long_quote_takes_few_pages_and_little_time() -> None:
    paragraph = "A sentence of some words, and then another one. " * 12
    started = time.perf_counter()
    pages = pages_of(Excerpt(heading="H", quote="\n\n".join([paragraph] * 174)))
    assert 26 <= len(pages) <= 30
    assert time.perf_counter() - started < 2


def test_a_list_marker_that_a_cut_brings_to_a_line_start_is_literal() -> None:
    text = " ".join(["a – b"] * 40)
    pages = pages_of(Excerpt(heading="H", quote=text.replace("–", "-")), limit=200)
    assert len(pages) > 1
    assert not any(line.startswith("> - ") for page in pages for body in page.body for line in body.split("\n"))


def test_too_small_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 200"):
        pages_of(Excerpt(quote="q"), limit=199)


@pytest.mark.parametrize(
    ("excerpt", "name"),
    [
        (Excerpt(heading="China’s **deficiency**", quote="q"), "2/4 · China’s deficiency"),
        (Excerpt(comment="> \\*A\\* comment:\nMore", quote="q"), "2/4 · *A* comment"),
        (Excerpt(quote="A <@123> quote\nand more"), "2/4 · A quote"),
        (Excerpt(heading="\u200b", comment="**", quote="\u3164 \u200d"), "2/4 · Title"),
        (Excerpt(heading="a\u202eb\tc", quote="q"), "2/4 · ab c"),
        (Excerpt(heading="word " * 40, quote="q"), "2/4 · " + " ".join(["word"] * 18) + "…"),
        (Excerpt(heading="👩\u200d👩\u200d👧" * 20, quote="q"), "2/4 · " + "👩\u200d👩\u200d👧" * 11 + "…"),
    ],
)
def test_a_thread_is_named_after_its_excerpt(excerpt: Excerpt, name: str) -> None:
    assert thread_name(excerpt, day=2, total=4, reading_title="Title") == name


def test_a_thread_always_has_a_name() -> None:
    assert thread_name(Excerpt(quote="\u200b"), day=2, total=4, reading_title="\u200b") == "Day 2 of 4"


@given(st.text(max_size=300), st.text(), st.text(min_size=1).filter(str.strip), st.text(max_size=300))
def test_thread_names_fit_and_are_one_line(heading: str, comment: str, quote: str, title: str) -> None:
    name = thread_name(
        Excerpt(heading=heading, comment=comment, quote=quote), day=1000, total=1000, reading_title=title
    )
    assert 0 < utf16_len(name) <= 100
    assert name.strip() == name == " ".join(name.split())
    assert not regex.search(r"[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200c\u200d]]", name, regex.V1)


def test_the_byline_names_who_and_where() -> None:
    assert byline("Liang", "a forum", "The title") == "Liang · The title · a forum"
    assert byline(None, None, "The title") == "The title"
    long = byline("a" * 300, "b" * 300, "c " * 150)
    assert utf16_len(long) <= MOST_BYLINE_UNITS
    assert long.endswith("…")
