"""Members go on while the bot compares what it missed: before and after each of its requests, one thing at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy import select

from bot.storage import schema
from tests.discussion.outages import APPLE, Talked, talked


@dataclass
class Scene:
    """Three replies in a thread of which the bot missed something."""

    here: Talked
    known: int
    """The bot knows it, and missed reactions to it."""
    edited: int
    """The bot knows it as it was before."""
    missed: int
    """The bot knows nothing of it."""

    @property
    def all(self) -> list[int]:
        return [self.known, self.edited, self.missed]


async def set_up(here: Talked) -> Scene:
    known, edited = here.say(0), here.say(1)
    here.react(known.id, 0, "👍")
    here.react(known.id, 1, APPLE)
    here.react(known.id, 4, "💔")
    here.react(here.thread_id, 0)
    here.react(here.thread_id, 4, "💔")
    await here.settled()
    with here.deaf():
        missed = here.say(2)
        here.backend.edit_message(here.thread_id, edited.id, {"content": "better"})
        here.react(missed.id, 2)
        here.react(known.id, 1, "👍")
        here.react(known.id, 2, APPLE)
        here.react(known.id, 4, "💔", given=False)
        here.react(known.id, 3, "👍", burst=True)
        here.react(here.thread_id, 1)
        here.react(here.thread_id, 4, "💔", given=False)
    return Scene(here, known.id, edited.id, missed.id)


async def tidy_up(scene: Scene) -> None:
    here = scene.here
    for message_id in list(here.backend.messages[here.thread_id])[1:]:
        here.backend.delete_message(here.thread_id, message_id)
    here.backend.clear_reactions(here.world.channel.id, here.thread_id)
    await here.settled()


def edit(scene: Scene, message_id: int) -> None:
    if message_id in scene.here.backend.messages[scene.here.thread_id]:
        scene.here.backend.edit_message(scene.here.thread_id, message_id, {"content": "best"})


def delete(scene: Scene, *message_ids: int) -> None:
    scene.here.backend.bulk_delete_messages(scene.here.thread_id, message_ids)


def back_and_forth(scene: Scene) -> None:
    for given in (True, False, True):
        scene.here.react(scene.missed, 3, given=given)
    scene.here.react(scene.known, 3, "👍", given=False, burst=True)
    scene.here.react(scene.known, 3, "👍", given=True)


def talk(scene: Scene) -> None:
    said = scene.here.say(3)
    scene.here.react(said.id, 1)
    scene.here.react(said.id, 2, burst=True)


def rename(scene: Scene) -> None:
    scene.here.backend.edit_channel(scene.here.thread_id, {"name": "Renamed"}, thread_metadata={"locked": True})


ACTIONS: dict[str, Callable[[Scene], object]] = {
    "something is said": talk,
    "a missed message is edited": lambda scene: edit(scene, scene.missed),
    "an edited message is edited": lambda scene: edit(scene, scene.edited),
    "a missed message is deleted": lambda scene: delete(scene, scene.missed),
    "known messages are deleted": lambda scene: delete(scene, scene.known, scene.edited),
    "one more reacts to a missed message": lambda scene: scene.here.react(scene.missed, 3),
    "a new emoji on a missed message": lambda scene: scene.here.react(scene.missed, 3, APPLE),
    "one more reacts to a known message": lambda scene: scene.here.react(scene.known, 3, APPLE),
    "a known reaction is taken back": lambda scene: scene.here.react(scene.known, 0, "👍", given=False),
    "a missed reaction is taken back": lambda scene: scene.here.react(scene.known, 1, "👍", given=False),
    "a reaction that was taken back is given again": lambda scene: scene.here.react(scene.known, 4, "💔"),
    "back and forth": back_and_forth,
    "reactions are cleared": lambda scene: scene.here.backend.clear_reactions(scene.here.thread_id, scene.known),
    "an emoji is cleared": lambda scene: scene.here.backend.clear_reaction(scene.here.thread_id, scene.known, "👍"),
    "one more reacts to the post": lambda scene: scene.here.react(scene.here.thread_id, 2),
    "a missed reaction to the post is taken back": lambda s: s.here.react(s.here.thread_id, 1, given=False),
    "one that was taken back from the post is given again": lambda s: s.here.react(s.here.thread_id, 4, "💔"),
    "the post's reactions are cleared": lambda scene: scene.here.backend.clear_reactions(
        scene.here.world.channel.id, scene.here.thread_id
    ),
    "the thread is renamed and locked": rename,
}


MOST_TELLING = ("something is said", "known messages are deleted", "back and forth", "reactions are cleared")
"""For these it is tried before each request as well. After it, what Discord answers is old already."""


@pytest.mark.parametrize(
    ("database_url", "action"),
    # PostgreSQL alone lets a batch of events in while we write; else it is the same SQL.
    [*(("sqlite", action) for action in ACTIONS), ("postgresql", "back and forth")],
    indirect=["database_url"],
)
async def test_members_go_on_meanwhile(database_url: str, action: str) -> None:
    orders = (False, True) if action in MOST_TELLING else (True,)
    async with talked(database_url) as here:
        moments = 0
        for after in orders:
            nth, acted = 1, True
            while acted:
                scene = await set_up(here)
                acted = False

                def act(scene: Scene = scene) -> None:
                    nonlocal acted
                    acted = True
                    ACTIONS[action](scene)

                here.world.overlays.faults.revive()
                here.world.overlays.faults.meanwhile("GET", "*", act, after=after, nth=nth)
                await here.session_begins()
                assert await here.is_complete(), f"{action}, {'after' if after else 'before'} request {nth}"
                found = await here.discussion()
                thread = here.backend.channels[here.thread_id]
                locked = thread.thread_metadata is not None and thread.thread_metadata.locked
                assert (found.name, found.locked) == (thread.name, locked), (nth, after)
                await tidy_up(scene)
                here.backend.edit_channel(here.thread_id, {"name": "Talk"}, thread_metadata={"locked": False})
                nth += 1
                moments += acted
        assert (
            moments >= len(orders) * 8
        )  # the thread, the post and its givers, the history, and four reactions to replies


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_what_comes_live_is_not_undone_for_a_moment(database_url: str) -> None:
    """Else it would come back, but without the time at which a reaction was given, and out of the digest."""
    async with talked(database_url) as here:
        for after in (False, True):
            for nth in range(1, 9):
                scene = await set_up(here)
                said: list[int] = []

                def act(scene: Scene = scene, said: list[int] = said) -> None:
                    said.append(here.say(3).id)
                    here.react(said[0], 1)
                    here.react(scene.known, 3, APPLE)
                    here.react(scene.known, 3, "👍")
                    here.react(here.thread_id, 2)

                here.world.overlays.faults.meanwhile("GET", "*", act, after=after, nth=nth)
                await here.session_begins()
                assert await here.is_complete()
                one, two, three = here.people[1:4]
                given = {(said[0], "🍎", one), (scene.known, APPLE[-19:], three), (scene.known, "👍", three)}
                given.add((here.thread_id, "🍎", two))
                timed = await times(here)
                assert {key for key in given if timed[key] is None} == set(), (nth, after)
                await tidy_up(scene)


async def times(here: Talked) -> dict[tuple[int, str, int], datetime | None]:
    rows = schema.reactions.c
    async with here.world.bot.database.read() as conn:
        found = await conn.execute(select(rows.message_id, rows.emoji, rows.user_id, rows.added_at))
        return {(row.message_id, row.emoji, row.user_id): row.added_at for row in found}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("nth", [1, 2, 5, 6, 8])
@pytest.mark.parametrize("after", [False, True])
async def test_the_thread_is_deleted_meanwhile(database_url: str, nth: int, after: bool) -> None:
    async with talked(database_url) as here:
        await set_up(here)
        here.world.overlays.faults.meanwhile(
            "GET", "*", lambda: here.backend.delete_channel(here.thread_id), after=after, nth=nth
        )
        await here.session_begins()
        assert await here.is_complete()
        assert (await here.discussion()).thread_deleted_at is not None
