"""Slash commands, buttons and modals through the wire, answered by a discord.py client."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import discord
import pytest
from discord import app_commands

from tests.support.local_discord import Answered, LocalDiscord, local_discord
from tests.support.local_discord.clients import running


@pytest.fixture
def server() -> Iterator[LocalDiscord]:
    with local_discord(interaction_seconds=60) as running_server:  # Discord's three may pass on a busy machine
        yield running_server


class Question(discord.ui.Modal, title="A question"):
    thought: discord.ui.Label["Question"] = discord.ui.Label(
        text="Your thought", component=discord.ui.TextInput(custom_id="thought")
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.thought.component, discord.ui.TextInput)
        await interaction.response.send_message(f"You think: {self.thought.component.value}", ephemeral=True)


class Buttons(discord.ui.LayoutView):
    text: discord.ui.TextDisplay["Buttons"] = discord.ui.TextDisplay("What do you **think**?")
    row: discord.ui.ActionRow["Buttons"] = discord.ui.ActionRow()

    @row.button(label="Tell", custom_id="tell")
    async def tell(self, interaction: discord.Interaction, _: discord.ui.Button["Buttons"]) -> None:
        await interaction.response.send_modal(Question())

    @row.button(label="Done", custom_id="done")
    async def done(self, interaction: discord.Interaction, _: discord.ui.Button["Buttons"]) -> None:
        await interaction.response.edit_message(view=None, content=None)

    @row.button(label="Later", custom_id="later", disabled=True)
    async def later(self, interaction: discord.Interaction, _: discord.ui.Button["Buttons"]) -> None:
        raise AssertionError


class Asked(discord.Client):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        club = app_commands.Group(name="club", description="The club")
        club.add_command(app_commands.Command(name="setup", description="Begins", callback=set_up))
        for callback in (slow, ask, silent):
            self.tree.add_command(app_commands.Command(name=callback.__name__, description="-", callback=callback))
        manage: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="manage", description="-", callback=silent
        )
        manage.default_permissions = discord.Permissions(manage_guild=True)
        self.tree.add_command(manage)
        self.tree.add_command(club)

    async def setup_hook(self) -> None:
        await self.tree.sync()


async def set_up(
    interaction: discord.Interaction,
    channel: discord.TextChannel,
    reader: discord.Member,
    text: discord.Attachment,
    days: app_commands.Range[int, 1, 7] = 7,
) -> None:
    content = (await text.read()).decode()
    await interaction.response.send_message(f"{channel.name} {reader.name} {text.filename} {content} {days}")


async def slow(interaction: discord.Interaction) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.client.application_info()
    await interaction.followup.send("at last")
    await interaction.followup.send("and more")


async def ask(interaction: discord.Interaction) -> None:
    await interaction.response.send_message(view=Buttons())


async def silent(interaction: discord.Interaction) -> None:
    return


@dataclass
class Place:
    server: LocalDiscord
    guild: int
    channel: int
    ada: int

    async def slash(self, name: str, options: dict[str, Any] | None = None, **how: Any) -> Answered:
        return await asyncio.to_thread(self.server.slash, self.channel, self.ada, name, options, **how)

    async def click(self, message: int, custom_id: str) -> Answered:
        return await asyncio.to_thread(self.server.click, self.channel, message, self.ada, custom_id)


@pytest.fixture
async def place(server: LocalDiscord) -> AsyncIterator[Place]:
    guild = server.create_guild("Readers")
    channel = server.create_channel(guild, "reading")
    async with running(server, Asked()):
        yield Place(server, guild, channel, server.create_member(guild, "ada"))


async def test_a_subcommand_gets_its_options_and_answers(place: Place) -> None:
    options = {"channel": place.channel, "reader": place.ada, "text": ("a day.md", b"# Day"), "days": 3}
    answered = await place.slash("club setup", options)
    assert answered.texts == ["reading ada a day.md # Day 3"]
    assert (answered.kind, answered.ephemeral) == ("message", False)
    assert [message["type"] for message in place.server.messages(place.channel)] == [20]


async def test_a_deferred_answer_is_waited_for_with_its_followups(place: Place) -> None:
    answered = await place.slash("slow", followups=1)
    assert answered.texts == ["at last", "and more"]
    assert answered.ephemeral
    assert place.server.messages(place.channel)[:1] != answered.messages[:1]


async def test_a_button_opens_a_modal_that_is_submitted(place: Place) -> None:
    asked = await place.slash("ask")
    assert asked.texts == ["What do you **think**?"]
    shown = await place.click(int(asked.messages[0]["id"]), "tell")
    assert shown.modal is not None
    assert (shown.kind, shown.modal["title"]) == ("modal", "A question")
    said = await asyncio.to_thread(place.server.submit_modal, shown, {"thought": "Apples"})
    assert said.texts == ["You think: Apples"]


async def test_what_a_member_cannot_do_raises_in_the_test(place: Place) -> None:
    asked = int((await place.slash("ask")).messages[0]["id"])
    for custom_id in ("later", "nowhere"):
        with pytest.raises(RuntimeError, match="no single enabled component"):
            await place.click(asked, custom_id)
    with pytest.raises(RuntimeError, match="synchronised no command /unknown"):
        await place.slash("unknown")
    with pytest.raises(RuntimeError, match="does not see /manage"):
        await place.slash("manage")
    with pytest.raises(RuntimeError, match="missing"):
        await place.slash("club setup", {"days": 3})
    options = {"channel": place.channel, "reader": place.ada, "text": ("day.md", b""), "days": 8}
    with pytest.raises(RuntimeError, match="must be"):
        await place.slash("club setup", options)


async def test_a_manager_sees_the_commands_of_managers(place: Place) -> None:
    manager = place.server.create_member(place.guild, "mia", manager=True)
    with pytest.raises(TimeoutError, match=r"slash waited 0.1 s"):
        await asyncio.to_thread(place.server.slash, place.channel, manager, "manage", timeout=0.1)


async def test_an_answer_after_the_deadline_is_refused(place: Place) -> None:
    place.server.interaction_deadline(0)
    with pytest.raises(TimeoutError):
        await place.slash("ask", timeout=0.3)
    place.server.wait_requests("POST", "/interactions/*")
    assert place.server.statuses()["404"] == 1
