"""Replaces what is in a database by what is in a backup, in one transaction."""

import asyncio
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import exists, inspect, select

from bot.errors import ApplecoreError
from bot.storage import backup, copying, deletions, guilds, meta, migrate, schema
from bot.storage.backup import TAKEN_AT, Contents
from bot.storage.database import Connection, Database
from bot.storage.deletions import SALT, Applied
from bot.storage.outgoing import OPEN
from bot.storage.records import UNSENT, Deletion, DeletionKind

_TABLES = schema.metadata.sorted_tables
_HERE = "commands:"
"""Keys in ``meta`` that say what this database's bot told Discord: a backup knows nothing about that."""

_SLACK = timedelta(minutes=10)
"""A deletion is committed some time after its moment was noted, perhaps by the clock of another machine."""


@dataclass(frozen=True, slots=True)
class Restored:
    contents: Contents
    taken_at: datetime
    deleted_again: Applied
    deletions_known: bool
    """Whether there was a database to ask about the deletions made since the backup."""
    saved: Path | None
    """The backup of what was there before; None where nothing was."""


@dataclass(frozen=True, slots=True)
class Since:
    """What a database knows that a backup taken before does not."""

    deletions: list[Deletion]
    left: dict[int, datetime]
    """The guilds that the bot is no longer in."""


async def restore(database: Database, file: Path, *, at: datetime, ask: Sequence[str] = ()) -> Restored:
    """``ask``: addresses or files of other databases, whose later deletions are to be applied as well.

    Needs no ``open`` before. ApplecoreError says why it cannot be; then nothing was changed.
    """
    with tempfile.TemporaryDirectory(prefix="applecore-") as folder:
        own = Path(folder) / "backup.sqlite3"
        contents, taken_at = await asyncio.to_thread(_checked, database, file, own)
        others = [await _ask(name, taken_at) for name in ask]
        source = Database(f"sqlite:///{own.as_posix()}")
        try:
            await source.open()  # an older one is upgraded, in our own copy of it
            async with database.held_alone():
                await database.open()
                saved = await _save(database, _beside(database, file, at), at)
                async with database.explaining(), source.read() as old, database.write() as new:
                    again = await _replace(old, new, taken_at, others)
        finally:
            await source.close()
    return Restored(contents, taken_at, again, bool(saved or ask), saved)


def _checked(database: Database, file: Path, copy: Path) -> tuple[Contents, datetime]:
    """Copies the file for us alone, and reads in it what was backed up, and when."""
    if database.file and database.file.exists() and file.exists() and file.samefile(database.file):
        raise ApplecoreError(f"{file} is the database itself: name a backup of it.")
    if file.is_dir():
        raise ApplecoreError(f"{file} is a folder: name the backup in it.")
    try:
        shutil.copyfile(file, copy)
    except OSError as error:
        raise ApplecoreError(f"{file} cannot be read ({error.strerror or error}).") from None
    with copy.open("rb") as opened:
        if opened.read(16) != b"SQLite format 3\0":
            raise ApplecoreError(f"{file} is no backup of Applecore: name a file that `applecore backup` wrote.")
    try:
        with closing(sqlite3.connect(copy)) as connection:
            return _read(connection, file, copy)
    except sqlite3.Error as error:
        raise ApplecoreError(f"The backup {file} is damaged ({error}): restore another one.") from None


def _read(connection: sqlite3.Connection, file: Path, copy: Path) -> tuple[Contents, datetime]:
    said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(" ".join(said.split()))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "meta", "clubs"} <= tables:
        raise ApplecoreError(f"{file} is no backup of Applecore: name a file that `applecore backup` wrote.")
    taken = connection.execute("SELECT value FROM meta WHERE key = ?", (TAKEN_AT,)).fetchone()
    if taken is None:
        raise ApplecoreError(
            f"{file} is a database of Applecore, but no backup, so nobody knows when it was left: name a file that "
            "`applecore backup` wrote."
        )
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision is None or not migrate.knows(revision[0]):
        raise ApplecoreError(f"The backup {file} is of a newer Applecore: install that, and restore it then.")
    return backup.contents_of(connection, copy), datetime.fromisoformat(taken[0])


async def _ask(name: str, taken_at: datetime) -> Since:
    """What another database, or a later backup, says happened since."""
    try:
        if "://" not in name and not Path(name).is_file():  # noqa: ASYNC240 - nothing else runs beside this command
            raise ApplecoreError("there is no such file.")
        database = Database(name if "://" in name else f"sqlite:///{Path(name).as_posix()}")
        try:
            revision, _ = await database.revision()
            if revision is None:
                raise ApplecoreError(f"{database.safe_url} is no database of Applecore.")
            if not migrate.knows(revision):
                raise ApplecoreError(f"{database.safe_url} is of a newer Applecore: install that one first.")
            async with database.explaining(), database.snapshot() as conn:
                return await _since(conn, taken_at)
        finally:
            await database.close()
    except ApplecoreError as error:
        shown = name if "://" not in name else "the address given"  # it may hold a password
        raise ApplecoreError(f"Deletions cannot be read from {shown}: {error}") from None


async def _since(conn: Connection, taken_at: datetime) -> Since:
    tables = await conn.run_sync(lambda sync: inspect(sync).get_table_names())
    noted = select(schema.guilds.c.guild_id, schema.guilds.c.left_at).where(
        schema.guilds.c.left_at >= taken_at - _SLACK
    )
    left = {row.guild_id: row.left_at for row in await conn.execute(noted)}
    # Before revision 0002 there was nothing that deleted.
    return Since(await deletions.known(conn) if "deletions" in tables else [], left)


def _beside(database: Database, file: Path, at: datetime) -> Path:
    """A new name for what is there now: beside an SQLite database, else beside the backup."""
    beside = database.file or file
    stem = f"{database.file.stem if database.file else 'applecore'}-before-restore-{at:%Y%m%dT%H%M%SZ}"
    endings = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (beside.with_name(f"{stem}{ending}.sqlite3") for ending in endings)
    return next(name for name in names if not name.exists())


async def _save(database: Database, file: Path, at: datetime) -> Path | None:
    async with database.explaining(), database.read() as conn:
        kept = [await conn.scalar(select(exists().select_from(table))) for table in _TABLES if table is not schema.meta]
    if not any(kept):
        return None
    await backup.take(database, file, at=at)
    return file


async def _replace(old: Connection, new: Connection, taken_at: datetime, others: Sequence[Since]) -> Applied:
    here = await _since(new, taken_at)
    given = await copying.counters(new)
    kept = await _kept(new)
    for table in reversed(_TABLES):
        await new.execute(table.delete())
    await _copy(old, new, taken_at)
    for name, highest in (await copying.counters(old)).items():
        given[name] = max(given[name], highest)
    await copying.count_on(new, given)
    await _keep(new, kept)
    for since in (*others, here):
        await deletions.remember(new, since.deletions)
        await _note_left(new, since.left)
    known = {(deletion.digest, deletion.deleted_at) for deletion in await deletions.known(old)}
    later = [
        deletion
        for since in (*others, here)
        for deletion in since.deletions
        if deletion.deleted_at >= taken_at - _SLACK and (deletion.digest, deletion.deleted_at) not in known
    ]
    return await deletions.apply(new, later)


async def _copy(old: Connection, new: Connection, taken_at: datetime) -> None:
    """Whatever was to be posted when the backup was taken may have been posted since, under leases long gone.

    What was said since, in threads that were still open, nobody here has heard.
    """

    def club(row: copying.Row) -> copying.Row:
        return {**row, "decide_at": None, "restored_from": _earliest(row["restored_from"], taken_at)}

    def message(row: copying.Row) -> copying.Row:
        look_since = row["look_since"]
        if row["state"] in UNSENT:
            look_since = _earliest(look_since, row["first_attempt_at"], taken_at)
        elif row["state"] in OPEN:  # what is said when its thread closes may have been said since
            look_since = _earliest(look_since, taken_at)
        return {**row, "lease_owner": None, "lease_until": None, "look_since": look_since}

    def discussion(row: copying.Row) -> copying.Row:
        wanted = row["wanted_at"] if row["closed_at"] else _earliest(row["wanted_at"], taken_at)
        return {**row, "wanted_at": wanted}

    changes = {"clubs": club, "outgoing": message, "discussions": discussion}
    for table in _TABLES:
        await copying.copy(old, new, table, changes.get(table.name))


def _earliest(*moments: datetime | None) -> datetime:
    return min(moment for moment in moments if moment is not None)


async def _kept(conn: Connection) -> dict[str, str]:
    rows = await conn.execute(select(schema.meta.c.key, schema.meta.c.value))
    return {row.key: row.value for row in rows if row.key == SALT or row.key.startswith(_HERE)}


async def _keep(conn: Connection, kept: Mapping[str, str]) -> None:
    key = schema.meta.c.key
    await conn.execute(schema.meta.delete().where((key == TAKEN_AT) | key.startswith(_HERE, autoescape=True)))
    for name, value in kept.items():
        if name != SALT or await meta.get(conn, SALT) is None:
            await meta.put(conn, name, value)


async def _note_left(conn: Connection, left: Mapping[int, datetime]) -> None:
    for guild_id in left.keys() & await deletions.present(conn, DeletionKind.GUILD):
        await guilds.left(conn, guild_id, left[guild_id])
