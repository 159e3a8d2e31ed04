"""Digests: gathered from the database, drawn beside the event loop, and laid out as a message."""

import asyncio
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import discord
from discord import ui

from bot.club.layout import ACCENT, layout
from bot.filters import restore_declared
from bot.reading.chart import alt_text, draw
from bot.reading.digest import Digest, ExcerptTalk, Hour, Quarter, local_hours
from bot.reading.digest_wording import PICKED, POINTED, blocks
from bot.reading.text import strip_markdown
from bot.storage import clubs, digests, outgoing, readings
from bot.storage.database import Connection
from bot.storage.digests import Counts, PostedExcerpt
from bot.storage.records import StoredReading

PICTURE = "digest.png"

_drawing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="applecore-drawing")
"""One picture at a time, and none of them in the threads that everything else waits for."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A digest as it is sent."""

    texts: tuple[str, ...]
    """Markdown; at most 4,000 UTF-16 units together."""
    picture: bytes | None
    """A PNG; None where it is sent without one."""
    alt: str
    """What the picture shows; at most 1,024 units."""

    def file(self) -> discord.File:
        """A new one each time: discord.py closes what it has sent. ValueError without a picture."""
        if self.picture is None:
            raise ValueError("this digest has no picture")
        return discord.File(io.BytesIO(self.picture), PICTURE, description=self.alt)

    def without_picture(self) -> "Composed":
        return replace(self, picture=None)


async def post_digest(conn: Connection, post_id: int) -> Digest | None:
    """None where nothing was said about the post, or there is no such post."""
    post = await outgoing.get(conn, post_id)
    mine = await digests.post(conn, post_id)
    if post is None or mine is None or post.reading_id is None:
        return None
    posted = await digests.posts(conn, post.club_id, mine.run) if post.club_id is not None else [mine]
    return await _digest(conn, post.guild_id, post.club_id, post.reading_id, posted, mine)


async def reading_digest(conn: Connection, club_id: int, run: int) -> Digest | None:
    """Of all posts of one run of a club. None where nothing was said about any of them."""
    posted = await digests.posts(conn, club_id, run)
    post = await outgoing.get(conn, posted[-1].post_id) if posted else None
    if post is None or post.reading_id is None:
        return None
    return await _digest(conn, post.guild_id, club_id, post.reading_id, posted, None)


async def _digest(
    conn: Connection,
    guild_id: int,
    club_id: int | None,
    reading_id: int,
    posted: Sequence[PostedExcerpt],
    mine: PostedExcerpt | None,
) -> Digest | None:
    """``mine`` is the one that it is about; None means all of them."""
    reading = await readings.get(conn, guild_id, reading_id)
    club = await clubs.by_id(conn, club_id) if club_id is not None else None
    told = [mine] if mine is not None else posted
    # What was said elsewhere before the club moved is counted; but not all who read here may read there.
    pointed_at = [each for each in told if mine is not None or club is None or each.channel_id == club.channel_id]
    ids = [each.post_id for each in told]
    counts = await digests.counts(conn, [each.post_id for each in posted])
    if reading is None or not any(each.post_id in counts for each in told):
        return None
    zone = club.schedule.zone if club is not None else "UTC"
    comparison = tuple(_talk(each, reading, counts) for each in posted)
    return Digest(
        title=reading.title,
        total=reading.total,
        zone=zone,
        excerpt=None if mine is None else _talk(mine, reading, counts),
        people=await digests.people(conn, ids),
        replies=sum(counts[post_id].replies for post_id in ids if post_id in counts),
        reactions=sum(counts[post_id].reactions for post_id in ids if post_id in counts),
        emojis=await digests.emojis(conn, ids),
        most_reacted=await digests.most_reacted(conn, pointed_at, POINTED),
        picked=await digests.picked(conn, pointed_at, POINTED + PICKED),
        hours=await _local_hours(await digests.quarters(conn, ids), zone),
        comparison=comparison,
    )


def _talk(post: PostedExcerpt, reading: StoredReading, counts: dict[int, Counts]) -> ExcerptTalk:
    mine = counts.get(post.post_id, Counts(0, 0, 0))
    return ExcerptTalk(
        position=post.position,
        heading=strip_markdown(restore_declared(post.heading, reading.workarounds).text),
        channel_id=post.channel_id,
        message_id=post.thread_id,
        people=mine.people,
        replies=mine.replies,
        reactions=mine.reactions,
    )


async def _local_hours(quarters: Sequence[Quarter], zone: str) -> tuple[Hour, ...]:
    """A year of talk has tens of thousands of them, too many to reckon with on the event loop."""
    if len(quarters) < 1000:
        return local_hours(quarters, zone)
    return await asyncio.to_thread(local_hours, quarters, zone)


async def compose(digest: Digest, *, guild_id: int) -> Composed:
    """The event loop goes on while the picture is drawn."""
    loop = asyncio.get_running_loop()
    picture = await loop.run_in_executor(_drawing, draw, digest)
    return Composed(tuple(blocks(digest, guild_id=guild_id)), picture, alt_text(digest))


def digest_layout(composed: Composed, *, marker: int | None = None) -> ui.LayoutView:
    """To be sent with ``composed.file()`` where it has a picture."""
    first, *more = composed.texts
    container: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay(first), accent_colour=ACCENT, id=marker)
    for text in more[:1]:
        container.add_item(ui.TextDisplay(text))
    if composed.picture is not None:
        gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
        gallery.add_item(media=f"attachment://{PICTURE}", description=composed.alt)
        container.add_item(gallery)
    for text in more[1:]:
        container.add_item(ui.TextDisplay(text))
    return layout(container)
