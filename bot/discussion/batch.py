"""What happened in the posts' threads, gathered until it is written: one entry for all that happened to one thing.

Written in this order, a batch leaves in the database what its events would have left one after the other: what
became of threads, replies, cleared reactions, removed ones, added ones, deleted messages, deleted channels. Discord
never gives an id twice, so that a deletion ends all that comes after it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.storage.records import Said

TEXT_WEIGHS = 100
"""Code points of text that count as one more entry."""

Given = tuple[int, int, str | None, datetime | None]
"""The kinds that are taken away, then those that are given, a custom emoji's name, and when it was given."""


@dataclass(slots=True)
class OnMessage:
    """What happened to one message's reactions, by emoji and member."""

    thread_id: int
    given: dict[tuple[str, int], Given] = field(default_factory=dict)


@dataclass(slots=True)
class Cleared:
    """Which of a message's reactions were taken away altogether."""

    thread_id: int
    emoji: set[str] | None = field(default_factory=set)
    """None for all of them."""


@dataclass(slots=True)
class ThreadNow:
    """What became of a thread."""

    there: bool = False
    """Whether it is there, after all that happened to it."""
    name: str | None = None
    """None where nothing was heard but that it was deleted."""
    archived: bool = False
    locked: bool = False
    deleted_at: datetime | None = None
    """A thread that was deleted may be there again: another one of the same message has the same id."""


class Batch:
    """Events in the order in which they came. Bounded by whoever fills it: see ``size``."""

    def __init__(self) -> None:
        self.size = 0
        """How many entries there are, a long text counted as several."""
        self.threads: dict[int, ThreadNow] = {}
        self.channels: dict[int, datetime] = {}
        """The channels that were deleted, and when."""
        self.replies: dict[int, Said] = {}
        self.reactions: dict[int, OnMessage] = {}
        self.cleared: dict[int, Cleared] = {}
        self.deleted: dict[int, int] = {}
        """Messages, each with its thread; a post's message has the thread's id."""

    def __bool__(self) -> bool:
        return self.size > 0

    def thread_ids(self) -> set[int]:
        """Of all that happened, but where a whole channel was deleted."""
        found = {said.thread_id for said in self.replies.values()} | {on.thread_id for on in self.reactions.values()}
        found |= {cleared.thread_id for cleared in self.cleared.values()}
        return found | self.threads.keys() | set(self.deleted.values())

    def said(self, new: Said) -> None:
        """A message is there, or was edited: of two the later edit stays, whichever came first."""
        message_id = new.message_id
        if message_id in self.deleted:
            return
        old = self.replies.get(message_id)
        if old is None:
            self.replies[message_id] = new
            self.size += _weight(new)
        elif new.edited_at is not None and (old.edited_at is None or old.edited_at < new.edited_at):
            newer = replace(old, edited_at=new.edited_at, length=new.length, text=new.text)
            self.replies[message_id] = newer
            self.size += _weight(newer) - _weight(old)

    def react(
        self, thread_id: int, message_id: int, emoji: str, user_id: int, kind: int, name: str | None, at: datetime
    ) -> None:
        if message_id in self.deleted:
            return
        on = self.reactions.get(message_id)
        if on is None:
            on = self.reactions[message_id] = OnMessage(thread_id)
        key = (emoji, user_id)
        old = on.given.get(key)
        if old is None:
            on.given[key] = (0, kind, name, at)
            self.size += 1
        else:
            removed, added, old_name, old_at = old
            on.given[key] = (removed, added | kind, name or old_name, old_at if added else at)

    def unreact(self, thread_id: int, message_id: int, emoji: str, user_id: int, kind: int) -> None:
        if message_id in self.deleted:
            return
        on = self.reactions.get(message_id)
        if on is None:
            on = self.reactions[message_id] = OnMessage(thread_id)
        key = (emoji, user_id)
        old = on.given.get(key)
        if old is None:
            on.given[key] = (kind, 0, None, None)
            self.size += 1
        else:
            removed, added, name, at = old
            left = added & ~kind
            on.given[key] = (removed | kind, left, name if left else None, at if left else None)

    def clear(self, thread_id: int, message_id: int, emoji: str | None = None) -> None:
        """All reactions of a message are gone, or all with that emoji."""
        if message_id in self.deleted:
            return
        self._forget_reactions(message_id, emoji)
        cleared = self.cleared.get(message_id)
        if cleared is None:
            cleared = self.cleared[message_id] = Cleared(thread_id)
            self.size += 1
        if emoji is None:
            cleared.emoji = None
        elif cleared.emoji is not None:
            cleared.emoji.add(emoji)

    def delete(self, thread_id: int, message_id: int) -> None:
        if message_id in self.deleted:
            return
        self._forget_reply(message_id)
        self._forget_reactions(message_id, None)
        if self.cleared.pop(message_id, None) is not None:
            self.size -= 1
        self.deleted[message_id] = thread_id
        self.size += 1

    def thread_changed(self, thread_id: int, name: str, archived: bool, locked: bool) -> None:
        now = self._thread(thread_id)
        now.there, now.name, now.archived, now.locked = True, name, archived, locked

    def thread_deleted(self, thread_id: int, at: datetime) -> None:
        """What was said in it goes; its post's message is not in it."""
        now = self._thread(thread_id)
        if now.there or now.deleted_at is None:
            now.there, now.deleted_at = False, at
        for message_id in [key for key, said in self.replies.items() if said.thread_id == thread_id]:
            self._forget_reply(message_id)
        for message_id in [key for key, on in self.reactions.items() if on.thread_id == thread_id != key]:
            self._forget_reactions(message_id, None)

    def channel_deleted(self, channel_id: int, at: datetime) -> None:
        if channel_id not in self.channels:
            self.channels[channel_id] = at
            self.size += 1

    def _thread(self, thread_id: int) -> ThreadNow:
        now = self.threads.get(thread_id)
        if now is None:
            now = self.threads[thread_id] = ThreadNow()
            self.size += 1
        return now

    def _forget_reply(self, message_id: int) -> None:
        said = self.replies.pop(message_id, None)
        if said is not None:
            self.size -= _weight(said)

    def _forget_reactions(self, message_id: int, emoji: str | None) -> None:
        on = self.reactions.get(message_id)
        if on is None:
            return
        keys = [key for key in on.given if emoji is None or key[0] == emoji]
        for key in keys:
            del on.given[key]
        self.size -= len(keys)
        if not on.given:
            del self.reactions[message_id]


def _weight(said: Said) -> int:
    return 1 + len(said.text or "") // TEXT_WEIGHS
