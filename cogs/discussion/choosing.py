"""Which reading of which club, or which of its excerpts, is meant."""

import re

import discord
from discord import app_commands

from bot.errors import UnavailableError
from bot.reading.chart_series import MONTHS
from bot.storage import digests
from bot.storage.database import Connection
from bot.storage.digests import ClubRun, PostedExcerpt
from cogs.club.choosing import Interaction, guild_of, may_look_into, offer, visible_clubs

NOTHING_YET = "Nothing has been posted here yet. `/club status` says when the first excerpt comes."

_POST = re.compile(r"post:(?P<id>[0-9]{1,18})")
"""What stands for a post in the list that is offered; anybody may type another number, of any length."""


async def visible_runs(interaction: Interaction, conn: Connection) -> list[ClubRun]:
    """Of the clubs whose channel the member may see, the newest first; those of this channel before all others."""
    channels = {club.id: club.channel_id for club in await visible_clubs(interaction, conn)}
    channel = interaction.channel
    here = channel.parent_id if isinstance(channel, discord.Thread) else interaction.channel_id
    found = [run for run in await digests.runs(conn, guild_of(interaction).id) if run.club_id in channels]
    return sorted(found, key=lambda run: channels[run.club_id] != here)


async def pick_run(interaction: Interaction, conn: Connection, asked: str | None) -> ClubRun:
    """The reading that is meant: the one asked for, else the latest of this channel, else the latest of the guild.

    Raises:
        UnavailableError: nothing was posted yet, or there is no such reading.
    """
    runs = await visible_runs(interaction, conn)
    if not runs:
        raise UnavailableError(NOTHING_YET)
    if asked is None:
        return runs[0]
    wanted = asked.strip().casefold()
    for run in runs:
        if wanted in {_key(run), run.title.casefold()}:
            return run
    raise UnavailableError("I know no such reading here. Please choose one from the list that `reading:` offers.")


async def _readable(interaction: Interaction, conn: Connection, run: ClubRun) -> list[PostedExcerpt]:
    """Those posts of it that the member may read: a club may have moved here from a channel that they cannot see."""
    posts = await digests.posts(conn, run.club_id, run.run)
    return [post for post in posts if may_look_into(interaction, post.channel_id)]


async def pick_excerpt(interaction: Interaction, conn: Connection, asked: str | None) -> PostedExcerpt:
    """The post that is meant: the one asked for, else that of this thread, else the latest that was talked about.

    Raises:
        UnavailableError: nothing was posted yet, or there is no such excerpt.
    """
    run = await pick_run(interaction, conn, None)
    if asked is not None:
        return await _asked_for(interaction, conn, run, asked.strip())
    runs = await visible_runs(interaction, conn)
    for each in runs:
        for post in await _readable(interaction, conn, each):
            if post.thread_id == interaction.channel_id:
                return post
    posts = await _readable(interaction, conn, run)
    if not posts:
        raise UnavailableError(NOTHING_YET)
    talked_about = await digests.counts(conn, [post.post_id for post in posts])
    return next((post for post in reversed(posts) if post.post_id in talked_about), posts[-1])


async def _asked_for(interaction: Interaction, conn: Connection, run: ClubRun, asked: str) -> PostedExcerpt:
    """By the key that was offered, or by its number in the reading that is meant anyway."""
    if key := _POST.fullmatch(asked):
        found = await digests.post(conn, int(key["id"]))
        runs = {(each.club_id, each.run) for each in await visible_runs(interaction, conn)}
        if found is not None and (found.club_id, found.run) in runs and may_look_into(interaction, found.channel_id):
            return found
    for post in await _readable(interaction, conn, run):
        if asked == str(post.position + 1):
            return post
    raise UnavailableError("I know no such excerpt here. Please choose one from the list that `excerpt:` offers.")


async def run_choices(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    async with interaction.client.database.read() as conn:
        runs = await visible_runs(interaction, conn)
        places = {club.id: club.channel_id for club in await visible_clubs(interaction, conn)}
    guild = guild_of(interaction)
    labels = []
    for run in runs:
        channel = guild.get_channel(places[run.club_id])
        place = f"#{channel.name}" if channel else "a deleted channel"
        begun = f"{run.begun_at.day} {MONTHS[run.begun_at.month - 1]} {run.begun_at.year}"
        labels.append((f"{place} · since {begun} · {run.title}", _key(run)))
    return offer(labels, current)


async def excerpt_choices(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Those of the reading that is meant anyway, the newest first."""
    async with interaction.client.database.read() as conn:
        runs = await visible_runs(interaction, conn)
        posts = await _readable(interaction, conn, runs[0]) if runs else []
    return offer([(_label(post), f"post:{post.post_id}") for post in reversed(posts)], current)


def _label(post: PostedExcerpt) -> str:
    return f"{post.position + 1} · {post.heading}" if post.heading else str(post.position + 1)


def _key(run: ClubRun) -> str:
    return f"{run.club_id}:{run.run}"
