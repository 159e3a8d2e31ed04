import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.filters import Restoration, restore_declared

PIECES = [
    "hard",
    "core",
    "é",
    "e\u0301",
    "𝒽",
    "apple",
    "Apple",
    "a+b",
    '"',
    "“",
    "”",
    "(",
    ")",
    "[",
    "]",
    "*",
]
PIECES += ["_", "~", "`", " ", "\n", '"apple"', '"ap"apple"ple"', "(a+b)", ".", "'", "ß", "1"]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
insertions = st.lists(st.sampled_from(["apple", "a+b", "", " "]), max_size=3)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ('hard"apple"core', "hardcore"),
        ('Hard"Apple"core', "Hardcore"),
        ("hard”apple”core", "hardcore"),
        ('hard”apple"core', "hardcore"),
        ("hard„apple“core", "hardcore"),
        ("hard'apple'core", "hardcore"),
        ("hard‘APPLE’core", "hardcore"),
        ("hard«apple»core", "hardcore"),
        ("hard(apple)core", "hardcore"),
        ("hard[apple]core", "hardcore"),
        ("hard{apple}core", "hardcore"),
        ("hard<apple>core", "hardcore"),
        ("hard`apple`core", "hardcore"),
        ("hard**apple**core", "hardcore"),
        ("hard_apple_core", "hardcore"),
        ("hard~~apple~~core", "hardcore"),
        ('in"apple"no"apple"vation', "innovation"),
        ('hard"apple""apple"core', "hardcore"),
        ('hard"ap"apple"ple"core', "hardcore"),
        ('cafe\u0301"apple"s', "cafe\u0301s"),
        ('𝒽𝒶"apple"𝓇𝒹', "𝒽𝒶𝓇𝒹"),
    ],
)
def test_an_insertion_set_off_inside_a_word_is_taken_out(written: str, word: str) -> None:
    before = "🍎 in the future, "
    result = restore_declared(f"{before}{written} innovation", ["apple"])
    assert result.text == f"{before}{word} innovation"
    assert result.restorations == (Restoration(written, word, "apple", len(before), len(before) + len(written)),)


@pytest.mark.parametrize(
    "text",
    [
        "hardapplecore",
        'hard "apple" core',
        'hard" apple "core',
        'an "apple" tree',
        '"apple"core',
        'pine"apple"',
        'hard"pear"core',
        "hard(apple]core",
        '3"apple"core',
        '. \u0301"apple"core',
        'hard"apple"\u0301core',
        'hard"apple"-core',
    ],
)
def test_elsewhere_the_insertion_stays(text: str) -> None:
    assert restore_declared(text, ["apple"]).text == text


def test_phrases_and_pattern_characters_are_taken_as_written() -> None:
    assert restore_declared('hard"red Apple"core', ["red apple"]).text == "hardcore"
    assert restore_declared("hard(.*)core", [".*"]).text == "hardcore"
    assert restore_declared("hard(xx)core", [".*"]).text == "hard(xx)core"
    assert restore_declared("hard[x]co(y)re", ["x", "y"]).restorations[0].insertion == "x"


@given(texts)
def test_without_insertions_nothing_happens(text: str) -> None:
    assert restore_declared(text, []).text == text


@given(texts, insertions)
def test_restoring_twice_is_restoring_once(text: str, declared: list[str]) -> None:
    once = restore_declared(text, declared).text
    assert restore_declared(once, declared).text == once


@given(texts, insertions)
def test_spans_point_into_the_original_and_the_rest_is_untouched(text: str, declared: list[str]) -> None:
    result = restore_declared(text, declared)
    rebuilt, position = "", 0
    for restoration in result.restorations:
        assert text[restoration.start : restoration.end] == restoration.written
        assert restoration.start >= position
        assert restoration.insertion in declared
        rebuilt += text[position : restoration.start] + restoration.word
        position = restoration.end
    assert rebuilt + text[position:] == result.text
    assert bool(result.restorations) == (result.text != text)
