"""An excerpt as members read it: workarounds restored, laid out in pages."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.filters import restore_declared
from bot.reading.models import Excerpt, Reading, Restored
from bot.reading.pages import Page, byline, lay_out, thread_name
from bot.reading.restoring import restore_excerpt
from bot.storage import readings
from bot.storage.database import Connection
from bot.storage.records import StoredReading


@dataclass(frozen=True, slots=True)
class LaidOut:
    """One excerpt, ready to be shown."""

    reading_id: int
    position: int
    """Counted from 0."""
    pages: tuple[Page, ...]
    thread_name: str
    """At most 100 UTF-16 units."""


def restored_excerpt(excerpt: Excerpt, insertions: Sequence[str]) -> tuple[Excerpt, tuple[Restored, ...]]:
    """The excerpt as members read it, and each distinct restoration once."""
    return restore_excerpt(excerpt, insertions, _restore)


def _restore(text: str, insertions: Sequence[str]) -> tuple[str, tuple[Restored, ...]]:
    result = restore_declared(text, insertions)
    return result.text, tuple(
        Restored(written=found.written, word=found.word, insertion=found.insertion) for found in result.restorations
    )


async def lay_out_excerpt(conn: Connection, reading: StoredReading, position: int) -> LaidOut | None:
    """Answers None where the reading has no excerpt at that position."""
    excerpt = await readings.excerpt(conn, reading.id, position)
    if excerpt is None:
        return None
    if len(excerpt.quote) + len(excerpt.comment) + len(excerpt.remark) < QUICK:
        return _lay_out(reading, position, excerpt)
    return await asyncio.to_thread(_lay_out, reading, position, excerpt)


def _lay_out(reading: StoredReading, position: int, excerpt: Excerpt) -> LaidOut:
    shown, pages = pages_of(reading, excerpt, position, reading.total)
    name = thread_name(shown, day=position + 1, total=reading.total, reading_title=reading.title)
    return LaidOut(reading.id, position, pages, name)


def pages_of(
    reading: Reading | StoredReading, excerpt: Excerpt, position: int, total: int
) -> tuple[Excerpt, tuple[Page, ...]]:
    """The excerpt as members read it, and its pages exactly as they are posted; ``position`` counts from 0."""
    shown, restored = restored_excerpt(excerpt, reading.workarounds)
    pages = lay_out(
        reading.title,
        shown,
        restored,
        byline=byline(reading.author, reading.source, reading.title),
        day=position + 1,
        total=total,
        reason=reading.workaround_reason,
        limit=PAGE_UNITS,
    )
    return shown, pages


QUICK = 20_000
"""Code points that are laid out in milliseconds; more than that goes to a thread, so that the gateway need not wait."""

PAGE_UNITS = 4000 - 32
"""UTF-16 units for one page: Discord's 4,000 for all text displays of a message together
(components/reference.mdx), less room for the mention of a ping role (``<@&`` + at most 20 digits + ``>``)."""
