"""The bot was away, or Discord refused to resume its session: afterwards it knows what it would have heard."""

import pytest

from bot.discussion.history import PAGE
from bot.discussion.thoughts import thought_content
from bot.storage import deletions, discussions
from tests.discussion.outages import APPLE, Talked, talked
from tests.support.club_world import answers

HISTORY = ("GET", "/channels/*/messages")
GIVERS = ("GET", "/channels/*/messages/*/reactions/*")


def something_of_everything(here: Talked) -> None:
    """Each way in which a thread changes, with what was there before and without."""
    backend, thread_id = here.backend, here.thread_id
    first, edited, deleted, *bulk = list(backend.messages[thread_id].values())[1:6]
    backend.edit_message(thread_id, edited.id, {"content": "better"})
    backend.delete_message(thread_id, deleted.id)
    backend.bulk_delete_messages(thread_id, [message.id for message in bulk])
    here.say(1, "new")
    answer = backend.create_message(
        thread_id, here.people[2], "to you", reference={"message_id": str(first.id), "channel_id": str(thread_id)}
    )
    backend.create_message(thread_id, here.robot, "I am a robot")
    backend.set_reaction(thread_id, first.id, "🍎", here.robot, True)
    here.react(first.id, 0, "👍", given=False)
    here.react(first.id, 1, "👍")
    here.react(first.id, 4, "👍")
    here.react(first.id, 2, "👍", burst=True)
    here.react(first.id, 0, "👍", burst=True)
    backend.clear_reaction(thread_id, first.id, APPLE)
    here.react(first.id, 3, APPLE)
    backend.clear_reactions(thread_id, edited.id)
    here.react(answer.id, 4, "❤️")
    here.react(thread_id, 0, given=False)
    here.react(thread_id, 1)
    here.react(thread_id, 1, burst=True)


def before(here: Talked) -> None:
    for who in range(5):
        here.say(who)
    first, edited = list(here.backend.messages[here.thread_id].values())[1:3]
    for who, emoji in ((0, "👍"), (1, APPLE), (2, APPLE)):
        here.react(first.id, who, emoji)
        here.react(edited.id, who, emoji)
    for who in (0, 2, 3):
        here.react(here.thread_id, who)


async def test_what_was_said_and_given_while_the_bot_was_away_for_days(database_url: str) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        assert await here.is_complete()
        await here.world.stop()
        something_of_everything(here)
        await here.world.until(8, days=3)
        await here.world.restart()
        assert await here.is_complete()
        found = await here.discussion()
        assert found.archived
        assert found.reconciled_at is not None


async def test_what_was_missed_after_a_resume_that_was_refused(database_url: str) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        with here.deaf():
            something_of_everything(here)
        await here.settled()
        here.world.overlays.faults.revive()
        await here.session_begins()
        assert await here.is_complete()
        # Discord counts them as often as we do now, but for the robot's: then nobody is asked for but the post's own.
        here.backend.set_reaction(
            here.thread_id, list(here.backend.messages[here.thread_id])[1], "🍎", here.robot, False
        )
        await here.settled()
        here.world.overlays.faults.revive()
        await here.session_begins()
        calls = here.world.overlays.faults.calls
        assert [path.rsplit("/", 1)[0] for _, path in calls if "/reactions/" in path] == [
            f"/channels/{here.world.channel.id}/messages/{here.thread_id}/reactions"
        ] * 2


async def test_a_session_that_goes_on_asks_nothing(database_url: str) -> None:
    async with talked(database_url) as here:
        await here.settled()
        here.world.overlays.faults.revive()
        with here.world.env._bot_scope():
            here.world.bot.dispatch("shard_resumed", 0)
        await here.settled()
        assert here.world.overlays.faults.calls == []


async def test_equal_reactions_that_change_places_are_noticed_on_the_post_alone(database_url: str) -> None:
    """The exception that docs/discussion.md names."""
    async with talked(database_url) as here:
        said = here.say()
        here.react(said.id, 1)
        here.react(here.thread_id, 1)
        await here.settled()
        with here.deaf():
            for message_id in (said.id, here.thread_id):
                here.react(message_id, 1, given=False)
                here.react(message_id, 2)
        await here.session_begins()
        with pytest.raises(AssertionError):
            await here.is_complete()
        with here.deaf():
            here.react(said.id, 2, given=False)
            here.react(said.id, 1)
        assert await here.is_complete()


@pytest.mark.parametrize("many", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 30])
async def test_pages_end_where_they_do(database_url: str, many: int) -> None:
    async with talked(database_url) as here:
        early = [here.say(number % 5).id for number in range(many - 1)]  # the thread begins with a message of Discord's
        await here.settled()
        with here.deaf():
            for message_id in {early[0], early[97], early[-1]}:
                here.backend.delete_message(here.thread_id, message_id)
            here.react(early[50], 0)
            late = [here.say(number % 5).id for number in range(3)]
            here.react(late[-1], 0)
            crowd = [here.world.env.create_user(f"one of many {number}").id for number in range(many)]
            for user in crowd:
                here.backend.set_reaction(here.world.channel.id, here.thread_id, "👍", user, True)
        await here.session_begins()
        assert await here.is_complete()
        with here.deaf():
            for message_id in late:
                here.backend.delete_message(here.thread_id, message_id)
            for user in (crowd[0], crowd[98], crowd[-1]):
                here.backend.set_reaction(here.world.channel.id, here.thread_id, "👍", user, False)
        await here.session_begins()
        assert await here.is_complete()


async def test_a_thread_that_was_renamed_archived_and_locked(database_url: str) -> None:
    async with talked(database_url) as here:
        await here.settled()
        with here.deaf():
            here.backend.edit_channel(
                here.thread_id, {"name": "Day *one*"}, thread_metadata={"archived": True, "locked": True}
            )
        await here.session_begins()
        found = await here.discussion()
        assert (found.name, found.archived, found.locked) == ("Day *one*", True, True)
        assert await here.is_complete()


@pytest.mark.parametrize("what", ["the thread", "the post", "both", "the channel"])
async def test_what_was_deleted_meanwhile(database_url: str, what: str) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        await here.world.stop()
        if what in ("the thread", "both"):
            here.backend.delete_channel(here.thread_id)
        if what in ("the post", "both"):
            here.backend.delete_message(here.world.channel.id, here.thread_id)
        if what == "the channel":
            here.backend.delete_channel(here.world.channel.id)
        await here.world.restart()
        await here.settled()
        assert await here.is_complete()
        assert (await here.discussion()).thread_deleted_at is not None or what == "the post"


async def test_thoughts_are_their_members_and_the_forgotten_stay_so(database_url: str) -> None:
    async with talked(database_url) as here:
        async with here.world.bot.database.write() as conn:
            await deletions.forget_member(conn, here.people[4], here.world.env.now())
        here.forgotten.add(here.people[4])
        with here.deaf():
            me = here.backend.bot_user.id
            here.backend.create_message(here.thread_id, me, thought_content(here.people[3], "I think"))
            here.backend.create_message(here.thread_id, me, thought_content(here.people[4], "I think so too"))
            here.backend.create_message(here.thread_id, here.people[3], thought_content(here.people[2], "he thinks"))
            said = here.say(0)
            here.react(here.say(4).id, 0)
            for message_id in (said.id, here.thread_id):
                here.react(message_id, 4)
                here.react(message_id, 3)
        await here.session_begins()
        assert await here.is_complete()
        async with here.world.bot.database.write() as conn:
            await deletions.join(conn, here.people[4], here.world.env.now())
        here.forgotten.clear()
        await here.session_begins()
        assert await here.is_complete()


async def test_a_history_that_may_not_be_read_deletes_nothing(database_url: str) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        await here.world.stop()
        something_of_everything(here)
        here.world.deny(here.world.channel, read_message_history=False)
        await here.world.restart()
        await here.settled()
        found = await here.discussion()
        assert found.wanted_at is not None
        assert found.reconciled_at is None
        shown = answers(await here.world.manager.slash(here.world.general, "status"))
        assert (
            f"I lack **Read Message History** in <#{here.world.channel.id}>. So I cannot look through all threads"
            in shown
        )
        with pytest.raises(AssertionError):
            await here.is_complete()  # nothing was asked …
        here.world.deny(here.world.channel, read_message_history=True)
        await here.world.advance(minutes=2)
        assert await here.is_complete()  # … and nothing was lost


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_permission_that_is_taken_away_amid_the_pages_deletes_nothing(database_url: str, nth: int) -> None:
    async with talked(database_url) as here:
        for number in range(PAGE + 20):
            here.say(number % 5)
        await here.settled()
        with here.deaf():
            late = here.say(0)
        world = here.world
        world.overlays.faults.meanwhile(
            *HISTORY, lambda: world.deny(world.channel, read_message_history=False), after=False, nth=nth
        )
        await here.session_begins()
        assert (await here.discussion()).wanted_at is not None
        world.deny(world.channel, read_message_history=True)
        await world.advance(minutes=2)
        assert await here.is_complete()
        assert late.id in here.backend.messages[here.thread_id]


@pytest.mark.parametrize("call", [HISTORY, GIVERS, ("GET", "/channels/*"), ("GET", "/channels/*/messages/*")])
@pytest.mark.parametrize("status", [500, 403, 404])  # a 404 without Discord's code is a proxy's
async def test_a_failure_leaves_it_wanted_and_it_is_tried_again(
    database_url: str, caplog: pytest.LogCaptureFixture, call: tuple[str, str], status: int
) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        with here.deaf():
            something_of_everything(here)
        caplog.clear()
        here.world.overlays.faults.fail(*call, status=status, code=50001 if status == 403 else 0)
        await here.session_begins()
        assert (await here.discussion()).wanted_at is not None
        assert here.world.bot.reconciler.progress is None
        warnings = [record.getMessage() for record in caplog.records if "compared with Discord" in record.getMessage()]
        assert len(warnings) == 1
        assert "well" not in warnings[0]
        await here.world.advance(seconds=119)
        assert (await here.discussion()).wanted_at is not None
        await here.world.advance(seconds=1)
        assert await here.is_complete()


async def test_one_that_is_refused_does_not_hold_up_the_others(database_url: str) -> None:
    async with talked(database_url) as here:
        await here.world.until(9, 1)
        older, newer = here.thread_id, max(await _threads(here))
        with here.deaf():
            here.say(0)
            here.thread_id = newer
            here.say(1)
        world = here.world
        world.overlays.faults.fail("GET", f"/channels/{newer}", status=403, code=50001)
        world.overlays.faults.revive()
        world.overlays.faults.fail("GET", f"/channels/{newer}", status=403, code=50001)
        await here.session_begins()
        asked = [path for method, path in world.overlays.faults.calls if method == "GET"]
        assert asked.index(f"/channels/{newer}") < asked.index(f"/channels/{older}")  # the newest post first
        assert (await here.discussion()).wanted_at is not None
        here.thread_id = older
        assert (await here.discussion()).wanted_at is None
        await world.advance(minutes=2)
        here.thread_id = newer
        assert await here.is_complete()


async def test_a_kill_amid_it_leaves_it_wanted(database_url: str) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        with here.deaf():
            something_of_everything(here)
        here.world.overlays.faults.kill(*GIVERS, after=True, nth=2)
        with here.world.env._bot_scope():
            here.world.bot.dispatch("shard_ready", 0)
        await here.world.env.settle()
        assert here.world.overlays.faults.killed
        await here.world.restart()
        await here.settled()
        assert await here.is_complete()


async def test_a_server_that_the_bot_comes_back_to(database_url: str) -> None:
    async with talked(database_url) as here:
        before(here)
        await here.settled()
        with here.deaf():
            something_of_everything(here)
        with here.world.env._bot_scope():
            here.world.bot.dispatch("guild_join", here.world.bot.get_guild(here.world.guild.id))
        await here.settled()
        assert await here.is_complete()


async def _threads(here: Talked) -> set[int]:
    async with here.world.bot.database.read() as conn:
        return await discussions.thread_ids(conn, None)
