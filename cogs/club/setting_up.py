"""/club setup, remove and role."""

from datetime import datetime
from zoneinfo import ZoneInfo

import discord
from discord import app_commands
from discord.ext import commands

from bot.club import library, wording
from bot.club.permissions import NEEDED, NOTICES, channel_fault, silent_ping
from bot.club.status import next_post_at
from bot.errors import ApplecoreError
from bot.reading.schedule import CatchUp, Schedule
from bot.reading.wording import check_zone, describe_weekdays, parse_start, parse_time, parse_weekdays
from bot.storage import clubs, deletions, guilds, readings
from bot.storage.records import Club, NewClub
from cogs.club.choosing import (
    WHICH,
    Interaction,
    club_choices,
    guild_of,
    has_manage_server,
    pick,
    reading_choices,
    require_manager,
    zone_choices,
)
from cogs.club.removing import removal_question

MOST_CLUBS = 25
"""Clubs in one guild: as many as one autocompletion can offer."""

Days = app_commands.Range[int, 1, 30]

CATCH_UP = [
    app_commands.Choice(name="one: at most one late excerpt, then on as planned", value="one"),
    app_commands.Choice(name="shift: nothing late, on at the next slot", value="shift"),
    app_commands.Choice(name="skip: missed days lose their excerpts", value="skip"),
]

OPTIONS = {
    "channel": "Where to post: a text or announcement channel",
    "reading": "What to read; /reading list shows what there is",
    "time": "When to post, in the club's local time: 09:00, 9pm",
    "timezone": "The club's time zone, such as Europe/Berlin",
    "days": "On which days: daily, mon-fri, weekends, Mon Wed Fri (default: daily)",
    "start": "The first day: today, tomorrow, 2026-12-01 (default: as soon as the time comes)",
    "ping_role": "A role to mention with each post (members choose it themselves)",
    "catch_up": "After downtime (default: one)",
    "notices": "Where I tell managers what is wrong (default: the club's channel)",
    "thread_days": "For how many days each thread stays open (default: 3)",
}


class SettingUp(commands.Cog):
    """Commands that make, change and take away clubs."""

    @app_commands.command(description="Start a reading club in a channel")
    @app_commands.describe(**OPTIONS)
    @app_commands.choices(catch_up=CATCH_UP)
    @app_commands.autocomplete(reading=reading_choices, timezone=zone_choices)
    async def setup(
        self,
        interaction: Interaction,
        channel: discord.TextChannel,
        reading: str,
        time: str,
        timezone: str,
        days: str | None = None,
        start: str | None = None,
        ping_role: discord.Role | None = None,
        catch_up: str | None = None,
        notices: discord.TextChannel | None = None,
        thread_days: Days | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild, now = interaction.client, guild_of(interaction), interaction.client.clock()
        zone = check_zone(timezone)
        today = now.astimezone(ZoneInfo(zone)).date()
        schedule = Schedule(
            time=parse_time(time),
            zone=zone,
            weekdays=parse_weekdays(days) if days else frozenset(range(7)),
            start=parse_start(start, today) if start else today,
            catch_up=CatchUp(catch_up) if catch_up else CatchUp.ONE,
        )
        async with bot.database.write() as conn:
            await require_manager(interaction, conn)
            check_channels(guild, channel, notices, ping_role)
            if len(await clubs.in_guild(conn, guild.id)) >= MOST_CLUBS:
                raise ApplecoreError(
                    f"This server has {MOST_CLUBS} clubs, and that is the most it can. Remove one first."
                )
            book = await library.find(conn, guild.id, reading)
            stored = await library.take(conn, guild.id, book, by=interaction.user.id, at=now)
            club = await clubs.create(
                conn,
                NewClub(
                    guild_id=guild.id,
                    channel_id=channel.id,
                    reading_id=stored.id,
                    schedule=schedule,
                    ping_role_id=ping_role.id if ping_role else None,
                    notices_channel_id=notices.id if notices else None,
                    thread_days=thread_days or 3,
                    created_by=await deletions.unless_forgotten(conn, interaction.user.id) or deletions.NOBODY,
                    created_at=now,
                ),
            )
        bot.engine.poke()
        await interaction.followup.send(_introduced(club, stored.title, guild, now), ephemeral=True)

    @app_commands.command(description="Remove a club (asks first); its posts and threads stay")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def remove(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.read() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            reading = await readings.get(conn, chosen.guild_id, chosen.reading_id)
        view = removal_question(chosen, reading.title if reading else "?")
        await interaction.followup.send(view=view, ephemeral=True)

    @app_commands.command(description="Let a role manage the clubs; without a role, only Manage Server may")
    @app_commands.describe(role="The role; leave it out to take the permission back")
    async def role(self, interaction: Interaction, role: discord.Role | None = None) -> None:
        guild = guild_of(interaction)
        if not has_manage_server(interaction):
            raise ApplecoreError("Only members with **Manage Server** may do this.")
        if role is not None and role.is_default():
            raise ApplecoreError("@everyone cannot manage the clubs. Choose a role that you give to organisers.")
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.write() as conn:
            await guilds.set_role(conn, guild.id, role.id if role else None)
        who = f"Members with {role.mention} or Manage Server" if role else "Only members with Manage Server"
        await interaction.followup.send(f"{who} may manage the clubs now.", ephemeral=True)


def check_channels(
    guild: discord.Guild,
    channel: discord.TextChannel | None,
    notices: discord.TextChannel | None,
    ping_role: discord.Role | None,
) -> None:
    """Raises ApplecoreError where we could not work, so that a club is not begun only to stop at its first post."""
    if channel is not None and (fault := channel_fault(guild, channel.id, NEEDED)):
        raise ApplecoreError(f"{fault} Grant it there (or in the server's settings), then try again.")
    if notices is not None and (fault := channel_fault(guild, notices.id, NOTICES)):
        raise ApplecoreError(f"{fault} I could not tell managers anything there. Grant it, or choose another channel.")
    if ping_role is not None and ping_role.is_default():
        raise ApplecoreError("I do not ping @everyone. Choose a role that members take themselves.")


def _introduced(club: Club, title: str, guild: discord.Guild, now: datetime) -> str:
    coming = next_post_at(club, now)
    excerpts = "1 excerpt" if club.progress.total == 1 else f"{club.progress.total} excerpts"
    when = f"{describe_weekdays(club.schedule.weekdays)} at {club.schedule.time:%H:%M} ({club.schedule.zone})"
    lines = [
        f"The club is set up: **{wording.plain(title)}** in <#{club.channel_id}>, {excerpts}, {when}."
        + (f" The first comes {wording.when_and_how_soon(coming)}." if coming else "")
        + (f" Each post pings <@&{club.ping_role_id}>." if club.ping_role_id else ""),
    ]
    if club.ping_role_id and (silent := silent_ping(guild, club.ping_role_id)):
        lines.append(f"⚠️ {silent}")
    lines.append(
        "`/club preview` shows what will be posted, `/club status` how it stands; "
        "`/club post-now` posts the first one at once."
    )
    return "\n".join(lines)
