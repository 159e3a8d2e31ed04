"""An excerpt as members read it: workarounds restored, laid out in pages."""

from dataclasses import dataclass

from bot.filters import restore_declared
from bot.reading.models import Excerpt, Restored
from bot.reading.pages import Page, byline, lay_out, thread_name
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


def restore(text: str, insertions: tuple[str, ...]) -> tuple[str, tuple[Restored, ...]]:
    """Takes declared insertions out of a text; answers it with what was restored, in order, repeats included."""
    result = restore_declared(text, insertions)
    return result.text, tuple(
        Restored(written=found.written, word=found.word, insertion=found.insertion) for found in result.restorations
    )


def restored_excerpt(excerpt: Excerpt, insertions: tuple[str, ...]) -> tuple[Excerpt, tuple[Restored, ...]]:
    """The excerpt with the words put back in all its parts, and each distinct restoration once."""
    heading, of_heading = restore(excerpt.heading, insertions)
    comment, of_comment = restore(excerpt.comment, insertions)
    quote, of_quote = restore(excerpt.quote, insertions)
    remark, of_remark = restore(excerpt.remark, insertions)
    found = dict.fromkeys((*of_heading, *of_comment, *of_quote, *of_remark))
    return Excerpt(heading=heading, comment=comment, quote=quote, remark=remark), tuple(found)


async def lay_out_excerpt(conn: Connection, reading: StoredReading, position: int) -> LaidOut | None:
    """Answers None where the reading has no excerpt at that position."""
    excerpt = await readings.excerpt(conn, reading.id, position)
    if excerpt is None:
        return None
    shown, restored = restored_excerpt(excerpt, reading.workarounds)
    pages = lay_out(
        reading.title,
        shown,
        restored,
        byline=byline(reading.author, reading.source, reading.title),
        day=position + 1,
        total=reading.total,
        reason=reading.workaround_reason,
        limit=PAGE_UNITS,
    )
    name = thread_name(shown, day=position + 1, total=reading.total, reading_title=reading.title)
    return LaidOut(reading.id, position, pages, name)


PAGE_UNITS = 4000 - 32
"""UTF-16 units for one page: Discord's 4,000 for all text displays of a message together
(components/reference.mdx), less room for the mention of a ping role (``<@&`` + at most 20 digits + ``>``)."""
