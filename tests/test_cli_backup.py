"""`applecore backup`, `restore-backup` and `forget`, run as processes."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.storage import outgoing, schema
from bot.storage.database import Database
from tests.storage.make import GUILD, LEASE, NOW, club, plan, sent
from tests.storage.test_backup import leftovers, many_messages
from tests.test_cli import ROOT, applecore

MEMBER = 1_420_070_400_000_000_777


def run(action: Callable[[Database], Awaitable[object]], url: str) -> None:
    async def with_database() -> None:
        database = Database(url)
        await database.open()
        await action(database)
        await database.close()

    asyncio.run(with_database())


async def one_club(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        row = await plan(conn, "post", made)
        await outgoing.claim(conn, owner="a", now=NOW, lease=LEASE, shards=None)
        await sent(conn, row, 5)


def test_backup_and_restore_say_what_is_in_it_and_what_comes_next(database_url: str, tmp_path: Path) -> None:
    run(one_club, database_url)
    settings = {"APPLECORE_DATABASE_URL": database_url}
    done = applecore("backup", "club.backup", cwd=tmp_path, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("club.backup: 1 club, 1 reading and 1 post; ")
    assert done.stdout.endswith(" UTC.\n")
    assert stat.S_IMODE((tmp_path / "club.backup").stat().st_mode) == 0o600

    again = applecore("backup", "club.backup", cwd=tmp_path, **settings)
    assert again.returncode == 1
    assert again.stderr == "applecore: club.backup exists already; choose another name or add --force.\n"
    assert applecore("backup", "club.backup", "--force", cwd=tmp_path, **settings).returncode == 0

    forgotten = applecore("forget", "guild", str(GUILD), cwd=tmp_path, **settings)
    assert (forgotten.returncode, forgotten.stderr) == (0, "")
    assert forgotten.stdout.startswith(f"Server {GUILD}: 1 message, 1 club and 1 reading deleted. ")
    run(one_club, database_url)  # it came back, and is in the backup of what was there before

    restored = applecore("restore-backup", "club.backup", cwd=tmp_path, **settings)
    assert (restored.returncode, restored.stderr) == (0, "")
    first, saved, deleted, then = restored.stdout.splitlines()
    assert first.startswith("Restored 1 club, 1 reading and 1 post, as they were on ")
    assert saved.startswith("What was there before is saved in ")
    assert deleted == "Deleted again, as they were after the backup was taken: 1 server."
    assert then.startswith("Start the bot now.")


def test_restore_elsewhere_says_how_deletions_become_known(tmp_path: Path) -> None:
    run(one_club, f"sqlite:///{tmp_path}/old.db")
    old = {"APPLECORE_DATABASE_URL": "sqlite:///old.db"}
    new = {"APPLECORE_DATABASE_URL": "sqlite:///new.db"}
    assert applecore("backup", "club.backup", cwd=tmp_path, **old).returncode == 0
    assert applecore("forget", "member", "7777777777", cwd=tmp_path, **old).returncode == 0
    done = applecore("restore-backup", "club.backup", cwd=tmp_path, **new)
    assert "The database was empty, so what was deleted after" in done.stdout
    assert "--deletions" in done.stdout
    done = applecore("restore-backup", "club.backup", "--deletions", "sqlite:///old.db", cwd=tmp_path, **new)
    assert done.returncode == 0
    assert "Nothing that is in the backup was deleted since.\n" in done.stdout


def test_forget_a_member_twice(database_url: str, tmp_path: Path) -> None:
    async def theirs(database: Database) -> None:
        async with database.write() as conn:
            await club(conn)
            await conn.execute(update(schema.clubs).values(created_by=MEMBER))
            await conn.execute(update(schema.readings).values(added_by=MEMBER))

    run(theirs, database_url)
    settings = {"APPLECORE_DATABASE_URL": database_url}
    first = applecore("forget", "member", str(MEMBER), cwd=tmp_path, **settings)
    assert (first.returncode, first.stdout) == (0, f"Member {MEMBER}: taken out of 1 reading and 1 club.\n")
    second = applecore("forget", "member", str(MEMBER), cwd=tmp_path, **settings)
    assert second.returncode == 0
    assert second.stdout.startswith(f"Member {MEMBER}: nothing was stored.")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("forget", "member", "somebody"), "argument ID: 'somebody' is not an id of Discord: a number of 17 to 19"),
        (("forget", "guild", "0"), "is not an id of Discord"),
        (("forget", "guild", str(2**63)), "is not an id of Discord"),
        (("forget", "guild", "-5"), "ID"),
        (("backup",), "the following arguments are required: FILE"),
        (("restore-backup",), "the following arguments are required: FILE"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = applecore(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    "arguments", [("backup", "x"), ("forget", "guild", str(GUILD)), ("forget", "member", str(MEMBER))]
)
def test_a_database_that_is_not_there_is_one_line_and_not_made(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = applecore(*arguments, cwd=tmp_path, APPLECORE_DATABASE_URL="sqlite:///missing.db")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "applecore: The database sqlite:///missing.db is empty: check database_url, or start the bot first.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_backup_leaves_no_file(database_url: str, tmp_path: Path) -> None:
    run(lambda database: many_messages(database, 3_000, 20_000), database_url)
    folder = tmp_path / "backups"
    folder.mkdir()
    with subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "bot", "backup", str(folder / "x")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "APPLECORE_DATABASE_URL": database_url},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not leftovers(folder) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.0005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert list(folder.iterdir()) == []
