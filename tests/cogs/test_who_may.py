"""Only Manage Server, or the role that /club role set, may change a club: at commands and at buttons."""

from typing import Any

import pytest

from bot.storage.records import ClubState
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of

REFUSED = "Only members with **Manage Server** may do this."


async def begun(world: ClubWorld, count: int = 4) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading")


def changing(world: ClubWorld) -> dict[str, dict[str, Any]]:
    setup = {"channel": world.channel, "reading": "walden", "time": "09:00", "timezone": "UTC"}
    return {
        "club setup": setup,
        "club edit": {"time": "10:00"},
        "club pause": {},
        "club resume": {},
        "club skip": {},
        "club post-now": {},
        "club preview": {},
        "club remove": {},
        "club role": {},
        "reading import": {"file": ("a.txt", b"A text.")},
        "status": {},
    }


async def test_a_member_is_refused_everywhere_and_nothing_changes(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        before = await world.club()
        for command, options in changing(world).items():
            assert one_sentence(await world.member.slash(world.general, command, **options)) == REFUSED, command
        assert await world.club() == before
        assert world.posts() == []
        assert "War" not in answers(await world.member.slash(world.general, "reading list"))


async def test_what_members_may_do(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        assert "0 of 4 done" in answers(await world.member.slash(world.general, "club status"))
        assert "A short reading" in answers(await world.member.slash(world.general, "reading list"))
        assert "4 excerpts" in answers(await world.member.slash(world.general, "reading show", reading="short"))


async def test_the_role_may_all_but_hand_itself_on(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        role = world.guild.create_role("Organisers")
        said = one_sentence(await world.manager.slash(world.general, "club role", role=role))
        assert said == f"Members with <@&{role.id}> or Manage Server may manage the clubs now."
        refused = one_sentence(await world.member.slash(world.general, "club pause"))
        assert refused == f"Only members with **Manage Server** or the role <@&{role.id}> may do this."

        world.env.backend.add_member_role(world.guild.id, world.member.id, role.id)
        assert "Paused" in answers(await world.member.slash(world.general, "club pause"))
        await world.restart()
        assert "goes on" in answers(await world.member.slash(world.general, "club resume"))
        assert one_sentence(await world.member.slash(world.general, "club role", role=role)) == REFUSED

        said = one_sentence(await world.manager.slash(world.general, "club role"))
        assert said == "Only members with Manage Server may manage the clubs now."
        assert one_sentence(await world.member.slash(world.general, "club pause")) == REFUSED
        assert (await world.club()).state is ClubState.ACTIVE


async def test_a_role_that_was_deleted_lets_nobody_in(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        role = world.guild.create_role("Organisers")
        await world.manager.slash(world.general, "club role", role=role)
        world.env.backend.delete_role(world.guild.id, role.id)
        await world.env.settle()
        said = one_sentence(await world.member.slash(world.general, "club pause"))
        assert "Manage Server" in said
        assert str(role.id) not in said, "Discord shows a deleted role as @deleted-role, which helps nobody"


async def test_everyone_cannot_be_the_role(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        said = one_sentence(await world.manager.slash(world.general, "club role", role=world.guild.default_role))
        assert "@everyone" in said
        assert one_sentence(await world.member.slash(world.general, "club pause")) == REFUSED


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_member_is_refused_at_the_button_for_the_next_reading(database_url: str, restarted: bool) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.until(9, 1, days=1)
        if restarted:
            await world.restart()
        ending = world.own(world.channel)[-1]
        assert one_sentence(await world.member.click(ending, label="Choose the next reading")) == REFUSED
        assert (await world.club()).state is ClubState.ENDED


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("label", ["Remove it", "Keep it"])
async def test_one_who_is_no_manager_any_more_is_refused_at_the_removal(
    database_url: str, label: str, restarted: bool
) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        question = last(await world.manager.slash(world.general, "club remove"))
        world.env.backend.remove_member_role(world.guild.id, world.manager.id, world.guild.roles["Managers"].id)
        if restarted:
            await world.restart()
        result = await world.manager.click(question, label=label)
        assert result.acknowledged, "else Discord says: This interaction failed"
        if label == "Remove it":
            shown = [answers(result), *(text.message.content for text in result.followups), question.message.content]
            assert any("Manage Server" in text for text in shown) or "Manage Server" in str(question.components)
        assert (await world.club()).state is ClubState.ACTIVE


async def test_one_who_is_no_manager_any_more_is_refused_at_the_choice(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.until(9, 1, days=1)
        ending = world.own(world.channel)[-1]
        shelf = last(await world.manager.click(ending, label="Choose the next reading"))
        world.env.backend.remove_member_role(world.guild.id, world.manager.id, world.guild.roles["Managers"].id)
        result = await world.manager.select(shelf, ["seed:walden"])
        assert result.acknowledged
        assert "Manage Server" in str(shelf.components) + answers(result)
        assert (await world.club()).state is ClubState.ENDED


async def test_the_commands_are_not_offered_in_private_messages(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert world.member.user.available_commands() == ()
