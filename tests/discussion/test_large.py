"""A thread of 20,000 replies and 50,000 reactions: how many requests it takes, how much memory, and who has to wait."""

import asyncio
import gc
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from simcord.backend.models import Message, Reaction

from bot.discussion.history import PAGE
from tests.discussion.outages import Talked, talked

REPLIES = 20_000
CROWD = 10_000
"""So many give one emoji to the post, and so many one to the first reply."""
LIKED, LIKES = 100, 300
"""So many replies have so many reactions with one emoji."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    template: Path = request.getfixturevalue("_sqlite_template")
    file = tmp_path / "applecore.db"
    file.write_bytes(template.read_bytes())
    return f"sqlite:///{file}"


def talk(here: Talked) -> None:
    """Straight into the model: sending so much as members do takes minutes."""
    backend, thread = here.backend, here.backend.messages[here.thread_id]
    crowd = [backend.make_user(f"one of many {number}").id for number in range(CROWD)]
    for number in range(REPLIES):
        author = crowd[number % CROWD]
        reply = Message(backend.snowflake(), here.thread_id, author, "well said", timestamp=backend.now_iso())
        thread[reply.id] = reply
    replies = list(thread.values())[1:]
    backend.get_message(here.world.channel.id, here.thread_id).reactions.append(Reaction("🍎", list(crowd)))
    replies[0].reactions.append(Reaction("👍", list(crowd)))
    for number in range(LIKED):
        reply = replies[number * (REPLIES // LIKED) + 1]
        reply.reactions.append(Reaction("👍", crowd[number : number + LIKES]))


async def reconcile(here: Talked) -> tuple[int, float]:
    """Answers how many requests it took, and for how many seconds the event loop's thread computed at a stretch.

    Counted is what the thread itself computed, Discord's model included, so that other processes do not matter.
    """
    world, longest = here.world, 0.0
    world.overlays.faults.revive()
    with world.env._bot_scope():
        world.bot.dispatch("shard_ready", 0)
    while not world.overlays.faults.calls or world.bot.reconciler.progress is not None:
        began = time.thread_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.thread_time() - began)
    await here.settled()
    return len(world.overlays.faults.calls), longest


@contextmanager
def without_the_model() -> Iterator[None]:
    """Discord's model is not the bot's memory: the collector of garbage need not walk through it while we measure."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def test_twenty_thousand_replies_and_fifty_thousand_reactions(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with talked(database_url) as here:
        here.world.bot.reconciler.allowance.per_second = 1e9
        talk(here)
        pages, crowd = REPLIES // PAGE + 1, CROWD // PAGE + 1  # a last page that is full is followed by an empty one
        with without_the_model():
            tracemalloc.start()
            everything, stall = await reconcile(here)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert await here.is_complete()
            with here.deaf():
                lose_some(here)
            some, again = await reconcile(here)
            assert await here.is_complete()
        with capsys.disabled():
            sys.stdout.write(
                f"\n{REPLIES:,} replies, {2 * CROWD + LIKED * LIKES:,} reactions: {everything} requests where nothing "
                f"was known, {some} where three things were missed; at most {1000 * max(stall, again):.0f} ms at a "
                f"stretch, {peak / 1e6:.1f} MB\n"
            )
        assert everything == 2 + pages + 2 * crowd + LIKED * (LIKES // PAGE + 1)
        assert some == 2 + pages + crowd + 2
        assert max(stall, again) < 0.1
        assert peak < 16e6


def lose_some(here: Talked) -> None:
    """Far beyond the first page: a reply is deleted, another gets a reaction, one more is said."""
    replies = list(here.backend.messages[here.thread_id])
    here.backend.delete_message(here.thread_id, replies[REPLIES // 2])
    here.react(replies[REPLIES // 3], 0)
    here.react(here.say(1).id, 2)
