"""A database of every earlier release becomes one of this release, whole, also when it is killed on the way."""

import asyncio

import pytest

from bot.storage import clubs, deletions, discussions, guilds, migrate, outgoing, readings
from bot.storage.database import Database
from bot.storage.records import ClubState, GuildSettings, OutgoingKind, OutgoingState, Thoughts
from tests.storage import old
from tests.support.killed import tries

REVISIONS = old.revisions()


async def _build(url: str, revision: str) -> Database:
    """Filled by that release; to be opened by this one."""
    database = Database(url)
    async with database.write() as conn:
        await conn.run_sync(old.build, revision)
    return database


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_filled_database_of_every_revision_upgrades(empty_database_url: str, revision: str) -> None:
    database = await _build(empty_database_url, revision)
    async with database.read() as conn:
        columns = await conn.run_sync(old.columns)
        before = await conn.run_sync(old.dump)
        assert await conn.run_sync(old.never_filled) == [], f"tests/storage/old.py has no such rows for {revision}"
        assert all(before.values()), "every table has rows"
    assert await database.revision() == (revision, migrate.newest())

    await database.open()
    assert await database.revision() == (migrate.newest(), migrate.newest())
    async with database.read() as conn:
        assert await conn.run_sync(old.dump, columns) == before
    await database.close()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_this_release_reads_what_every_earlier_one_wrote(empty_database_url: str, revision: str) -> None:
    database = await _build(empty_database_url, revision)
    await database.open()
    async with database.read() as conn:
        found = await clubs.in_guild(conn, old.GUILD)
        assert {club.state for club in found} == set(ClubState)
        assert [club.schedule.zone for club in found] == ["Asia/Kolkata"] * 4
        assert found[0].created_by == old.BIG
        rows = [row for club in found for row in await outgoing.of_club(conn, club.id)]
        assert {row.state for row in rows} == set(OutgoingState)
        newer = set() if revision >= "0003" else {OutgoingKind.DIGEST, OutgoingKind.READING_DIGEST}
        assert {row.kind for row in rows} == set(OutgoingKind) - {OutgoingKind.GREETING} - newer
        posts = [row for row in rows if row.kind is OutgoingKind.POST and row.state is OutgoingState.SENT]
        assert [(row.sent_at, row.message_id) for row in posts] == [(old.AT, old.BIG - 300)]
        stored = await readings.get(conn, old.GUILD, 3)
        assert stored
        assert (stored.title, stored.workarounds) == ("Émile 🍎", ("apple", "ä🍎"))
        text = await readings.load(conn, 3)
        assert text
        assert len(text.excerpts) == 2
        assert await guilds.role(conn, old.GUILD) == old.BIG
        assert len(await deletions.known(conn)) == (2 if revision >= "0002" else 0)
        talk = await discussions.by_thread(conn, old.BIG - 500)
        assert talk, "a post that an earlier release sent has its discussion"
        assert talk.name == ("Day 1 🍎" if revision >= "0003" else None)
        kept = await guilds.settings(conn, old.GUILD)
        assert kept == (GuildSettings(30, False, Thoughts.OFF) if revision >= "0003" else GuildSettings())
    async with database.write() as conn:
        again = await readings.save(conn, old.GUILD, text, added_by=None, at=old.AT)
        assert again.id > 4, "ids go on after those given before"
    await database.close()


@pytest.mark.parametrize("revision", [None, *REVISIONS[:-1]])
async def test_a_migration_killed_anywhere_changes_nothing_and_the_next_start_goes_through(
    empty_database_url: str, revision: str | None
) -> None:
    database = Database(empty_database_url) if revision is None else await _build(empty_database_url, revision)

    async def state() -> object:
        async with database.read() as conn:
            return await conn.run_sync(old.columns), await conn.run_sync(old.dump)

    before = await state()
    kills = 0
    async with tries("open", empty_database_url) as action:
        while await action.killed_at(kills + 1):
            kills += 1
            assert await database.revision() == (revision, migrate.newest())
            assert await state() == before
    assert kills > 10, "at every statement"
    await database.open()
    assert await database.revision() == (migrate.newest(), migrate.newest())
    await database.close()


async def test_processes_that_upgrade_at_once_all_succeed(empty_database_url: str) -> None:
    database = await _build(empty_database_url, REVISIONS[0])
    async with database.read() as conn:
        columns, before = await conn.run_sync(old.columns), await conn.run_sync(old.dump)

    async def start() -> bool:
        async with tries("open", empty_database_url) as action:
            return await action.killed_at(0)

    assert await asyncio.gather(*(start() for _ in range(3)), database.open()) == [False, False, False, None]
    assert await database.revision() == (migrate.newest(), migrate.newest())
    async with database.read() as conn:
        assert await conn.run_sync(old.dump, columns) == before
    await database.close()
