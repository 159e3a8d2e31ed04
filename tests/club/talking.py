"""Members who say something under a post, and what the bot makes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import discord
import simcord

from bot.storage import discussions
from tests.support.club_world import ClubWorld, reading_of

DAYS = 2
"""How long threads stay open here."""


async def posted(world: ClubWorld, excerpts: int = 3, **options: Any) -> simcord.ChannelHandle:
    """A club that has posted its first excerpt at nine; answers its thread."""
    await world.import_reading(reading_of(excerpts))
    given = {"thread_days": DAYS, "notices": world.notices, **options}
    await world.setup(reading="A short reading", **given)
    await world.until(9, 1)
    [thread] = world.threads()
    return thread


async def talk(world: ClubWorld, thread: simcord.ChannelHandle, text: str = "I liked that part.") -> discord.Message:
    """A member replies, and the manager likes it."""
    reply = await world.member.send(thread, text)
    await world.manager.react(reply, "🍎")
    await world.bot.collector.flush()
    return reply


async def posted_and_talked(world: ClubWorld, excerpts: int = 3, **options: Any) -> simcord.ChannelHandle:
    """The same with a reply in the thread, a minute before it is to be closed."""
    thread = await posted(world, excerpts, **options)
    await talk(world, thread)
    await world.until(8, 59, days=int(options.get("thread_days", DAYS)) - 1)
    world.overlays.faults.revive()
    return thread


@contextmanager
def nobody_can_catch_up(world: ClubWorld) -> Iterator[None]:
    """Without reading the history, nothing can be compared with Discord."""
    world.deny(world.channel, read_message_history=False)
    yield
    world.deny(world.channel, read_message_history=True)


def is_open(world: ClubWorld, thread: simcord.ChannelHandle) -> bool:
    metadata = world.env.backend.channels[thread.id].thread_metadata
    assert metadata is not None
    return not metadata.archived


def pictures(message: discord.Message) -> list[str]:
    """The names of a message's files."""
    return [attachment.filename for attachment in message.attachments]


async def closed_at(world: ClubWorld, thread: simcord.ChannelHandle) -> datetime | None:
    async with world.bot.database.read() as conn:
        known = await discussions.by_thread(conn, thread.id)
    return known.closed_at if known else None
