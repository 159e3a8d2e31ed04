"""Excerpts longer than a message: paged, nothing cut, and each limit met exactly and passed by one."""

import re
from typing import Any

import discord
import pytest
import regex
import simcord

from bot.club.excerpts import PAGE_UNITS
from bot.demo.transcript import buttons_of, text_of
from bot.reading.models import Excerpt, Reading
from bot.reading.splitting import utf16_len
from tests.cogs.manners import last, polite_world, shown
from tests.support.club_world import ClubWorld, answers, reading_of

THOUGHT = "My thought"


def words(count: int, size: int = 9) -> str:
    """Numbered words, so that a missing one is noticed."""
    return " ".join(f"w{number:0{size - 2}}" for number in range(count))


def book(*quotes: str, title: str = "A short reading", heading: str = "") -> Reading:
    return Reading(title=title, excerpts=tuple(Excerpt(heading=heading, quote=quote) for quote in quotes))


async def begun(world: ClubWorld, reading: Reading, **options: object) -> None:
    assert "Added" in answers(await world.import_reading(reading))
    assert "is set up" in answers(await world.setup(reading=reading.title, **options))


async def read_on(world: ClubWorld, member: simcord.MemberActor, post: discord.Message) -> list[str]:
    """Every page of a post, as a member turns them."""
    pages = [text_of(post)]
    if "Next page" not in buttons_of(post):
        return pages
    page = last(await member.click(post, label="Next page"))
    assert page.ephemeral
    while True:
        pages.append(text_of(page.message))
        if "Next page" not in buttons_of(page.message):
            return pages
        turned = await member.click(page, label="Next page")
        assert turned.followups == [], "it turns in place"


def quoted(pages: list[str]) -> str:
    return " ".join(line.removeprefix("> ") for page in pages for line in page.split("\n") if line.startswith(">"))


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_post_of_9000_characters_is_turned_page_by_page(database_url: str, restarted: bool) -> None:
    async with polite_world(database_url) as world:
        text = words(1000)
        await begun(world, book(text))
        await world.until(9, 1)
        [post] = world.posts()
        before = text_of(post)
        assert buttons_of(post) == ["Next page", THOUGHT]
        assert "page 1 of 3" in before
        if restarted:
            await world.restart()
        pages = await read_on(world, world.member, world.posts()[0])
        assert len(pages) == 3
        assert quoted(pages).split() == text.split()

        second = last(await world.member.click(world.posts()[0], label="Next page"))
        assert "page 2 of 3" in text_of(second.message)
        assert buttons_of(second.message) == ["Previous page", "Next page", THOUGHT]
        await world.member.click(second, label="Previous page")
        assert "page 1 of 3" in text_of(second.message)
        assert buttons_of(second.message) == ["Next page", THOUGHT]

        [post] = world.posts()
        assert text_of(post) == before
        assert post.edited_at is None
        edits = [each.path for each in world.env.http_requests if each.method == "PATCH" and "/messages/" in each.path]
        assert [path for path in edits if str(world.channel.id) in path] == []
        assert len(world.threads()) == 1


async def test_two_members_turn_pages_without_disturbing_each_other(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, book(words(1000)))
        await world.until(9, 1)
        [post] = world.posts()
        mine = last(await world.member.click(post, label="Next page"))
        hers = last(await world.manager.click(post, label="Next page"))
        await world.manager.click(hers, label="Next page")
        assert "page 2 of 3" in text_of(mine.message)
        assert "page 3 of 3" in text_of(hers.message)


async def test_a_forged_page_of_another_server_is_not_read_out(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, book("A secret. " * 900))
        await world.until(9, 1)
        [row] = [component for component in world.posts()[0].components if isinstance(component, discord.ActionRow)]
        forged = [row.to_dict()]
        other = world.env.create_guild("Elsewhere")
        lobby = other.create_text_channel("lobby")
        reader = other.add_member(world.env.create_user("reader"))
        await world.env.settle()
        bait = world.env.backend.create_message(
            lobby.id, world.env.backend.bot_user.id, "bait", components=[dict(each) for each in forged]
        )
        message = next(message for message in lobby.history() if message.id == bait.id)
        said = answers(await reader.click(message, label="Next page"))
        assert "secret" not in said
        assert "cannot turn the page" in said


async def test_a_page_that_is_not_there_says_so(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, book("One."))
        button: dict[str, Any] = {"type": 2, "style": 2, "label": "Next page", "custom_id": "applecore:page:1:7:1"}
        bait = world.env.backend.create_message(
            world.channel.id, world.env.backend.bot_user.id, "bait", components=[{"type": 1, "components": [button]}]
        )
        message = next(message for message in world.channel.history() if message.id == bait.id)
        result = await world.member.click(message, label="Next page")
        assert result.acknowledged
        assert "cannot turn the page" in answers(result)


async def test_a_reading_of_100_000_characters_as_one_excerpt(database_url: str) -> None:
    async with polite_world(database_url) as world:
        text = words(10_000, 10)
        assert len(text) == 99_999
        await begun(world, book(text))
        await world.until(9, 1)
        [post] = world.posts()
        pages = await read_on(world, world.member, post)
        assert quoted(pages).split() == text.split()
        assert f"page {len(pages)} of {len(pages)}" in pages[-1]
        assert len(world.threads()) == 1


async def test_a_text_file_of_100_000_characters(database_url: str) -> None:
    async with polite_world(database_url) as world:
        text = ". ".join(words(20) for _ in range(500))
        result = await world.manager.slash(world.general, "reading import", file=("long.txt", text.encode()))
        said = answers(result)
        found = re.search(r"\*\*Long\*\*: (\d+) excerpts", said)
        assert found, said
        assert 60 <= int(found[1]) <= 120
        await world.setup(reading="long")
        await world.until(9, 1, days=2)
        assert [buttons_of(post) for post in world.posts()] == [[THOUGHT]] * 3
        assert len(world.threads()) == 3


@pytest.mark.parametrize("unit", ["x", "🍎", "e\u0301", "👩\u200d🚀"], ids=["letter", "emoji", "accent", "sequence"])
@pytest.mark.parametrize("pinged", [False, True])
async def test_exactly_the_limit_and_one_over(database_url: str, unit: str, pinged: bool) -> None:
    async with polite_world(database_url) as world:
        await world.import_reading(book("x", "y", "z", title="Exactly"))
        await world.setup(reading="Exactly")
        preview = await world.manager.slash(world.general, "club preview")
        shell = shown((preview.response or preview.followups[0]).message) - 1
        await world.manager.slash(world.general, "club pause")
        whole, rest = divmod(PAGE_UNITS - shell, utf16_len(unit))
        full = unit * whole + "." * rest
        role = world.guild.create_role("Readers", mentionable=True)
        await world.import_reading(book(full, f"{full}.", "z", title="Exactly"))
        question = last(await world.manager.slash(world.general, "club remove"))
        await world.manager.click(question, label="Remove it")
        await world.setup(reading="Exactly", **({"ping_role": role} if pinged else {}))
        await world.until(9, 1, days=1)
        exact, over = world.posts()
        assert buttons_of(exact) == [THOUGHT]
        assert shown(exact) == PAGE_UNITS + (len(f"<@&{role.id}>") if pinged else 0)
        assert full in text_of(exact)
        assert buttons_of(over) == ["Next page", THOUGHT]
        pages = await read_on(world, world.member, over)
        assert quoted(pages).replace(" ", "") == f"{full}."
        for page in pages:
            assert regex.match(r"[\p{M}\u200d]", quoted([page])) is None, "no sign is torn apart"


@pytest.mark.parametrize(
    "heading",
    [
        "🍎" * 300,
        "👩\u200d👩\u200d👧\u200d👦" * 40,
        "e\u0301" * 150,
        "word " * 59 + "word",
        "# **bold** `code` @everyone",
    ],
    ids=["emoji", "family", "accents", "words", "marks"],
)
async def test_a_thread_is_named_within_100_units(database_url: str, heading: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, book("A passage.", heading=heading))
        await world.until(9, 1)
        [thread] = world.threads()
        assert thread.name is not None
        assert thread.name.startswith("1/1 · ")
        assert 8 < utf16_len(thread.name) <= 100
        assert "\ufffd" not in thread.name.encode("utf-16", "replace").decode("utf-16")
        said = answers(await world.manager.slash(world.general, "club status"))
        assert "1 of 1 done" in said


async def test_a_page_of_a_reading_that_was_replaced_still_turns(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, book(words(1000)))
        await world.until(9, 1)
        await world.import_reading(reading_of(2))
        await world.manager.slash(world.general, "club edit", reading="own:a-short-reading")
        pages = await read_on(world, world.member, world.posts()[0])
        assert quoted(pages).split() == words(1000).split()
