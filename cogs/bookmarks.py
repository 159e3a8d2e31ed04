"""/bookmark and /bookmarks: excerpts that a member wants to find again."""

from dataclasses import dataclass

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import Applecore
from bot.club import wording
from bot.club.finding import caption, links
from bot.club.layout import ACCENT, layout
from bot.errors import ApplecoreError, UnavailableError
from bot.reading.splitting import shorten
from bot.storage import bookmarks, deletions, outgoing, posts, readings
from bot.storage.database import Connection
from bot.storage.records import Bookmark, Outgoing
from cogs.buttons import FromTemplate, answering_errors
from cogs.club.choosing import WHICH, Interaction, club_choices, guild_of, pick
from cogs.finding import Number, not_posted

PER_PAGE = 10
"""Bookmarks in one message, each of at most 370 of its 4,000 UTF-16 units."""

TURN_ID = "applecore:bookmarks:{page}"
OFF_ID = "applecore:bookmarks-off:{page}"


class BookmarksCog(commands.Cog):
    """Keeps each member's bookmarks."""

    @app_commands.command(description="Keep an excerpt for you to find again; nobody else sees it")
    @app_commands.describe(number="Which excerpt (default: the one of this thread, else the latest)", club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def bookmark(self, interaction: Interaction, number: Number | None = None, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        guild, member, now = guild_of(interaction), interaction.user, interaction.client.clock()
        async with interaction.client.database.write() as conn:
            await deletions.version(conn)  # nobody's data is deleted while something of theirs is being kept
            post = await _meant(interaction, conn, number, club)
            if (await deletions.forgotten(conn)).holds(member.id):
                raise ApplecoreError(
                    "You asked me to keep nothing about you, so I keep no bookmarks. `/privacy join` changes that."
                )
            reading = await readings.get(conn, guild.id, post.reading_id or 0)
            if reading is None or post.position is None:
                raise UnavailableError("This excerpt is not kept here any more.")
            added = await bookmarks.add(
                conn, guild.id, member.id, reading_id=reading.id, position=post.position, at=now
            )
        which = f"number {post.position + 1} of **{wording.plain(shorten(reading.title, 100))}**"
        await interaction.followup.send(
            f"Bookmarked: {which}. `/bookmarks` shows what you keep, and only to you."
            if added
            else f"You keep {which} already. `/bookmarks` lets you take it off.",
            ephemeral=True,
        )

    @app_commands.command(description="The excerpts that you keep, to open them or take them off")
    async def bookmarks(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.read() as conn:
            view = await _listed(conn, guild_of(interaction).id, interaction.user.id, 0)
        await interaction.followup.send(view=view, ephemeral=True)


async def _meant(interaction: Interaction, conn: Connection, number: int | None, club: str | None) -> Outgoing:
    """The post that is to be kept: the one asked for, else the one of this thread, else the club's latest."""
    now, channel = interaction.client.clock(), interaction.channel
    in_thread = channel if number is None and club is None and isinstance(channel, discord.Thread) else None
    if in_thread and (here := await posts.by_message(conn, in_thread.guild.id, in_thread.id)) is not None:
        return here
    chosen = await pick(interaction, conn, club)
    if number is None:
        if (latest := await outgoing.latest_post(conn, chosen.id)) is None:
            raise UnavailableError(f"Nothing has been posted yet in <#{chosen.channel_id}>.")
        return latest
    if (post := await posts.newest(conn, chosen.id, chosen.reading_id, number - 1)) is None:
        reading = await readings.get(conn, chosen.guild_id, chosen.reading_id)
        raise UnavailableError(not_posted(chosen, reading, number, now))
    return post


class TurnButton(
    FromTemplate, ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"applecore:bookmarks:(?P<page>\d{1,3})"
):
    """Shows another page of the bookmarks of whoever pressed it."""

    def __init__(self, page: str) -> None:
        super().__init__(ui.Button(custom_id=TURN_ID.format(page=page)))
        self.page = int(page)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        async with interaction.client.database.read() as conn:
            view = await _listed(conn, guild_of(interaction).id, interaction.user.id, self.page)
        await interaction.response.edit_message(view=view)


class OffSelect(
    FromTemplate, ui.DynamicItem[ui.Select[ui.LayoutView]], template=r"applecore:bookmarks-off:(?P<page>\d{1,3})"
):
    """Takes off the bookmarks that their owner chose, and shows what is left."""

    def __init__(self, page: str) -> None:
        super().__init__(ui.Select(custom_id=OFF_ID.format(page=page)))
        self.page = int(page)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        await interaction.response.defer()
        guild_id, user_id = guild_of(interaction).id, interaction.user.id
        chosen = [int(value) for value in self.item.values if value.isdecimal()]
        async with interaction.client.database.write() as conn:
            await bookmarks.remove(conn, guild_id, user_id, chosen)
            view = await _listed(conn, guild_id, user_id, self.page)
        await interaction.edit_original_response(view=view)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A bookmark with what is shown of it."""

    id: int
    number: int
    title: str
    caption: str
    post: Outgoing | None
    """Where the excerpt was posted last; None where a person deleted that."""

    def line(self) -> str:
        """At most 370 UTF-16 units."""
        title, caption = wording.plain(shorten(self.title, 30)), wording.plain(shorten(self.caption, 45))
        shown = f"- **Number {self.number}** of {title} · {caption}"
        return f"{shown} · {links(self.post)}" if self.post else shown


async def _listed(conn: Connection, guild_id: int, user_id: int, page: int) -> ui.LayoutView:
    """One page of a member's bookmarks, newest first; ``page`` counts from 0 and is brought into range."""
    everything = await bookmarks.of_member(conn, guild_id, user_id)
    pages = max(1, -(-len(everything) // PER_PAGE))
    page = min(page, pages - 1)
    shown = await _kept(conn, guild_id, everything[page * PER_PAGE :][:PER_PAGE])
    head = "## Your bookmarks" + (f"\n-# Page {page + 1} of {pages}" if pages > 1 else "")
    none = "You keep no excerpt yet. `/bookmark` in an excerpt's thread keeps that one; nobody else sees it."
    text = "\n".join([head, *([kept.line() for kept in shown] or [none])])
    container: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay(text), accent_colour=ACCENT)
    if shown:
        container.add_item(ui.ActionRow(_off_select(shown, page)))
    turns = [("Newer", page - 1), ("Older", page + 1)]
    buttons: list[ui.Button[ui.LayoutView]] = [
        ui.Button(label=label, custom_id=TURN_ID.format(page=target)) for label, target in turns if 0 <= target < pages
    ]
    if buttons:
        container.add_item(ui.ActionRow(*buttons))
    return layout(container)


async def _kept(conn: Connection, guild_id: int, chosen: list[Bookmark]) -> list[_Kept]:
    places = [(bookmark.reading_id, bookmark.position) for bookmark in chosen]
    newest_last = reversed(await posts.of_excerpts(conn, guild_id, places))
    posted = {(post.reading_id, post.position): post for post in newest_last}
    kept = []
    for bookmark, place in zip(chosen, places, strict=True):
        reading, excerpt = await readings.get(conn, guild_id, place[0]), await readings.excerpt(conn, *place)
        if reading is not None and excerpt is not None:  # no bookmark outlives its reading
            words = caption(reading, excerpt)
            kept.append(_Kept(bookmark.id, bookmark.position + 1, reading.title, words, posted.get(place)))
    return kept


def _off_select(shown: list[_Kept], page: int) -> ui.Select[ui.LayoutView]:
    select: ui.Select[ui.LayoutView] = ui.Select(
        custom_id=OFF_ID.format(page=page), placeholder="Take off …", max_values=len(shown)
    )
    for kept in shown:
        label = shorten(f"{kept.number} · {kept.caption}", 100)
        select.add_option(label=label, value=str(kept.id), description=shorten(kept.title, 100))
    return select


async def setup(bot: Applecore) -> None:
    bot.add_dynamic_items(TurnButton, OffSelect)
    await bot.add_cog(BookmarksCog())
