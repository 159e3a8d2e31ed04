"""What cannot be restored is refused in one sentence, and nothing is changed."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from bot.errors import ApplecoreError
from bot.storage import backup, schema
from bot.storage.database import Database
from tests.storage.make import club, plan
from tests.storage.test_backup import TAKEN, of
from tests.storage.test_hold import holder
from tests.storage.test_restore import restored


async def test_a_restore_waits_for_no_bot_and_goes_through_once_it_was_killed(
    database_url: str, tmp_path: Path
) -> None:
    database = Database(database_url)
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    async with database.write() as conn:
        await club(conn)
    before = await of(database)
    async with holder(database_url) as bot:
        with pytest.raises(ApplecoreError, match=r"^A bot is using the database .+: stop it first\.$"):
            await restored(database, tmp_path / "backup")
        assert await of(database) == before
        bot.kill()
        await bot.wait()

    async def through() -> bool:
        try:
            await restored(database, tmp_path / "backup")
        except ApplecoreError:
            return False
        return True

    async with asyncio.timeout(20):
        while not await through():  # PostgreSQL notices a moment later that a process has gone
            pass
    assert (await of(database))["clubs"] == []
    await database.close()


async def test_what_is_no_backup_changes_nothing(database: Database, tmp_path: Path) -> None:
    async with database.write() as conn:
        await plan(conn, "first", await club(conn))
        await conn.execute(insert(schema.meta), [{"key": f"{number}", "value": "x" * 900} for number in range(200)])
    await backup.take(database, tmp_path / "good", at=TAKEN)
    good = (tmp_path / "good").read_bytes()
    wrong = {
        "empty": b"",
        "random": b"\x93\x1f" * 5000,
        "text": b"SQLite is a database.\n" * 50,
        "truncated": good[: len(good) // 2],
        "header": good[:100],
        "overwritten": good[: 8 * 4096] + b"\xff" * (4 * 4096) + good[12 * 4096 :],
    }
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
    with closing(sqlite3.connect(tmp_path / "another app")) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
        connection.execute("CREATE TABLE alembic_version (version_num)")
    shutil.copy(tmp_path / "good", tmp_path / "database")
    shutil.copy(tmp_path / "good", tmp_path / "newer")
    for name, change in (
        ("database", "DELETE FROM meta WHERE key = 'backup_taken_at'"),
        ("newer", "UPDATE alembic_version SET version_num = '9999'"),
    ):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute(change)
            connection.commit()

    says = {
        "empty": "no backup of Applecore",
        "random": "no backup of Applecore",
        "text": "no backup of Applecore",
        "truncated": "is damaged",
        "header": "is damaged",
        "overwritten": "is damaged",
        "another app": "no backup of Applecore",
        "database": "is a database of Applecore, but no backup",
        "newer": "is of a newer Applecore: install that, and restore it then",
        "missing": "cannot be read (No such file or directory)",
        ".": "is a folder",
    }
    before = await of(database)
    for name, expected in says.items():
        with pytest.raises(ApplecoreError) as caught:
            await restored(database, tmp_path / name)
        assert expected in str(caught.value), name
        assert "\n" not in str(caught.value)
    if database.file:
        with pytest.raises(ApplecoreError, match="is the database itself"):
            await restored(database, database.file)
    assert await of(database) == before
    assert not list(tmp_path.glob("*before-restore*"))  # noqa: ASYNC240 - the test has nothing else to do


async def test_where_deletions_cannot_be_read(database: Database, tmp_path: Path) -> None:
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    (tmp_path / "text").write_text("Dear diary. " * 400)
    shutil.copy(tmp_path / "backup", tmp_path / "newer")
    with closing(sqlite3.connect(tmp_path / "newer")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with closing(sqlite3.connect(tmp_path / "another app")) as connection:
        connection.execute("CREATE TABLE other (id)")
    for ask, says in (
        (str(tmp_path / "missing"), "missing: there is no such file."),
        (f"sqlite:///{tmp_path}/missing", "is no database of Applecore"),
        (str(tmp_path / "another app"), "is no database of Applecore"),
        (str(tmp_path / "newer"), "is of a newer Applecore: install that one first"),
        (str(tmp_path / "text"), "file is not a database"),
        ("mysql://root:hunter2@host/name", "does not know"),
        ("postgresql://root:hunter2@127.0.0.1:1/name", "that the server runs"),
    ):
        with pytest.raises(ApplecoreError) as caught:
            await restored(database, tmp_path / "backup", ask)
        assert str(caught.value).startswith("Deletions cannot be read from ")
        assert says in str(caught.value)
        assert "hunter2" not in str(caught.value)


async def test_a_target_of_a_newer_release_is_left_alone(database: Database, tmp_path: Path) -> None:
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    async with database.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ApplecoreError, match=r"9999.*install a newer Applecore"):
        await restored(database, tmp_path / "backup")
