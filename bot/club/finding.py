"""Looks through what clubs have posted."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.club import wording
from bot.club.excerpts import restored_excerpt
from bot.filters import restore_declared
from bot.reading.digest_wording import message_url
from bot.reading.finding import Found, find, query_of, snippet
from bot.reading.models import Excerpt
from bot.reading.splitting import shorten, utf16_len
from bot.reading.text import hide_spoilers, strip_markdown
from bot.storage import posts, readings
from bot.storage.database import Connection
from bot.storage.records import Outgoing, StoredReading

MOST_HITS = 10
HITS_UNITS = 3800
"""UTF-16 units of all hits together: what stands above them finds room in a message's 4,000."""
HIT_UNITS = 600
"""UTF-16 units of one hit where there are few. Where there are ten, 380 are left: its links take 190 at the most."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One excerpt that holds what was looked for, and where it was posted last."""

    post: Outgoing
    reading: StoredReading
    heading: str
    found: Found


@dataclass(frozen=True, slots=True)
class Search:
    """What came of it."""

    lines: tuple[str, ...]
    """The best ``MOST_HITS`` in Markdown, ``HITS_UNITS`` together with the blank lines between them."""
    total: int
    searched: int
    """How many excerpts were looked through."""


async def search(conn: Connection, guild_id: int, club_ids: Collection[int], text: str) -> Search:
    """Looks through every excerpt that those clubs have posted, the reading that was posted from last first.

    Words that the source had to write round a filter are found as members read them, and as they are written.
    """
    posted: dict[int, dict[int, Outgoing]] = {}
    for post in await posts.of_clubs(conn, club_ids):
        if post.reading_id is not None and post.position is not None:
            posted.setdefault(post.reading_id, {}).setdefault(post.position, post)
    hits: list[Hit] = []
    total = searched = 0
    for reading_id, by_position in posted.items():
        reading = await readings.get(conn, guild_id, reading_id)
        if reading is None:
            continue
        excerpts = await readings.excerpts(conn, reading_id)
        # A book takes its time: the gateway must not wait for it. One at a time, so that memory stays bounded.
        found = await asyncio.to_thread(_hits, reading, excerpts, by_position, text)
        total += len(found)
        searched += len(by_position)
        hits = sorted(hits + found, key=lambda hit: hit.found.rank)[:MOST_HITS]
    return Search(await asyncio.to_thread(_described, hits), total, searched)


def _hits(
    reading: StoredReading, excerpts: Sequence[Excerpt], by_position: Mapping[int, Outgoing], text: str
) -> list[Hit]:
    query = query_of(restore_declared(text, reading.workarounds).text)
    if query is None:
        return []
    hits = []
    for position, post in sorted(by_position.items()):
        if position < len(excerpts):
            shown, _ = restored_excerpt(excerpts[position], reading.workarounds)
            if (found := find(query, shown)) is not None:
                hits.append(Hit(post, reading, shown.heading, found))
    return hits


def links(post: Outgoing) -> str:
    """The post and its thread, to jump to."""
    shown = f"[post]({message_url(post.guild_id, post.channel_id, post.message_id or 0)})"
    if post.thread_id is not None:
        shown += f" · [thread](https://discord.com/channels/{post.guild_id}/{post.thread_id})"
    return shown


def caption(reading: StoredReading, excerpt: Excerpt) -> str:
    """What an excerpt can be recognised by, as plain text: its heading, else how it begins; at most 100 units."""
    start = excerpt.heading or hide_spoilers(excerpt.quote)[:300]
    return shorten(" ".join(strip_markdown(restore_declared(start, reading.workarounds).text).split()), 100)


def _described(hits: Sequence[Hit]) -> tuple[str, ...]:
    several = len({hit.reading.id for hit in hits}) > 1
    return tuple(_line(hit, HITS_UNITS // len(hits) - len("\n\n"), with_title=several) for hit in hits)


def _line(hit: Hit, room: int, *, with_title: bool) -> str:
    first = f"**Number {(hit.post.position or 0) + 1}**"
    if with_title:
        first += f" of {wording.plain(shorten(hit.reading.title, 30))}"
    first += f" · {links(hit.post)}"
    if hit.heading and not hit.found.in_heading:
        first += f" · {wording.plain(shorten(hit.heading, 60 if room >= HIT_UNITS else 30))}"
    quote = "\n> "
    return f"{first}{quote}{snippet(hit.found, min(room, HIT_UNITS) - utf16_len(first + quote))}"
