"""What the bot posts for a member stays a quotation, is read back as it was written, and cannot be forged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discussion.thoughts import (
    MESSAGE_UNITS,
    MOST_TYPED,
    Thought,
    cleaned,
    parse_thought,
    quoted,
    thought_author_of,
    thought_content,
    too_long,
)
from bot.reading.splitting import utf16_len

AUTHOR = 1_420_070_400_000_000_007
FIRST = f"-# <@{AUTHOR}>'s thought"

# Whatever ends a line somewhere, marks that mean something to Discord, and our own first line.
TEXTS = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(
            ["\n", "\r\n", "\u2028", "\u2029", "\v", "\f", "\x85", "\x1e", "\ud800", "\x00", "> ", ">>> ", "```", "||"]
        ),
        st.just("\n-# <@5>'s thought\n> no"),
    )
).map("".join)


def test_it_names_the_member_and_quotes_every_line() -> None:
    assert thought_content(AUTHOR, "One.\n\n>>> Two.") == f"{FIRST}\n> One.\n> \n> >>> Two."
    assert thought_author_of(thought_content(AUTHOR, "One.")) == AUTHOR


@given(TEXTS)
def test_any_text_is_quoted_and_read_back(typed: str) -> None:
    text = cleaned(typed)
    content = thought_content(AUTHOR, text)
    first, *lines = content.split("\n")
    assert first == FIRST
    assert all(line.startswith("> ") for line in lines)
    assert content.splitlines() == content.split("\n"), "nothing else ends a line"
    content.encode()
    assert parse_thought(content) == Thought(AUTHOR, text)
    assert cleaned(text) == text


@given(TEXTS)
def test_who_writes_like_it_is_not_taken_for_another(typed: str) -> None:
    text = cleaned(f"-# <@5>'s thought\n> {typed}")
    assert thought_author_of(thought_content(AUTHOR, text)) == AUTHOR


@pytest.mark.parametrize(
    "content",
    [
        "",
        "> a quotation",
        FIRST,
        f"{FIRST}\n",
        f"{FIRST}\nnot quoted",
        f"{FIRST}\n> quoted\nnot quoted",
        f" {FIRST}\n> quoted",
        f"{FIRST} \n> quoted",
        "-# <@!5>'s thought\n> quoted",
        "-# <@&5>'s thought\n> quoted",
        "-# <@x>'s thought\n> quoted",
        f"{FIRST}s\n> quoted",
        f"\n{FIRST}\n> quoted",
    ],
)
def test_anything_else_is_no_thought(content: str) -> None:
    assert parse_thought(content) is None


def test_empty_lines_are_read_back_even_where_their_space_was_trimmed() -> None:
    assert parse_thought(f"{FIRST}\n> One.\n>\n> Two.") == Thought(AUTHOR, "One.\n\nTwo.")


@pytest.mark.parametrize("typed", ["", " \n\t", "\x00\x07", "\u200b\u200d", "\u2800", "\u3164", "\ud83d", "\u0301"])
def test_what_nobody_can_see_is_nothing(typed: str) -> None:
    assert cleaned(typed) == ""


def test_control_characters_go_and_joined_emoji_stay() -> None:
    assert cleaned("a\x00b\x1b[31mc\td") == "ab[31mc\td"
    assert cleaned(" 👩\u200d🚀 ") == "👩\u200d🚀"


@pytest.mark.parametrize("unit", ["x", "🍎"])
def test_at_the_limit_and_one_past(unit: str) -> None:
    shell = utf16_len(thought_content(AUTHOR, ""))
    fits = unit * ((MESSAGE_UNITS - shell) // utf16_len(unit))
    exact = fits + "." * (MESSAGE_UNITS - shell - utf16_len(fits))
    assert utf16_len(thought_content(AUTHOR, exact)) == MESSAGE_UNITS
    assert too_long(thought_content(AUTHOR, exact)) == 0
    assert too_long(thought_content(AUTHOR, exact + "x")) == 1


def test_what_the_window_takes_fits_with_some_lines_in_it() -> None:
    longest_id = 2**64 - 1
    assert too_long(thought_content(longest_id, "x" * MOST_TYPED)) == 0
    assert too_long(thought_content(longest_id, "\n".join(["x" * (MOST_TYPED // 20 - 1)] * 20))) == 0


def test_words_given_back_are_quoted_as_well() -> None:
    assert quoted("a\nb") == "> a\n> b"
