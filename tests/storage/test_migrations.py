"""Migrations run at start, whole or not at all, and end at the tables of the schema."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from bot.errors import ApplecoreError
from bot.storage import meta, migrate, schema
from bot.storage.database import Database


def _tables(connection: Connection) -> dict[str, Any]:
    """All that the engine itself says about the tables."""
    about = inspect(connection)
    found: dict[str, Any] = {}
    for table in sorted(set(about.get_table_names()) - {"alembic_version", "sqlite_sequence"}):
        found[table] = {
            "columns": [
                {**column, "type": str(column["type"].compile(connection.dialect))}
                for column in about.get_columns(table)
            ],
            "primary": about.get_pk_constraint(table),
            "foreign": sorted(about.get_foreign_keys(table), key=str),
            "unique": sorted(about.get_unique_constraints(table), key=str),
            "check": sorted(about.get_check_constraints(table), key=lambda check: str(check["name"])),
            "index": sorted(about.get_indexes(table), key=lambda index: str(index["name"])),
        }
        for index in found[table]["index"]:
            options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
            index["dialect_options"] = options
    return found


def _autoincrement(connection: Connection) -> set[str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    return {name for name, sql in rows if "AUTOINCREMENT" in (sql or "")}


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_migrated_tables_are_those_of_the_schema(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    await database.open()
    async with database.read() as conn:
        difference = await conn.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), schema.metadata
            )
        )
        migrated = await conn.run_sync(_tables)
        counting = await conn.run_sync(_autoincrement) if database.dialect == "sqlite" else set()
    assert difference == []

    async with database.write() as conn:  # autogenerate is blind to checks and partial indexes: compare those ourselves
        for table in reversed(schema.metadata.sorted_tables):
            await conn.run_sync(table.drop)
        await conn.run_sync(schema.metadata.create_all)
        assert await conn.run_sync(_tables) == migrated
        if database.dialect == "sqlite":
            assert await conn.run_sync(_autoincrement) == counting == {"readings", "clubs", "outgoing", "bookmarks"}
    await database.close()


async def test_opening_again_changes_nothing(empty_database_url: str, tmp_path: Path) -> None:
    database = Database(empty_database_url)
    if database.dialect == "sqlite":
        assert await database.revision() == (None, migrate.newest())
        assert _names(tmp_path) == []
    for _ in range(2):
        await database.open()
        async with database.write() as conn:
            await meta.put(conn, "kept", "yes")
        assert await database.revision() == (migrate.newest(), migrate.newest())
        await database.close()
        await database.close()


async def test_processes_that_open_at_once_all_succeed(empty_database_url: str) -> None:
    script = (
        "import asyncio, sys; from bot.storage.database import Database\n"
        "async def run():\n    database = Database(sys.argv[1])\n    await database.open()\n"
        "    await database.close()\nasyncio.run(run())"
    )
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, empty_database_url, stderr=-1)
        for _ in range(3)
    ]
    for process in started:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    here = [Database(empty_database_url) for _ in range(3)]
    await asyncio.gather(*(database.open() for database in here))
    for database in here:
        await database.close()


async def test_objects_that_open_at_once_all_succeed(empty_database_url: str) -> None:
    databases = [Database(empty_database_url) for _ in range(4)]
    await asyncio.gather(*(database.open() for database in databases))
    for database in databases:
        assert await database.revision() == (migrate.newest(), migrate.newest())
        await database.close()


async def test_newer_database_is_left_alone(database_url: str) -> None:
    database = Database(database_url)
    async with database.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ApplecoreError, match=r"9999.*install a newer Applecore.*database_url"):
        await database.open()
    assert await database.revision() == ("9999", migrate.newest())
    await database.close()


async def test_failing_migration_leaves_nothing_behind(empty_database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "with 100% trouble"
    shutil.copytree(migrate.MIGRATIONS, folder)
    script = (
        'from alembic import op\nimport sqlalchemy as sa\nrevision = "trouble"\ndown_revision = "HEAD"\n'
        'def upgrade() -> None:\n    op.create_table("half", sa.Column("id", sa.Integer))\n'
        '    op.execute("INSERT INTO half VALUES (1)")\n    raise ZeroDivisionError\n'
    )
    (folder / "versions" / "0000_trouble.py").write_text(script.replace("HEAD", migrate.newest()), encoding="utf-8")
    database = Database(empty_database_url)
    with pytest.raises(ZeroDivisionError):
        async with database.write() as conn:
            await conn.run_sync(migrate.upgrade, folder)
    async with database.read() as conn:
        assert await conn.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await database.open()
    await database.close()
