"""A bot that runs holds its database; replacing what is in it needs it alone. Locks end with their process."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import ApplecoreError
from bot.storage import database as database_module
from bot.storage.database import Database

HOLDER = """
import asyncio, sys
from bot.errors import ApplecoreError
from bot.storage.database import Database

async def run():
    database = Database(sys.argv[1])
    await database.open()
    if sys.argv[2] == "alone":
        async with database.held_alone():
            print("held", flush=True)
            await asyncio.Event().wait()
    await database.hold()
    print("held", flush=True)
    await asyncio.Event().wait()

try:
    asyncio.run(run())
except ApplecoreError as error:
    print(error, flush=True)
"""


@asynccontextmanager
async def holder(url: str, way: str = "shared", says: str = "held") -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that holds the database, until it is killed, or says why it cannot."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url, way, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line.decode().startswith(says)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def taken_alone(database: Database) -> bool:
    try:
        async with database.held_alone():
            return True
    except ApplecoreError as error:
        assert str(error) == f"A bot is using the database {database.safe_url}: stop it first."  # noqa: PT017
        return False


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


async def free(database: Database) -> None:
    """PostgreSQL notices a moment after the system does that a process has gone."""
    await until(lambda: taken_alone(database))


async def test_several_bots_hold_at_once_and_each_keeps_a_restore_away(database_url: str) -> None:
    async with opened(database_url) as here, opened(database_url) as second, opened(database_url) as restore:
        assert await taken_alone(restore)
        await here.hold()
        await second.hold()
        async with holder(database_url):
            assert not await taken_alone(restore)
            await here.close()
            assert not await taken_alone(restore)
            await second.close()
            assert not await taken_alone(restore), "the other process still holds it"
        await free(restore)


async def test_a_hold_outlives_others_of_its_process(database_url: str) -> None:
    """On POSIX a process loses its locks on a file with the first of its handles of that file that it closes."""
    async with opened(database_url) as first, opened(database_url) as second:
        await first.hold()
        assert not await taken_alone(second)
        await second.hold()
        await second.close()
        async with holder(database_url, "alone", says="A bot is using the database"):
            assert await first.hold_is_alive()


async def test_a_killed_bot_holds_nothing(database_url: str) -> None:
    async with opened(database_url) as restore, holder(database_url) as process:
        assert not await taken_alone(restore)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await free(restore)


async def test_a_killed_restore_holds_nothing(database_url: str) -> None:
    async with opened(database_url) as bot, holder(database_url, "alone") as process:
        assert not await taken_alone(bot)
        waiting = asyncio.create_task(bot.hold())
        process.send_signal(signal.SIGKILL)
        await waiting
        assert await bot.hold_is_alive()


async def test_a_bot_waits_for_a_restore_to_end(database_url: str) -> None:
    async with opened(database_url) as bot, opened(database_url) as restore:
        async with restore.held_alone():
            waiting = asyncio.create_task(bot.hold())
            await asyncio.wait((waiting,), timeout=0.3)
            assert not waiting.done()
        await waiting
        assert not await taken_alone(restore)


async def test_a_bot_that_waits_too_long_says_so(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_RESTORE_SECONDS", 1)
    async with opened(database_url) as bot, opened(database_url) as restore, restore.held_alone():
        with pytest.raises(
            ApplecoreError, match=r"being restored from a backup: start this again when that is done\.$"
        ):
            await bot.hold()
        assert not await bot.hold_is_alive()


async def test_a_hold_is_kept_when_asked_for_again(database_url: str) -> None:
    async with opened(database_url) as bot, opened(database_url) as restore:
        assert not await bot.hold_is_alive()
        await asyncio.gather(bot.hold(), bot.hold())
        await bot.hold()
        assert await bot.hold_is_alive()
        await bot.close()
        assert not await bot.hold_is_alive()
        assert await taken_alone(restore), "one close ends it, however often it was asked for"


async def test_a_lost_hold_is_taken_again(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as bot, opened(database_url) as restore:
        await bot.hold()
        if bot.dialect == "sqlite":
            (tmp_path / "applecore.db.lock").unlink()
        else:
            others = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            async with restore.read() as conn:
                await conn.execute(text(others))
        await free(restore)
        assert not await bot.hold_is_alive()
        await bot.hold()
        assert await bot.hold_is_alive()
        assert not await taken_alone(restore)


async def test_the_lock_of_a_file_is_private_and_one_for_all_its_names(tmp_path: Path) -> None:
    file = tmp_path / "new" / "applecore.db"
    async with opened(f"sqlite:///{file}") as bot:
        await bot.hold()
        lock = tmp_path / "new" / "applecore.db.lock"
        assert (stat.S_IMODE(lock.stat().st_mode), lock.stat().st_size) == (0o600, 0)
        (tmp_path / "link.db").symlink_to(file)
        assert not await taken_alone(Database(f"sqlite:///{tmp_path}/link.db"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_root_leaves_the_lock_to_the_owner_of_the_database(tmp_path: Path) -> None:
    file = tmp_path / "applecore.db"
    async with opened(f"sqlite:///{file}") as database:
        os.chown(file, 12_345, 54_321)
        await database.hold()
        about = (tmp_path / "applecore.db.lock").stat()
        assert (about.st_uid, about.st_gid) == (12_345, 54_321)


async def test_a_database_that_is_not_there_cannot_be_held(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ApplecoreError, match="folder that Applecore may write to"):
        await Database(f"sqlite:///{tmp_path}/file/applecore.db").hold()
    with pytest.raises(ApplecoreError, match="that the server runs"):
        await Database("postgresql://root@127.0.0.1:1/name").hold()
