"""Who has the database: running bots share it, whoever replaces its contents has it alone.

These are locks of the operating system or the server, so that they end with the process that took them.
"""

import asyncio
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

_LOCK = 0x6170706C65686F6C  # "applehol": beside the advisory lock of whoever migrates
_KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
"""After a minute (30 and 3 times 10 seconds) the server takes a client whose machine vanished for gone."""
_ANSWER_SECONDS = 10
_HELD = text("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())")
"""Not just whether the connection answers: it must be the one that took the lock."""


class Hold(Protocol):
    """One lock, taken once at a time."""

    async def take(self, *, alone: bool) -> bool:
        """At once, or not at all; raises what the database or the disk says where it cannot be asked."""

    async def alive(self) -> bool:
        """Whether it is taken, and nothing has ended it since."""

    async def release(self) -> None:
        """May be called again."""


class FileHold:
    """A lock on ``<database>.lock``, by SQLite's own means: it works wherever the database's own locks do.

    The file stays empty, and it stays: whoever deleted it would lock another file than those who have it open.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._file = database
        self._connection: sqlite3.Connection | None = None
        self._taken: os.stat_result | None = None

    async def take(self, *, alone: bool) -> bool:
        database = self._database.resolve()  # two names of one database have one lock
        file = database.with_name(f"{database.name}.lock")
        _make(file, database)
        connection = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE" if alone else "BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # a shared lock begins with reading
        except sqlite3.Error as error:
            connection.close()
            if "locked" in str(error):
                return False
            raise
        self._file, self._taken, self._connection = file, file.stat(), connection
        return True

    async def alive(self) -> bool:
        if self._connection is None or self._taken is None:
            return False
        try:
            return os.path.samestat(self._taken, self._file.stat())
        except OSError:
            return False

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class SessionHold:
    """An advisory lock of PostgreSQL, on a connection that does nothing else."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: AsyncConnection | None = None

    async def take(self, *, alone: bool) -> bool:
        engine = create_async_engine(
            self._url,
            hide_parameters=True,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",  # a lock is no reason to keep a transaction open for weeks
            connect_args={"timeout": 20, "server_settings": _KEEPALIVE},
        )
        connection = await engine.connect()
        try:
            # Older servers do not know this setting, so it is asked for before it is set.
            await connection.execute(
                text("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
            )
            lock = func.pg_try_advisory_lock if alone else func.pg_try_advisory_lock_shared
            taken: bool | None = await connection.scalar(select(lock(_LOCK)))
        except BaseException:
            await connection.close()
            raise
        if not taken:
            await connection.close()
            return False
        self._connection = connection
        return True

    async def alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                held: bool | None = await self._connection.scalar(_HELD)
        except (SQLAlchemyError, OSError):  # TimeoutError is an OSError
            await self._connection.invalidate()
            return False
        return bool(held)

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def of(url: URL, file: Path | None) -> Hold:
    return FileHold(file) if file else SessionHold(url)


def _make(file: Path, database: Path) -> None:
    """An existing one is not even opened: on POSIX, closing it again would end every lock of this process on it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "fchown") and database.exists():  # the bot's, also where root was the first to lock it
                owner = database.stat()
                os.fchown(number, owner.st_uid, owner.st_gid)
        except PermissionError:
            pass
        finally:
            os.close(number)
