"""Collects what the gateway tells about the posts and their threads.

Noting an event takes microseconds and waits for nothing; what was noted is in the database within a second, or as
soon as the database can be written. What a killed process had not written yet, reconciling finds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.discussion.batch import Batch
from bot.discussion.spool import Spool
from bot.storage import discussions
from bot.storage.database import Database
from bot.storage.records import Said, Shards

FRESH = 10_000
"""Messages of our own of which it is remembered that they may be posts."""

DELETED = 10_000
"""Deleted messages that are remembered: Discord may tell of the preview of a link after it told of the deletion."""

Key = tuple[int, str, int, int]
"""Message, emoji, member, kind: one member's two kinds of a reaction are given and taken away apart."""


@dataclass(slots=True)
class Touched:
    """What live events changed in one thread since somebody began to look, whether or not it is written yet."""

    messages: set[int] = field(default_factory=set)
    """Created, edited or deleted."""
    reactions: set[Key] = field(default_factory=set)
    """Given or taken away."""
    cleared: set[tuple[int, str | None]] = field(default_factory=set)
    """Messages of which all reactions with an emoji were taken away; None for every emoji."""
    thread: bool = False
    """Whether the thread itself was: renamed, archived, locked or deleted."""


class Collector:
    """One per bot. What is not ``async`` is for listeners, in the order of the events.

    Where a method takes a channel and a message, both are as the event names them: the post itself stands in the
    club's channel, all else in the thread. What does not concern a post is dropped at once.
    """

    def __init__(self, database: Database, clock: Clock, *, shards: Shards | None = None) -> None:
        self.spool = Spool(database, clock)
        self.spool.found = self._found
        self._database = database
        self._clock = clock
        self._shards = shards
        self._known: set[int] = set()
        self._fresh: dict[int, None] = {}
        self._deleted: dict[int, None] = {}
        self._touching: dict[int, list[Touched]] = {}

    async def load(self) -> None:
        """Learns of all posts that there are. May be repeated."""
        async with self._database.explaining(), self._database.read() as conn:
            self._known |= await discussions.thread_ids(conn, self._shards)

    async def flush(self) -> None:
        """All that was noted before is committed when this returns. ApplecoreError says why it cannot be."""
        await self.spool.flush()

    async def stop(self) -> None:
        """Commits what was noted, within two seconds, and notes nothing more."""
        await self.spool.stop()

    def watch(self, thread_id: int) -> None:
        """A message of ours was sent that may be a post. To be repeated once the database knows that it is one."""
        if thread_id not in self._known:
            _remember(self._fresh, thread_id, FRESH)
            self.spool.look(thread_id)

    def follows(self, channel_id: int) -> bool:
        """Whether it is a post's thread, or may turn out to be one."""
        return channel_id in self._known or channel_id in self._fresh

    @contextmanager
    def touching(self, thread_id: int) -> Iterator[Touched]:
        """Notes beside what is noted anyway, until the block ends, what live events change in a post's thread."""
        self._known.add(thread_id)
        touched = Touched()
        self._touching.setdefault(thread_id, []).append(touched)
        try:
            yield touched
        finally:
            mine = self._touching[thread_id]
            mine[:] = [each for each in mine if each is not touched]
            if not mine:
                del self._touching[thread_id]

    def said(self, said: Said) -> None:
        """A member's message came, or was edited."""
        if said.message_id in self._deleted or not self.follows(said.thread_id):
            return
        for touched in self._touching.get(said.thread_id, ()):
            touched.messages.add(said.message_id)
        self._batch(said.thread_id).said(said)

    def deleted(self, channel_id: int, message_id: int) -> None:
        if (thread_id := self._thread(channel_id, message_id)) is None:
            return
        _remember(self._deleted, message_id, DELETED)
        for touched in self._touching.get(thread_id, ()):
            touched.messages.add(message_id)
        self._batch(thread_id).delete(thread_id, message_id)

    def reacted(self, channel_id: int, message_id: int, emoji: str, user_id: int, kind: int, name: str | None) -> None:
        """``kind`` is ``records.NORMAL`` or ``records.BURST``; bots are left out by whoever calls."""
        if (thread_id := self._thread(channel_id, message_id)) is None:
            return
        if self._touching:
            for touched in self._touching.get(thread_id, ()):
                touched.reactions.add((message_id, emoji, user_id, kind))
        now = self.spool.now()
        self._batch(thread_id).react(thread_id, message_id, emoji, user_id, kind, name, now)

    def unreacted(self, channel_id: int, message_id: int, emoji: str, user_id: int, kind: int) -> None:
        if (thread_id := self._thread(channel_id, message_id)) is None:
            return
        for touched in self._touching.get(thread_id, ()):
            touched.reactions.add((message_id, emoji, user_id, kind))
        self._batch(thread_id).unreact(thread_id, message_id, emoji, user_id, kind)

    def cleared(self, channel_id: int, message_id: int, emoji: str | None = None) -> None:
        """All reactions of the message are gone, or all with that emoji."""
        if (thread_id := self._thread(channel_id, message_id)) is None:
            return
        for touched in self._touching.get(thread_id, ()):
            touched.cleared.add((message_id, emoji))
        self._batch(thread_id).clear(thread_id, message_id, emoji)

    def missed(self, channel_id: int, message_id: int) -> None:
        """Something happened of which too little is known: the thread is to be compared with Discord."""
        thread_id = self._thread(channel_id, message_id)
        if thread_id is not None:
            self.spool.missed(thread_id)

    def thread_changed(self, thread_id: int, name: str, *, archived: bool, locked: bool) -> None:
        if self.follows(thread_id):
            self._touch_thread(thread_id)
            self._batch(thread_id).thread_changed(thread_id, name, archived, locked)

    def thread_deleted(self, thread_id: int) -> None:
        if self.follows(thread_id):
            self._touch_thread(thread_id)
            self._batch(thread_id).thread_deleted(thread_id, self._clock())

    def channel_deleted(self, channel_id: int) -> None:
        """Any channel: which ones have posts only the database knows."""
        self.spool.unbounded_batch().channel_deleted(channel_id, self._clock())

    def _touch_thread(self, thread_id: int) -> None:
        for touched in self._touching.get(thread_id, ()):
            touched.thread = True

    def _thread(self, channel_id: int, message_id: int) -> int | None:
        known = self._known
        if channel_id in known:
            return channel_id
        if message_id in known:
            return message_id
        if channel_id in self._fresh:
            return channel_id
        return message_id if message_id in self._fresh else None

    def _batch(self, thread_id: int) -> Batch:
        return self.spool.batch(thread_id) if thread_id in self._known else self.spool.early_batch(thread_id)

    def _found(self, thread_ids: set[int]) -> None:
        self._known |= thread_ids
        for thread_id in thread_ids:
            self._fresh.pop(thread_id, None)


def _remember(ids: dict[int, None], new: int, most: int) -> None:
    """The oldest go."""
    ids[new] = None
    if len(ids) > most:
        del ids[next(iter(ids))]
