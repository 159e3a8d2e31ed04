"""Deletes what is stored about a member or a guild, and remembers that it was.

A backup must not bring it back, and of a member nothing is collected again before they join again.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, CursorResult, Delete, Update, and_, delete, func, or_, select, update

from bot.storage import meta, schema
from bot.storage.records import Deletion, DeletionKind
from bot.storage.sql import Connection, insert

_MEMBER = DeletionKind.MEMBER
_GUILD = DeletionKind.GUILD
SALT = "deletion_salt"
"""The key in ``meta`` of what the digests of this database begin with."""
CHANGES = "deletion_changes"
"""The key in ``meta`` of how often a member was deleted or joined again."""

_LOCK = 0x6170706C64656C65  # "appldele": PostgreSQL's advisory lock of whoever deletes; SQLite has one writer anyway

_BATCH = 500
"""Ids in one statement: SQLite and PostgreSQL both take some thousands of parameters."""

_REMEMBERED = 10_000
"""Of how many members it is noted whether they were deleted, so that their ids are not hashed at each event."""

NOBODY = 0
"""Stands for a deleted member where a column must not be empty; no snowflake is 0."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds the ids of members or guilds. A row that belongs to a deleted one goes."""

    column: Column[Any]
    kind: DeletionKind
    noun: str
    """What one row of its table is, for people."""
    stays: bool = False
    """Whether the row belongs to the whole server, so that it only loses the member."""
    instead: int | None = None
    """What the member's id becomes in a row that stays."""


_replies, _reactions, _picks = schema.replies, schema.reactions, schema.picks

PLACES = (
    Place(_reactions.c.user_id, _MEMBER, "reaction"),
    Place(_replies.c.author_id, _MEMBER, "reply"),
    Place(_picks.c.picked_by, _MEMBER, "pick", stays=True, instead=NOBODY),
    Place(schema.members.c.user_id, _MEMBER, "consent"),
    Place(schema.bookmarks.c.user_id, _MEMBER, "bookmark"),
    Place(schema.readings.c.added_by, _MEMBER, "reading", stays=True),
    Place(schema.clubs.c.created_by, _MEMBER, "club", stays=True, instead=NOBODY),
    # What hangs on other rows comes before them, so that it is counted.
    Place(_picks.c.guild_id, _GUILD, "pick"),
    Place(_reactions.c.guild_id, _GUILD, "reaction"),
    Place(_replies.c.guild_id, _GUILD, "reply"),
    Place(schema.discussions.c.guild_id, _GUILD, "discussion"),
    Place(schema.members.c.guild_id, _GUILD, "consent"),
    Place(schema.bookmarks.c.guild_id, _GUILD, "bookmark"),
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
        schema.discussions.c.channel_id,
        schema.discussions.c.thread_id,
        _replies.c.message_id,
        _replies.c.reply_to,
        _reactions.c.message_id,
        _picks.c.message_id,
    }
)
"""Columns with Discord's ids of something else, which go with the rows of their guild."""


@dataclass(slots=True)
class Gone:
    """How many rows of each noun were deleted, and out of how many others a member was taken."""

    deleted: dict[str, int] = field(default_factory=dict)
    taken_out: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.deleted or self.taken_out)


@dataclass(frozen=True, slots=True)
class Applied:
    """How many of those in the database were deleted again."""

    members: int
    guilds: int


class Forgotten:
    """The members of whom nothing may be collected."""

    def __init__(self, deletions: Iterable[Deletion]) -> None:
        mine = [each for each in deletions if each.kind is _MEMBER and each.joined_at is None]
        self._digests = frozenset(each.digest for each in mine)
        self._salts = frozenset(each.salt for each in mine)
        self._asked: dict[int, bool] = {}

    def holds(self, user_id: int) -> bool:
        if not self._digests:
            return False
        held = self._asked.get(user_id)
        if held is None:
            held = any(digest(_MEMBER, user_id, salt) in self._digests for salt in self._salts)
            if len(self._asked) >= _REMEMBERED:
                self._asked.clear()
            self._asked[user_id] = held
        return held


async def forget_member(conn: Connection, user_id: int, at: datetime) -> Gone:
    """Deletes what the member said, gave, marked and chose, in all guilds, and takes them out of every other row."""
    return await _forget(conn, _MEMBER, user_id, at)


async def forget_guild(conn: Connection, guild_id: int, at: datetime) -> Gone:
    """Deletes all rows of the guild."""
    return await _forget(conn, _GUILD, guild_id, at)


async def join(conn: Connection, user_id: int, at: datetime) -> bool:
    """What the member does from now on is collected again; answers whether it was not before."""
    await _alone(conn)
    rows = [each for each in await of_member(conn, user_id) if each.joined_at is None]
    mine = schema.deletions.c.digest.in_([each.digest for each in rows])
    await conn.execute(update(schema.deletions).where(mine).values(joined_at=at))
    await _changed(conn)
    return bool(rows)


async def version(conn: Connection) -> tuple[int, ...]:
    """Another one whenever :func:`forgotten` may answer anew.

    To be asked at the beginning of each transaction that writes what members did: on PostgreSQL nobody is deleted
    from then on until it ends, so that no row can come in behind the back of a deletion.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
    return (int(await meta.get(conn, CHANGES) or 0),)


async def forgotten(conn: Connection) -> Forgotten:
    """Those deleted who did not join again."""
    return Forgotten(await known(conn))


async def unless_forgotten(conn: Connection, user_id: int) -> int | None:
    """The member's id, for a row that belongs to the whole server; None where nothing may be kept about them."""
    return None if (await forgotten(conn)).holds(user_id) else user_id


async def known(conn: Connection) -> list[Deletion]:
    """All that were ever deleted here, and before this database was restored."""
    rows = await conn.execute(select(schema.deletions).order_by(schema.deletions.c.deleted_at))
    return [Deletion(**row._asdict()) for row in rows]


async def of_member(conn: Connection, user_id: int) -> list[Deletion]:
    """What the member had deleted, and when they joined again: one for each salt this database ever had, at most."""
    salts = (await conn.scalars(select(schema.deletions.c.salt).distinct())).all()
    digests = {digest(_MEMBER, user_id, salt) for salt in salts}
    return [each for each in await known(conn) if each.digest in digests]


async def remember(conn: Connection, deletions: Iterable[Deletion]) -> None:
    """Of two deletions of one member or guild the later one stays, and of one deletion that the member joined again."""
    table = schema.deletions
    changed = False
    for deletion in deletions:
        new = insert(conn, table).values(asdict(deletion))
        theirs = new.excluded
        later = table.c.deleted_at < theirs.deleted_at
        joined = and_(table.c.deleted_at == theirs.deleted_at, table.c.joined_at.is_(None))
        newest = {"deleted_at": theirs.deleted_at, "joined_at": theirs.joined_at}
        await conn.execute(new.on_conflict_do_update(index_elements=["digest"], set_=newest, where=or_(later, joined)))
        changed = True
    if changed:
        await _changed(conn)


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


async def _forget(conn: Connection, kind: DeletionKind, discord_id: int, at: datetime) -> Gone:
    await _alone(conn)
    gone = await _delete(conn, kind, [discord_id])
    salt = await _salt(conn)
    if kind is _MEMBER:  # the clock may have been set back since the member joined: this deletion is the later one
        joined = [each.joined_at for each in await of_member(conn, discord_id) if each.joined_at is not None]
        at = max([at, *(moment + timedelta(microseconds=1) for moment in joined)])
    await remember(conn, [Deletion(digest(kind, discord_id, salt), salt, kind, at)])
    return gone


async def _alone(conn: Connection) -> None:
    """Waits for whoever writes what members did, and lets nobody else begin to."""
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def _changed(conn: Connection) -> None:
    await meta.put(conn, CHANGES, str(int(await meta.get(conn, CHANGES) or 0) + 1))


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


async def _delete(conn: Connection, kind: DeletionKind, ids: Collection[int]) -> Gone:
    gone = Gone()
    if kind is _MEMBER:
        await _delete_answers(conn, ids, gone)
    for place in (*_places(kind), *_places(kind)):  # twice: the bot may have planned a message in between
        theirs = place.column.in_(ids)
        if place.stays:
            leave: Update | Delete = update(place.column.table).where(theirs).values({place.column.name: place.instead})
        else:
            leave = delete(place.column.table).where(theirs)
        _count(gone.taken_out if place.stays else gone.deleted, place.noun, await conn.execute(leave))
    return gone


async def _delete_answers(conn: Connection, ids: Collection[int], gone: Gone) -> None:
    """What others did about the members' replies goes with them."""
    said = select(_replies.c.message_id).where(_replies.c.author_id.in_(ids))
    for table, noun in ((_reactions, "reaction"), (_picks, "pick")):
        _count(gone.deleted, noun, await conn.execute(delete(table).where(table.c.message_id.in_(said))))


def _count(counts: dict[str, int], noun: str, done: CursorResult[Any]) -> None:
    if done.rowcount:
        counts[noun] = counts.get(noun, 0) + done.rowcount


def _places(kind: DeletionKind) -> list[Place]:
    return [place for place in PLACES if place.kind is kind]
