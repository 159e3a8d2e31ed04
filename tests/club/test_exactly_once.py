"""A post is one message and one thread, whatever happens while it is made."""

import pytest

from bot.demo.transcript import text_of
from bot.storage.records import ClubState, OutgoingKind, OutgoingState
from tests.support.club_world import ClubWorld, club_world, commits, reading_of

SEND = ("POST", "/channels/*/messages")
THREAD = ("POST", "/channels/*/messages/*/threads")


async def at_the_slot(world: ClubWorld, excerpts: int = 3) -> None:
    """A club whose first post is due in a minute."""
    await world.import_reading(reading_of(excerpts))
    await world.setup(reading="A short reading", notices=world.notices)
    await world.until(8, 59)
    world.overlays.faults.revive()


async def check_once(world: ClubWorld, count: int = 1) -> None:
    """Exactly ``count`` posts, each with its own excerpt and exactly one thread, and rows that say so."""
    assert [f"Part {n}" in text_of(post) for n, post in enumerate(world.posts(), start=1)] == [True] * count
    assert sorted(thread.id for thread in world.threads()) == [post.id for post in world.posts()]
    posts = [row for row in await world.rows() if row.kind is OutgoingKind.POST]
    assert [row.state for row in posts] == [OutgoingState.THREADED] * count
    assert [row.message_id for row in reversed(posts)] == [post.id for post in world.posts()]
    assert (await world.club()).progress.position == count


async def test_a_post_takes_two_requests(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        await world.advance(minutes=2)
        await check_once(world)
        assert [method for method, _ in world.overlays.faults.calls] == ["POST", "POST"]


@pytest.mark.parametrize("window", ["inside the nonce's window", "past it"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [SEND, THREAD], ids=["send", "thread"])
async def test_killed_at_a_request(database_url: str, call: tuple[str, str], after: bool, window: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        if window == "past it":
            world.overlays.nonce_window *= 0
        world.overlays.faults.kill(*call, after=after)
        await world.advance(minutes=2)
        assert world.overlays.faults.killed
        await world.restart()
        await world.advance(minutes=9)
        await check_once(world)
        await world.until(9, 1)
        await check_once(world, 2)


async def test_killed_before_every_commit(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        with commits() as seen:
            await world.advance(minutes=2)
        await check_once(world)
    assert len(seen) >= 4, "plan, claim, sent, threaded"


@pytest.mark.parametrize("nth", range(1, 7))
async def test_killed_before_a_commit(database_url: str, nth: int) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.nonce_window *= 0
        with commits(kill_at=nth, world=world):
            await world.advance(minutes=2)
        await world.restart()
        await world.advance(minutes=9)
        await check_once(world)
        await world.until(9, 1)
        await check_once(world, 2)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("call", [SEND, THREAD], ids=["send", "thread"])
async def test_an_answer_lost_after_success(database_url: str, call: tuple[str, str], status: int) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.nonce_window *= 0
        world.overlays.faults.lose_answer(*call, status=status)
        await world.advance(minutes=9)
        await check_once(world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [SEND, THREAD], ids=["send", "thread"])
async def test_a_broken_connection(database_url: str, call: tuple[str, str], after: bool) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.nonce_window *= 0
        world.overlays.faults.break_connection(*call, after=after)
        await world.advance(minutes=9)
        await check_once(world)


@pytest.mark.parametrize("call", [SEND, THREAD, ("GET", "/channels/*/messages")], ids=["send", "thread", "look"])
async def test_half_an_hour_of_trouble_at_discord(database_url: str, call: tuple[str, str]) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        if call[0] == "GET":
            world.overlays.faults.lose_answer(*SEND)
        world.overlays.faults.fail(*call, status=500, times=None)
        await world.advance(minutes=30)
        asked = len(world.overlays.faults.calls)
        assert 3 <= asked <= 25, "it tries again, but not in a storm"
        world.overlays.faults.revive()
        await world.advance(minutes=15)
        await check_once(world)


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, 50013), (403, 50001), (404, 10003)],
    ids=["permission", "access", "channel gone"],
)
@pytest.mark.parametrize("call", [SEND, THREAD], ids=["send", "thread"])
async def test_a_refusal_stops_the_club_and_tells_the_managers_once(
    database_url: str, call: tuple[str, str], status: int, code: int
) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        path = call[1].replace("*", str(world.channel.id), 1)
        world.overlays.faults.fail(call[0], path, status=status, code=code, times=None)
        await world.advance(hours=5)
        assert (await world.club()).state is ClubState.BROKEN
        told = world.said(world.notices)
        assert len(told) == 1
        assert "has stopped" in told[0]
        assert "/club resume" in told[0]
        assert len(world.overlays.faults.calls) <= 3, "no storm of requests"

        world.overlays.faults.revive()
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        await check_once(world)
        assert len(world.said(world.notices)) == 1


async def test_without_a_notices_channel_the_managers_are_told_in_the_club_s(database_url: str) -> None:
    async with club_world(database_url) as world:
        await world.import_reading(reading_of(2))
        await world.setup(reading="A short reading")
        await world.until(8, 59)
        world.overlays.faults.fail(*THREAD, status=403, code=50013, times=None)
        await world.advance(hours=1)
        assert sum("has stopped" in text for text in world.said(world.channel)) == 1


async def test_the_thread_that_exists_already_is_success(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.faults.lose_answer(*THREAD)
        await world.advance(minutes=9)
        calls = [path for _, path in world.overlays.faults.calls if path.endswith("/threads")]
        assert len(calls) == 2, "the second was answered 160004"
        await check_once(world)


async def test_a_post_that_a_person_deletes_is_never_sent_again(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.faults.kill(*THREAD, after=False)
        await world.advance(minutes=2)
        world.env.backend.delete_message(world.channel.id, world.posts()[0].id)
        await world.restart()
        await world.advance(hours=1)
        assert world.posts() == []
        club = await world.club()
        assert (club.state, club.progress.position) == (ClubState.ACTIVE, 1)
        await world.until(9, 1)
        assert ["Part 2" in text for text in world.said(world.channel)] == [True]


async def test_a_lost_answer_and_a_deletion_within_the_nonce_s_window(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.faults.lose_answer(*SEND)
        await world.until(9, 0)
        assert len(world.posts()) == 1
        world.env.backend.delete_message(world.channel.id, world.posts()[0].id)
        await world.advance(hours=1)
        assert world.posts() == [], "Discord says that this nonce's message was deleted: a person took it back"
        club = await world.club()
        assert (club.state, club.progress.position) == (ClubState.ACTIVE, 1)


async def test_a_clean_stop_in_between_days_changes_nothing(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        await world.advance(minutes=2)
        await world.restart(clean=True)
        await world.until(9, 1)
        await check_once(world, 2)


async def test_the_lookup_finds_the_post_behind_a_long_conversation(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world)
        world.overlays.nonce_window *= 0
        world.overlays.faults.kill(*SEND, after=True)
        await world.advance(minutes=2)
        for number in range(250):
            world.env.backend.create_message(world.channel.id, world.member.id, f"message {number}")
        await world.restart()
        await world.advance(minutes=9)
        await check_once(world)


async def test_the_end_is_announced_once_though_its_answer_was_lost(database_url: str) -> None:
    async with club_world(database_url) as world:
        await at_the_slot(world, excerpts=1)
        await world.until(9, 1)
        await world.until(8, 59)
        world.overlays.nonce_window *= 0
        world.overlays.faults.kill(*SEND, after=True)
        await world.advance(minutes=2)
        await world.restart()
        await world.advance(days=3)
        assert sum("read to the end" in text for text in world.said(world.channel)) == 1
        assert (await world.club()).state is ClubState.ENDED
