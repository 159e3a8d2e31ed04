"""Keywords match as Discord's documentation says, examples included."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.filters.keywords import Hit, first_hit

# https://docs.discord.com/developers/resources/auto-moderation#keyword-matching-strategies
MATCHES = {
    "cat*": ["catch", "Catapult", "CAttLE"],
    "tra*": ["train", "trade", "TRADITIONAL"],
    "the mat*": ["the matrix"],
    "*cat": ["wildcat", "copyCat"],
    "*tra": ["extra", "ultra", "orchesTRA"],
    "*the mat": ["breathe mat"],
    "*cat*": ["location", "eduCation"],
    "*tra*": ["abstracted", "outrage"],
    "*the mat*": ["breathe matter"],
    "cat": ["cat", "a cat sat", "CAT"],
    "train": ["train", "the train left"],
    "the mat": ["the mat", "on the mat it sat"],
}
MISSES = {
    "cat*": ["wildcat", "location"],
    "*cat": ["catch", "location"],
    "cat": ["catch", "wildcat", "location", "cat9", "9cat", "cät"],
    "the mat": ["the matrix", "breathe mat", "themat"],
    "*cat*": ["c at", "ca"],
}


@pytest.mark.parametrize(("keyword", "text"), [(word, text) for word, texts in MATCHES.items() for text in texts])
def test_the_documented_examples_match(keyword: str, text: str) -> None:
    hit = first_hit(f"so {text} said", [keyword])
    assert hit is not None
    assert hit.keyword == keyword
    assert hit.matched == keyword.strip("*").casefold()


@pytest.mark.parametrize(("keyword", "text"), [(word, text) for word, texts in MISSES.items() for text in texts])
def test_what_they_leave_out_does_not(keyword: str, text: str) -> None:
    assert first_hit(text, [keyword]) is None


@pytest.mark.parametrize("text", ["cat", "cat,", '"cat"', "(cat)", "a-cat-b", "cat_", "cat\n", "**cat**", "🍎cat🍎"])
def test_a_word_ends_at_everything_but_letters_and_digits(text: str) -> None:
    assert first_hit(text, ["cat"]) is not None


@pytest.mark.parametrize("text", ["the  mat", "the\nmat", "the\tmat", "The\u00a0Mat"])
def test_space_in_a_phrase_is_any_space(text: str) -> None:
    assert first_hit(text, ["the mat"]) == Hit("the mat", "the mat")


def test_case_and_how_accents_are_composed_do_not_count() -> None:
    assert first_hit("STRASSE", ["straße"]) is not None
    assert first_hit(unicodedata.normalize("NFD", "Café"), ["café"]) is not None
    assert first_hit("cafe", ["café"]) is None


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\u2060", "\ufe0f", "\u034f", "\u202e"])
def test_characters_that_nobody_sees_hide_no_word(unseen: str) -> None:
    assert first_hit(f"hard{unseen}core", ["hardcore"]) == Hit("hardcore", "hardcore")
    assert first_hit(f"a{unseen}hardcore", ["hardcore"]) is not None, "nor join it to another"
    assert first_hit(f"hard{unseen}core", ["hardcore"], ["hardcore"]) is None
    assert first_hit(f"❤{unseen} core", ["*❤\ufe0f*"]) == Hit("*❤\ufe0f*", "❤" if unseen != "\ufe0f" else "❤\ufe0f")


def test_the_allow_list_spares_hits_within_one_match_of_an_entry() -> None:
    assert first_hit("a nice location", ["*cat*"], ["location"]) is None
    assert first_hit("a nice location", ["*cat*"], ["loca*"]) is not None, (
        "the entry's own match ends before the hit does"
    )
    assert first_hit("the location of the cat", ["*cat*"], ["location"]) == Hit("*cat*", "cat")
    assert first_hit("locations", ["*cat*"], ["location"]) is not None, "another word than the entry"
    assert first_hit("locations", ["*cat*"], ["location*"]) is None
    assert first_hit("hardcore", ["hardcore"], ["hard*", "*core"]) is not None, "two entries together spare nothing"
    assert first_hit("hardcore innovation", ["hardcore"], ["hardcore innovation"]) is None
    assert first_hit("hardcore", ["hardcore"], ["hardcore *"]) is not None, "an entry's space is a part of it"
    assert first_hit("hardcore  Innovation, hardcore", ["hardcore"], ["hardcore innovation"]) is not None


def test_the_first_place_is_named_and_the_longest_there() -> None:
    assert first_hit("one two three", ["three", "two", "tw*"]) == Hit("two", "two")
    assert first_hit("copycats", ["*cat*", "copy*", "copycat*"]) == Hit("copycat*", "copycat")


@pytest.mark.parametrize("keyword", ["", "*", "**", "***", " ", "* *"])
def test_a_keyword_without_a_word_matches_nothing_of_its_own(keyword: str) -> None:
    assert first_hit("any text, with * stars", [keyword]) in {None, Hit("***", "*")}


def test_a_star_within_is_itself() -> None:
    assert first_hit("f*ck", ["f*ck"]) == Hit("f*ck", "f*ck")
    assert first_hit("fuck", ["f*ck"]) is None


def test_one_letter_over_and_over_is_matched_quickly() -> None:
    text = "a" * 2000
    assert first_hit(text, ["*a*", "*aa*"] * 20, ["*aaa*", "*aaaa*"] * 50) is None
    assert first_hit(text, ["*aaaa*"], ["*aaa*"]) is not None


@given(st.text(), st.lists(st.text(max_size=8)), st.lists(st.text(max_size=8)))
def test_any_text_is_matched_or_not(text: str, keywords: list[str], allow: list[str]) -> None:
    spared, hit = first_hit(text, keywords, allow), first_hit(text, keywords)
    assert hit is not None or spared is None, "an allow list never adds a hit"
    assert hit is None or hit.keyword in keywords
    assert first_hit(text, keywords, keywords) is None, "who allows every keyword refuses nothing"


WORDS = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=6)


@given(WORDS, WORDS, WORDS)
def test_anywhere_is_found_anywhere(before: str, word: str, after: str) -> None:
    joined = unicodedata.normalize("NFC", before + word + after)
    if unicodedata.normalize("NFC", word).casefold() in joined.casefold():
        assert first_hit(joined, [f"*{word}*"]) is not None
    assert first_hit(f"{before} {word} {after}", [word]) is not None
