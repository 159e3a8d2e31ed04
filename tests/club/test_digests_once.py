"""A digest comes once, wherever the bot was killed while it was planned, posted, and its thread closed."""

from pathlib import Path

import pytest

from bot.storage import backup, restore
from bot.storage.database import Database
from bot.storage.records import OutgoingKind, OutgoingState
from tests.club.talking import closed_at, is_open, posted, posted_and_talked, talk
from tests.support.club_world import ClubWorld, club_world, commits

SEND = ("POST", "/channels/*/messages")
THREAD = ("GET", "/channels/*")
CLOSE = ("PATCH", "/channels/*")


async def at_the_close(world: ClubWorld) -> None:
    """A minute before the thread of a reading's only post closes; the reading has ended already."""
    await posted_and_talked(world, excerpts=1)
    assert len(world.posts()) == 1


async def check_once(world: ClubWorld) -> None:
    """One digest in the closed thread, and one of the reading in the channel behind its ending."""
    [thread] = world.threads()
    assert ["1 reply" in text for text in world.said(thread)] == [True]
    assert not is_open(world, thread)
    assert await closed_at(world, thread) is not None
    _, ending, digest = world.said(world.channel)
    assert "read to the end" in ending
    assert "1 reply" in digest
    rows = await world.rows()
    assert {row.state for row in rows} == {OutgoingState.CLOSED}
    assert sorted(row.kind for row in rows) == sorted(set(OutgoingKind) - {OutgoingKind.FAULT, OutgoingKind.GREETING})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the engines differ at commits alone
@pytest.mark.parametrize("window", ["inside the nonce's window", "past it"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", [1, 2], ids=["thread", "channel"])
async def test_killed_at_a_digest(database_url: str, nth: int, after: bool, window: str) -> None:
    async with club_world(database_url) as world:
        await at_the_close(world)
        if window == "past it":
            world.overlays.nonce_window *= 0
        world.overlays.faults.kill(*SEND, after=after, nth=nth)
        await world.advance(minutes=2)
        assert world.overlays.faults.killed
        await world.restart()
        await world.advance(minutes=9)
        await check_once(world)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the engines differ at commits alone
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("call", "nth"), [(THREAD, 1), (THREAD, 2), (CLOSE, 1)], ids=["thread", "again", "close"])
async def test_killed_at_the_thread(database_url: str, call: tuple[str, str], nth: int, after: bool) -> None:
    async with club_world(database_url) as world:
        await at_the_close(world)
        world.overlays.nonce_window *= 0
        world.overlays.faults.kill(*call, after=after, nth=nth)
        await world.advance(minutes=2)
        assert world.overlays.faults.killed
        await world.restart()
        await world.advance(minutes=9)
        await check_once(world)


async def test_how_many_commits_it_takes(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_close(world)
        with commits() as seen:
            await world.advance(minutes=2)
        await check_once(world)
    assert len(seen) >= 7, "claim, plan, claim, sent, claim, closed; claim, sent"


@pytest.mark.parametrize("nth", range(1, 13))
async def test_killed_before_a_commit(database_url: str, nth: int) -> None:
    async with club_world(database_url) as world:
        await at_the_close(world)
        world.overlays.nonce_window *= 0
        with commits(kill_at=nth, world=world):
            await world.advance(minutes=2)
        await world.restart()
        await world.advance(minutes=9)
        await check_once(world)


@pytest.mark.parametrize("status", [500, 504])
async def test_an_answer_lost_after_success(database_url: str, status: int) -> None:
    async with club_world(database_url) as world:
        await at_the_close(world)
        world.overlays.nonce_window *= 0
        world.overlays.faults.lose_answer(*SEND, times=2, status=status)
        await world.advance(minutes=9)
        await check_once(world)


async def test_a_digest_that_a_person_deletes_is_not_said_again(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_close(world)
        await world.advance(minutes=2)
        [thread] = world.threads()
        [digest] = world.own(thread)
        world.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": False})
        world.env.backend.delete_message(thread.id, digest.id)
        await world.restart()
        await world.advance(days=1)
        assert world.own(thread) == []


@pytest.mark.parametrize("days", [0, 1], ids=["after the last post", "after the ending"])
async def test_what_was_said_since_a_backup_is_found(database_url: str, tmp_path: Path, days: int) -> None:
    async with club_world(database_url) as world:
        await talk(world, await posted(world, excerpts=1, thread_days=3))
        await world.advance(days=days)
        await backup.take(world.bot.database, tmp_path / "backup", at=world.env.now())
        await world.advance(days=4)
        await check_once(world)
        await world.stop()
        database = Database(world.settings.database_url)
        await restore.restore(database, tmp_path / "backup", at=world.env.now())
        await database.close()
        world.overlays.nonce_window *= 0
        await world.restart()
        await world.advance(days=1)
        await check_once(world)
