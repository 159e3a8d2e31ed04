"""Who may change a club, which club is meant, and the choices that are offered while typing."""

import discord
from discord import app_commands

from bot.client import Applecore
from bot.club import library
from bot.errors import ApplecoreError, UnavailableError
from bot.reading.wording import find_zones
from bot.storage import clubs, guilds, readings
from bot.storage.database import Connection
from bot.storage.records import Club

WHICH = "Which club (default: the one of this channel)"
"""What the option ``club:`` says everywhere."""

Interaction = discord.Interaction[Applecore]


def guild_of(interaction: Interaction) -> discord.Guild:
    """The guild of a command that exists in guilds only."""
    if interaction.guild is None:
        raise ApplecoreError("This works in a server only.")
    return interaction.guild


def has_manage_server(interaction: Interaction) -> bool:
    return interaction.permissions.manage_guild or interaction.permissions.administrator


async def _manager_role(interaction: Interaction, conn: Connection) -> int | None:
    """The role that ``/club role`` set, while it exists."""
    guild = guild_of(interaction)
    role_id = await guilds.role(conn, guild.id)
    return role_id if role_id is not None and guild.get_role(role_id) is not None else None


async def is_manager(interaction: Interaction, conn: Connection) -> bool:
    """Whether the member has Manage Server, or the role that ``/club role`` set."""
    if has_manage_server(interaction):
        return True
    role_id = await _manager_role(interaction, conn)
    member = interaction.user
    return role_id is not None and isinstance(member, discord.Member) and member.get_role(role_id) is not None


async def require_manager(interaction: Interaction, conn: Connection) -> None:
    """Raises ApplecoreError, which says who may, unless the member manages the clubs."""
    if await is_manager(interaction, conn):
        return
    role_id = await _manager_role(interaction, conn)
    or_role = f" or the role <@&{role_id}>" if role_id is not None else ""
    raise ApplecoreError(f"Only members with **Manage Server**{or_role} may do this.")


def may_see(interaction: Interaction, club: Club) -> bool:
    """Whether the member may look into the club's channel; what is posted there is for nobody else."""
    return may_look_into(interaction, club.channel_id)


def may_look_into(interaction: Interaction, channel_id: int) -> bool:
    """In a channel that was deleted there is nothing left to keep from anybody."""
    channel = guild_of(interaction).get_channel(channel_id)
    if channel is None or has_manage_server(interaction):
        return True
    return isinstance(interaction.user, discord.Member) and channel.permissions_for(interaction.user).view_channel


async def visible_clubs(interaction: Interaction, conn: Connection) -> list[Club]:
    everything = await clubs.in_guild(conn, guild_of(interaction).id)
    return [club for club in everything if may_see(interaction, club)]


async def pick(interaction: Interaction, conn: Connection, asked: str | None) -> Club:
    """The club that is meant: the one asked for, else the only one of this channel, else the only one of the guild.

    Raises:
        UnavailableError: there is none, or it is not clear which.
    """
    all_clubs = await visible_clubs(interaction, conn)
    if not all_clubs:
        raise UnavailableError("There is no club here yet. `/club setup` makes one.")
    if asked is not None:
        chosen = [club for club in all_clubs if str(club.id) == asked.strip()]
        if not chosen:
            raise UnavailableError("I do not know that club. Please choose one from the list that `club:` offers.")
        return chosen[0]
    channel = interaction.channel
    here = channel.parent_id if isinstance(channel, discord.Thread) else interaction.channel_id
    in_channel = [club for club in all_clubs if club.channel_id == here]
    for candidates in (in_channel, all_clubs):
        if len(candidates) == 1:
            return candidates[0]
    raise UnavailableError("There are several clubs. Please say which one with `club:`.")


async def club_choices(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    guild = guild_of(interaction)
    async with interaction.client.database.read() as conn:
        shown = await visible_clubs(interaction, conn)
        named = [(club, await readings.get(conn, guild.id, club.reading_id)) for club in shown]
    labels = []
    for club, reading in named:
        channel = guild.get_channel(club.channel_id)
        place = f"#{channel.name}" if channel else "a deleted channel"
        labels.append((f"{place} · {reading.title if reading else '?'}", str(club.id)))
    return offer(labels, current)


async def reading_choices(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    async with interaction.client.database.read() as conn:
        shelf = await library.books(conn, guild_of(interaction).id)
    return offer([(f"{book.title} ({book.total})", book.key) for book in shelf], current)


async def zone_choices(_: Interaction, current: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=zone, value=zone) for zone in find_zones(current)]


def offer(labels: list[tuple[str, str]], current: str) -> list[app_commands.Choice[str]]:
    """At most 25 choices of at most 100 characters (application-commands.mdx), those that fit what was typed."""
    wanted = current.casefold()
    return [
        app_commands.Choice(name=name if len(name) <= 100 else f"{name[:99]}…", value=value[:100])
        for name, value in labels
        if wanted in name.casefold() or wanted == value.casefold()
    ][:25]
