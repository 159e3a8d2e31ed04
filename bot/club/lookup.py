"""Looking in a channel for what stands there already, before anything is sent a second time."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import discord

from bot.club.digesting import after_the_end
from bot.club.layout import carries, marker_of
from bot.club.outcome import Failure, Outcome, RefusedError
from bot.club.permissions import LOOKING, channel_fault
from bot.club.planner import ending_key, new_post, post_key
from bot.storage import clubs, outgoing
from bot.storage.database import Connection
from bot.storage.records import Club, ClubState, Outgoing, OutgoingKind, OutgoingState

if TYPE_CHECKING:
    from discord.ext import commands

LOOK_MARGIN = timedelta(hours=1)
"""How far our clock and Discord's may be apart when we look for a message around its claim."""


def is_restored(row: Outgoing, club: Club | None) -> bool:
    """Whether a post belongs to a club that comes from a backup, and may have been posted after that was taken."""
    mine = club is not None and row.key == post_key(club, row.position or 0)
    return row.look_since is not None and row.kind is OutgoingKind.POST and mine


async def find(bot: "commands.AutoShardedBot", row: Outgoing, home_id: int, now: datetime) -> discord.Message | None:
    """Our own message since the first try, if it stands in the channel or thread where it was tried.

    ``home_id``: the channel, or the one that the thread belongs to.
    """
    began = min(moment for moment in (row.first_attempt_at or now, row.look_since) if moment is not None)
    async for message in _ours(bot, row, home_id, began):
        if carries(message, row.marker):
            return message
    return None


async def find_posts(
    bot: "commands.AutoShardedBot", row: Outgoing, club: Club, now: datetime
) -> dict[int, discord.Message]:
    """What a restored club had posted of its reading since the backup, from this post on, by position ascending.

    The announcement of its end has the position behind the last excerpt.
    """
    positions = range(row.position or 0, club.progress.total)
    markers = {outgoing.derive(post_key(club, position))[1]: position for position in positions}
    markers[outgoing.derive(ending_key(club))[1]] = club.progress.total
    found = {}
    async for message in _ours(bot, row, row.channel_id, row.look_since or now):
        if (marker := marker_of(message)) in markers:
            found[markers[marker]] = message
    return dict(sorted(found.items()))


async def go_on_behind(
    conn: Connection, row: Outgoing, club: Club, posts: Mapping[int, discord.Message], *, owner: str, now: datetime
) -> None:
    """Notes what a restored club had posted, and moves it behind that; with no posts, only that it was looked for.

    What it had posted on earlier days does not use up this one. What it had left out stays left out.
    """
    if not posts:
        await clubs.looked_through(conn, club.id)
        return
    zone, end = ZoneInfo(club.schedule.zone), club.progress.total
    last, day, at = row.position or 0, None, None
    for position, message in posts.items():
        if position == end:
            continue
        last, at = position, message.created_at
        day = at.astimezone(zone).date()
        if position != row.position:
            await outgoing.adopt(conn, new_post(club, position, now, day=day), message_id=message.id, sent_at=at)
    if (own := posts.get(row.position or 0)) is not None:
        await outgoing.finish_step(
            conn,
            row.id,
            owner=owner,
            state=OutgoingState.SENT,
            due_at=now,
            message_id=own.id,
            sent_at=own.created_at,
        )
    else:
        await outgoing.forget(conn, row.id, owner=owner)
    position = end if end in posts else last + 1
    await clubs.advance(conn, club.id, run=club.run, position=position, day=day, post_at=at)
    if end in posts:
        await clubs.set_state(conn, club.id, ClubState.ENDED)
        await after_the_end(conn, row, now)
    await clubs.looked_through(conn, club.id)  # the club last, as everywhere: PostgreSQL locks in that order


async def _ours(
    bot: "commands.AutoShardedBot", row: Outgoing, home_id: int, since: datetime
) -> AsyncIterator[discord.Message]:
    """Our messages in the row's channel, oldest first, from an hour before ``since`` on.

    Without Read Message History Discord answers an empty history, which would look like "not sent yet".
    """
    guild = bot.get_guild(row.guild_id)
    if guild is not None and guild.get_channel(home_id) is None:
        try:
            await bot.fetch_channel(home_id)  # raises where it is only hidden from us: then nobody knows
        except discord.NotFound:
            return  # the channel is gone, and with it what was in it
    if fault := channel_fault(guild, home_id, LOOKING):
        reason = f"{fault} So I cannot see whether what I have to post stands there already."
        raise RefusedError(Failure(Outcome.REFUSED, reason))
    channel = bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
    async for message in channel.history(after=since - LOOK_MARGIN, oldest_first=True, limit=None):
        if bot.user and message.author.id == bot.user.id:
            yield message
