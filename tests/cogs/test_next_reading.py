"""What comes after: the end of a reading, a text that is replaced, a channel that goes."""

from typing import Any

import pytest

from bot.demo.transcript import buttons_of, text_of
from bot.storage.records import ClubState
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of

NEXT = "Choose the next reading"


async def begun(world: ClubWorld, count: int, **options: object) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading", **options)


def headings(world: ClubWorld) -> list[str]:
    return [text_of(post).splitlines()[0].removeprefix("## ") for post in world.posts()]


def options_of(message: Any) -> list[dict[str, Any]]:
    """What a select offers."""
    found: list[dict[str, Any]] = [
        option
        for row in message.components
        for child in row.get("components", [])
        for option in child.get("options", [])
    ]
    return found


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_manager_chooses_what_comes_next(database_url: str, restarted: bool) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.until(9, 1)
        await world.until(9, 1, days=3)
        ends = [message for message in world.own(world.channel) if "read to the end" in text_of(message)]
        assert len(ends) == 1
        assert ends[0].created_at.astimezone(world.now().tzinfo).day == 2, "at the next slot, not a moment earlier"
        assert buttons_of(ends[0]) == [NEXT]
        assert "Walden: living deliberately" in text_of(ends[0])
        if restarted:
            await world.restart()

        shelf = last(await world.manager.click(ends[0], label=NEXT))
        assert shelf.ephemeral
        offered = {option["value"]: option for option in options_of(shelf)}
        assert set(offered) == {"own:a-short-reading", "seed:walden", "seed:deepseek-interview"}
        assert offered["own:a-short-reading"]["description"] == "1 excerpt"
        await world.manager.select(shelf, ["seed:walden"])
        said = text_of(shelf.message)
        assert said.startswith("We read **Walden: living deliberately** next. The first excerpt comes <t:")
        assert options_of(shelf) == []
        assert (await world.club()).state is ClubState.ACTIVE
        await world.until(9, 1)
        assert "day 1 of 6" in text_of(world.posts()[-1])
        assert len(world.posts()) == 2
        again = one_sentence(await world.manager.click(ends[0], label=NEXT))
        assert "reading again already" in again


async def test_two_managers_choose_at_once_and_one_choice_counts(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.until(9, 1, days=1)
        ending = world.own(world.channel)[-1]
        first, second = [last(await world.manager.click(ending, label=NEXT)) for _ in range(2)]
        await world.manager.select(first, ["seed:walden"])
        result = await world.manager.select(second, ["seed:deepseek-interview"])
        assert "reading again already" in text_of(second.message) + answers(result)
        await world.until(9, 1)
        assert "day 1 of 6" in text_of(world.posts()[-1])


async def test_the_end_of_a_club_that_was_removed(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.until(9, 1, days=1)
        ending = world.own(world.channel)[-1]
        question = last(await world.manager.slash(world.general, "club remove"))
        await world.manager.click(question, label="Remove it")
        said = one_sentence(await world.manager.click(ending, label=NEXT))
        assert "was removed" in said


async def test_a_large_library_says_where_the_rest_is(database_url: str) -> None:
    async with polite_world(database_url) as world:
        for number in range(30):
            await world.import_reading(reading_of(1, title=f"Volume {number:02} {'🍎 of many words ' * 14}"))
        await begun(world, 1)
        await world.until(9, 1, days=1)
        shelf = last(await world.manager.click(world.own(world.channel)[-1], label=NEXT))
        assert len(options_of(shelf)) == 25
        assert "/reading list" in text_of(shelf.message)


async def test_excerpts_go_on_after_the_channel_was_deleted(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 4, notices=world.notices)
        await world.until(9, 1)
        for thread in world.threads():
            world.env.backend.delete_channel(thread.id)
        world.env.backend.delete_channel(world.channel.id)
        world.overlays.faults.revive()
        await world.until(12, 0, days=2)
        assert (await world.club()).state is ClubState.BROKEN
        [told] = world.said(world.notices)
        assert "has stopped" in told
        assert "was deleted" in told
        assert "/club edit channel:" in told, "a deleted channel cannot be put right, only replaced"
        assert len(world.overlays.faults.calls) <= 3
        refused = one_sentence(await world.manager.slash(world.general, "club resume"))
        assert "/club edit channel:" in refused

        said = one_sentence(await world.manager.slash(world.general, "club edit", channel=world.general))
        assert f"posts in <#{world.general.id}> from now on" in said
        assert "the club goes on" in said, "another channel mends a deleted one; nothing else is left to do"
        await world.advance(minutes=1)
        await world.until(9, 1, days=1)
        shown = [text for text in world.said(world.general) if "· day " in text]
        assert [text.splitlines()[0] for text in shown] == ["## Part 2", "## Part 3", "## Part 4"]
        assert len(world.said(world.notices)) == 1
        assert (await world.club()).state is ClubState.ACTIVE


async def test_a_club_keeps_the_text_that_it_began_with(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 4)
        await world.until(9, 1)
        said = answers(await world.import_reading(reading_of(3, quote="Another text, {n}.")))
        assert "Added **A short reading**: 3 excerpts." in said
        assert f"The club in <#{world.channel.id}> keeps the text it began with" in said
        assert "/club edit reading:" in said
        await world.until(9, 1)
        assert "Passage number 2." in text_of(world.posts()[-1])
        assert "day 2 of 4" in text_of(world.posts()[-1])

        said = one_sentence(await world.manager.slash(world.general, "club edit", reading="short"))
        assert "begins **A short reading** with its first excerpt" in said
        await world.until(9, 1)
        assert "Another text, 1." in text_of(world.posts()[-1])
        assert "day 1 of 3" in text_of(world.posts()[-1])
        assert headings(world) == ["Part 1", "Part 2", "Part 1"]
        today = answers(await world.member.slash(world.general, "today"))
        assert "Another text, 1." in today


async def test_the_same_text_again_is_no_new_revision(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 4)
        said = answers(await world.import_reading(reading_of(4)))
        assert "keeps the text" not in said
        assert "revision" not in said
