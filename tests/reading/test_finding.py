"""Words found again, however they are typed, and shown within their room."""

import unicodedata

import pytest
import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.reading.finding import LEAST_ROOM, _folded_from, _line, find, fold, query_of, snippet
from bot.reading.models import Excerpt
from bot.reading.splitting import utf16_len
from bot.reading.text import strip_markdown


def excerpt(quote: str, comment: str = "", remark: str = "", heading: str = "") -> Excerpt:
    return Excerpt(heading=heading, comment=comment, quote=quote, remark=remark)


def shown(looked_for: str, quote: str, room: int = 200) -> str | None:
    query = query_of(looked_for)
    found = find(query, excerpt(quote)) if query else None
    return snippet(found, room) if found else None


@pytest.mark.parametrize(
    ("looked_for", "quote", "marked"),
    [
        ("ÉMILE", "It was emile.", "It was **emile**."),
        ("emile", "It was É\u0301mile.", "It was **É\u0301mile**."),
        ("strasse", "Die Straße hier", "Die **Straße** hier"),
        ("moore's law", "We’re used to Moore’s Law.", "We’re used to **Moore’s Law**."),
        ('"quoted"', "He was «quoted» then", "He was **«quoted»** then"),
        ("well-known", "a well‑known man", "a **well‑known** man"),
        ("two  words", "two\n\nwords", "**two words**"),
        ("soren", "Søren", "**Søren**"),
        ("ёлка", "Елка", "**Елка**"),
        ("שלום", "שָׁלוֹם", "**שָׁלוֹם**"),
        ("fin", "the ﬁn", "the **ﬁn**"),
        ("ſet", "a set", "a **set**"),
        ("hyphen", "hy\u00adphen", "**hy\u00adphen**"),
        ("1. point", "1. point", "**1\\. point**"),
        ("*", "2 * 3", "2 **\\*** 3"),
        ("x", "x and xX", "**x** and **xX**"),
        ("word", "**wo**rd, [word](https://example.org)", "**word**, **word**"),
        ("it was", "it was ||the butler||, the word", "**it was** (spoiler), the word"),
    ],
)
def test_found_and_marked(looked_for: str, quote: str, marked: str) -> None:
    assert shown(looked_for, quote) == marked


@pytest.mark.parametrize(
    ("looked_for", "quote"),
    [
        ("absent", "present"),
        ("か", "が"),  # another sound, not an accent
        ("가", "각"),
        ("words two", "two only"),
        ("กา", "กิ"),
        ("butler", "it was ||the butler||"),
    ],
)
def test_not_found(looked_for: str, quote: str) -> None:
    assert shown(looked_for, quote) is None


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "\u0301", "¨"])
def test_nothing_to_look_for(text: str) -> None:
    assert query_of(text) is None


def rank(looked_for: str, **parts: str) -> int | None:
    query = query_of(looked_for)
    assert query is not None
    found = find(query, excerpt(**{"quote": "…", **parts}))
    return found.rank if found else None


def test_the_beginning_of_a_word_goes_before_its_middle_and_that_before_words_apart() -> None:
    assert rank("art", quote="start of art") == 0
    assert rank("art", quote="start", comment="art") == 0
    assert rank("art", quote="start") == 1
    assert rank("new art", quote="art that is new") == 2
    assert rank("new art", quote="art", comment="is new") == 2
    assert rank("new art", quote="art") is None


def test_every_part_is_looked_through_and_the_heading_last() -> None:
    for part in ("heading", "comment", "quote", "remark"):
        assert rank("needle", **{part: "a needle"}) == 0
    query = query_of("needle")
    assert query is not None
    both = find(query, excerpt("a needle", heading="The needle"))
    assert both is not None
    assert not both.in_heading
    only = find(query, excerpt("hay", heading="The needle"))
    assert only is not None
    assert only.in_heading


def test_a_snippet_begins_and_ends_with_whole_words() -> None:
    text = " ".join(f"w{number:03}" for number in range(100))
    marked = shown("w050", text)
    assert marked is not None
    assert regex.fullmatch(r"…(w\d{3} )+\*\*w050\*\*( w\d{3})+…", marked)
    assert 120 < len(marked) < 190


def test_all_that_is_found_within_the_snippet_is_bold() -> None:
    assert shown("a b", "b, then a") == "**b**, then **a**"
    assert shown("aa", "aaaa") == "**aaaa**", "and what touches is one"


def test_less_room_than_the_least() -> None:
    query = query_of("a")
    assert query is not None
    found = find(query, excerpt("a"))
    assert found is not None
    assert snippet(found, LEAST_ROOM) == "**a**"
    with pytest.raises(ValueError, match="at least 40 units"):
        snippet(found, LEAST_ROOM - 1)


def test_the_room_is_counted_in_utf16_units() -> None:
    text = f"{'🍎 ' * 60}needle{' 🍎' * 60}"
    for room in range(LEAST_ROOM, 300):
        marked = shown("needle", text, room)
        assert marked is not None
        assert utf16_len(marked) <= room
        assert "**needle**" in marked


SIGNS = st.text(
    st.one_of(
        st.sampled_from("aÉß\u0301ﬁ'’“«-–*_~`|\\[](<#@:.1> \n\u200b\u200d\u00ad🍎👩🚀가がกิהָ"),
        st.characters(exclude_categories=("Cs", "Cc")),
    ),
    max_size=300,
)


@given(SIGNS)
def test_folding_twice_changes_nothing_and_places_agree(text: str) -> None:
    line = _line(text)
    folded, places = _folded_from(line)
    assert folded == fold(line)
    assert len(places) == len(folded)
    assert places == sorted(places)
    assert fold(folded) == folded or unicodedata.normalize("NFKD", fold(folded)) == unicodedata.normalize(
        "NFKD", folded
    )


@given(SIGNS, st.data())
@example("a\u200d\u0301" * 100, None)
def test_any_piece_of_the_plain_text_is_found(text: str, data: st.DataObject | None) -> None:
    plain = _line(strip_markdown(text))
    assume(plain and text.strip())
    start = data.draw(st.integers(0, len(plain) - 1)) if data else 0
    end = data.draw(st.integers(start + 1, len(plain))) if data else len(plain)
    room = data.draw(st.integers(LEAST_ROOM, 400)) if data else LEAST_ROOM
    looked_for = _line(plain[start:end])
    query = query_of(looked_for)
    assume(query is not None)
    assert query is not None
    found = find(query, excerpt(text))
    assert found is not None
    assert found.rank < 2
    marked = snippet(found, room)
    assert utf16_len(marked) <= room
    assert "\n" not in marked
    assert marked.count("**") >= 2


@given(st.text(st.sampled_from("abcxyzÀÉñöø ’“–"), min_size=1, max_size=60), st.text("abc “É", min_size=1, max_size=6))
def test_how_it_is_typed_makes_no_difference(text: str, looked_for: str) -> None:
    assume(text.strip())
    typed = (looked_for, looked_for.upper(), unicodedata.normalize("NFD", looked_for), looked_for.replace("“", '"'))
    answers = {shown(each, text) for each in typed}
    assert len(answers) == 1
