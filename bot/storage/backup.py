"""Takes a backup: one state of the whole database, in an SQLite file of its own, whichever engine it comes from."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from bot.errors import ApplecoreError
from bot.storage import copying, engines, migrate, schema
from bot.storage.database import Database

TAKEN_AT = "backup_taken_at"
"""The key in ``meta`` of the moment before the backup began, in ISO 8601. Only backups have it."""

_WITH_A_DATABASE = ("", "-wal", "-shm", "-journal", ".lock")


@dataclass(frozen=True, slots=True)
class Contents:
    """What people will want to know of a backup."""

    clubs: int
    readings: int
    posts: int
    """Those that were sent."""
    size: int
    """Bytes of the file."""


async def take(database: Database, file: Path, *, at: datetime, force: bool = False) -> Contents:
    """``at``: no later than this call. ``force`` replaces an older file, once the new one is whole.

    Needs no ``open`` before. Nobody who writes meanwhile is held up, and of what they write all of a
    transaction is in the backup or none. ApplecoreError says what to do where it cannot be taken.
    """
    _check_file(database, file, force=force)
    await database.check()
    folder = _folder_beside(file)
    try:
        async with database.explaining():
            with _explaining(file):
                part = _empty(folder / "backup.sqlite3")
                await (_copy_sqlite(database.file, part) if database.file else _copy_postgresql(database, part))
                contents = _finish(part, at)
                _put_in_place(part, file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return contents


def contents_of(connection: sqlite3.Connection, file: Path) -> Contents:
    def count(rows: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608 - our own words

    posts = "outgoing WHERE kind = 'post' AND message_id IS NOT NULL"
    return Contents(count("clubs"), count("readings"), count(posts), file.stat().st_size)


def _check_file(database: Database, file: Path, *, force: bool) -> None:
    own = database.file
    if own and file.resolve() in {own.resolve().with_name(own.resolve().name + ending) for ending in _WITH_A_DATABASE}:
        raise ApplecoreError(f"{file} belongs to the database itself: choose another name for the backup.")
    if file.is_dir():
        raise ApplecoreError(f"{file} is a folder: name a file in it.")
    if file.exists() and not force:
        raise ApplecoreError(f"{file} exists already; choose another name or add --force.")


def _folder_beside(file: Path) -> Path:
    """For the unfinished backup and its journal, so that both go at once."""
    try:
        return Path(tempfile.mkdtemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part"))
    except OSError as error:
        raise ApplecoreError(
            f"{file} cannot be written ({error.strerror or error}): choose a folder that is there and that you may "
            "write to."
        ) from None


def _empty(part: Path) -> Path:
    """For nobody else's eyes."""
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    return part


@contextmanager
def _explaining(file: Path) -> Iterator[None]:
    """Why the copy cannot be written; what PostgreSQL refuses was explained before."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason: BaseException = error
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        reason = error.orig
    else:
        return
    said = getattr(reason, "strerror", None) or str(reason)
    raise ApplecoreError(
        f"The backup {file} could not be made ({said}): see that its folder has room, and that `applecore doctor` "
        "finds the database well."
    ) from reason


async def _copy_sqlite(source: Path, part: Path) -> None:
    """VACUUM INTO reads one state beside all writers, and leaves behind what was deleted but not overwritten yet."""
    connection = sqlite3.connect(source, timeout=engines.BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with closing(connection):
        copying_ = asyncio.ensure_future(asyncio.to_thread(connection.execute, "VACUUM INTO ?", (str(part),)))
        try:
            await asyncio.shield(copying_)
        except asyncio.CancelledError:
            connection.interrupt()
            await asyncio.wait({copying_})
            copying_.exception()  # the cancellation goes first
            raise


async def _copy_postgresql(source: Database, part: Path) -> None:
    # mode=rw: whoever is interrupted removes the file, and a thread that is still opening it must not make it anew.
    there = {"uri": "true", "mode": "rw"}
    engine = engines.sqlite(URL.create("sqlite+aiosqlite", database=f"file:{quote(str(part))}", query=there))
    try:
        async with engine.begin() as target, source.snapshot() as conn:
            await target.run_sync(migrate.upgrade)
            for table in schema.metadata.sorted_tables:
                await copying.copy(conn, target, table)
            await copying.count_on(target, await copying.counters(conn))
    finally:
        await engine.dispose()


def _finish(part: Path, at: datetime) -> Contents:
    """Notes when it was taken, checks that it is whole, and has it all on the disk."""
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # one file, without the bot's write-ahead log
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("REPLACE INTO meta (key, value) VALUES (?, ?)", (TAKEN_AT, at.isoformat()))
        said = connection.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said)
        contents = contents_of(connection, part)
    _sync(part, os.O_RDWR)
    return contents


def _put_in_place(part: Path, file: Path) -> None:
    part.replace(file)
    with suppress(OSError):  # Windows opens no folders
        _sync(file.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    number = os.open(path, flags)
    try:
        os.fsync(number)
    finally:
        os.close(number)
