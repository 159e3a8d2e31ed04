"""What a guild can read: the seeds that come with the bot, and its own imports."""

from dataclasses import dataclass
from datetime import datetime

from bot.errors import ApplecoreError, UnavailableError
from bot.reading.library import seeds
from bot.reading.models import Reading
from bot.storage import deletions, readings
from bot.storage.database import Connection
from bot.storage.records import Club, StoredReading

MOST_READINGS = 200
"""How many readings of its own a guild may keep: ours, so that one guild cannot fill the database."""


@dataclass(frozen=True, slots=True)
class Book:
    """One entry of the library, as commands name it."""

    key: str
    """``seed:<name>`` or ``own:<slug>``: what an autocompleted option holds."""
    title: str
    author: str | None
    total: int


async def books(conn: Connection, guild_id: int) -> list[Book]:
    """The guild's own readings, then the seeds that it has not taken up under the same title."""
    own = [
        Book(f"own:{stored.slug}", stored.title, stored.author, stored.total)
        for stored in await readings.newest(conn, guild_id)
    ]
    slugs = {book.key.removeprefix("own:") for book in own}
    return own + [
        Book(f"seed:{name}", seed.title, seed.author, len(seed.excerpts))
        for name, seed in seeds().items()
        if readings.slug(seed.title) not in slugs
    ]


async def find(conn: Connection, guild_id: int, asked: str) -> Book:
    """The entry that a member named by its key, its title or a part of its title, in any case.

    Raises:
        UnavailableError: none or several fit; the text says which.
    """
    shelf = await books(conn, guild_id)
    wanted = asked.strip().casefold()
    for fits in (
        [book for book in shelf if book.key.casefold() == wanted],
        [book for book in shelf if book.title.casefold() == wanted],
        [book for book in shelf if wanted and wanted in book.title.casefold()],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            names = ", ".join(f"“{book.title}”" for book in fits[:5])
            raise UnavailableError(f"Several readings fit: {names}. Please choose one from the list.")
    raise UnavailableError(
        "There is no such reading here. `/reading list` shows what there is; `/reading import` adds one."
    )


async def load(conn: Connection, guild_id: int, book: Book) -> Reading:
    kind, _, name = book.key.partition(":")
    if kind == "seed":
        return seeds()[name]
    stored = await readings.find(conn, guild_id, name)
    reading = await readings.load(conn, stored.id) if stored else None
    if reading is None:
        raise UnavailableError("That reading is gone. `/reading list` shows what there is.")
    return reading


async def take(conn: Connection, guild_id: int, book: Book, *, by: int | None, at: datetime) -> StoredReading:
    """The stored reading behind an entry; a seed is copied into the guild's library first."""
    kind, _, name = book.key.partition(":")
    if kind == "seed":
        return await add(conn, guild_id, seeds()[name], by=by, at=at)
    stored = await readings.find(conn, guild_id, name)
    if stored is None:
        raise UnavailableError("That reading is gone. `/reading list` shows what there is.")
    return stored


async def add(conn: Connection, guild_id: int, reading: Reading, *, by: int | None, at: datetime) -> StoredReading:
    """Keeps a reading in the guild's library; the same title makes a new revision.

    Raises:
        ApplecoreError: the library is full.
    """
    known = await readings.find(conn, guild_id, readings.slug(reading.title))
    if known is None and await readings.count(conn, guild_id) >= MOST_READINGS:
        raise ApplecoreError(f"This server keeps {MOST_READINGS} readings already, and that is the most it can.")
    added_by = None if by is None else await deletions.unless_forgotten(conn, by)
    return await readings.save(conn, guild_id, reading, added_by=added_by, at=at)


async def same_title(conn: Connection, club: Club, stored: StoredReading) -> bool:
    """Whether a club reads another revision of that reading."""
    current = await readings.get(conn, club.guild_id, club.reading_id)
    return current is not None and current.slug == stored.slug
