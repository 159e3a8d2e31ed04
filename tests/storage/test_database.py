"""Addresses, files, transactions."""

import asyncio
import builtins
import os
import stat
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, StatementError

from bot.errors import ApplecoreError
from bot.storage import guilds, meta, schema
from bot.storage.database import Connection, Database
from tests.storage.make import GUILD, NOW


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not an address"),
        ("applecore.db", "not an address"),
        ("mysql://root:hunter2@host/name", "does not know"),
        ("postgres://root:hunter2@host/name", "does not know"),
        ("postgresql+psycopg2://root:hunter2@host/name", "does not know"),
        ("postgresql://root:hunter2@host:port/name", "not an address"),
        ("postgresql://root:hunter2@host", "names no database"),
        ("postgresql://root:mail@hunter2@host/name", "%40"),
        ("postgresql://root:hunter2@host/name?nonsense=hunter2", "option that is not one of host"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://applecore.db", "three before a relative"),
        ("sqlite:///applecore.db?mode=ro", "options"),
    ],
)
def test_wrong_address_is_one_sentence_without_its_password(url: str, says: str) -> None:
    with pytest.raises(ApplecoreError) as caught:
        Database(url)
    message = str(caught.value)
    assert says in message
    assert "database_url" in message
    assert "\n" not in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("url", "dialect", "shown"),
    [
        ("sqlite:///a.db", "sqlite", "sqlite:///a.db"),
        ("SQLite+aiosqlite:////tmp/Ä b.db", "sqlite", "sqlite:////tmp/Ä b.db"),
        ("postgresql://u:hunter2@host:5433/name", "postgresql", "postgresql://u:***@host:5433/name"),
        ("postgresql+asyncpg://host/name", "postgresql", "postgresql://host/name"),
        ("postgresql://host/n?password=hunter2", "postgresql", "postgresql://host/n?password=%2A%2A%2A"),
        (
            "postgresql://u:p%40ss@host/n?sslmode=require",
            "postgresql",
            "postgresql://u:***@host/n?ssl=require",
        ),
    ],
)
def test_address_as_shown(url: str, dialect: str, shown: str) -> None:
    database = Database(url)
    assert (database.dialect, database.safe_url) == (dialect, shown)


def test_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "asyncpg":
            raise ModuleNotFoundError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "asyncpg", raising=False)
    with pytest.raises(ApplecoreError, match=r"pip install 'applecore\[postgresql\]'"):
        Database("postgresql://host/name")


async def _refused(url: str) -> str:
    database = Database(url)
    with pytest.raises(ApplecoreError) as caught:
        await database.open()
    assert "\n" not in str(caught.value)
    assert "database_url" in str(caught.value)
    return str(caught.value)


async def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "folder that Applecore may write to" in await _refused(f"sqlite:///{tmp_path}/file/applecore.db")
    assert "folder that Applecore may write to" in await _refused("sqlite:////proc/x/applecore.db")
    assert "folder that Applecore may write to" in await _refused(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a read-only folder")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refusal = asyncio.run(_refused(f"sqlite:///{tmp_path}/applecore.db"))
    assert "folder that Applecore may write to" in refusal


async def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "applecore.db").write_text("Dear diary, this is a text and no database at all. " * 50)
    assert "file is not a database" in await _refused(f"sqlite:///{tmp_path}/applecore.db")
    with pytest.raises(ApplecoreError, match="file is not a database"):
        await Database(f"sqlite:///{tmp_path}/applecore.db").revision()


async def test_server_that_cannot_be_reached(postgresql_cluster: Any) -> None:
    port = postgresql_cluster.port
    for address in (
        "root:hunter2@127.0.0.1:1/name",
        "root:hunter2@no-such-host.invalid/name",
        f"nobody:hunter2@127.0.0.1:{port}/name",
        f"applecore:hunter2@127.0.0.1:{port}/missing",
    ):
        message = await _refused(f"postgresql://{address}")
        assert "hunter2" not in message
        assert "host, port, user, password" in message


async def test_sqlite_files_are_private_and_durable(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "applecore.db"
    before = os.umask(0)
    try:
        database = Database(f"sqlite:///{file}")
        await database.open()
    finally:
        os.umask(before)
    async with database.write() as conn:
        await meta.put(conn, "a", "b")
        pragmas = {
            name: await conn.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 10_000}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in _files(file)}
    assert modes == {"applecore.db": 0o600, "applecore.db-wal": 0o600, "applecore.db-shm": 0o600}
    await database.close()
    file.chmod(0o644)
    await database.open()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await database.close()


def _files(file: Path) -> list[Path]:
    return list(file.parent.iterdir())


async def test_write_commits_or_leaves_nothing(database: Database) -> None:
    async with database.write() as conn:
        await meta.put(conn, "a", "1")
        await meta.put(conn, "a", "2")

    async def fail() -> None:
        async with database.write() as conn:
            await meta.put(conn, "a", "3")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as conn:
        assert await meta.get(conn, "a") == "2"
        assert await meta.get(conn, "b") is None


async def test_writers_queue_and_none_is_lost(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.open()
    async with database.write() as conn:
        await guilds.joined(conn, 1)
        await guilds.set_role(conn, 1, 0)

    async def add(through: Database) -> None:
        async with through.write() as conn:
            role = schema.guilds.c.club_role_id
            await conn.execute(schema.guilds.update().values(club_role_id=role + 1))

    await asyncio.gather(*(add(through) for through in (database, other) for _ in range(15)))
    async with database.read() as conn:
        assert await guilds.role(conn, 1) == 30
    await other.close()


async def test_cancelled_writer_does_not_block_the_next(database: Database) -> None:
    for moment in range(1, 12):
        started = asyncio.Event()

        async def slow(started: asyncio.Event = started, moment: int = moment) -> None:
            async with database.write() as conn:
                started.set()
                await meta.put(conn, f"cancelled {moment}", "half")
                await meta.put(conn, f"cancelled {moment} too", "half")

        task = asyncio.create_task(slow())
        waiting = asyncio.create_task(slow())
        if moment > 2:
            await started.wait()
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        waiting.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
        async with database.write() as conn:
            await meta.put(conn, "after", str(moment))
    async with database.read() as conn:
        assert await meta.get(conn, "after") == "11"
        names = set((await conn.scalars(select(schema.meta.c.key))).all())
    assert {name for name in names if f"{name} too" in names} == {
        name for name in names if name.startswith("cancelled") and not name.endswith("too")
    }


async def test_commit_goes_through_although_cancelled(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    committing = asyncio.Event()
    commit = Connection.commit

    async def slowly(conn: Connection) -> None:
        committing.set()
        await asyncio.sleep(0.05)
        await commit(conn)

    async def work() -> None:
        async with database.write() as conn:
            await meta.put(conn, "a", "committed")

    monkeypatch.setattr(Connection, "commit", slowly)
    task = asyncio.create_task(work())
    await committing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.read() as conn:
        assert await meta.get(conn, "a") == "committed"


async def test_write_inside_a_write_is_told(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.open()
    with pytest.raises(RuntimeError, match="inside a write"):
        async with database.write(), database.write():
            pass
    async with database.write() as conn:
        await meta.put(conn, "a", "b")
    await database.close()


async def test_sqlite_read_sees_one_state(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.open()
    async with database.read() as reading:
        assert await meta.get(reading, "a") is None
        async with database.write() as writing:
            await meta.put(writing, "a", "b")
        assert await meta.get(reading, "a") is None
    await database.close()


async def test_times_are_aware_utc(database: Database) -> None:
    amsterdam = timezone(timedelta(hours=2))
    times = [NOW, NOW.replace(microsecond=0).astimezone(amsterdam), datetime(1999, 12, 31, tzinfo=UTC)]
    async with database.write() as conn:
        for number, at in enumerate(times):
            await guilds.left(conn, GUILD + number, at)
        query = select(schema.guilds.c.left_at).order_by(schema.guilds.c.left_at)
        found = list((await conn.scalars(query)).all())
        assert found == sorted(times)
        assert {at.tzinfo for at in found if at} == {UTC}
        earlier = select(schema.guilds.c.guild_id).where(schema.guilds.c.left_at < times[1].astimezone(UTC))
        assert (await conn.scalars(earlier)).all() == [GUILD + 2]
    with pytest.raises(StatementError, match="without a zone"):
        async with database.write() as conn:
            await guilds.left(conn, GUILD, datetime(2026, 1, 1))  # noqa: DTZ001


async def test_foreign_keys_and_checks_hold(database: Database) -> None:
    passage = {"reading_id": 404, "position": 0, "heading": "", "comment": "", "quote": "x", "remark": ""}
    with pytest.raises(IntegrityError):
        async with database.write() as conn:
            await conn.execute(insert(schema.excerpts).values(passage))


async def test_guilds(database: Database) -> None:
    async with database.write() as conn:
        assert await guilds.role(conn, GUILD) is None
        await guilds.set_role(conn, GUILD, 5)
        await guilds.left(conn, GUILD, NOW)
        await guilds.joined(conn, GUILD)
        await guilds.joined(conn, GUILD)
        assert await guilds.role(conn, GUILD) == 5
        assert await conn.scalar(select(schema.guilds.c.left_at)) is None
        await guilds.set_role(conn, GUILD, None)
        assert await guilds.role(conn, GUILD) is None


async def test_a_commit_that_fails_leaves_nothing_locked(database: Database) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the disk is full")

    event.listen(Engine, "commit", fail)
    try:
        with pytest.raises(RuntimeError, match="full"):
            async with database.write() as conn:
                await meta.put(conn, "lost", "1")
    finally:
        event.remove(Engine, "commit", fail)
    async with database.write() as conn:
        await meta.put(conn, "kept", "1")
    async with database.read() as conn:
        assert (await meta.get(conn, "lost"), await meta.get(conn, "kept")) == (None, "1")


async def test_what_another_process_does_to_the_file_loses_nothing_of_ours(tmp_path: Path) -> None:
    """The last to close an SQLite database removes its write-ahead log: who has it open must not look gone."""
    url = f"sqlite:///{tmp_path}/applecore.db"
    script = (
        "import asyncio, sys; from bot.storage import meta; from bot.storage.database import Database\n"
        "async def run():\n    database = Database(sys.argv[1])\n    await database.open()\n"
        "    async with database.read() as conn:\n        print(await meta.get(conn, 'kept'))\n"
        "    await database.close()\nasyncio.run(run())"
    )

    async def read_elsewhere() -> str:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, url, stdout=-1)
        out, _ = await process.communicate()
        return out.decode().strip()

    database = Database(url)
    await database.open()
    await database.open()  # as `applecore run` does
    for value in ("one", "two", "three"):
        async with database.write() as conn:
            await meta.put(conn, "kept", value)
        assert await read_elsewhere() == value
    await database.close()
    assert await read_elsewhere() == "three"
