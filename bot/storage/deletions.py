"""Deletes what is stored about a member or a guild, and remembers that it was: a backup must not bring it back."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, delete, select, text, update

from bot.storage import meta, schema
from bot.storage.records import Deletion, DeletionKind
from bot.storage.sql import Connection, insert

_MEMBER = DeletionKind.MEMBER
_GUILD = DeletionKind.GUILD
SALT = "deletion_salt"
"""The key in ``meta`` of what the digests of this database begin with."""

_BATCH = 500
"""Ids in one statement: SQLite and PostgreSQL both take some thousands of parameters."""

NOBODY = 0
"""Stands for a deleted member where a column must not be empty; no snowflake is 0."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds the ids of members or guilds."""

    column: Column[Any]
    kind: DeletionKind
    noun: str
    """What one row of its table is, for people."""
    instead: int | None = None
    """What a deleted member's id becomes. The rows of a deleted guild go altogether."""


PLACES = (
    Place(schema.readings.c.added_by, _MEMBER, "reading"),
    Place(schema.clubs.c.created_by, _MEMBER, "club", instead=NOBODY),
    # In the order in which the bot locks them, so that neither waits for the other for ever.
    Place(schema.outgoing.c.guild_id, _GUILD, "message"),
    Place(schema.clubs.c.guild_id, _GUILD, "club"),
    Place(schema.readings.c.guild_id, _GUILD, "reading"),
    Place(schema.guilds.c.guild_id, _GUILD, "setting"),
)
"""Every one of them: a new table that holds such ids joins here."""

NEITHER = frozenset(
    {
        schema.clubs.c.channel_id,
        schema.clubs.c.ping_role_id,
        schema.clubs.c.notices_channel_id,
        schema.outgoing.c.channel_id,
        schema.outgoing.c.message_id,
        schema.outgoing.c.thread_id,
        schema.guilds.c.club_role_id,
    }
)
"""Columns with Discord's ids of something else, which go with the rows of their guild."""


@dataclass(frozen=True, slots=True)
class Applied:
    """How many of those in the database were deleted again."""

    members: int
    guilds: int


async def forget_member(conn: Connection, user_id: int, at: datetime) -> dict[str, int]:
    """Takes the member out of every row; answers how many rows of each noun that were."""
    return await _forget(conn, _MEMBER, user_id, at)


async def forget_guild(conn: Connection, guild_id: int, at: datetime) -> dict[str, int]:
    """Deletes all rows of the guild; answers how many of each noun that were."""
    return await _forget(conn, _GUILD, guild_id, at)


async def known(conn: Connection) -> list[Deletion]:
    """All that were ever deleted here, and before this database was restored."""
    rows = await conn.execute(select(schema.deletions).order_by(schema.deletions.c.deleted_at))
    return [Deletion(**row._asdict()) for row in rows]


async def remember(conn: Connection, deletions: Iterable[Deletion]) -> None:
    """Of two deletions of one member or guild the later one stays."""
    table = schema.deletions
    for deletion in deletions:
        new = insert(conn, table).values(asdict(deletion))
        later = {"deleted_at": new.excluded.deleted_at}
        await conn.execute(
            new.on_conflict_do_update(
                index_elements=["digest"], set_=later, where=table.c.deleted_at < new.excluded.deleted_at
            )
        )


async def apply(conn: Connection, deletions: Collection[Deletion]) -> Applied:
    """Deletes those members and guilds again, in rows that were restored from a backup taken before."""
    members = await _apply(conn, _MEMBER, deletions)
    return Applied(members, guilds=await _apply(conn, _GUILD, deletions))


async def present(conn: Connection, kind: DeletionKind) -> set[int]:
    """The ids of all members or guilds that something is stored about."""
    found: set[int] = set()
    for place in _places(kind):
        found |= set((await conn.scalars(select(place.column).distinct().where(place.column.is_not(None)))).all())
    return found - {NOBODY}


def digest(kind: DeletionKind, discord_id: int, salt: str) -> str:
    """Tells whether an id is the deleted one to whoever has the id. It keeps no secret from who tries every id."""
    person = f"{kind}:{discord_id}".encode()
    return hashlib.blake2b(person, digest_size=32, key=bytes.fromhex(salt), person=b"applecore").hexdigest()


async def _forget(conn: Connection, kind: DeletionKind, discord_id: int, at: datetime) -> dict[str, int]:
    deleted = await _delete(conn, kind, [discord_id])
    salt = await _salt(conn)
    await remember(conn, [Deletion(digest(kind, discord_id, salt), salt, kind, at)])
    return deleted


async def _salt(conn: Connection) -> str:
    """Made once for each database: of two processes that make one, the first's stays."""
    new = insert(conn, schema.meta).values(key=SALT, value=secrets.token_hex(16))
    await conn.execute(new.on_conflict_do_nothing())
    salt = await meta.get(conn, SALT)
    if salt is None:
        raise RuntimeError("the salt that was just stored is not there")
    return salt


async def _apply(conn: Connection, kind: DeletionKind, deletions: Collection[Deletion]) -> int:
    wanted = {deletion.digest for deletion in deletions if deletion.kind is kind}
    salts = {deletion.salt for deletion in deletions if deletion.kind is kind}
    found = sorted(one for one in await present(conn, kind) if any(digest(kind, one, salt) in wanted for salt in salts))
    for start in range(0, len(found), _BATCH):
        await _delete(conn, kind, found[start : start + _BATCH])
    return len(found)


async def _delete(conn: Connection, kind: DeletionKind, ids: Collection[int]) -> dict[str, int]:
    if conn.dialect.name == "sqlite":
        await conn.execute(text("PRAGMA secure_delete = ON"))  # overwritten in the file, not just unlinked
    deleted: dict[str, int] = {}
    for place in (*_places(kind), *_places(kind)):  # twice: the bot may have planned a message in between
        table = place.column.table
        theirs = place.column.in_(ids)
        if kind is _GUILD:
            done = await conn.execute(delete(table).where(theirs))
        else:
            done = await conn.execute(update(table).where(theirs).values({place.column.name: place.instead}))
        deleted[place.noun] = deleted.get(place.noun, 0) + done.rowcount
    return {noun: count for noun, count in deleted.items() if count}


def _places(kind: DeletionKind) -> list[Place]:
    return [place for place in PLACES if place.kind is kind]
