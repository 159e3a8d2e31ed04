"""Whatever members do, whatever is missed, whoever is forgotten: in the end the database knows what Discord knows."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from simcord.backend.errors import BackendError
from simcord.backend.models import Message

from bot.demo.overlays.backend import OverlaidBackend
from bot.discussion.thoughts import thought_content
from bot.storage import deletions
from tests.discussion.truth import database_says, discord_knows, emoji_key, posts
from tests.support.club_world import ClubWorld, club_world, reading_of

EMOJI = ("🍎", "apple:1234567890123456789")

Step = tuple[Coroutine[Any, Any, None], asyncio.Future[None]]

OFTEN = ("say", "say", "say", "react", "react", "react", "react", "take_back", "take_back", "edit")
SELDOM = ("think", "clear", "delete", "change_thread")
TURNS = (
    "nothing",
    "commits",
    "loses_its_session",
    "begins_a_session",
    "stops",
    "dies",
    "starts",
    "refreshes",
    "is_compared",
    "forgets",
)
SEEDS = st.integers(0, 2**32)
"""Of what members do next: Hypothesis alone would hardly let anything happen."""


class Talking(RuleBasedStateMachine):
    """Two posts of one club, four members and another bot; our bot comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.steps: asyncio.Queue[Step | None] = asyncio.Queue()
        self.driver = self.loop.create_task(self.drive())
        self.stack = AsyncExitStack()
        self.forgotten: set[int] = set()
        self.listening = True
        self.running = True
        self.murky: set[tuple[int, str]] = set()
        """The reactions of one emoji to one reply that changed while nobody listened: there two members may have
        changed places, which the counts do not show (docs/discussion.md)."""
        self.run(self.open())

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        done = self.loop.create_future()
        self.steps.put_nowait((coroutine, done))
        self.loop.run_until_complete(done)

    async def drive(self) -> None:
        """simcord wants to be opened, used and closed in one context: all steps are taken by one task."""
        while (step := await self.steps.get()) is not None:
            coroutine, done = step
            try:
                await coroutine
                done.set_result(None)
            except Exception as error:  # noqa: BLE001 - whoever asked for the step is told
                done.set_exception(error)

    async def open(self) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.world: ClubWorld = await self.stack.enter_async_context(club_world(f"sqlite:///{folder}/talk.db"))
        world, guild, create = self.world, self.world.guild, self.world.env.create_user
        await world.import_reading(reading_of(4))
        await world.setup(reading="A short reading", time="09:00")
        await world.until(9, 1)
        await world.until(9, 1)
        self.people = [world.member.id, world.manager.id]
        self.people += [guild.add_member(create(f"reader {number}")).id for number in (3, 4)]
        self.robot = guild.add_member(create("robot", bot=True)).id
        await world.env.settle()
        self.posts = await posts(world)
        assert len(self.posts) == 2
        assert isinstance(world.env.backend, OverlaidBackend)
        self.backend = world.env.backend
        for number in range(8):
            self.say(number, number, 1)
            self.react(number, number, number + 1)
        await world.env.settle()
        self.feed = world.env._gateway_feed

    # What members do

    @rule(turn=st.sampled_from(TURNS), seed=SEEDS)
    def happens(self, turn: str, seed: int) -> None:
        """Something becomes of our bot where it can, and members go on talking."""
        self.run(self.turn(turn, seed))

    async def turn(self, turn: str, seed: int) -> None:
        await getattr(self, turn)()
        random = Random(seed)  # noqa: S311 - members keep no secrets
        for _ in range(random.randrange(20)):
            act = getattr(self, random.choice(OFTEN + SELDOM))
            with suppress(BackendError):  # in a thread that is archived little can be done
                act(*(random.randrange(60) for _ in range(3)))
            if random.random() < 0.2:
                await self.world.env.settle()
        await self.world.env.settle()

    def say(self, who: int, post: int, to: int) -> None:
        thread, target = self.posts[post % 2], self.message(to)
        if thread not in self.backend.channels:
            return
        answers = target is not None and target.channel_id == thread and to % 3 == 0
        reference = {"message_id": str(target.id), "channel_id": str(thread)} if target and answers else None
        author = self.robot if who % 9 == 0 else self.people[who % 4]
        self.backend.create_message(thread, author, "a" * (to + 1), reference=reference)

    def think(self, who: int, post: int, _: int) -> None:
        """What the bot posts for a member who pressed "My thought"."""
        if (thread := self.posts[post % 2]) in self.backend.channels:
            self.backend.create_message(thread, self.backend.bot_user.id, thought_content(self.people[who % 4], "So."))

    def edit(self, which: int, length: int, _: int) -> None:
        message = self.message(which)
        if message is not None and message.author_id in self.people:
            self.backend.edit_message(message.channel_id, message.id, {"content": "e" * (length + 1)})

    def react(self, who: int, which: int, how: int) -> None:
        message, emoji = self.message(which), EMOJI[how % 2]
        if message is not None:
            self.blur(message, emoji)
            user = self.robot if who % 9 == 0 else self.people[who % 4]
            change = self.backend.set_burst if how % 3 == 0 else self.backend.set_reaction
            change(message.channel_id, message.id, emoji, user, True)

    def take_back(self, which: int, what: int, kind: int) -> None:
        """A reaction that was given, if there is one."""
        message = self.message(which)
        if message is None:
            return
        bursts = [(e, user) for e, users in self.backend.bursts.get(message.id, {}).items() for user in users]
        normal = [(reaction.emoji, user) for reaction in message.reactions for user in reaction.user_ids]
        given, change = (bursts, self.backend.set_burst) if kind % 2 else (normal, self.backend.set_reaction)
        if given:
            emoji, user = given[what % len(given)]
            self.blur(message, emoji)
            change(message.channel_id, message.id, emoji, user, False)

    def clear(self, which: int, what: int, how: int) -> None:
        message = self.message(which)
        if message is None:
            return
        self.blur(message, *EMOJI)
        if how % 2:
            self.backend.clear_reactions(message.channel_id, message.id)
        else:
            self.backend.clear_reaction(message.channel_id, message.id, EMOJI[what % 2])

    def delete(self, which: int, count: int, sure: int) -> None:
        """One message, or several at once; a post only now and then."""
        message = self.message(which)
        if message is None or (message.id in self.posts and sure > 2):
            return
        if count % 3:
            self.backend.delete_message(message.channel_id, message.id)
        else:
            stored = sorted(self.backend.messages[message.channel_id])
            some = [each for each in stored[which % len(stored) :] if each not in self.posts][:3]
            self.backend.bulk_delete_messages(message.channel_id, some)

    def change_thread(self, post: int, archived: int, sure: int) -> None:
        """Seldom deletes it."""
        if (thread := self.posts[post % 2]) in self.backend.channels:
            if sure == 0:
                self.backend.delete_channel(thread)
            else:
                metadata = {"archived": archived % 4 == 0}
                self.backend.edit_channel(thread, {"name": f"Day {post}"}, thread_metadata=metadata)

    # What becomes of our bot

    async def nothing(self) -> None:
        """Not even a moment passes in which it could write."""

    async def commits(self) -> None:
        if self.running:
            await self.world.bot.collector.flush()

    async def loses_its_session(self) -> None:
        """It hears nothing any more, until :meth:`begins_a_session`."""
        if self.listening:
            self.backend.subscribers.remove(self.feed)
            self.listening = False

    async def begins_a_session(self) -> None:
        if self.running and not self.listening:
            self.backend.subscribers.append(self.feed)
            self.listening = True
            with self.world.env._bot_scope():
                self.world.bot.dispatch("shard_ready", 0)

    async def stops(self) -> None:
        if self.running:
            await self.world.bot.close()
            await self.dies()

    async def dies(self) -> None:
        await self.loses_its_session()
        self.running = False

    async def starts(self) -> None:
        if not self.running:
            self.backend.subscribers.append(self.feed)  # simcord wants to take it out itself
            await self.world.restart()
            self.feed = self.world.env._gateway_feed
            self.running = self.listening = True

    async def refreshes(self) -> None:
        if self.listening:
            await self.world.manager.slash(self.world.general, "club refresh")

    async def is_compared(self) -> None:
        if self.listening:
            await self.compare()

    async def forgets(self) -> None:
        """Two of the four ask for that, one after the other."""
        user_id = self.people[len(self.forgotten)]
        if self.running and len(self.forgotten) < 2:
            await self.world.bot.collector.flush()
            async with self.world.bot.database.write() as conn:
                await deletions.forget_member(conn, user_id, self.world.env.now())
            self.forgotten.add(user_id)

    # What must hold

    def teardown(self) -> None:
        try:
            self.run(self.starts())
            self.run(self.begins_a_session())
            self.run(self.compare())
        finally:
            self.run(self.stack.aclose())
            self.steps.put_nowait(None)
            self.loop.run_until_complete(self.driver)
            self.loop.close()

    async def compare(self) -> None:
        await self.world.advance(seconds=30)
        await self.world.bot.collector.flush()
        expected, found = discord_knows(self.world, self.posts, self.forgotten), await database_says(self.world)
        assert found.gone == expected.gone
        assert found.replies == expected.replies
        told, kept = expected.givers(), found.givers()
        for kind in told.keys() | kept.keys():
            mine, theirs = kept.get(kind, set()), told.get(kind, set())
            changed_places = kind[:2] in self.murky and len(mine) == expected.totals.get(kind, 0)
            assert mine == theirs or changed_places, kind

    # Means

    def blur(self, message: Message, *emoji: str) -> None:
        if not self.listening and message.id not in self.posts:
            self.murky |= {(message.id, emoji_key(each)) for each in emoji}

    def message(self, number: int) -> Message | None:
        """One of the posts, or of what stands in their threads; None where all of that is gone."""
        some = [m for m in self.backend.messages[self.world.channel.id].values() if m.id in self.posts]
        some += [message for post in self.posts for message in self.backend.messages.get(post, {}).values()]
        return some[number % len(some)] if some else None


TestTalking = Talking.TestCase
TestTalking.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a step takes too long for shrinking
)
