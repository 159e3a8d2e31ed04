"""Figures and wording of digests."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reading.digest import (
    Digest,
    EmojiCount,
    Hour,
    MemberTalk,
    PointedReply,
    Quarter,
    Run,
    local_hours,
    longest_run,
)
from bot.reading.digest_wording import EMOJIS, blocks, member_text, quoted, regulars_text
from bot.reading.splitting import utf16_len
from tests.reading.digests import digest, digests, local, talk

GUILD = 5


def text(told: Digest) -> str:
    return "\n".join(blocks(told, guild_id=GUILD))


def quarter(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 900


def test_quarters_become_hours_of_the_zone() -> None:
    quarters = [Quarter(quarter(at), 1, 2) for at in ("2026-03-01T23:45+00:00", "2026-03-02T00:15+00:00")]
    assert local_hours(quarters, "UTC") == (
        Hour(local("2026-03-01 23:00"), 1, 2),
        Hour(local("2026-03-02 00:00"), 1, 2),
    )
    assert local_hours(quarters, "Asia/Kathmandu") == (  # 5 hours 45 minutes ahead
        Hour(local("2026-03-02 05:00"), 1, 2),
        Hour(local("2026-03-02 06:00"), 1, 2),
    )
    assert local_hours([], "UTC") == ()


def test_the_hour_that_comes_twice_is_one() -> None:
    quarters = [Quarter(quarter(f"2026-10-25T0{hour}:30+00:00"), 1, 0) for hour in (0, 1, 2)]
    assert local_hours(quarters, "Europe/Berlin") == (
        Hour(local("2026-10-25 02:00"), 2, 0),
        Hour(local("2026-10-25 03:00"), 1, 0),
    )


@given(st.lists(st.builds(Quarter, st.integers(0, 4_000_000), st.integers(0, 99), st.integers(0, 99))))
def test_nothing_is_lost_on_the_way_to_hours(quarters: list[Quarter]) -> None:
    hours = local_hours(quarters, "America/St_Johns")
    assert sum(hour.replies for hour in hours) == sum(each.replies for each in quarters)
    assert sum(hour.reactions for hour in hours) == sum(each.reactions for each in quarters)
    assert [hour.start for hour in hours] == sorted({hour.start for hour in hours})


def test_the_liveliest_hour_is_that_of_all_days_together() -> None:
    days = [
        Hour(local("2026-03-01 09:00"), 3, 0),
        Hour(local("2026-03-01 20:00"), 1, 1),
        Hour(local("2026-03-02 20:00"), 0, 2),
    ]
    assert digest(hours=tuple(days)).liveliest_hour == 20
    assert digest(hours=tuple(days[:2])).liveliest_hour == 9
    assert digest(hours=(days[2], Hour(local("2026-03-03 07:00"), 1, 1))).liveliest_hour == 7, "the earlier of two"
    assert digest(hours=()).liveliest_hour is None


@pytest.mark.parametrize(
    ("posted", "replied", "longest"),
    [
        ([0, 1, 2, 3], {0, 1, 3}, Run(2, 0, 1)),
        ([0, 1, 2, 3], {0, 2, 3}, Run(2, 2, 3)),
        ([0, 1, 2, 3], {0, 1, 2, 3}, Run(4, 0, 3)),
        ([0, 2, 5], {0, 2, 5}, Run(3, 0, 5)),
        ([0, 1, 2], {0, 2}, Run(1, 2, 2)),
        ([0, 1], set(), None),
        ([], {4}, None),
    ],
)
def test_the_longest_run(posted: list[int], replied: set[int], longest: Run | None) -> None:
    assert longest_run(posted, replied) == longest


def test_a_post_in_words() -> None:
    told = digest(
        hours=(Hour(local("2026-03-01 20:00"), 3, 4),),
        emojis=(EmojiCount("👍", None, 3), EmojiCount("77", "apple", 1)),
        most_reacted=(PointedReply(30, 301, 2, 3, 9, "I *like*\nit <@123>"), PointedReply(30, 302, 2, 1)),
        picked=(PointedReply(30, 301, 2, 3, 9, "I like it"), PointedReply(30, 303, 2, 0)),
    )
    assert text(told) == (
        "## What excerpt 3 brought\n"
        "**The \\*reading\\***, excerpt 3 of 6: Part 3\n"
        "**4 people: 3 replies and 4 reactions.** 1 of the 2 other excerpts brought more replies.\n"
        "Reactions: 👍 3, <:apple:77> 1\n"
        "The talk was liveliest between 20:00 and 21:00 (Europe/Berlin time).\n"
        "### Replies with the most reactions\n"
        "> I like it\n"
        "<@9>, [3 reactions](https://discord.com/channels/5/30/301)\n"
        "- [A reply with 1 reaction](https://discord.com/channels/5/30/302)\n"
        "### Picked by readers\n"
        "- [A reply](https://discord.com/channels/5/30/303)\n"
        "-# I quote only those who agreed to it with `/privacy quotes`, or added the reply here themselves."
    )


def test_a_whole_reading_in_words() -> None:
    told = digest(this=None, comparison=(talk(0, 1, 1), talk(1, 0, 0), talk(2, 3, 4)))
    assert text(told) == (
        "## What we said about the reading\n"
        "**The \\*reading\\***, 3 of 6 excerpts\n"
        "**4 people: 3 replies and 4 reactions.**\n"
        "### Most talked about\n"
        "1. [Excerpt 3](https://discord.com/channels/5/20/30), Part 3: 3 replies and 4 reactions from 7 people\n"
        "2. [Excerpt 1](https://discord.com/channels/5/20/10), Part 1: 1 reply and 1 reaction from 2 people\n"
        "-# 4 reactions came while I was away: they have no time and are not in the picture."
    )


def test_the_smallest_digest_has_the_singular_everywhere() -> None:
    one = Digest(
        "T", 1, "UTC", talk(0, 1, 1), 1, 1, 1, (), (), (), (Hour(local("2026-01-01 23:00"), 1, 0),), (talk(0, 1, 1),)
    )
    assert text(one) == (
        "## What excerpt 1 brought\n**T**, excerpt 1 of 1: Part 1\n"
        "**1 person: 1 reply and 1 reaction.**\n"
        "The talk was liveliest between 23:00 and 00:00 (UTC time).\n"
        "-# 1 reaction came while I was away: it has no time and is not in the picture."
    )


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((0, 1), "That is the most of any excerpt so far."),
        ((3, 1), "No other excerpt brought more replies."),
        ((4, 5), "Every other excerpt brought more replies."),
        ((4,), "The other excerpt brought more replies."),
        ((4, 0), "1 of the 2 other excerpts brought more replies."),
        ((), "reactions.**\n"),
    ],
)
def test_how_an_excerpt_stands(others: tuple[int, ...], said: str) -> None:
    comparison = (*(talk(at, count, 0) for at, count in enumerate(others)), talk(2, 3, 4))
    assert said in text(digest(comparison=comparison)) + "\n"


def test_emojis_beyond_the_named_ones_are_summed_up() -> None:
    many = tuple(EmojiCount(chr(0x1F600 + number), None, 20 - number) for number in range(EMOJIS + 2))
    assert "and 23 with 2 other emoji" in text(digest(emojis=many))
    assert "other emoji" not in text(digest(emojis=many[:EMOJIS]))


@pytest.mark.parametrize("name", [None, "a", "x" * 33, "a:b", "@everyone", "é"])
def test_an_odd_name_of_a_custom_emoji_breaks_nothing(name: str | None) -> None:
    assert "<:emoji:77> 1" in text(digest(emojis=(EmojiCount("77", name, 1),)))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("plain", "plain"),
        ("two\n\nlines", "two lines"),
        ("hello <@123>, <#5> and @everyone", "hello , and everyone"),
        ("it was ||the butler\nhimself|| after all", "it was (spoiler) after all"),
        ("# loud", "loud"),
        ("2 * 3 * 4", "2 \\* 3 \\* 4"),
        ("[here](https://evil.example)", "here"),
        ("\\<@123>", "\\<@123>"),
        ("<@123>", ""),
        ("a" * 201, "a" * 199 + "…"),
        ("a" * 200, "a" * 200),
    ],
)
def test_a_quotation_holds_words_alone(words: str, shown: str) -> None:
    assert quoted(words) == shown


def test_words_without_an_author_who_agreed_are_not_shown() -> None:
    told = digest(most_reacted=(PointedReply(30, 301, 2, 3, None, "secret"),))
    assert "secret" not in text(told)
    empty = digest(most_reacted=(PointedReply(30, 301, 2, 3, 9, "<@1>"),))
    assert "- [A reply with 3 reactions](" in text(empty)
    assert "<@9>" not in text(empty), "nobody is named who is not quoted"


@given(digests())
def test_every_digest_fits_into_a_message(told: Digest) -> None:
    shown = blocks(told, guild_id=2**63)
    assert all(shown)
    assert sum(map(utf16_len, shown)) <= 4000
    assert len(shown) <= 6


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    long = [PointedReply(30, number, 2, 9, 9, "a_" * 100) for number in range(8)]
    told = digest(most_reacted=tuple(long[:3]), picked=tuple(long[3:]))

    def quotations(limit: int) -> int:
        shown = blocks(told, guild_id=GUILD, limit=limit)
        assert sum(map(utf16_len, shown)) <= limit
        assert shown[-1].endswith("`/privacy quotes`, or added the reply here themselves.")
        return "\n".join(shown).count("a\\_" * 99)

    most = sum(map(utf16_len, blocks(told, guild_id=GUILD)))
    assert quotations(most + 1) == 8  # a line break after the last entry is reckoned with
    assert quotations(most) == 7
    assert quotations(1600) == 3
    assert quotations(600) == 0


def test_a_member_s_own_part_in_words() -> None:
    mine = MemberTalk(2, 1, 5, frozenset({0, 1}), (PointedReply(30, 301, 0, 5), PointedReply(31, 311, 1, 1)))
    assert member_text("T", mine, Run(2, 0, 1), posted=3, guild_id=GUILD) == (
        "## Your part\n**T**: you wrote 2 replies to 2 of 3 excerpts, which brought 5 reactions from others. "
        "You reacted once yourself.\n"
        "Your longest streak is 2 excerpts in a row (1 to 2).\n"
        "### Your replies with the most reactions\n"
        "- [5 reactions](https://discord.com/channels/5/30/301), under excerpt 1\n"
        "- [1 reaction](https://discord.com/channels/5/31/311), under excerpt 2"
    )
    only_given = MemberTalk(0, 3, 0, frozenset(), ())
    assert member_text("T", only_given, None, posted=3, guild_id=GUILD) == (
        "## Your part\n**T**: no reply yet. You reacted 3 times yourself."
    )


def test_regulars_in_words() -> None:
    ranked = [(7, Run(4, 0, 3)), (8, Run(1, 2, 2)), *((number, Run(1, 0, 0)) for number in range(20, 40))]
    lines = regulars_text(ranked).splitlines()
    assert lines[:3] == ["### Regulars", "1. <@7>: 4 excerpts in a row (1 to 4)", "2. <@8>: 1 excerpt (number 3)"]
    assert len(lines) == 12
