"""Opens the database, keeps it migrated, and hands out transactions."""

import asyncio
import errno
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.errors import ApplecoreError
from bot.storage import address, engines, hold, migrate
from bot.storage.engines import BEGIN, BUSY_SECONDS
from bot.storage.sql import Connection

__all__ = ["Connection", "Database"]

_RESTORE_SECONDS = 10
"""How long a bot that starts waits for a restore to end."""

_SCRUB_SECONDS = 1
"""How long whoever reads is waited for; whoever writes waits meanwhile."""


class Database:
    """One database, SQLite or PostgreSQL. Raises ApplecoreError for an address that cannot be right."""

    def __init__(self, url: str) -> None:
        self._url = address.read(url)
        self.file = address.file_of(self._url)
        self.dialect = self._url.get_backend_name()
        self.safe_url = address.safe(self._url)
        self._reader = engines.sqlite(self._url) if self.file else engines.postgresql(self._url)
        self._writer = self._reader.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
        self._bare = self._reader.execution_options(**{BEGIN: None})
        self._hold = hold.of(self._url, self.file)
        self._taking = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[Any] | None = None

    async def open(self) -> None:
        """Creates what is missing and migrates; ApplecoreError says in one sentence why that cannot be."""
        try:
            async with self.explaining():
                if self.file:
                    _prepare(self.file)
                    await self._use_write_ahead_log()
                async with self.write() as conn:
                    await conn.run_sync(migrate.upgrade)
        except Exception:
            await self.close()
            raise

    async def close(self) -> None:
        """May be called again, and before ``open``. Ends the hold."""
        await self._hold.release()
        await self._reader.dispose()

    async def hold(self, *, patience: float = _RESTORE_SECONDS) -> None:
        """Keeps ``restore-backup`` away until ``close``. A bot does this before it works, others before they write.

        A bot repeats it now and then: a hold that was lost, as with the connection to PostgreSQL, is taken again.
        ApplecoreError when that cannot be within ``patience`` seconds; nothing may be written meanwhile.
        """
        async with self._taking:
            if await self._hold.alive():
                return
            await self._hold.release()
            deadline = time.monotonic() + patience
            while not await self._take(alone=False):
                if time.monotonic() >= deadline:
                    break
                await asyncio.sleep(0.1)
            else:
                return
        raise ApplecoreError(
            f"The database {self.safe_url} is being restored from a backup: start this again when that is done."
        )

    async def hold_is_alive(self) -> bool:
        async with self._taking:
            return await self._hold.alive()

    @asynccontextmanager
    async def held_alone(self) -> AsyncIterator[None]:
        """For replacing what is in it: no bot holds it meanwhile. ApplecoreError when one does already."""
        async with self._taking:
            if not await self._take(alone=True):
                raise ApplecoreError(f"A bot is using the database {self.safe_url}: stop it first.")
        try:
            yield
        finally:
            await self._hold.release()

    async def _take(self, *, alone: bool) -> bool:
        async with self.explaining():
            return await self._hold.take(alone=alone)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end, rolled back on an error. Not to be nested.

        SQLite has one writer: the tasks of this process take turns, in the order in which they came.
        """
        if self.dialect != "sqlite":
            async with _transaction(self._writer) as conn:
                yield conn
            return
        if self._writing is asyncio.current_task():
            raise RuntimeError("a write inside a write would wait for itself: hand the connection on")
        async with self._turn:
            self._writing = asyncio.current_task()
            try:
                async with _transaction(self._writer) as conn:
                    yield conn
            finally:
                self._writing = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """For queries only. SQLite shows one state throughout; PostgreSQL each query the latest."""
        async with self._reader.connect() as conn:
            yield conn

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """As ``read``, and PostgreSQL too shows one state throughout: that of the first query."""
        alike = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine = self._reader if self.file else self._reader.execution_options(**alike)
        async with engine.connect() as conn:
            yield conn

    async def scrub(self) -> None:
        """On SQLite, takes what was deleted out of the write-ahead log as well; not while others read for long.

        PostgreSQL sees to that by itself (VACUUM).
        """
        if self.file is None:
            return
        async with self._turn, self._bare.connect() as conn:
            await conn.execute(text(f"PRAGMA busy_timeout = {_SCRUB_SECONDS * 1000}"))
            try:
                await conn.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            finally:
                await conn.execute(text(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}"))

    @asynccontextmanager
    async def explaining(self) -> AsyncIterator[None]:
        """What the database refuses in here becomes one sentence for the person who runs Applecore."""
        try:
            yield
        except Exception as error:
            reason = _reason(error)
            if reason is None:
                raise
            raise ApplecoreError(self._refusal(reason)) from error

    async def revision(self) -> tuple[str | None, str]:
        """The database's revision, None when it has none yet, and the newest that this code knows.

        Needs no ``open`` before, and creates nothing. ApplecoreError says why the database cannot be read.
        """
        if self.file and not self.file.exists():
            return None, migrate.newest()
        async with self.explaining(), self.read() as conn:
            return await conn.run_sync(migrate.current), migrate.newest()

    async def check(self) -> None:
        """For a command beside the bot: ApplecoreError unless the database is there and of this code's revision."""
        revision, newest = await self.revision()
        if revision is None:
            raise ApplecoreError(f"The database {self.safe_url} is empty: check database_url, or start the bot first.")
        if revision == newest:
            return
        if migrate.knows(revision):
            raise ApplecoreError(
                f"The database {self.safe_url} is at revision {revision}, not yet at {newest}: "
                "start the bot once, which upgrades it, and try again."
            )
        raise ApplecoreError(
            f"The database {self.safe_url} is at revision {revision}, which this Applecore does not know: "
            "install the newer one that the bot runs with, and try again."
        )

    async def _use_write_ahead_log(self) -> None:
        """Kept in the file from then on. SQLite does not wait while others open it, so we do."""
        for _ in range(BUSY_SECONDS * 20):
            try:
                async with self._bare.connect() as conn:  # the mode cannot change inside a transaction
                    mode = await conn.scalar(text("PRAGMA journal_mode = WAL"))
            except DBAPIError as error:
                if "locked" not in str(error.orig):
                    raise
                await asyncio.sleep(0.05)
            else:
                if mode != "wal":
                    raise ApplecoreError(self._refusal("this disk cannot hold SQLite's write-ahead log"))
                return
        raise ApplecoreError(self._refusal("another process keeps it locked"))

    def _refusal(self, reason: str) -> str:
        if reason in ("database is locked", "deadlock detected"):
            return f"The database {self.safe_url} is kept busy by another process: try again when that is done."
        right = (
            "name a file in a folder that Applecore may write to"
            if self.file
            else "check its host, port, user, password and database name, and that the server runs"
        )
        return f"database_url {self.safe_url} cannot be used ({reason}): {right}."


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[Connection]:
    async with engine.connect() as conn:
        await conn.begin()
        try:
            yield conn
        except BaseException:
            await _to_the_end(conn.rollback())
            raise
        try:
            await _to_the_end(conn.commit())
        except BaseException:
            # SQLAlchemy takes a commit that failed for done; on SQLite its lock would go back into the pool.
            await conn.invalidate()
            raise


async def _to_the_end(step: Coroutine[Any, Any, None]) -> None:
    """Waits until the step is done, even when this task is cancelled: no commit is left half known."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # the cancellation goes first
        raise


def _prepare(file: Path) -> None:
    """The folder, and the file for nobody else's eyes; SQLite gives its -wal and -shm files the same mode."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not file.exists():
        # Never one that exists: a process that closes a file loses all its locks on it, those of SQLite too
        # (sqlite.org/howtocorrupt.html). Another process would then take the write-ahead log away from us.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        with suppress(FileNotFoundError):
            file.with_name(name).chmod(0o600)


def _reason(error: Exception) -> str | None:
    """What the person who runs Applecore can do something about; None for what must be a bug of ours."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig  # SQLAlchemy's asyncpg wraps what the server said once more
    if isinstance(cause, OSError):
        return cause.strerror or str(cause) or type(cause).__name__
    if isinstance(error, DBAPIError | sqlite3.Error) or type(error).__module__.startswith("asyncpg"):
        return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
    return None
