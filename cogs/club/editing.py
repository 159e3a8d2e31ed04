"""/club edit: each option is one step, and says what it changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import discord
from discord import app_commands
from discord.ext import commands

from bot.club import library, wording
from bot.club.permissions import silent_ping
from bot.club.status import POLICIES, next_post_at
from bot.errors import ApplecoreError
from bot.reading.schedule import CatchUp, Schedule
from bot.reading.wording import check_zone, describe_weekdays, parse_start, parse_time, parse_weekdays
from bot.storage import clubs, outgoing
from bot.storage.database import Connection
from bot.storage.records import Club, ClubState
from cogs.club.choosing import (
    WHICH,
    Interaction,
    club_choices,
    guild_of,
    pick,
    reading_choices,
    require_manager,
    zone_choices,
)
from cogs.club.setting_up import CATCH_UP, OPTIONS, Days, check_channels

EDIT_OPTIONS = {
    **{name: text.split(" (default")[0] for name, text in OPTIONS.items()},
    "club": WHICH,
    "reading": "Begin another reading from its first excerpt",
    "stop_ping": "Stop mentioning the role",
    "stop_notices": "Tell managers in the club's own channel again",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options as they were given; None and False mean that nothing is asked."""

    channel: discord.TextChannel | None
    reading: str | None
    time: str | None
    timezone: str | None
    days: str | None
    start: str | None
    ping_role: discord.Role | None
    stop_ping: bool
    catch_up: str | None
    notices: discord.TextChannel | None
    stop_notices: bool
    thread_days: int | None


class Editing(commands.Cog):
    """The command that changes a club."""

    @app_commands.command(description="Change a club: channel, reading, time, days, notices …")
    @app_commands.describe(**EDIT_OPTIONS)
    @app_commands.choices(catch_up=CATCH_UP)
    @app_commands.autocomplete(club=club_choices, reading=reading_choices, timezone=zone_choices)
    async def edit(
        self,
        interaction: Interaction,
        club: str | None = None,
        channel: discord.TextChannel | None = None,
        reading: str | None = None,
        time: str | None = None,
        timezone: str | None = None,
        days: str | None = None,
        start: str | None = None,
        ping_role: discord.Role | None = None,
        stop_ping: bool = False,
        catch_up: str | None = None,
        notices: discord.TextChannel | None = None,
        stop_notices: bool = False,
        thread_days: Days | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        wishes = Wishes(
            channel=channel,
            reading=reading,
            time=time,
            timezone=timezone,
            days=days,
            start=start,
            ping_role=ping_role,
            stop_ping=stop_ping,
            catch_up=catch_up,
            notices=notices,
            stop_notices=stop_notices,
            thread_days=thread_days,
        )
        bot, guild, now = interaction.client, guild_of(interaction), interaction.client.clock()
        async with bot.database.write() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            _check(guild, wishes)
            changes = [change async for change in _carry_out(conn, chosen, wishes, interaction.user.id, now)]
            edited = await clubs.by_id(conn, chosen.id)
        if not changes or edited is None:
            raise ApplecoreError("Nothing was changed: give at least one option that differs from what is set.")
        bot.engine.poke()
        await interaction.followup.send(f"Changed: {'; '.join(changes)}.{_sequel(edited, guild, now)}", ephemeral=True)


def _check(guild: discord.Guild, wishes: Wishes) -> None:
    check_channels(guild, wishes.channel, wishes.notices, wishes.ping_role)
    if wishes.stop_ping and wishes.ping_role is not None:
        raise ApplecoreError("Give either `ping_role:` or `stop_ping:`, not both.")
    if wishes.stop_notices and wishes.notices is not None:
        raise ApplecoreError("Give either `notices:` or `stop_notices:`, not both.")


async def _carry_out(
    conn: Connection, club: Club, wishes: Wishes, manager_id: int, now: datetime
) -> AsyncIterator[str]:
    """Makes each change that was asked for, and names it."""
    schedule = _wished(club.schedule, wishes, now)
    if schedule != club.schedule:
        yield await _reschedule(conn, club, schedule, now)
    if wishes.channel is not None and wishes.channel.id != club.channel_id:
        yield await _move(conn, club, wishes.channel, now)
    if wishes.ping_role is not None:
        await clubs.edit(conn, club.id, ping_role_id=wishes.ping_role.id)
        yield f"pings {wishes.ping_role.mention}"
    if wishes.stop_ping and club.ping_role_id is not None:
        await clubs.edit(conn, club.id, ping_role_id=None)
        yield "nobody is pinged"
    if wishes.notices is not None:
        await clubs.edit(conn, club.id, notices_channel_id=wishes.notices.id)
        yield f"notices go to {wishes.notices.mention}"
    if wishes.stop_notices and club.notices_channel_id is not None:
        await clubs.edit(conn, club.id, notices_channel_id=None)
        yield "notices go to the club's own channel"
    if wishes.thread_days is not None:
        await clubs.edit(conn, club.id, thread_days=wishes.thread_days)
        yield f"threads stay open for {wishes.thread_days} {'day' if wishes.thread_days == 1 else 'days'}"
    if wishes.reading is not None:
        book = await library.find(conn, club.guild_id, wishes.reading)
        stored = await library.take(conn, club.guild_id, book, by=manager_id, at=now)
        await clubs.begin(conn, club.id, reading_id=stored.id, since=now)
        yield f"begins **{wording.plain(stored.title)}** with its first excerpt"


def _wished(old: Schedule, wishes: Wishes, now: datetime) -> Schedule:
    zone = check_zone(wishes.timezone) if wishes.timezone else old.zone
    return Schedule(
        time=parse_time(wishes.time) if wishes.time else old.time,
        zone=zone,
        weekdays=parse_weekdays(wishes.days) if wishes.days else old.weekdays,
        start=parse_start(wishes.start, now.astimezone(ZoneInfo(zone)).date()) if wishes.start else old.start,
        catch_up=CatchUp(wishes.catch_up) if wishes.catch_up else old.catch_up,
    )


async def _reschedule(conn: Connection, club: Club, schedule: Schedule, now: datetime) -> str:
    """Slots count from now. A day that was skipped under the old schedule, far ahead, holds nothing up."""
    await clubs.edit(conn, club.id, schedule=schedule, since=now)
    today = now.astimezone(ZoneInfo(schedule.zone)).date()
    other_slots = schedule != club.schedule.model_copy(update={"catch_up": schedule.catch_up})
    if other_slots and club.progress.last_day is not None and club.progress.last_day > today:
        await clubs.edit(conn, club.id, last_day=None)
    days = describe_weekdays(schedule.weekdays)
    return f"{days} at {schedule.time:%H:%M}, {schedule.zone}, {POLICIES[schedule.catch_up]}"


async def _move(conn: Connection, club: Club, channel: discord.TextChannel, now: datetime) -> str:
    """To another channel, with what is still to be posted; that mends a club which could not work in the old one."""
    await clubs.edit(conn, club.id, channel_id=channel.id)
    await outgoing.hurry(conn, club.id, now)
    if club.state is ClubState.BROKEN:
        await clubs.set_state(conn, club.id, ClubState.ACTIVE)
        return f"posts in {channel.mention} from now on, so that the club goes on"
    return f"posts in {channel.mention} from now on"


def _sequel(club: Club, guild: discord.Guild, now: datetime) -> str:
    """What follows from the changes, as one more sentence or two."""
    coming = next_post_at(club, now)
    tail = f" The next excerpt comes {wording.when_and_how_soon(coming)}." if coming else ""
    if club.state is ClubState.PAUSED:
        tail = " The club is still paused; `/club resume` goes on."
    elif club.state is ClubState.BROKEN:
        tail = " The club still stands; `/club status` says why, and `/club resume` goes on."
    silent = silent_ping(guild, club.ping_role_id) if club.ping_role_id else None
    return f"{tail}\n⚠️ {silent}" if silent else tail
