"""A club with one post that is talked about, a bot that misses some of it, and what it knows afterwards."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from simcord.backend.models import Message

from bot.demo.overlays.backend import OverlaidBackend
from bot.storage import discussions
from bot.storage.records import Discussion
from tests.discussion.truth import database_says, discord_knows, posts
from tests.support.club_world import ClubWorld, club_world, reading_of

APPLE = "apple:1234567890123456789"
"""A custom emoji, as simcord writes it."""


@dataclass
class Talked:
    world: ClubWorld
    thread_id: int
    people: list[int]
    """Five members."""
    robot: int
    forgotten: set[int] = field(default_factory=set)

    @property
    def backend(self) -> OverlaidBackend:
        return self.world.overlays.backend

    def say(self, who: int = 0, text: str = "well") -> Message:
        return self.backend.create_message(self.thread_id, self.people[who], text)

    def react(self, message_id: int, who: int, emoji: str = "🍎", *, given: bool = True, burst: bool = False) -> None:
        change = self.backend.set_burst if burst else self.backend.set_reaction
        change(self.channel_of(message_id), message_id, emoji, self.people[who], given)

    def channel_of(self, message_id: int) -> int:
        """The post itself stands in the club's channel."""
        return self.world.channel.id if message_id == self.thread_id else self.thread_id

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """What happens meanwhile nobody tells the bot."""
        feed = self.world.env._gateway_feed
        self.backend.subscribers.remove(feed)
        yield
        self.backend.subscribers.append(feed)

    async def session_begins(self) -> None:
        """As after a resume that Discord refused."""
        with self.world.env._bot_scope():
            self.world.bot.dispatch("shard_ready", 0)
        await self.settled()

    async def settled(self) -> None:
        await self.world.env.settle()
        await self.world.bot.collector.flush()

    async def discussion(self) -> Discussion:
        async with self.world.bot.database.read() as conn:
            found = await discussions.by_thread(conn, self.thread_id)
        assert found is not None
        return found

    async def is_complete(self) -> bool:
        """Compares what the database knows with Discord; a difference fails the test with both sides shown."""
        every_post = await posts(self.world)
        knows, says = discord_knows(self.world, every_post, self.forgotten), await database_says(self.world)
        for ours, theirs in ((says.replies, knows.replies), (says.reactions, knows.reactions)):
            differing = {
                key: (ours.get(key), theirs.get(key)) for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)
            }
            assert not differing, f"we say, Discord says: {differing}"
        assert says.gone == knows.gone
        return (await self.discussion()).wanted_at is None


@asynccontextmanager
async def talked(database_url: str, **options: object) -> AsyncIterator[Talked]:
    """``options`` are those of ``/club setup``."""
    async with club_world(database_url) as world:
        await world.import_reading(reading_of(8))
        await world.setup(reading="A short reading", time="09:00", **options)
        await world.until(9, 1)
        (thread_id,) = await posts(world)
        people = [world.guild.add_member(world.env.create_user(f"reader {number}")).id for number in range(5)]
        robot = world.guild.add_member(world.env.create_user("robot", bot=True)).id
        await world.env.settle()
        yield Talked(world, thread_id, people, robot)
