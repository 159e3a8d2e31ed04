"""A member or guild that is forgotten is gone at once, and stays gone when an older backup is restored."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Table, func, insert, select, text

from bot.storage import clubs, deletions, guilds, members, outgoing, readings, schema
from bot.storage.database import Database
from bot.storage.deletions import Applied, Forgotten, Gone
from bot.storage.records import Deletion, DeletionKind
from tests.storage import said
from tests.storage.make import GUILD, NOW, club, plan, reading
from tests.storage.saying import THREAD, bookmark, talk, values_of

MEMBER = 7
"""Who adds the readings and clubs of ``make``."""
OTHER = GUILD + 1


async def _fill(database: Database) -> None:
    async with database.write() as conn:
        for number, guild in enumerate((GUILD, OTHER)):
            made = await club(conn, guild, guild + 10)
            await plan(conn, f"post {number}", made, guild_id=guild)
            await guilds.set_role(conn, guild, 5)
        await readings.save(conn, GUILD, reading("Another's"), added_by=8, at=NOW)


async def _count(database: Database, table: Table) -> int:
    async with database.read() as conn:
        return await conn.scalar(select(func.count()).select_from(table)) or 0


async def test_a_forgotten_member_is_in_no_row(database: Database) -> None:
    await _fill(database)
    async with database.write() as conn:
        assert await deletions.forget_member(conn, MEMBER, NOW) == Gone(taken_out={"reading": 2, "club": 2})
        assert not await deletions.forget_member(conn, MEMBER, NOW)
        assert await deletions.present(conn, DeletionKind.MEMBER) == {8}
        found = await clubs.in_guild(conn, GUILD)
        assert [each.created_by for each in found] == [deletions.NOBODY]
        assert [each.added_by for each in await readings.newest(conn, GUILD)] == [8, None]


async def test_a_forgotten_guild_leaves_no_row_and_others_all_of_theirs(database: Database) -> None:
    await _fill(database)
    async with database.write() as conn:
        gone = await deletions.forget_guild(conn, GUILD, NOW)
        assert gone == Gone({"message": 1, "club": 1, "reading": 2, "setting": 1})
        assert not await deletions.forget_guild(conn, GUILD, NOW)
        assert await deletions.present(conn, DeletionKind.GUILD) == {OTHER}
        assert await guilds.role(conn, OTHER) == 5
        (left,) = await clubs.in_guild(conn, OTHER)
        assert len(await outgoing.of_club(conn, left.id)) == 1
        assert await readings.load(conn, left.reading_id) == reading()
    assert await _count(database, schema.excerpts) == 3


async def test_what_is_kept_of_a_deletion_does_not_name_whom(database: Database) -> None:
    async with database.write() as conn:
        await deletions.forget_member(conn, GUILD, NOW)
        await deletions.forget_guild(conn, GUILD, NOW)
        await deletions.forget_guild(conn, OTHER, NOW + timedelta(1))
        kept = await deletions.known(conn)
    assert sorted((each.kind, each.deleted_at) for each in kept) == [
        (DeletionKind.GUILD, NOW),
        (DeletionKind.GUILD, NOW + timedelta(1)),
        (DeletionKind.MEMBER, NOW),
    ]
    assert len({each.digest for each in kept}) == 3
    (salt,) = {each.salt for each in kept}
    assert len(salt) == 32
    assert str(GUILD) not in repr(kept)
    assert deletions.digest(DeletionKind.GUILD, GUILD, salt) in {each.digest for each in kept}


async def test_the_later_of_two_deletions_is_remembered(database: Database) -> None:
    async with database.write() as conn:
        for days in (1, 3, 2):
            await deletions.forget_guild(conn, GUILD, NOW + timedelta(days))
        (kept,) = await deletions.known(conn)
    assert kept.deleted_at == NOW + timedelta(3)


async def test_two_that_forget_at_once_have_one_salt(database: Database, database_url: str) -> None:
    other = Database(database_url)

    async def forget(through: Database, guild: int) -> None:
        async with through.write() as conn:
            await deletions.forget_guild(conn, guild, NOW)

    await asyncio.gather(*(forget(through, guild) for guild, through in enumerate([database, other] * 4, start=1)))
    async with database.read() as conn:
        kept = await deletions.known(conn)
    assert len(kept) == 8
    assert len({each.salt for each in kept}) == 1
    await other.close()


async def test_deletions_are_applied_to_rows_of_another_database(database: Database, tmp_path: Path) -> None:
    await _fill(database)
    elsewhere = Database(f"sqlite:///{tmp_path}/elsewhere.db")
    await elsewhere.open()
    async with elsewhere.write() as conn:
        await deletions.forget_member(conn, MEMBER, NOW)
        await deletions.forget_guild(conn, OTHER, NOW)
        await deletions.forget_guild(conn, 404, NOW)
        known = await deletions.known(conn)
    async with database.write() as conn:
        assert await deletions.apply(conn, known) == Applied(members=1, guilds=1)
        assert await deletions.apply(conn, known) == Applied(members=0, guilds=0)
        assert await deletions.present(conn, DeletionKind.MEMBER) == {8}
        assert await deletions.present(conn, DeletionKind.GUILD) == {GUILD}
    await elsewhere.close()


async def test_more_deletions_than_one_statement_takes(database: Database) -> None:
    many = [{"guild_id": GUILD + number, "club_role_id": number} for number in range(1, 1202)]
    async with database.write() as conn:
        await conn.execute(insert(schema.guilds), many)
        salt = "00" * 16
        known = [
            Deletion(deletions.digest(DeletionKind.GUILD, row["guild_id"], salt), salt, DeletionKind.GUILD, NOW)
            for row in many[:-1]
        ]
        assert await deletions.apply(conn, known) == Applied(members=0, guilds=1200)
        assert await deletions.present(conn, DeletionKind.GUILD) == {many[-1]["guild_id"]}


async def test_sqlite_overwrites_what_was_deleted(tmp_path: Path) -> None:
    file = tmp_path / "applecore.db"
    database = Database(f"sqlite:///{file}")
    await database.open()
    async with database.write() as conn:
        await readings.save(conn, GUILD, reading("Secret Title", "secret passage " * 900), added_by=8, at=NOW)
    await database.close()
    assert b"secret passage" in file.read_bytes()
    async with database.write() as conn:
        assert await conn.scalar(text("PRAGMA secure_delete")) == 1  # some builds of SQLite begin with it
        await deletions.forget_guild(conn, GUILD, NOW)
    await database.close()
    assert b"ecret" not in file.read_bytes()


async def test_sqlite_keeps_nothing_deleted_in_its_log_while_the_bot_runs(tmp_path: Path) -> None:
    file = tmp_path / "applecore.db"
    database = Database(f"sqlite:///{file}")
    await database.open()
    async with database.write() as conn:
        await said.reply(conn, await talk(conn), 1, MEMBER, text="secret passage " * 900)
    async with database.write() as conn:
        await deletions.forget_member(conn, MEMBER, NOW)
    written = file.with_name("applecore.db-wal")
    assert b"secret" in written.read_bytes()
    await database.scrub()
    assert b"secret" not in written.read_bytes() + file.read_bytes()
    async with database.read() as reader:
        await reader.scalar(select(schema.clubs.c.id))
        async with database.write() as conn:
            await guilds.set_role(conn, GUILD, 1)
        await database.scrub()  # whoever reads holds it up for a moment only, and it harms nobody
    async with database.write() as conn:
        assert await guilds.role(conn, GUILD) == 1
    await database.close()


async def _converse(database: Database) -> None:
    """The member and 8 said something, reacted, picked and chose, in two guilds."""
    async with database.write() as conn:
        for number, guild in enumerate((GUILD, OTHER)):
            post = await talk(conn, guild, thread_id=THREAD + number)
            mine, others = 10 * number + 1, 10 * number + 2
            await said.reply(conn, post, mine, MEMBER, text="secret")
            await said.reply(conn, post, others, 8)
            for message, user in ((THREAD + number, MEMBER), (THREAD + number, 8), (mine, 8), (others, MEMBER)):
                await said.reaction(conn, post, message, user)
            await said.pick(conn, post, mine, by=8, text="secret")
            await said.pick(conn, post, others, by=MEMBER)
            await members.set_quotes(conn, guild, MEMBER, agreed=True)
            await members.set_streaks(conn, guild, 8, agreed=True)
            await bookmark(conn, guild, MEMBER)


async def test_what_a_forgotten_member_said_and_gave_goes_in_every_guild(database: Database) -> None:
    await _converse(database)
    async with database.write() as conn:
        gone = await deletions.forget_member(conn, MEMBER, NOW)
    assert gone.deleted == {"reaction": 6, "pick": 2, "reply": 2, "consent": 2, "bookmark": 2}
    assert gone.taken_out == {"pick": 2, "reading": 2, "club": 2}
    assert await values_of(database, schema.replies.c.author_id) == [8, 8]
    assert await values_of(database, schema.reactions.c.message_id) == [THREAD, THREAD + 1]
    assert await values_of(database, schema.picks.c.picked_by) == [deletions.NOBODY] * 2
    assert await values_of(database, schema.members.c.user_id) == [8, 8]
    assert await _count(database, schema.bookmarks) == 0
    assert await _count(database, schema.discussions) == 2
    async with database.read() as conn:
        assert await deletions.present(conn, DeletionKind.MEMBER) == {8}


async def test_what_was_said_in_a_forgotten_guild_goes(database: Database) -> None:
    await _converse(database)
    async with database.write() as conn:
        gone = await deletions.forget_guild(conn, GUILD, NOW)
    expected = {"pick": 2, "reaction": 4, "reply": 2, "discussion": 1, "consent": 2, "bookmark": 1}
    assert gone == Gone(expected | {"message": 1, "club": 1, "reading": 1})
    for table in (schema.replies, schema.reactions, schema.picks, schema.members, schema.bookmarks):
        assert set(await values_of(database, table.c.guild_id)) == {OTHER}


async def test_a_forgotten_member_is_known_until_they_join(database: Database) -> None:
    async with database.write() as conn:
        first = await deletions.version(conn)
        await deletions.forget_guild(conn, MEMBER, NOW)
        assert not (await deletions.forgotten(conn)).holds(MEMBER), "a guild is no member"
        assert not await deletions.join(conn, MEMBER, NOW), "nobody deleted them"
        await deletions.forget_member(conn, MEMBER, NOW)
        deleted, then = await deletions.forgotten(conn), await deletions.version(conn)
        assert [deleted.holds(each) for each in (MEMBER, 8, MEMBER)] == [True, False, True]
        assert await deletions.join(conn, MEMBER, NOW + timedelta(1))
        assert not await deletions.join(conn, MEMBER, NOW + timedelta(2)), "they had joined already"
        assert not (await deletions.forgotten(conn)).holds(MEMBER)
        joined = await deletions.version(conn)
        await deletions.forget_member(conn, MEMBER, NOW)  # by a clock that was set back meanwhile
        assert (await deletions.forgotten(conn)).holds(MEMBER)
        assert len({first, then, joined, await deletions.version(conn)}) == 4
        (kept,) = await deletions.of_member(conn, MEMBER)
        assert (kept.joined_at, kept.deleted_at > NOW + timedelta(1)) == (None, True)


def test_the_members_asked_about_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "_REMEMBERED", 3)
    salt = "00" * 16
    forgotten = Forgotten([Deletion(deletions.digest(DeletionKind.MEMBER, 5, salt), salt, DeletionKind.MEMBER, NOW)])
    assert [each for each in [*range(1, 20), 5, 5] if forgotten.holds(each)] == [5, 5, 5]
    assert len(forgotten._asked) <= 3


async def test_one_who_writes_and_one_who_deletes_wait_for_each_other(database: Database, database_url: str) -> None:
    """As two processes on one PostgreSQL: what the first had begun to write is deleted with all else."""
    other = Database(database_url)
    async with database.write() as conn:
        post = await talk(conn)

    async def forget() -> None:
        async with other.write() as conn:
            await deletions.forget_member(conn, MEMBER, NOW)

    async with database.write() as conn:
        await deletions.version(conn)
        assert not (await deletions.forgotten(conn)).holds(MEMBER)
        await said.reply(conn, post, 1, MEMBER)
        forgetting = asyncio.create_task(forget())
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while database.dialect == "postgresql" and not forgetting.done() and not await conn.scalar(waiting):
            pass
    await forgetting
    assert await _count(database, schema.replies) == 0
    await other.close()


def test_every_column_with_an_id_of_discord_says_whose() -> None:
    """A table that holds ids of members or guilds joins ``PLACES``; other ids of Discord join ``NEITHER``."""
    of_someone = {place.column for place in deletions.PLACES}
    assert not of_someone & deletions.NEITHER
    words = {"by", "guild", "user", "member", "moderator"}
    for table in schema.metadata.sorted_tables:
        for column in table.c:
            discords = isinstance(column.type, BigInteger) and not column.type._variant_mapping  # OwnId has a variant
            if discords or words & set(column.name.split("_")):
                assert column in of_someone | deletions.NEITHER, f"{column} is in neither"
