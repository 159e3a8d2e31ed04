"""A club over days: catching up, threads that close, moves, and what stands between."""

import asyncio
from pathlib import Path

import pytest

from bot.club.layout import notice_layout
from bot.demo.transcript import text_of
from bot.storage.records import ClubState, OutgoingKind, OutgoingState
from tests.support.club_world import ClubWorld, club_world, reading_of

SEND = ("POST", "/channels/*/messages")


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite alone: what differs between the engines is tested in tests/storage and test_exactly_once."""
    template: Path = request.getfixturevalue("_sqlite_template")
    file = tmp_path / "applecore.db"
    file.write_bytes(template.read_bytes())
    return f"sqlite:///{file}"


async def begun(world: ClubWorld, excerpts: int = 5, **options: object) -> None:
    await world.import_reading(reading_of(excerpts))
    await world.setup(reading="A short reading", notices=world.notices, **options)


def numbers(world: ClubWorld) -> list[int]:
    """Which excerpts stand in the channel, in order."""
    return [
        next(number for number in range(1, 10) if f"Part {number}" in text_of(message)) for message in world.posts()
    ]


async def away(world: ClubWorld, hour: int, *, days: int) -> None:
    """The bot is down until that hour, so many days later."""
    await world.stop()
    await world.until(hour, days=days)
    await world.restart()
    await world.advance(minutes=1)


@pytest.mark.parametrize(
    ("policy", "after", "next_day", "position"),
    [("one", [1, 2], [1, 2, 3], 3), ("shift", [1], [1, 2], 2), ("skip", [1], [1, 4], 4)],
)
async def test_two_slots_missed(
    database_url: str, policy: str, after: list[int], next_day: list[int], position: int
) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=6, catch_up=policy)
        await world.until(10)
        assert numbers(world) == [1]
        await away(world, 15, days=2)  # the slots of two days passed
        assert numbers(world) == after
        await world.until(10)
        assert numbers(world) == next_day
        assert (await world.club()).progress.position == position


async def test_a_restart_of_minutes_is_no_outage_for_any_policy(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, catch_up="shift")
        await world.until(8, 58)
        await world.stop()
        await world.until(9, 4)
        await world.restart()
        await world.advance(minutes=1)
        assert numbers(world) == [1]


async def test_a_late_post_uses_its_day(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await away(world, 7, days=1)  # one slot passed, today's is still to come
        assert numbers(world) == [1]
        await world.until(12)
        assert numbers(world) == [1]
        await world.until(12)
        assert numbers(world) == [1, 2]


async def test_a_post_that_discord_refused_for_days_is_late_by_the_policy(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, catch_up="skip")
        await world.until(8, 59)
        world.overlays.faults.fail(*SEND, status=503, times=None)
        await world.until(8, days=1)
        world.overlays.faults.revive()
        await world.advance(minutes=30)
        assert numbers(world) == []
        await world.until(10)
        assert numbers(world) == [3], "the slots of two days consumed their excerpts"


async def test_threads_close_after_their_days(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=1, thread_days=2)
        await world.until(10)
        thread = world.env.backend.channels[world.threads()[0].id]
        assert thread.thread_metadata is not None
        assert thread.thread_metadata.auto_archive_duration == 4320
        await world.until(8, days=1)
        assert not thread.thread_metadata.archived
        await world.until(9, 1)
        assert thread.thread_metadata.archived
        assert not thread.thread_metadata.locked, "without Manage Threads it is only archived"


async def test_with_manage_threads_a_closed_thread_is_locked(database_url: str) -> None:
    async with club_world(database_url) as world:
        for role in world.guild.roles.values():
            if role.name == "TestBot":
                permissions = role._role.permissions | (1 << 34)
                world.env.backend.edit_role(world.guild.id, role.id, {"permissions": permissions})
        await begun(world, excerpts=1, thread_days=1)
        await world.until(10)
        await world.until(9, 1)
        metadata = world.env.backend.channels[world.threads()[0].id].thread_metadata
        assert metadata is not None
        assert (metadata.archived, metadata.locked) == (True, True)


async def test_a_thread_that_a_person_deleted_is_let_be(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=2, thread_days=1)
        await world.until(10)
        world.env.backend.delete_channel(world.threads()[0].id)
        await world.until(10)
        assert (await world.club()).state is ClubState.ACTIVE
        assert [row.state for row in await world.rows()] == [OutgoingState.THREADED, OutgoingState.CLOSED]
        assert numbers(world) == [1, 2]


@pytest.mark.parametrize("refused", [False, True], ids=["still trying", "stopped meanwhile"])
async def test_a_club_that_moves_does_not_post_what_the_old_channel_has(database_url: str, refused: bool) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.nonce_window *= 0
        world.overlays.faults.lose_answer(*SEND, times=1)
        world.overlays.faults.fail("GET", "/channels/*/messages", status=500, times=None)
        await world.advance(minutes=2)
        if refused:
            world.deny(world.channel, read_message_history=False)
            await world.advance(hours=1)
            assert (await world.club()).state is ClubState.BROKEN
            world.deny(world.channel, read_message_history=True)
        await world.manager.slash(world.general, "club edit", channel=world.general)
        world.overlays.faults.revive()
        await world.advance(hours=1)
        assert numbers(world) == [1]
        assert not [text for text in world.said(world.general) if "· day " in text]
        assert [thread.id for thread in world.threads()] == [world.posts()[0].id]
        await world.until(10)
        assert ["Part 2" in text for text in world.said(world.general) if "· day " in text] == [True]


async def test_a_channel_deleted_between_two_posts(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(10)
        world.env.backend.delete_channel(world.channel.id)
        await world.until(10, days=2)
        club = await world.club()
        assert (club.state, club.progress.position) == (ClubState.BROKEN, 1)
        assert ["deleted" in text for text in world.said(world.notices)] == [True]
        await world.manager.slash(world.general, "club edit", channel=world.general)
        await world.advance(minutes=1)
        assert ["Part 2" in text for text in world.said(world.general) if "· day " in text] == [True]
        assert (await world.club()).state is ClubState.ACTIVE


async def test_permissions_taken_away_cost_no_request(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.deny(world.channel, create_public_threads=False)
        world.overlays.faults.revive()
        await world.until(12)
        assert world.posts() == []
        assert [path for _, path in world.overlays.faults.calls] == [f"/channels/{world.notices.id}/messages"]
        told = world.said(world.notices)
        assert len(told) == 1
        assert "I lack **Create Public Threads**" in told[0]


async def test_without_read_message_history_nothing_is_sent_twice(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.nonce_window *= 0
        world.overlays.faults.kill(*SEND, after=True)
        await world.advance(minutes=2)
        world.deny(world.channel, read_message_history=False)
        await world.restart()
        await world.advance(hours=1)
        assert (await world.club()).state is ClubState.BROKEN
        world.deny(world.channel, read_message_history=True)
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        assert numbers(world) == [1]
        assert len(world.threads()) == 1


async def test_a_stop_finishes_the_step_in_hand(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        await world.stop()
        await world.until(9, 0)
        await world.restart()
        turn = asyncio.create_task(world.bot.engine._turn())
        await asyncio.sleep(0)
        await world.stop()
        await turn
        await world.restart()
        assert all(row.lease_owner is None for row in await world.rows())
        await world.advance(minutes=5)
        assert numbers(world) == [1]
        assert len(world.threads()) == 1


async def test_the_commands_are_told_to_discord_only_when_they_changed(database_url: str) -> None:
    async with club_world(database_url) as world:

        def told() -> int:
            return sum(request.method == "PUT" for request in world.env.http_requests)

        assert told() == 1
        await world.restart(clean=True)
        await world.restart(clean=True)
        assert told() == 1


async def test_a_refused_text_stops_the_club_and_skip_goes_past_it(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.until(8, 59)
        world.overlays.faults.fail("POST", f"/channels/{world.channel.id}/messages", status=400, code=50035, times=None)
        await world.until(10)
        assert (await world.club()).state is ClubState.BROKEN
        assert len(world.said(world.notices)) == 1
        world.overlays.faults.revive()
        await world.manager.slash(world.general, "club skip")
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        assert numbers(world) == [2]


async def test_a_guild_that_the_bot_left_gets_no_requests(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        world.env.backend.remove_guild(world.guild.id)
        world.overlays.faults.revive()
        await world.advance(days=3)
        assert world.overlays.faults.calls == []


async def test_two_clubs_of_one_guild_do_not_mind_each_other(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.setup(channel=world.general, reading="walden", time="09:00", timezone="Asia/Tokyo")
        world.overlays.faults.fail("POST", f"/channels/{world.channel.id}/messages", status=403, code=50013, times=None)
        await world.until(2, days=2)  # ten in the morning in Tokyo, where two slots have come
        assert world.posts() == []
        assert sum("· day " in text for text in world.said(world.general)) == 2


async def test_every_message_of_ours_fits(database_url: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=1)
        await world.until(10, days=2)
        rows = await world.rows()
        assert {row.kind for row in rows} == {OutgoingKind.POST, OutgoingKind.ENDING}
        for row in rows:
            assert notice_layout(row.text or "-").content_length() <= 4000
            assert len(row.nonce) <= 25
