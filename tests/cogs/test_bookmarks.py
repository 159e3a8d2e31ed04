"""/bookmark and /bookmarks, for members."""

import re
from typing import Any

import pytest
import simcord

from bot.demo.transcript import buttons_of, text_of
from bot.reading.models import Excerpt, Reading
from bot.storage import bookmarks, deletions
from cogs.bookmarks import PER_PAGE
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ClubWorld, reading_of


async def begun(world: ClubWorld, count: int = 4, *, days: int = 0, **options: object) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading", **options)
    await world.until(9, 1, days=days)


async def bookmark(world: ClubWorld, where: simcord.ChannelHandle | None = None, **options: object) -> str:
    return one_sentence(await world.member.slash(where or world.general, "bookmark", **options))


async def listed(world: ClubWorld, member: simcord.MemberActor | None = None) -> Any:
    return last(await (member or world.member).slash(world.general, "bookmarks"))


def numbers(message: Any) -> list[int]:
    return [int(found) for found in re.findall(r"\*\*Number (\d+)\*\*", text_of(message.message))]


def choices(message: Any) -> dict[str, str]:
    """The labels under which bookmarks can be taken off, and their values."""
    rows = [row for part in message.message.components for row in part.to_dict().get("components", [])]
    selects = [item for row in rows for item in row.get("components", []) if item["type"] == 3]
    return {option["label"]: option["value"] for select in selects for option in select["options"]}


async def test_the_latest_the_one_of_the_thread_and_one_by_its_number(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, days=2)
        assert await bookmark(world) == (
            "Bookmarked: number 3 of **A short reading**. `/bookmarks` shows what you keep, and only to you."
        )
        oldest = min(world.threads(), key=lambda thread: thread.id)
        assert "number 1 of" in await bookmark(world, oldest)
        assert "number 2 of" in await bookmark(world, oldest, number=2)
        shown = await listed(world)
        assert shown.ephemeral
        assert numbers(shown) == [2, 1, 3], "newest first"
        at = f"https://discord.com/channels/{world.guild.id}"
        first = world.posts()[0]
        line = f"**Number 1** of A short reading · Part 1 · [post]({at}/{world.channel.id}/{first.id})"
        assert f"{line} · [thread]({at}/{first.id})" in text_of(shown.message)


async def test_twice_is_once(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await bookmark(world)
        assert await bookmark(world) == (
            "You keep number 1 of **A short reading** already. `/bookmarks` lets you take it off."
        )
        assert numbers(await listed(world)) == [1]


async def test_what_is_not_posted_cannot_be_kept(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "no club here yet" in await bookmark(world)
        await world.import_reading(reading_of(3))
        await world.setup(reading="A short reading")
        assert "Nothing has been posted yet" in await bookmark(world)
        assert "Number 2 of **A short reading** has not been posted yet. The next comes" in await bookmark(
            world, number=2
        )
        assert "has only 3 excerpts" in await bookmark(world, number=4)
        shown = await listed(world)
        assert "You keep no excerpt yet." in text_of(shown.message)
        assert choices(shown) == {}


@pytest.mark.parametrize("restarted", [False, True])
async def test_taken_off_again(database_url: str, restarted: bool) -> None:
    async with polite_world(database_url) as world:
        await begun(world, days=2)
        for number in (1, 2, 3):
            await bookmark(world, number=number)
        shown = await listed(world)
        offered = choices(shown)
        assert list(offered) == ["3 · Part 3", "2 · Part 2", "1 · Part 1"]
        if restarted:
            await world.restart()
        result = await world.member.select(shown, [offered["3 · Part 3"], offered["1 · Part 1"]])
        assert result.acknowledged
        assert numbers(shown) == [2]
        await world.member.select(shown, [offered["2 · Part 2"]])
        assert "You keep no excerpt yet." in text_of(shown.message)


async def test_each_member_has_their_own(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await bookmark(world)
        await world.manager.slash(world.general, "bookmark")
        mine, theirs = await listed(world), await listed(world, world.manager)
        await world.manager.select(theirs, list(choices(theirs).values()))
        assert numbers(theirs) == []
        assert numbers(await listed(world)) == numbers(mine) == [1]


async def test_pages_of_bookmarks(database_url: str) -> None:
    async with polite_world(database_url) as world:
        count = PER_PAGE + 1
        marks = "*" * 300
        excerpts = tuple(Excerpt(heading=f"{n:02}{marks}"[:300], quote="A passage.") for n in range(count))
        await world.import_reading(Reading(title="_" * 300, excerpts=excerpts))
        await world.setup(reading="_" * 300)
        await world.until(9, 1, days=count - 1)
        for number in range(1, PER_PAGE + 1):
            await bookmark(world, number=number)
        whole = await listed(world)
        assert len(numbers(whole)) == PER_PAGE
        assert buttons_of(whole.message) == []
        assert len(text_of(whole.message)) <= 4000
        await bookmark(world, number=count)
        page = await listed(world)
        assert "Page 1 of 2" in text_of(page.message)
        assert buttons_of(page.message) == ["Older"]
        await world.member.click(page, label="Older")
        assert numbers(page) == [1]
        assert buttons_of(page.message) == ["Newer"]
        await world.member.select(page, list(choices(page).values()))
        assert len(numbers(page)) == PER_PAGE, "the last page is gone, and the one before it is shown"
        assert buttons_of(page.message) == []


async def test_as_many_as_one_may_keep(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        club = await world.club()
        async with world.bot.database.write() as conn:
            for position in range(1, bookmarks.MOST + 1):
                await bookmarks.add(
                    conn,
                    world.guild.id,
                    world.member.id,
                    reading_id=club.reading_id,
                    position=position,
                    at=world.env.now(),
                )
        assert await bookmark(world) == (
            "You have 200 bookmarks here, and that is the most I keep. `/bookmarks` lets you take some off."
        )


async def test_who_asked_to_be_forgotten_keeps_nothing_here(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await bookmark(world)
        async with world.bot.database.write() as conn:
            await deletions.forget_member(conn, world.member.id, world.env.now())
        assert "You asked me to keep nothing about you" in await bookmark(world)
        assert "You keep no excerpt yet." in text_of((await listed(world)).message)


async def test_a_bookmark_outlives_its_club(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await bookmark(world)
        question = last(await world.manager.slash(world.general, "club remove"))
        await world.manager.click(question, label="Remove it")
        shown = await listed(world)
        assert numbers(shown) == [1]
        assert str(world.posts()[0].id) in text_of(shown.message)


async def test_the_word_behind_a_workaround_is_in_the_caption(database_url: str) -> None:
    async with polite_world(database_url) as world:
        written = Excerpt(heading='On hard"apple"core things', quote="A passage.")
        await world.import_reading(Reading(title="Parts", workarounds=("apple",), excerpts=(written,)))
        await world.setup(reading="Parts")
        await world.until(9, 1)
        await bookmark(world)
        shown = await listed(world)
        assert "· On hardcore things ·" in text_of(shown.message)
        assert list(choices(shown)) == ["1 · On hardcore things"]


async def test_a_caption_does_not_show_what_the_excerpt_hides(database_url: str) -> None:
    async with polite_world(database_url) as world:
        written = Excerpt(quote=f"It was ||{'the butler ' * 40}|| all along.")
        await world.import_reading(Reading(title="Parts", excerpts=(written,)))
        await world.setup(reading="Parts")
        await world.until(9, 1)
        await bookmark(world)
        assert list(choices(await listed(world))) == ["1 · It was (spoiler) all along."]
