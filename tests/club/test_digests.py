"""What a post brought is said in its thread before that closes, and what the reading brought when it ends."""

from datetime import timedelta

import pytest
import simcord

from bot.demo.transcript import text_of
from bot.storage import discussions, guilds
from bot.storage.records import ClubState, Outgoing, OutgoingKind, OutgoingState
from tests.club.talking import (
    DAYS,
    closed_at,
    is_open,
    nobody_can_catch_up,
    pictures,
    posted,
    posted_and_talked,
    talk,
)
from tests.club.test_running import database_url
from tests.cogs.manners import last
from tests.support.club_world import ClubWorld, club_world, reading_of

SEND = ("POST", "/channels/*/messages")

__all__ = ["database_url"]


async def of_kind(world: ClubWorld, kind: OutgoingKind) -> list[Outgoing]:
    return [row for row in await world.rows() if row.kind is kind]


def digests(world: ClubWorld, thread: simcord.ChannelHandle) -> list[str]:
    return [text_of(message) for message in world.own(thread)]


async def test_the_thread_closes_behind_its_digest(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        assert (digests(world, thread), is_open(world, thread)) == ([], True)
        await world.until(9, 1)
        [digest] = world.own(thread)
        assert "1 reply" in text_of(digest)
        assert pictures(digest) == ["digest.png"]
        assert not is_open(world, thread)
        assert await closed_at(world, thread) is not None
        [row] = await of_kind(world, OutgoingKind.DIGEST)
        assert (row.state, row.channel_id, row.message_id) == (OutgoingState.CLOSED, thread.id, digest.id)
        await world.advance(days=3)
        assert len(world.own(thread)) == 1


async def test_a_digest_takes_two_requests_more_than_closing(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world, excerpts=1)
        await world.until(9, 1)
        asked = [method for method, path in world.overlays.faults.calls if str(thread.id) in path]
        assert asked == ["GET", "POST", "GET", "PATCH"]


async def test_where_nothing_was_said_the_thread_just_closes(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world, excerpts=1)
        await world.until(8, 59, days=DAYS - 1)
        world.overlays.faults.revive()
        await world.until(9, 1)
        assert [method for method, path in world.overlays.faults.calls if str(thread.id) in path] == ["GET", "PATCH"]
        assert (digests(world, thread), is_open(world, thread)) == ([], False)
        assert await of_kind(world, OutgoingKind.DIGEST) == []


async def test_a_reaction_to_the_post_is_enough(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        await world.member.react(world.posts()[0], "🍎")
        await world.until(9, 1, days=DAYS - 1)
        [digest] = digests(world, thread)
        assert "1 reaction" in digest


async def test_a_server_that_wants_none_gets_none(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        async with world.bot.database.write() as conn:
            await guilds.put_settings(conn, world.guild.id, thread_digests=False)
        await world.until(9, 1)
        assert (digests(world, thread), is_open(world, thread)) == ([], False)


async def test_a_thread_that_was_deleted(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.env.backend.delete_channel(thread.id)
        await world.until(9, 1)
        assert await of_kind(world, OutgoingKind.DIGEST) == []
        await check_unharmed(world)


async def test_a_thread_that_was_locked_is_left_alone(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.env.backend.edit_channel(thread.id, {}, thread_metadata={"locked": True})
        await world.until(9, 1)
        assert digests(world, thread) == []
        await check_unharmed(world)


async def test_a_thread_that_was_put_away_is_opened_for_its_digest_and_closed_again(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
        await world.until(9, 1)
        assert (len(digests(world, thread)), is_open(world, thread)) == (1, False)


async def test_a_thread_deleted_between_plan_and_digest(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.overlays.faults.fail("POST", f"/channels/{thread.id}/messages", status=503)
        await world.until(9, 0)
        await world.advance(seconds=3)
        world.env.backend.delete_channel(thread.id)
        await world.advance(minutes=5)
        assert [row.state for row in await of_kind(world, OutgoingKind.DIGEST)] == [OutgoingState.WITHDRAWN]
        await check_unharmed(world)


async def test_without_attach_files_it_comes_without_its_picture(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.deny(world.channel, attach_files=False)
        await world.until(9, 1)
        [digest] = world.own(thread)
        assert "1 reply" in text_of(digest)
        assert pictures(digest) == []
        assert not is_open(world, thread)


async def test_where_i_may_not_write_in_threads_there_is_none(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world, excerpts=1)
        world.deny(world.channel, send_messages_in_threads=False)
        await world.until(9, 1)
        assert digests(world, thread) == []
        assert "Send Messages in Threads" in caplog.text
        assert [row.state for row in await of_kind(world, OutgoingKind.POST)] == [OutgoingState.CLOSED]
        assert (await world.club()).state is ClubState.ENDED, "no fault of the club"
        assert world.said(world.notices) == []


@pytest.mark.parametrize(("status", "code"), [(400, 50035), (403, 50013), (403, 160005), (400, 50083), (404, 10003)])
async def test_a_digest_that_discord_refuses_is_left_out(database_url: str, status: int, code: int) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.overlays.faults.fail("POST", f"/channels/{thread.id}/messages", status=status, code=code)
        await world.until(9, 1)
        assert (digests(world, thread), is_open(world, thread)) == ([], False)
        await check_unharmed(world)


async def test_after_an_hour_of_trouble_the_thread_closes_without_its_digest(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        world.overlays.faults.fail("POST", f"/channels/{thread.id}/messages", status=503, times=None)
        await world.until(9, 45)
        assert is_open(world, thread)
        await world.until(10, 5)
        assert not is_open(world, thread)
        world.overlays.faults.revive()
        await world.advance(hours=12)
        assert (digests(world, thread), is_open(world, thread)) == ([], False)
        await check_unharmed(world)


async def test_what_was_missed_is_waited_for_half_an_hour(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world, excerpts=1)
        with nobody_can_catch_up(world):
            async with world.bot.database.write() as conn:
                assert await discussions.want(conn, now=world.env.now(), guild_id=world.guild.id) == 1
            await world.until(9, 25)
            assert (digests(world, thread), is_open(world, thread)) == ([], True)
            await world.until(9, 35)
        assert (len(digests(world, thread)), is_open(world, thread)) == (1, False)


async def test_once_it_is_caught_up_with_the_digest_comes(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world, excerpts=1)
        with nobody_can_catch_up(world):
            async with world.bot.database.write() as conn:
                await discussions.want(conn, now=world.env.now(), guild_id=world.guild.id)
            await world.until(9, 1)
            assert digests(world, thread) == []
            async with world.bot.database.write() as conn:
                [wanted] = await discussions.wanted(conn, shards=None, limit=9)
                assert wanted.wanted_at is not None
                await discussions.reconciled(conn, wanted.post_id, wanted_at=wanted.wanted_at, at=world.env.now())
            await world.advance(minutes=5)
        assert (len(digests(world, thread)), is_open(world, thread)) == (1, False)


async def test_a_paused_club_closes_its_threads_as_ever(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        await world.manager.slash(world.general, "club pause")
        await world.until(9, 1)
        assert (len(digests(world, thread)), is_open(world, thread)) == (1, False)


async def test_a_club_that_was_removed_says_nothing_more(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted_and_talked(world)
        question = await world.manager.slash(world.general, "club remove")
        await world.manager.click(last(question), label="Remove it")
        await world.until(9, 1)
        assert (digests(world, thread), is_open(world, thread)) == ([], False)


async def test_what_was_said_is_gone_before_the_digest_comes(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        reply = await talk(world, thread)
        await world.until(8, 59, days=DAYS - 1)
        world.overlays.faults.fail("POST", f"/channels/{thread.id}/messages", status=503)
        await world.until(9, 0)
        await world.advance(seconds=3)
        await world.member.delete(reply)
        await world.advance(minutes=5)
        assert (digests(world, thread), is_open(world, thread)) == ([], False)
        await check_unharmed(world)


# The reading as a whole


async def test_the_reading_s_digest_comes_when_its_last_thread_has_closed(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted_and_talked(world, excerpts=1)
        assert [row.state for row in await of_kind(world, OutgoingKind.ENDING)] == [OutgoingState.CLOSED]
        assert await of_kind(world, OutgoingKind.READING_DIGEST) == [], "the talk goes on"
        await world.until(9, 1)
        post, ending, digest = world.own(world.channel)
        assert "read to the end" in text_of(ending)
        assert "1 reply" in text_of(digest)
        assert pictures(digest) == ["digest.png"]
        await world.advance(days=3)
        assert world.own(world.channel) == [post, ending, digest]


async def test_it_comes_with_the_ending_where_every_thread_is_closed(database_url: str) -> None:
    async with club_world(database_url) as world:
        first = world.now() + timedelta(days=world.now().hour >= 9)
        await posted_and_talked(world, excerpts=1, thread_days=1, days=f"{first:%a}")
        await world.until(9, 1)
        assert len(world.own(world.channel)) == 1, "the thread is closed, and the end not announced"
        await world.advance(days=7)
        _, ending, digest = world.said(world.channel)
        assert "read to the end" in ending
        assert "1 reply" in digest


async def test_it_comes_where_the_next_reading_has_begun_meanwhile(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted_and_talked(world, excerpts=1)
        await world.import_reading(reading_of(5, title="Another text"))
        await world.manager.slash(world.general, "club edit", reading="Another text", channel=world.general)
        await world.until(9, 1)
        assert len(world.own(world.channel)) == 2
        [digest] = [text for text in world.said(world.general) if "1 reply" in text]
        assert "A short reading" in digest


async def test_a_reading_that_nobody_talked_about_just_ends(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted(world, excerpts=1)
        await world.advance(days=5)
        assert len(world.own(world.channel)) == 2
        assert await of_kind(world, OutgoingKind.READING_DIGEST) == []


async def test_a_reading_s_digest_that_is_refused_stops_nothing(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted_and_talked(world, excerpts=1)
        world.deny(world.channel, send_messages=False)
        await world.until(9, 1)
        assert [row.state for row in await of_kind(world, OutgoingKind.READING_DIGEST)] == [OutgoingState.FAILED]
        assert (await world.club()).state is ClubState.ENDED
        assert world.said(world.notices) == []


# Helpers


async def check_unharmed(world: ClubWorld) -> None:
    """The first post is closed, and the club goes on without a word about it."""
    assert [row.state for row in await of_kind(world, OutgoingKind.POST)][-1] is OutgoingState.CLOSED
    assert (await world.club()).state is ClubState.ACTIVE
    assert world.said(world.notices) == []
    await world.until(9, 1)
    assert len(world.posts()) >= DAYS + 1
