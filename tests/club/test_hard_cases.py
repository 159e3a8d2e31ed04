"""What people and Discord do to a post while it is under way."""

import pytest
from sqlalchemy import delete, update

from bot.club.planner import new_post
from bot.demo.transcript import text_of
from bot.storage import outgoing, schema
from bot.storage.records import ClubState, OutgoingState
from bot.storage.schema import clubs
from tests.club.test_running import SEND, away, begun, database_url, numbers
from tests.support.club_world import ClubWorld, club_world, reading_of

THREAD = ("POST", "/channels/*/messages/*/threads")
LOOK = ("GET", "/channels/*/messages")

__all__ = ["database_url"]


async def sent_unknown(world: ClubWorld) -> None:
    """The day's post stands in the channel, but its answer was lost and Discord lets nobody look."""
    await world.until(8, 59)
    world.overlays.nonce_window *= 0
    world.overlays.faults.lose_answer(*SEND)
    world.overlays.faults.fail(*LOOK, status=503, times=None)
    await world.advance(minutes=2)
    world.overlays.faults.revive()


async def test_a_post_that_never_arrived_moves_with_its_club(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.faults.fail(*SEND, status=500)
        await world.until(9, 0)
        world.env.backend.delete_channel(world.channel.id)
        await world.manager.slash(world.general, "club edit", channel=world.general)
        await world.advance(hours=1)
        assert ["Part 1" in text for text in world.said(world.general) if "· day " in text] == [True]
        assert (await world.club()).progress.position == 1
        assert len(world.general.threads) == 1


async def test_a_club_that_moves_while_a_post_is_tried_posts_in_the_new_channel(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.faults.fail(*SEND, status=500)
        await world.until(9, 0)
        await world.manager.slash(world.general, "club edit", channel=world.general)
        await world.advance(hours=1)
        assert world.posts() == []
        assert ["Part 1" in text for text in world.said(world.general) if "· day " in text] == [True]


async def test_where_the_old_channel_cannot_be_read_nothing_is_sent(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await sent_unknown(world)
        world.deny(world.channel, read_message_history=False)
        await world.manager.slash(world.general, "club edit", channel=world.general)
        await world.advance(hours=1)
        assert not [text for text in world.said(world.general) if "· day " in text]
        [told] = world.said(world.notices)
        assert "**Read Message History**" in told
        world.deny(world.channel, read_message_history=True)
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        assert numbers(world) == [1]
        assert len(world.threads()) == 1


async def test_skipping_a_post_that_may_have_arrived_finds_it_and_gives_it_its_thread(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await sent_unknown(world)
        world.deny(world.channel, read_message_history=False)
        await world.advance(minutes=5)
        await world.manager.slash(world.general, "club skip")
        world.deny(world.channel, read_message_history=True)
        await world.manager.slash(world.general, "club resume")
        await world.until(23)
        assert numbers(world) == [1], "it stood there already, and one local day has one post"
        assert len(world.threads()) == 1
        await world.until(10)
        assert numbers(world) == [1, 2]


async def test_another_reading_begun_while_a_post_is_under_way_waits_for_the_next_day(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.import_reading(reading_of(3, title="Another text"))
        await sent_unknown(world)
        await world.manager.slash(world.general, "club edit", reading="Another text", time="09:30")
        await world.until(23)
        assert [text_of(post).splitlines()[0] for post in world.posts()] == ["## Part 1"]
        await world.until(10)
        assert len(world.posts()) == 2
        assert "Another text" in text_of(world.posts()[1])


async def test_days_of_a_pause_are_not_missed_though_a_thread_was_refused_meanwhile(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=6, catch_up="skip")
        await world.until(8, 59)
        world.overlays.faults.fail(*THREAD, status=500, times=None)
        await world.advance(minutes=2)
        await world.manager.slash(world.general, "club pause")
        world.overlays.faults.revive()
        world.overlays.faults.fail(*THREAD, status=403, code=50013, times=None)
        await world.until(12, days=3)
        assert (await world.club()).state is ClubState.PAUSED
        assert world.said(world.notices) == []
        assert len(world.overlays.faults.calls) <= 90, "about one try an hour"
        world.overlays.faults.revive()
        await world.manager.slash(world.general, "club resume")
        await world.until(10)
        assert numbers(world) == [1, 2]
        assert len(world.threads()) == 2


async def test_a_thread_whose_name_is_refused_gets_a_plain_one(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.faults.fail(*THREAD, status=400, code=200001, times=1)
        await world.advance(minutes=2)
        assert [thread.name for thread in world.threads()] == ["Day 1"]
        assert world.said(world.notices) == []


async def test_a_thread_that_can_never_be_opened_is_told_once_and_the_club_goes_on(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.faults.fail(*THREAD, status=400, code=50024, times=None)
        await world.advance(hours=2)
        [told] = world.said(world.notices)
        assert "no thread" in told
        assert (await world.club()).state is ClubState.ACTIVE
        world.overlays.faults.revive()
        await world.until(10)
        assert numbers(world) == [1, 2]
        assert len(world.threads()) == 1


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (404, 10003), (400, 50083)])
@pytest.mark.parametrize("call", [("GET", "/channels/*"), ("PATCH", "/channels/*")], ids=["fetch", "close"])
async def test_a_thread_that_cannot_be_closed_does_not_stop_the_club(
    database_url: str, call: tuple[str, str], status: int, code: int
) -> None:
    async with club_world(database_url) as world:
        await begun(world, thread_days=1)
        await world.until(10)
        world.overlays.faults.fail(*call, status=status, code=code)
        await world.until(10)
        assert [row.state for row in await world.rows()] == [OutgoingState.THREADED, OutgoingState.CLOSED]
        assert (await world.club()).state is ClubState.ACTIVE
        assert world.said(world.notices) == []


@pytest.mark.parametrize("call", [("GET", "/channels/*"), ("PATCH", "/channels/*")], ids=["fetch", "close"])
async def test_closing_is_tried_again_when_discord_has_trouble(database_url: str, call: tuple[str, str]) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=1, thread_days=1)
        await world.until(10)
        world.overlays.faults.fail(*call, status=502, times=3)
        await world.until(10)
        metadata = world.env.backend.channels[world.threads()[0].id].thread_metadata
        assert metadata is not None
        assert metadata.archived


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10003)])
async def test_a_look_that_is_refused_stops_the_club_and_sends_nothing(
    database_url: str, status: int, code: int
) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await sent_unknown(world)
        world.overlays.faults.fail(*LOOK, status=status, code=code, times=None)
        await world.advance(hours=1)
        assert (await world.club()).state is ClubState.BROKEN
        assert len(world.said(world.notices)) == 1
        world.overlays.faults.revive()
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        assert numbers(world) == [1]
        assert len(world.threads()) == 1


async def test_a_429_after_a_lost_answer_does_not_hide_that_it_was_sent(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.nonce_window *= 0
        # discord.py tries again by itself after a 5xx: the first try may land, and a later one end in a 429.
        world.overlays.faults.lose_answer(*SEND, status=429)
        await world.advance(minutes=30)
        assert numbers(world) == [1]
        assert len(world.threads()) == 1


async def test_a_pause_lets_go_of_a_post_that_was_asked_for_by_hand(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await away(world, 15, days=0)
        await world.manager.slash(world.general, "club pause")
        await world.manager.slash(world.general, "club resume")
        await world.until(8)
        before = len(world.posts())
        world.overlays.faults.fail(*SEND, status=429, times=1)
        await world.manager.slash(world.general, "club post-now")
        await world.manager.slash(world.general, "club pause")
        await world.until(12, days=2)
        assert len(world.posts()) == before


async def test_a_club_that_this_machine_cannot_read_does_not_hold_up_the_others(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.setup(channel=world.general, reading="walden")
        async with world.bot.database.write() as conn:
            await conn.execute(update(clubs).where(clubs.c.channel_id == world.general.id).values(zone="Moon/Crater"))
        await world.until(10)
        assert numbers(world) == [1]
        assert "club 2 is left out" in caplog.text


@pytest.mark.parametrize("status", [401, 403, 404], ids=["token refused", "shut out", "not Discord"])
async def test_what_is_refused_to_everybody_stops_no_club(database_url: str, status: int) -> None:
    """No code of Discord's comes with it: the token, the address or a proxy is at fault, not the club."""
    async with club_world(database_url) as world:
        await world.import_reading(reading_of(2))
        await world.setup(reading="A short reading", notices=world.notices)
        await world.until(8, 59)
        world.overlays.faults.fail("*", "/channels/*", status=status, times=None)
        await world.advance(minutes=10)
        assert (await world.club()).state is ClubState.ACTIVE
        world.overlays.faults.revive()
        await world.advance(minutes=20)
        assert len(world.posts()) == 1
        assert world.said(world.notices) == []


async def test_a_post_whose_club_is_gone_is_not_sent(database_url: str) -> None:
    """It may have been planned while the club was being removed: PostgreSQL shows neither to the other."""
    async with club_world(database_url) as world:
        await world.import_reading(reading_of(2))
        await world.setup(reading="A short reading")
        club = await world.club()
        async with world.bot.database.write() as conn:
            row = await outgoing.plan(conn, new_post(club, 0, world.env.now(), day=None))
            await conn.execute(delete(schema.clubs).where(schema.clubs.c.id == club.id))
        assert row is not None
        await world.advance(days=1)
        assert world.posts() == []
        async with world.bot.database.read() as conn:
            left = await outgoing.get(conn, row.id)
        assert left is not None
        assert (left.state, left.fault) == (OutgoingState.FAILED, "The club was removed.")
