"""Tests of the world that the demo and all other tests stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import discord
import simcord
from discord.ext import commands

from bot.demo.overlays import Overlays, install


class BareBot(commands.AutoShardedBot):
    """discord.py and nothing else; `heard` lists the messages that reached it."""

    def __init__(self) -> None:
        super().__init__(command_prefix=commands.when_mentioned, intents=discord.Intents.default(), shard_count=1)
        self.heard: list[discord.Message] = []

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)


@dataclass
class World:
    env: simcord.Env
    bot: BareBot
    guild: simcord.GuildHandle
    handle: simcord.ChannelHandle
    overlays: Overlays | None

    @property
    def laid(self) -> Overlays:
        assert self.overlays is not None
        return self.overlays

    @property
    def channel(self) -> discord.TextChannel:
        """The one channel of this world, as the present bot sees it."""
        channel = self.env.bot.get_channel(self.handle.id)
        assert isinstance(channel, discord.TextChannel)
        return channel

    def thread_handle(self, thread: discord.Thread) -> simcord.ChannelHandle:
        return simcord.ChannelHandle(self.env, self.guild, self.env.backend.channels[thread.id])

    def forbid_bot(self, **permissions: bool) -> None:
        """Take permissions from the bot's own role."""
        role = next(
            role
            for role in self.env.backend.guilds[self.guild.id].roles.values()
            if role.name == self.env.backend.bot_user.name
        )
        role.permissions &= ~discord.Permissions(**permissions).value

    def contents(self, channel_id: int | None = None) -> list[str]:
        stored = self.env.backend.messages[channel_id or self.handle.id]
        return [stored[message_id].content for message_id in sorted(stored)]


@asynccontextmanager
async def world(*, overlaid: bool = True) -> AsyncIterator[World]:
    bot = BareBot()
    async with simcord.run(bot) as env:
        overlays = install(env) if overlaid else None
        guild = env.create_guild()
        handle = guild.create_text_channel("reading")
        await env.settle()
        yield World(env, bot, guild, handle, overlays)
