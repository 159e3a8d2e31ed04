"""A backup takes the place of what is in a database: all of it or nothing, without what was deleted since."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.engine import Engine

from bot.storage import backup, deletions, discussions, guilds, meta, readings, restore, schema
from bot.storage.database import Database
from bot.storage.deletions import Applied
from bot.storage.outgoing import OPEN
from bot.storage.records import UNSENT, DeletionKind
from bot.storage.restore import Restored
from tests.storage import old, said
from tests.storage.make import GUILD, NOW, club, plan, reading
from tests.storage.saying import talk, values_of
from tests.storage.test_backup import TAKEN, filled, of
from tests.support.killed import tries

LATER = TAKEN + timedelta(days=2)


async def restored(database: Database, file: Path, *ask: str) -> Restored:
    return await restore.restore(database, file, at=LATER, ask=ask)


async def new_revision(database: Database) -> int:
    async with database.write() as conn:
        return (await readings.save(conn, GUILD, reading(f"New {datetime.now(UTC)}"), added_by=None, at=NOW)).id


async def test_a_backup_of_either_engine_is_restored_on_either(
    database: Database, empty_database_url: str, tmp_path: Path
) -> None:
    source = await filled(empty_database_url)
    expected = await of(source)
    given = await new_revision(source)  # an id that was given and is free again must not come back
    async with source.write() as conn:
        await conn.execute(delete(schema.readings).where(schema.readings.c.id == given))
    await backup.take(source, tmp_path / "backup", at=TAKEN)
    done = await restored(database, tmp_path / "backup")
    assert (done.taken_at, done.saved, done.deletions_known) == (TAKEN, None, False)
    assert (done.contents.clubs, done.contents.readings, done.contents.posts) == (4, 2, 4)
    found = await of(database)
    assert found.keys() == expected.keys()
    for table in ("deletions", "excerpts", "guilds", "readings"):
        assert found[table] == expected[table]
    assert [key for key, _ in found["meta"]] == ["Schlüssel 🍎"], "neither when it was taken nor what Discord knows"
    for table in ("clubs", "outgoing"):
        assert _settled(table, found[table]) == _settled(table, expected[table])
    assert await new_revision(database) == given + 1 == 6
    await source.close()


def _settled(table: str, rows: list[Any]) -> list[list[tuple[str, Any]]]:
    """Without the columns that a restore changes."""
    changed = {"decide_at", "restored_from", "lease_owner", "lease_until", "look_since"}
    names = schema.metadata.tables[table].c.keys()
    return [[pair for pair in zip(names, row, strict=True) if pair[0] not in changed] for row in sorted(rows)]


async def test_whatever_may_have_been_posted_since_is_looked_for(
    database: Database, empty_database_url: str, tmp_path: Path
) -> None:
    source = await filled(empty_database_url)
    await backup.take(source, tmp_path / "backup", at=TAKEN)
    async with source.read() as conn:
        before = {row.id: row for row in await conn.execute(select(schema.outgoing))}
    await restored(database, tmp_path / "backup")
    async with database.read() as conn:
        rows = list(await conn.execute(select(schema.outgoing)))
        assert len(rows) == len(before)
        for row in rows:
            assert (row.lease_owner, row.lease_until) == (None, None)
            first = before[row.id].first_attempt_at
            known = before[row.id].look_since
            if row.state in UNSENT:
                assert row.look_since == min(moment for moment in (known, first, TAKEN) if moment)
            elif row.state in OPEN:
                assert row.look_since == min(moment for moment in (known, TAKEN) if moment)
            else:
                assert row.look_since == known
        assert {row.look_since for row in rows if row.state in UNSENT} == {old.AT, TAKEN, old.AT - timedelta(days=1)}
        moments = [(row.restored_from, row.decide_at) for row in await conn.execute(select(schema.clubs))]
        assert sorted(moments) == [(old.AT, None), *[(TAKEN, None)] * 3], "the earlier of two restores counts"
    await source.close()


async def test_what_was_there_before_is_saved_and_can_be_put_back(database: Database, tmp_path: Path) -> None:
    async with database.write() as conn:
        await plan(conn, "first", await club(conn))
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    async with database.write() as conn:
        await plan(conn, "second", await club(conn, GUILD + 1))
        await meta.put(conn, "commands:5", "told")
        await meta.put(conn, "other", "new")
    then = await of(database)
    done = await restored(database, tmp_path / "backup")
    assert done.saved == tmp_path / "applecore-before-restore-20260304T120000Z.sqlite3"
    now = await of(database)
    assert len(now["clubs"]) == 1
    assert now["meta"] == [("commands:5", "told")], "what this bot told Discord is still so"

    again = await restored(database, done.saved)
    assert again.saved == tmp_path / "applecore-before-restore-20260304T120000Z-2.sqlite3"
    back = await of(database)
    for table in ("clubs", "outgoing"):
        assert _settled(table, back[table]) == _settled(table, then[table])
    assert back["readings"] == then["readings"]
    assert back["meta"] == then["meta"]


async def test_ids_given_after_the_backup_are_not_given_again(database: Database, tmp_path: Path) -> None:
    assert await new_revision(database) == 1
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    assert [await new_revision(database) for _ in range(3)] == [2, 3, 4]
    await restored(database, tmp_path / "backup")
    assert await new_revision(database) == 5


async def test_what_was_deleted_since_is_deleted_again(database: Database, tmp_path: Path) -> None:
    async with database.write() as conn:
        for number, guild in enumerate((GUILD, GUILD + 1, GUILD + 2)):
            await plan(conn, f"{number}", await club(conn, guild), guild_id=guild)
            await guilds.joined(conn, guild)
        await deletions.forget_guild(conn, GUILD, TAKEN - timedelta(days=1))
        await plan(conn, "back again", await club(conn, GUILD))
        await deletions.forget_guild(conn, GUILD + 3, TAKEN - timedelta(seconds=1))
        await club(conn, GUILD + 3)
        await deletions.forget_guild(conn, 404, TAKEN - timedelta(days=1))
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    async with database.write() as conn:
        await deletions.forget_guild(conn, GUILD + 1, TAKEN + timedelta(hours=1))
        await deletions.forget_member(conn, 7, TAKEN - timedelta(seconds=3))  # noted before, committed after
        await guilds.left(conn, GUILD + 2, TAKEN + timedelta(hours=2))
        await guilds.left(conn, 405, TAKEN + timedelta(hours=2))
        kept = await deletions.known(conn)
    done = await restored(database, tmp_path / "backup")
    assert (done.deleted_again, done.deletions_known) == (Applied(members=1, guilds=1), True)
    async with database.read() as conn:
        assert await deletions.present(conn, DeletionKind.GUILD) == {GUILD, GUILD + 2, GUILD + 3}, "who came back stays"
        assert await deletions.present(conn, DeletionKind.MEMBER) == set()
        left = {row.guild_id: row.left_at for row in await conn.execute(select(schema.guilds))}
        assert left == {GUILD + 2: TAKEN + timedelta(hours=2)}
        assert await deletions.known(conn) == kept

    await backup.take(database, tmp_path / "second", at=LATER)
    again = await restored(database, tmp_path / "backup")
    assert again.deleted_again == Applied(members=1, guilds=1), "what is known of deletions outlives a restore"


JOINING = {
    "joined, then backed up": (["delete", "join", "say", "backup"], 1, False),
    "backed up, then deleted and joined": (["say", "backup", "delete", "join", "say"], 0, False),
    "backed up between deletion and joining": (["say", "delete", "backup", "join", "say"], 0, False),
    "deleted again after the backup": (["delete", "join", "say", "backup", "delete"], 0, True),
    "backed up before anything": (["say", "backup", "delete"], 0, True),
}


@pytest.mark.parametrize("case", JOINING)
async def test_deletions_and_joining_again_outlive_a_restore(database: Database, tmp_path: Path, case: str) -> None:
    """How many of the member's replies are there afterwards, and whether nothing may be collected."""
    steps, expected, forgotten = JOINING[case]
    async with database.write() as conn:
        post = await talk(conn)
        await discussions.reconciled(conn, post.id, wanted_at=NOW, at=NOW)
    for number, step in enumerate(steps):
        at = TAKEN + timedelta(hours=number - steps.index("backup"))
        async with database.write() as conn:
            if step == "delete":
                await deletions.forget_member(conn, 7, at)
            elif step == "join":
                await deletions.join(conn, 7, at)
            elif step == "say":
                await said.reply(conn, post, number + 1, 7)
        if step == "backup":
            await backup.take(database, tmp_path / "backup", at=TAKEN)
    await restored(database, tmp_path / "backup")
    assert len(await values_of(database, schema.replies.c.author_id)) == expected
    async with database.read() as conn:
        assert (await deletions.forgotten(conn)).holds(7) == forgotten
        discussion = await discussions.by_post(conn, post.id)
        assert discussion
        assert discussion.wanted_at == TAKEN, "what was said since is asked of Discord"


@pytest.mark.parametrize("way", ["address", "file"])
async def test_a_restore_elsewhere_asks_the_old_database(
    database: Database, database_url: str, tmp_path: Path, way: str
) -> None:
    async with database.write() as conn:
        for guild in (GUILD, GUILD + 1):
            await club(conn, guild)
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    async with database.write() as conn:
        await deletions.forget_guild(conn, GUILD, LATER)
        await guilds.left(conn, GUILD + 1, LATER)
    await backup.take(database, tmp_path / "later backup", at=LATER)
    there = Database(f"sqlite:///{tmp_path}/elsewhere.db")
    unasked = await restored(there, tmp_path / "backup")
    assert (unasked.deleted_again, unasked.deletions_known) == (Applied(0, 0), False)
    ask = database_url if way == "address" else str(tmp_path / "later backup")
    asked = await restored(there, tmp_path / "backup", ask)
    assert (asked.deleted_again, asked.deletions_known) == (Applied(0, 1), True)
    async with there.read() as conn:
        assert await deletions.present(conn, DeletionKind.GUILD) == {GUILD + 1}
        assert await conn.scalar(select(schema.guilds.c.left_at)) == LATER
    async with there.write() as conn:  # with the salt of its own, not only of those that it was asked about
        await deletions.forget_guild(conn, GUILD + 1, LATER)
    assert (await restored(there, tmp_path / "backup")).deleted_again == Applied(0, 2)
    await there.close()


async def test_what_was_deleted_long_before_the_backup_elsewhere_is_not_deleted_again(
    database: Database, tmp_path: Path
) -> None:
    async with database.write() as conn:
        await club(conn)
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    elsewhere = Database(f"sqlite:///{tmp_path}/elsewhere.db")
    await elsewhere.open()
    async with elsewhere.write() as conn:
        await deletions.forget_guild(conn, GUILD, TAKEN - timedelta(days=1))
    await elsewhere.close()
    done = await restored(database, tmp_path / "backup", str(tmp_path / "elsewhere.db"))
    assert done.deleted_again == Applied(0, 0)
    async with database.read() as conn:
        assert await deletions.present(conn, DeletionKind.GUILD) == {GUILD}


async def test_a_restore_killed_anywhere_leaves_what_was_there(database_url: str, tmp_path: Path) -> None:
    source = await filled(f"sqlite:///{tmp_path}/source.db")
    await backup.take(source, tmp_path / "backup", at=TAKEN)
    await source.close()
    database = Database(database_url)
    async with database.write() as conn:
        await plan(conn, "first", await club(conn))
        await deletions.forget_member(conn, 5, LATER)
    before = await of(database)
    kills = 0
    async with tries("restore", database_url, str(tmp_path / "backup")) as action:
        while await action.killed_at(kills + 1):
            kills += 1
            assert await of(database) == before
    assert kills > 25, "at every statement"
    after = await of(database)
    assert len(after["clubs"]) == 4
    assert len(after["deletions"]) == 3
    await database.close()


async def test_a_backup_of_an_older_release_is_upgraded_on_the_way(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    source = await filled(f"sqlite:///{file}", old.revisions()[0])
    async with source.read() as conn:
        columns, before = await conn.run_sync(old.columns), await conn.run_sync(old.dump)
    async with source.write() as conn:
        await meta.put(conn, backup.TAKEN_AT, TAKEN.isoformat())
    await source.close()
    original = file.read_bytes()
    await restored(database, file)
    assert file.read_bytes() == original
    there = Database(f"sqlite:///{tmp_path}/there.db")
    await there.open()
    await backup.take(database, tmp_path / "newer", at=LATER)
    await restored(there, tmp_path / "newer")
    async with there.read() as conn:
        after = await conn.run_sync(old.dump, columns)
        assert (after["readings"], after["excerpts"], after["guilds"]) == (
            before["readings"],
            before["excerpts"],
            before["guilds"],
        )
        assert len(after["clubs"]) == len(before["clubs"])
        assert len(after["outgoing"]) == len(before["outgoing"])
    await there.close()


async def test_a_forgetting_meanwhile_waits_and_finds_what_was_restored(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with database.write() as conn:
        await club(conn, GUILD)
    await backup.take(database, tmp_path / "backup", at=TAKEN)
    async with database.write() as conn:
        await conn.execute(delete(schema.clubs))
        await conn.execute(delete(schema.readings))
        await guilds.joined(conn, GUILD + 1)
    other = Database(database_url)

    async def forget() -> None:  # as `applecore forget` does
        await other.hold()
        async with other.write() as conn:
            await deletions.forget_guild(conn, GUILD, LATER)

    forgetting: list[asyncio.Task[None]] = []

    def in_the_middle(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM outgoing") and not forgetting:
            forgetting.append(asyncio.create_task(forget()))

    event.listen(Engine, "before_cursor_execute", in_the_middle)
    try:
        await restored(database, tmp_path / "backup")
    finally:
        event.remove(Engine, "before_cursor_execute", in_the_middle)
    await forgetting[0]
    async with database.read() as conn:
        assert await deletions.present(conn, DeletionKind.GUILD) == set()
        assert len(await deletions.known(conn)) == 1
    await other.close()
