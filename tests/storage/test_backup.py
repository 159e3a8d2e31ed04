"""A backup is one state of the database, whole, in one private file, also while the bot writes."""

import asyncio
import resource
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from bot.errors import ApplecoreError
from bot.storage import backup, readings, schema
from bot.storage.database import Connection, Database
from tests.storage import old
from tests.storage.make import GUILD, NOW, reading

TAKEN = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def everything(conn: Connection) -> dict[str, list[Any]]:
    """All rows by table, as the bot sees them: the same from either engine."""
    found = {}
    for table in schema.metadata.sorted_tables:
        found[table.name] = sorted((tuple(row) for row in await conn.execute(select(table))), key=repr)
    return found


async def of(database: Database) -> dict[str, list[Any]]:
    async with database.read() as conn:
        return await everything(conn)


async def in_file(file: Path) -> dict[str, list[Any]]:
    database = Database(f"sqlite:///{file}")
    try:
        return await of(database)
    finally:
        await database.close()


async def filled(url: str, revision: str | None = None) -> Database:
    database = Database(url)
    async with database.write() as conn:
        await conn.run_sync(old.build, revision or old.revisions()[-1])
    return database


async def many_messages(database: Database, number: int, length: int = 300) -> None:
    row = {"guild_id": GUILD, "kind": "greeting", "nonce": "n", "marker": 1, "channel_id": 1, "text": "x" * length}
    row |= {"state": "planned", "attempts": 0, "retries": 0}
    async with database.write() as conn:
        await conn.execute(insert(schema.outgoing), [row | {"key": f"many {each}"} for each in range(number)])


def leftovers(folder: Path) -> list[str]:
    """Of a backup that did not come about."""
    return [path.name for path in folder.iterdir() if path.suffix == ".part"]


async def test_a_backup_holds_everything_and_when_it_was_taken(empty_database_url: str, tmp_path: Path) -> None:
    database = await filled(empty_database_url)
    file = tmp_path / "50% of #1, sure?" / "backup.sqlite3"
    file.parent.mkdir()
    contents = await backup.take(database, file, at=TAKEN)
    assert contents == backup.Contents(clubs=4, readings=2, posts=4, size=file.stat().st_size)
    assert [path.name for path in file.parent.iterdir()] == ["backup.sqlite3"], "one file, without a log of its own"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    expected = await of(database)
    expected["meta"] = sorted([*expected["meta"], (backup.TAKEN_AT, "2026-03-02T12:00:00+00:00")], key=repr)
    shutil.copy(file, tmp_path / "plain name")
    assert await in_file(tmp_path / "plain name") == expected
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    await database.close()


async def test_a_backup_under_load_is_one_state_and_holds_no_writer_up(database: Database, tmp_path: Path) -> None:
    """Each transaction of the load adds a message and counts it elsewhere: every state has as many as it says."""
    await many_messages(database, 8_000, 3_000)
    guild = schema.guilds
    async with database.write() as conn:
        await conn.execute(insert(guild).values(guild_id=1, club_role_id=0))

    async def add(number: int) -> None:
        row = {"guild_id": 1, "kind": "greeting", "key": f"load {number}", "nonce": "n", "marker": 1, "channel_id": 1}
        row |= {"state": "planned", "attempts": 0, "retries": 0}
        async with database.write() as conn:
            await conn.execute(insert(schema.outgoing).values(row))
            await conn.execute(update(guild).values(club_role_id=guild.c.club_role_id + 1))

    async def load() -> None:
        number = 0
        while True:
            await add(number)
            number += 1

    async def counted() -> int:
        async with database.read() as conn:
            return await conn.scalar(select(guild.c.club_role_id)) or 0

    loading = asyncio.create_task(load())
    async with asyncio.timeout(20):
        while await counted() < 3:
            pass
    for take in range(3):
        before = await counted()
        file = tmp_path / f"{take}.backup"
        await backup.take(database, file, at=TAKEN)
        after = await counted()
        with closing(sqlite3.connect(file)) as connection:
            said = connection.execute("SELECT club_role_id FROM guilds").fetchone()[0]
            there = connection.execute("SELECT count(*) FROM outgoing WHERE key LIKE 'load %'").fetchone()[0]
        assert before <= said == there <= after
        assert after > before, "the load went on"
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading


async def test_a_backup_leaves_behind_what_was_deleted_but_is_still_in_the_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/applecore.db")
    await database.open()
    async with database.write() as conn:
        await readings.save(conn, GUILD, reading("Gone", "deleted passage " * 900), added_by=1, at=NOW)
        await conn.execute(text("PRAGMA secure_delete = OFF"))
        await conn.execute(delete(schema.readings))
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    await database.close()
    assert b"deleted passage" in (tmp_path / "applecore.db").read_bytes()
    assert b"deleted passage" not in (tmp_path / "backup").read_bytes()


async def test_an_older_backup_is_replaced_only_on_request_and_only_by_a_whole_one(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    await backup.take(database, file, at=TAKEN)
    good = file.read_bytes()
    with pytest.raises(ApplecoreError, match=r"backup exists already; choose another name or add --force\.$"):
        await backup.take(database, file, at=TAKEN + timedelta(1))
    assert file.read_bytes() == good

    await many_messages(database, 2_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) + 100_000, hard))  # a disk that is full soon
    try:
        with pytest.raises(ApplecoreError, match=r"The backup .*backup could not be made \(.+\): see that its folder"):
            await backup.take(database, file, at=TAKEN + timedelta(1), force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == good
    assert leftovers(tmp_path) == []

    await backup.take(database, file, at=TAKEN + timedelta(1), force=True)
    assert file.stat().st_size > len(good) + 100_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_where_a_backup_cannot_be(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/applecore.db")
    await database.open()

    async def refused(name: str, *, force: bool = False) -> str:
        with pytest.raises(ApplecoreError) as caught:
            await backup.take(database, tmp_path / name, at=TAKEN, force=force)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(f"{tmp_path}/", "")

    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("applecore.db")
    choose = "choose a folder that is there and that you may write to."
    assert await refused("nowhere/x") == f"nowhere/x cannot be written (No such file or directory): {choose}"
    assert await refused("applecore.db/x") == f"applecore.db/x cannot be written (Not a directory): {choose}"
    assert await refused("folder", force=True) == "folder is a folder: name a file in it."
    for own in ("applecore.db", "applecore.db-wal", "applecore.db.lock", "folder/../applecore.db", "link"):
        says = f"{own} belongs to the database itself: choose another name for the backup."
        assert await refused(own, force=True) == says
    await database.close()
    await database.open()
    assert await database.revision() == (old.revisions()[-1],) * 2


async def test_a_database_that_another_release_left_is_not_backed_up(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    for revision, says in (
        ("0001", "is at revision 0001, not yet at .*: start the bot once, which upgrades it, and try again"),
        ("9999", "is at revision 9999, which this Applecore does not know: install the newer one"),
    ):
        async with database.write() as conn:
            await conn.execute(text("UPDATE alembic_version SET version_num = :now").bindparams(now=revision))
        with pytest.raises(ApplecoreError, match=says):
            await backup.take(database, tmp_path / "backup", at=TAKEN)
        assert not (tmp_path / "backup").exists()
    await database.close()


async def test_a_database_that_is_not_there_is_neither_backed_up_nor_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/missing.db")
    with pytest.raises(ApplecoreError, match="is empty: check database_url, or start the bot first"):
        await backup.take(database, tmp_path / "backup", at=TAKEN)
    assert not any(path.exists() for path in (tmp_path / "backup", tmp_path / "missing.db"))


async def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    database = await filled(f"sqlite:///{tmp_path}/applecore.db")
    await database.close()
    content = bytearray((tmp_path / "applecore.db").read_bytes())
    content[5 * 4096 : 12 * 4096] = b"\x5a" * (7 * 4096)
    (tmp_path / "applecore.db").write_bytes(content)
    shutil.copy(tmp_path / "applecore.db", tmp_path / "damaged.db")
    with pytest.raises(ApplecoreError):
        await backup.take(Database(f"sqlite:///{tmp_path}/damaged.db"), tmp_path / "backup", at=TAKEN)
    assert not (tmp_path / "backup").exists()
    assert leftovers(tmp_path) == []
