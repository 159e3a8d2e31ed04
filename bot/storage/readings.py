"""A guild's library: readings and their excerpts, each revision kept as it was added."""

import hashlib
import json
import unicodedata
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, distinct, exists, func, select
from sqlalchemy import insert as plain_insert

from bot.errors import ApplecoreError
from bot.reading.models import Excerpt, Reading
from bot.storage import schema
from bot.storage.records import StoredReading
from bot.storage.sql import Connection, insert

_readings = schema.readings
_excerpts = schema.excerpts
_stored = tuple(column for column in _readings.c if column.name != "content_hash")
_passage = (_excerpts.c.heading, _excerpts.c.comment, _excerpts.c.quote, _excerpts.c.remark)
_STORED, _PASSAGES = select(*_stored), select(*_passage)

_SLUG_MAX = 80


def slug(title: str) -> str:
    """The name by which a title is found again: lower-case words joined by hyphens, at most 80 code points.

    Accents on Latin letters go, other scripts stay as they are. A title that is longer, or that has neither
    letters nor digits, is told apart by a digest.
    """
    kept = ""
    for letter in unicodedata.normalize("NFKD", title.casefold()):
        category = unicodedata.category(letter)[0]
        if letter in "'’" or (category == "M" and kept[-1:].isascii()):
            continue
        kept += letter if category in "LNM" else "-"
    name = unicodedata.normalize("NFC", "-".join(word for word in kept.split("-") if word))
    if 0 < len(name) <= _SLUG_MAX:
        return name
    digest = hashlib.blake2b(title.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{name[: _SLUG_MAX - 9].rstrip('-') or 'reading'}-{digest}"


async def save(
    conn: Connection, guild_id: int, reading: Reading, *, added_by: int | None, at: datetime
) -> StoredReading:
    """Adds the reading, as the next revision when its title is known.

    The same content as the newest revision answers that revision.
    """
    name = slug(reading.title)
    digest = _digest(reading)
    values = reading.model_dump(mode="json", exclude={"excerpts"})
    if conn.dialect.name == "postgresql":
        # Else one could come in between another's revision and the end of those before it, and take its number again.
        lock = func.hashtextextended(f"reading:{guild_id}:{name}", 0)
        await conn.execute(select(func.pg_advisory_xact_lock(lock)))
    while True:
        newest = (await conn.execute(_newest_first(guild_id, name))).first()
        if newest is not None and newest.content_hash == digest:
            return _reading(newest)
        new = insert(conn, _readings).values(
            **values,
            guild_id=guild_id,
            slug=name,
            revision=1 if newest is None else newest.revision + 1,
            total=len(reading.excerpts),
            content_hash=digest,
            added_by=added_by,
            added_at=at,
        )
        stored = (await conn.execute(new.on_conflict_do_nothing().returning(*_readings.c))).first()
        if stored is not None:
            break
        # Another process has just stored this revision: look again what is newest now.
    rows = [
        {"reading_id": stored.id, "position": position, **excerpt.model_dump()}
        for position, excerpt in enumerate(reading.excerpts)
    ]
    await conn.execute(plain_insert(_excerpts), rows)
    await _drop_unused(conn, guild_id, name, stored.id)
    return _reading(stored)


async def _drop_unused(conn: Connection, guild_id: int, name: str, newest_id: int) -> None:
    """Earlier revisions that no club reads and no post came from, so that importing again and again adds up to one."""
    used_by_club = exists().where(schema.clubs.c.reading_id == _readings.c.id)
    used_by_post = exists().where(schema.outgoing.c.reading_id == _readings.c.id)
    earlier = (_readings.c.guild_id == guild_id, _readings.c.slug == name, _readings.c.id != newest_id)
    await conn.execute(delete(_readings).where(*earlier, ~used_by_club, ~used_by_post))


async def get(conn: Connection, guild_id: int, reading_id: int) -> StoredReading | None:
    """None also when the reading is another guild's."""
    return await _one(conn, _readings.c.id == reading_id, _readings.c.guild_id == guild_id)


async def newest(conn: Connection, guild_id: int) -> list[StoredReading]:
    """The newest revision of each reading, by title."""
    last = (
        select(_readings.c.slug, func.max(_readings.c.revision).label("revision"))
        .where(_readings.c.guild_id == guild_id)
        .group_by(_readings.c.slug)
        .subquery()
    )
    query = (
        select(*_stored)
        .join(last, (last.c.slug == _readings.c.slug) & (last.c.revision == _readings.c.revision))
        .where(_readings.c.guild_id == guild_id)
    )
    found = [_reading(row) for row in await conn.execute(query)]
    return sorted(found, key=lambda reading: (reading.title.casefold(), reading.id))  # engines collate differently


async def find(conn: Connection, guild_id: int, slug: str) -> StoredReading | None:
    """The newest revision of that name."""
    row = (await conn.execute(_newest_first(guild_id, slug))).first()
    return None if row is None else _reading(row)


async def count(conn: Connection, guild_id: int) -> int:
    """How many readings the guild has, whatever their revisions."""
    query = select(func.count(distinct(_readings.c.slug))).where(_readings.c.guild_id == guild_id)
    return int(await conn.scalar(query) or 0)


async def excerpt(conn: Connection, reading_id: int, position: int) -> Excerpt | None:
    query = _PASSAGES.where(_excerpts.c.reading_id == reading_id, _excerpts.c.position == position)
    row = (await conn.execute(query)).first()
    return None if row is None else Excerpt(**row._asdict())


async def excerpts(conn: Connection, reading_id: int) -> list[Excerpt]:
    """In order; empty when there is no such reading."""
    query = select(*_passage).where(_excerpts.c.reading_id == reading_id).order_by(_excerpts.c.position)
    return [Excerpt(**row._asdict()) for row in await conn.execute(query)]


async def load(conn: Connection, reading_id: int) -> Reading | None:
    """The whole text, as it was saved."""
    stored = await _one(conn, _readings.c.id == reading_id)
    if stored is None:
        return None
    return Reading(
        title=stored.title,
        author=stored.author,
        source=stored.source,
        translator=stored.translator,
        licence=stored.licence,
        workarounds=stored.workarounds,
        workaround_reason=stored.workaround_reason,
        introduction=stored.introduction,
        excerpts=tuple(await excerpts(conn, reading_id)),
    )


def _digest(reading: Reading) -> str:
    text = json.dumps(reading.model_dump(mode="python"), ensure_ascii=True, sort_keys=True)
    if "\\u0000" in text:  # PostgreSQL cannot store it, and SQLite's tools cut the text there
        raise ApplecoreError(f"“{reading.title}” holds a NUL character: save the text without it and try again.")
    return hashlib.sha256(text.encode()).hexdigest()


def _newest_first(guild_id: int, name: str) -> Select[Any]:
    return (
        select(*_readings.c)
        .where(_readings.c.guild_id == guild_id, _readings.c.slug == name)
        .order_by(_readings.c.revision.desc())
        .limit(1)
    )


async def _one(conn: Connection, *conditions: ColumnElement[bool]) -> StoredReading | None:
    row = (await conn.execute(_STORED.where(*conditions))).first()
    return None if row is None else _reading(row)


def _reading(row: Row[*tuple[Any, ...]]) -> StoredReading:
    values = row._asdict()
    values.pop("content_hash", None)
    return StoredReading(**{**values, "workarounds": tuple(values["workarounds"])})
