"""/help, /status and the greeting."""

import discord
import pytest

from bot.club.permissions import NEEDED
from bot.demo.transcript import text_of
from bot.demo.world import invited_when_done, least_permissions
from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers

GREETING = "Hello, I am Applecore"


def commands(world: ClubWorld) -> set[str]:
    return set(world.manager.available_commands(world.general))


async def test_help_for_members_and_for_managers(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = answers(await world.member.slash(world.general, "help"))
        assert "/today" in mine
        assert "/club setup" not in mine
        managers = answers(await world.manager.slash(world.general, "help"))
        assert managers.startswith("There is no club here yet: `/club setup` makes the first.")
        assert mine in managers
        named = {f"/{command}" for command in commands(world)} - {"/help"}
        assert {command for command in named if f"`{command}`" not in managers} == set(), "help names every command"
        await world.setup()
        assert "no club here yet" not in answers(await world.manager.slash(world.general, "help"))


async def test_one_greeting_on_joining_and_none_on_a_restart(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await world.restart()
        await world.restart(clean=True)
        await world.advance(days=1)
        channels = (world.general, world.channel, world.notices)
        greetings = [message for channel in channels for message in channel.history() if GREETING in text_of(message)]
        assert [message.channel.id for message in greetings] == [world.general.id]
        assert "/club setup" in text_of(greetings[0])
        assert "/help" in text_of(greetings[0])


async def test_the_first_channel_that_is_writable_is_greeted(database_url: str) -> None:
    async with polite_world(database_url) as world:
        silent = discord.PermissionOverwrite(send_messages=False)
        with invited_when_done(world.env):
            other = world.env.create_guild("Elsewhere")
            least_permissions(world.env, other)
            rules = other.create_text_channel("rules", overwrites={other.default_role: silent})
            lobby = other.create_text_channel("lobby")
        await world.env.settle()
        assert rules.history() == []
        assert [GREETING in text_of(message) for message in lobby.history()] == [True]


async def test_no_greeting_where_nothing_is_writable_and_no_error(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with polite_world(database_url) as world:
        silent = discord.PermissionOverwrite(send_messages=False)
        with invited_when_done(world.env):
            other = world.env.create_guild("Elsewhere")
            least_permissions(world.env, other)
            rules = other.create_text_channel("rules", overwrites={other.default_role: silent})
        await world.env.settle()
        await world.advance(hours=1)
        assert rules.history() == []
        assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


async def test_status_when_all_is_well(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = answers(await world.manager.slash(world.general, "status"))
        assert "There is no club here yet. `/club setup` makes one." in said
        await world.setup()
        said = answers(await world.manager.slash(world.general, "status"))
        assert "⚠️" not in said
        assert "✅ Database: sqlite" in said
        assert "Last look <t:" in said
        assert "https://discord.com/oauth2/authorize?client_id=" in said


async def test_status_names_each_fault_once(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await world.setup(notices=world.notices)
        world.deny(world.channel, send_messages_in_threads=False, read_message_history=False)
        world.deny(world.notices, send_messages=False)
        await world.env.settle()
        said = answers(await world.manager.slash(world.general, "status"))
        assert said.count("I lack **Read Message History** and **Send Messages in Threads**") == 1
        assert said.count("I lack **Send Messages**") == 1
        world.env.backend.delete_channel(world.channel.id)
        await world.env.settle()
        said = answers(await world.manager.slash(world.general, "status"))
        assert said.count("was deleted") == 1
        assert "/club edit channel:" in said


async def test_status_names_what_is_missing_in_the_whole_server(database_url: str) -> None:
    async with polite_world(database_url) as world:
        own = next(role for role in world.guild.roles.values() if role.name == world.env.backend.bot_user.name)
        seeing = discord.Permissions(view_channel=True, manage_guild=True, use_application_commands=True).value
        rights = {own.id: 0, world.guild.default_role.id: 0, world.guild.roles["Managers"].id: seeing}
        for role_id, permissions in rights.items():
            world.env.backend.edit_role(world.guild.id, role_id, {"permissions": permissions})
        await world.env.settle()
        said = answers(await world.manager.slash(world.general, "status"))
        assert [label for label in NEEDED.values() if f"**{label}**" not in said] == []


async def test_a_command_that_is_not_for_members_says_who_may(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "Manage Server" in one_sentence(await world.member.slash(world.general, "status"))
