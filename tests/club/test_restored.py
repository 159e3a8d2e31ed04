"""A club whose database went back in time: what it had posted since the backup is found, and nothing comes twice."""

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from bot.demo.transcript import text_of
from bot.storage import backup, restore
from bot.storage.database import Database
from bot.storage.records import ClubState, OutgoingKind, OutgoingState
from tests.club.test_running import SEND, begun, database_url, numbers
from tests.support.club_world import ZONE, ClubWorld, club_world, reading_of

LOOK = ("GET", "/channels/*/messages")

__all__ = ["database_url"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup"


async def back_up(world: ClubWorld, file: Path) -> None:
    await backup.take(world.bot.database, file, at=world.env.now())


async def restored(world: ClubWorld, file: Path) -> None:
    """The bot is stopped, the backup restored, and the bot started again; Discord has forgotten every nonce."""
    await world.stop()
    database = Database(world.settings.database_url)
    await restore.restore(database, file, at=world.env.now())
    await database.close()
    world.overlays.nonce_window *= 0
    await world.restart()
    await world.advance(minutes=1)


async def day(world: ClubWorld, number: int, hour: int = 12, minute: int = 0) -> None:
    """Lets time pass until that hour of the day of the club's ``number``-th slot at 09:00."""
    created = (await world.club()).created_at.astimezone(ZONE)
    first = created.date() + timedelta(days=created.hour >= 9)
    target = datetime.combine(first + timedelta(days=number - 1), time(hour, minute), ZONE)
    await world.advance(seconds=(target - world.now()).total_seconds())


async def check_whole(world: ClubWorld, *expected: int) -> None:
    """These excerpts stand in the channel, each has one thread, and the database knows all of that."""
    assert numbers(world) == list(expected)
    messages = [post.id for post in world.posts()]
    assert sorted(thread.id for thread in world.threads()) == messages
    rows = [row for row in await world.rows() if row.kind is OutgoingKind.POST]
    by_message = {row.message_id: row for row in rows}
    assert sorted(by_message) == messages  # type: ignore[type-var]
    assert len(rows) == len(messages)
    for number, message in zip(expected, messages, strict=True):
        row = by_message[message]
        assert (row.position, row.thread_id) == (number - 1, message)
        assert row.state in (OutgoingState.THREADED, OutgoingState.CLOSED)


@pytest.mark.parametrize("policy", ["one", "shift"])
async def test_what_was_posted_since_is_found_and_the_days_go_on(database_url: str, file: Path, policy: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=7, catch_up=policy)
        await day(world, 2)
        await back_up(world, file)
        await day(world, 4)
        assert numbers(world) == [1, 2, 3, 4]
        await restored(world, file)
        assert (await world.club()).progress.position == (4 if policy == "one" else 2), "shift looks at the next slot"
        await day(world, 4, 23)
        assert numbers(world) == [1, 2, 3, 4], "this local day has its post"
        for number in (5, 6, 7):
            await day(world, number)
            await check_whole(world, *range(1, number + 1))
        club = await world.club()
        assert (club.progress.position, club.restored_from, club.state) == (7, None, ClubState.ACTIVE)


async def test_missed_slots_that_skip_consumed_were_posted_on_their_days(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=7, catch_up="skip")
        await day(world, 1)
        await back_up(world, file)
        await day(world, 3)
        assert numbers(world) == [1, 2, 3]
        await restored(world, file)
        await day(world, 4)
        assert numbers(world) == [1, 2, 3, 4]


async def test_restored_before_the_day_s_slot_the_day_has_its_post(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 1)
        await back_up(world, file)
        await day(world, 3, 8)
        assert numbers(world) == [1, 2]
        await restored(world, file)
        await check_whole(world, 1, 2)
        await day(world, 3, 9, 1)
        await check_whole(world, 1, 2, 3)


async def test_where_nothing_was_posted_since_the_post_comes(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 1)
        await back_up(world, file)
        await restored(world, file)
        assert (await world.club()).restored_from is not None
        await day(world, 2)
        await check_whole(world, 1, 2)
        assert (await world.club()).restored_from is None
        world.overlays.faults.revive()
        await day(world, 3)
        await check_whole(world, 1, 2, 3)
        assert [method for method, _ in world.overlays.faults.calls].count("GET") == 0, "it looks once"


async def test_what_was_skipped_since_stays_left_out(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=6)
        await day(world, 1)
        await back_up(world, file)
        await world.manager.slash(world.general, "club skip")
        await day(world, 2)
        await world.manager.slash(world.general, "club post-now")
        await world.manager.slash(world.general, "club skip")
        assert numbers(world) == [1, 3, 4]
        await restored(world, file)
        await day(world, 2, 23)
        await check_whole(world, 1, 3, 4)
        await day(world, 3)
        assert numbers(world) == [1, 3, 4, 5], "that number 5 was left out, nothing in the channel tells"


@pytest.mark.parametrize("policy", ["one", "shift", "skip"])
async def test_the_end_is_not_announced_again(database_url: str, file: Path, policy: str) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=3, catch_up=policy)
        await day(world, 1)
        await back_up(world, file)
        await day(world, 4)
        assert (await world.club()).state is ClubState.ENDED
        await restored(world, file)
        await day(world, 7)
        assert numbers(world) == [1, 2, 3]
        assert sum("read to the end" in text for text in world.said(world.channel)) == 1
        club = await world.club()
        assert (club.state, club.progress.position) == (ClubState.ENDED, 3)


async def test_the_end_that_was_not_announced_comes_once(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=2)
        await day(world, 1)
        await back_up(world, file)
        await day(world, 2)
        assert numbers(world) == [1, 2]
        await restored(world, file)
        await day(world, 6)
        await check_whole(world, 1, 2)
        assert sum("read to the end" in text for text in world.said(world.channel)) == 1
        assert (await world.club()).state is ClubState.ENDED


async def test_what_was_under_way_in_the_backup_and_sent_since_is_not_sent_again(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=6)
        await day(world, 1, 8, 59)
        world.overlays.faults.fail(*SEND, status=503, times=None)
        await world.advance(minutes=2)
        [row] = await world.rows()
        assert (row.state, row.message_id) == (OutgoingState.SENDING, None)
        await back_up(world, file)
        world.overlays.faults.revive()
        await day(world, 2)
        assert numbers(world) == [1, 2]
        await restored(world, file)
        await day(world, 2, 23)
        await check_whole(world, 1, 2)
        await day(world, 3)
        await check_whole(world, 1, 2, 3)


async def test_what_was_planned_in_the_backup_and_sent_since_is_not_sent_again(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 2, 8, 59)
        world.overlays.faults.fail(*SEND, status=429, times=1)  # it certainly was not sent
        await world.advance(seconds=61)
        row = (await world.rows())[0]
        assert (row.state, row.message_id) == (OutgoingState.PLANNED, None)
        await back_up(world, file)
        await world.advance(minutes=10)
        assert numbers(world) == [1, 2]
        await restored(world, file)
        await day(world, 2, 23)
        await check_whole(world, 1, 2)


async def test_two_clubs_find_each_its_own(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.setup(channel=world.general, reading="walden")
        await day(world, 1)
        await back_up(world, file)
        await day(world, 3)
        await restored(world, file)
        for number in (3, 4):
            await day(world, number, 23)
            assert numbers(world) == list(range(1, number + 1))
            assert sum("· day " in text for text in world.said(world.general)) == number
            assert (len(world.threads()), len(world.general.threads)) == (number, number)


async def test_two_clubs_in_one_channel_find_each_its_own(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await world.setup(reading="walden", time="09:30")
        await day(world, 1)
        await back_up(world, file)
        await day(world, 2)
        await restored(world, file)
        for number in (2, 3):
            await day(world, number, 23)
            titles = ["A short reading" in text for text in world.said(world.channel) if "· day " in text]
            assert titles == [True, False] * number
            assert len(world.threads()) == 2 * number


async def test_post_now_posts_nothing_that_stands_there(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, catch_up="shift")
        await day(world, 1)
        await back_up(world, file)
        await day(world, 2)
        await restored(world, file)
        for expected in ([1, 2], [1, 2, 3]):  # the first one only finds what is there
            await world.manager.slash(world.general, "club post-now")
            await world.advance(minutes=1)
            await check_whole(world, *expected)
        await day(world, 3)
        await check_whole(world, 1, 2, 3, 4)


@pytest.mark.parametrize("looked", [False, True], ids=["at once", "days later"])
async def test_another_reading_begun_after_the_restore_begins_with_its_first_excerpt(
    database_url: str, file: Path, looked: bool
) -> None:
    """A second reading had been begun since the backup as well: its posts are not those of the third."""
    async with club_world(database_url) as world:
        await begun(world, excerpts=8, catch_up="one" if looked else "shift")  # shift looks only at the next slot
        for title in ("Second", "Third"):
            await world.import_reading(reading_of(5, title=title))
        await day(world, 1)
        await back_up(world, file)
        await world.manager.slash(world.general, "club edit", reading="Second")
        await day(world, 3)
        assert numbers(world) == [1, 1, 2]
        await restored(world, file)
        assert ((await world.club()).restored_from is None) is looked
        if looked:
            await day(world, 4)
        before = len(world.posts())
        await world.manager.slash(world.general, "club edit", reading="Third")
        await day(world, 7 if looked else 6)
        coming = [text_of(post) for post in world.posts()[before:]]
        assert ["Third" in text for text in coming] == [True, True, True]
        assert [f"Part {number}" in text for number, text in enumerate(coming, 1)] == [True, True, True]
        assert len(world.threads()) == len(world.posts())


async def test_without_read_message_history_it_stops_instead_of_posting_blindly(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 1)
        await back_up(world, file)
        await day(world, 2)
        world.deny(world.channel, read_message_history=False)
        await restored(world, file)
        await day(world, 3)
        assert numbers(world) == [1, 2]
        assert (await world.club()).state is ClubState.BROKEN
        [told] = world.said(world.notices)
        assert "**Read Message History**" in told
        assert "whether what I have to post stands there already" in told
        world.deny(world.channel, read_message_history=True)
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        await check_whole(world, 1, 2, 3)


async def test_while_discord_lets_nobody_look_it_waits(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 1)
        await back_up(world, file)
        await day(world, 2)
        world.overlays.faults.fail(*LOOK, status=503, times=None)
        await restored(world, file)
        await world.advance(hours=2)
        assert numbers(world) == [1, 2]
        assert (await world.club()).progress.position == 1
        world.overlays.faults.revive()
        await world.advance(minutes=15)
        await check_whole(world, 1, 2)


async def test_posts_are_found_in_a_long_conversation(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 1)
        await back_up(world, file)
        for number in (2, 3):
            talk(world, 130)
            await day(world, number)
        talk(world, 130)
        assert numbers(world) == [1, 2, 3]
        await restored(world, file)
        await day(world, 3, 23)
        await check_whole(world, 1, 2, 3)


def talk(world: ClubWorld, count: int) -> None:
    for number in range(count):
        world.env.backend.create_message(world.channel.id, world.member.id, f"message {number}")


async def test_a_bot_that_is_killed_while_it_looks_looks_again(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world)
        await day(world, 1)
        await back_up(world, file)
        await day(world, 2)
        world.overlays.faults.kill(*LOOK, after=True)
        await restored(world, file)
        assert world.overlays.faults.killed
        await world.restart()
        await world.advance(minutes=9)
        await check_whole(world, 1, 2)


async def test_restored_twice_it_goes_on_behind_all_of_it(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=8)
        await day(world, 1)
        await back_up(world, file)
        for number in (2, 3):
            await day(world, number)
            await restored(world, file)
            await day(world, number, 23)
            await check_whole(world, *range(1, number + 1))
        await day(world, 4)
        await check_whole(world, 1, 2, 3, 4)


async def test_excerpts_left_out_before_the_end_stay_left_out(database_url: str, file: Path) -> None:
    async with club_world(database_url) as world:
        await begun(world, excerpts=3)
        await day(world, 1)
        await back_up(world, file)
        for _ in range(2):
            await world.manager.slash(world.general, "club skip")
        await day(world, 2)
        assert (await world.club()).state is ClubState.ENDED
        await restored(world, file)
        await day(world, 5)
        assert numbers(world) == [1]
        assert sum("read to the end" in text for text in world.said(world.channel)) == 1
        club = await world.club()
        assert (club.state, club.progress.position) == (ClubState.ENDED, 3)
