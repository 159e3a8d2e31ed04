"""Opens the database, keeps it migrated, and hands out transactions."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import ApplecoreError
from bot.storage import address, migrate
from bot.storage.sql import Connection

__all__ = ["Connection", "Database"]

_BUSY_SECONDS = 10
"""How long SQLite waits for another process that writes."""

_BEGIN = "applecore_begin"


class Database:
    """One database, SQLite or PostgreSQL. Raises ApplecoreError for an address that cannot be right."""

    def __init__(self, url: str) -> None:
        self._url = address.read(url)
        self._file = address.file_of(self._url)
        self.dialect = self._url.get_backend_name()
        self.safe_url = address.safe(self._url)
        self._reader = _sqlite_engine(self._url) if self._file else _postgresql_engine(self._url)
        self._writer = self._reader.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._bare = self._reader.execution_options(**{_BEGIN: None})
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[Any] | None = None

    async def open(self) -> None:
        """Creates what is missing and migrates; ApplecoreError says in one sentence why that cannot be."""
        try:
            if self._file:
                _prepare(self._file)
                await self._use_write_ahead_log()
            async with self.write() as conn:
                await conn.run_sync(migrate.upgrade)
        except ApplecoreError:
            await self.close()
            raise
        except Exception as error:
            await self.close()
            reason = _reason(error)
            if reason is None:
                raise
            raise ApplecoreError(self._refusal(reason)) from error

    async def close(self) -> None:
        """May be called again, and before ``open``."""
        await self._reader.dispose()

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

    async def revision(self) -> tuple[str | None, str]:
        """The database's revision, None when it has none yet, and the newest that this code knows.

        Needs no ``open`` before, and creates nothing. ApplecoreError says why the database cannot be read.
        """
        if self._file and not self._file.exists():
            return None, migrate.newest()
        try:
            async with self.read() as conn:
                return await conn.run_sync(migrate.current), migrate.newest()
        except Exception as error:
            reason = _reason(error)
            if reason is None:
                raise
            raise ApplecoreError(self._refusal(reason)) from error

    async def _use_write_ahead_log(self) -> None:
        """Kept in the file from then on. SQLite does not wait while others open it, so we do."""
        for _ in range(_BUSY_SECONDS * 20):
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
        right = (
            "name a file in a folder that Applecore may write to"
            if self._file
            else "check its host, port, user, password and database name, and that the server runs"
        )
        return f"database_url {self.safe_url} cannot be used ({reason}): {right}."


def _sqlite_engine(url: URL) -> AsyncEngine:
    # isolation_level None: the driver begins nothing by itself, so that DDL stays inside our transactions.
    engine = create_async_engine(
        url, hide_parameters=True, connect_args={"isolation_level": None, "timeout": _BUSY_SECONDS}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")  # what we noted before sending must survive a power cut
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def _postgresql_engine(url: URL) -> AsyncEngine:
    try:
        return create_async_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"timeout": 20})
    except ModuleNotFoundError:
        raise ApplecoreError(
            "database_url names a PostgreSQL database, and its driver is missing: pip install 'applecore[postgresql]'"
        ) from None


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
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
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
