"""What must be known after events that come one after the other, and sequences of them as Discord could send them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from hypothesis import strategies as st

from bot.storage.records import BURST, NORMAL, Said

THREADS, CHANNELS = (1_000, 2_000, 3_000), {1_000: 10, 2_000: 10, 3_000: 20}
"""Three posts, two of them in one channel; each thread has the id of its post's message."""

EMOJI = (("🍎", None), ("77", "core"))
START = datetime(2026, 3, 1, tzinfo=UTC)

Event = tuple[str, tuple[Any, ...]]
"""A method of ``Batch`` and of ``Known``, and its arguments."""

Key = tuple[int, str, int]


@dataclass
class Known:
    """Takes the events one by one."""

    replies: dict[int, Said] = field(default_factory=dict)
    reactions: dict[Key, tuple[int, str | None, datetime | None]] = field(default_factory=dict)
    deleted: dict[int, datetime] = field(default_factory=dict)
    """Threads."""
    names: dict[int, tuple[str, bool, bool]] = field(default_factory=dict)

    def said(self, said: Said) -> None:
        if said.thread_id not in THREADS or said.thread_id in self.deleted:
            return
        old = self.replies.get(said.message_id)
        if old is None:
            self.replies[said.message_id] = said
        elif said.edited_at is not None and (old.edited_at is None or old.edited_at < said.edited_at):
            self.replies[said.message_id] = replace(old, edited_at=said.edited_at, length=said.length, text=said.text)

    def react(
        self, thread: int, message: int, emoji: str, user: int, kind: int, name: str | None, at: datetime
    ) -> None:
        on_reply = message in self.replies and self.replies[message].thread_id == thread
        if thread in THREADS and (message == thread or on_reply):
            kinds, old_name, old_at = self.reactions.get((message, emoji, user), (0, None, None))
            self.reactions[message, emoji, user] = (kinds | kind, name or old_name, old_at or at)

    def unreact(self, thread: int, message: int, emoji: str, user: int, kind: int) -> None:
        kinds, name, at = self.reactions.pop((message, emoji, user), (0, None, None))
        if kinds & ~kind:
            self.reactions[message, emoji, user] = (kinds & ~kind, name, at)

    def clear(self, thread: int, message: int, emoji: str | None = None) -> None:
        for key in [key for key in self.reactions if key[0] == message and emoji in (None, key[1])]:
            del self.reactions[key]

    def delete(self, thread: int, message: int) -> None:
        self.replies.pop(message, None)
        self.clear(thread, message)

    def thread_changed(self, thread: int, name: str, archived: bool, locked: bool) -> None:
        if thread in THREADS:
            self.names[thread] = (name, archived, locked)
            self.deleted.pop(thread, None)

    def thread_deleted(self, thread: int, at: datetime) -> None:
        if thread in THREADS:
            for message in [each.message_id for each in self.replies.values() if each.thread_id == thread]:
                self.delete(thread, message)
            self.deleted.setdefault(thread, at)

    def channel_deleted(self, channel: int, at: datetime) -> None:
        for thread in THREADS:
            if CHANNELS[thread] == channel:
                self.thread_deleted(thread, at)
                self.clear(thread, thread)


class _World:
    """As much of Discord as is needed to tell nothing about what is not there (any more)."""

    def __init__(self) -> None:
        self.now = START
        self.numbers = count(1)
        self.there = dict.fromkeys((*THREADS, 9_000), True)  # the last is no post's
        self.posts = set(THREADS)
        self.messages: dict[int, Said] = {}
        self.gone: set[int] = set()
        """Channels."""

    def event(self, what: int, which: int, who: int, kind: int) -> Iterator[Event]:
        self.now += timedelta(seconds=1)
        thread = [*self.there][which % len(self.there)]
        on = [(post, post) for post in sorted(self.posts)] + [
            (s.thread_id, s.message_id) for s in self.messages.values()
        ]
        message = on[which % min(len(on), 6)] if on else None  # few, so that much happens to the same one
        emoji, name = EMOJI[kind % 2]
        if what <= 2:
            if self.there[thread]:
                yield self.say(thread, who)
        elif what == 3 and self.messages:
            yield self.edit([*self.messages.values()][which % len(self.messages)], kind)
        elif what <= 7 and message:
            yield "react", (*message, emoji, who % 2, NORMAL if kind < 4 else BURST, name, self.now)
        elif what <= 10 and message:
            yield "unreact", (*message, emoji, who % 2, NORMAL if kind < 4 else BURST)
        elif what == 11 and message:
            yield "clear", (*message, emoji if kind < 3 else None)
        elif what == 12 and message:
            self.posts.discard(message[1])
            self.messages.pop(message[1], None)
            yield "delete", message
        elif what == 13 and CHANNELS.get(thread, 0) not in self.gone:
            self.there[thread] = True
            yield "thread_changed", (thread, f"name {who}", bool(kind & 1), bool(kind & 2))
        elif what == 14 and self.there[thread]:
            self.end(thread)
            yield "thread_deleted", (thread, self.now)
        elif what == 15 and kind == 5:
            channel = 10 if who % 2 else 20
            for each in [each for each, its in CHANNELS.items() if its == channel]:
                self.end(each)
                self.posts.discard(each)
            self.gone.add(channel)
            yield "channel_deleted", (channel, self.now)

    def say(self, thread: int, who: int) -> Event:
        number = thread + next(self.numbers)
        text = "x" * (who * 90)
        said = Said(thread, number, who % 3, self.now, None, None, len(text), text, thought=bool(who & 1))
        self.messages[number] = said
        return "said", (said,)

    def edit(self, said: Said, kind: int) -> Event:
        """Sometimes a preview that is no edit, or an old edit that comes late."""
        at = (None, self.now, self.now, self.now, self.now, said.created_at + timedelta(seconds=kind))[kind]
        return "said", (replace(said, edited_at=at, length=kind, text="y" * kind),)

    def end(self, thread: int) -> None:
        self.there[thread] = False
        for each in [each for each in self.messages.values() if each.thread_id == thread]:
            del self.messages[each.message_id]


_CHOICES = st.tuples(st.integers(0, 15), st.integers(0, 10), st.integers(0, 3), st.integers(0, 5))


def _events(choices: list[tuple[int, int, int, int]]) -> list[Event]:
    world = _World()
    return [event for choice in choices for event in world.event(*choice)]


EVENTS = st.lists(_CHOICES, min_size=30, max_size=60).map(_events)
CUTS = st.lists(st.integers(0, 60), max_size=6)


def cut(events: list[Event], at: list[int]) -> list[list[Event]]:
    """The events in pieces."""
    places = [0, *sorted(at), len(events)]
    return [events[a:b] for a, b in pairwise(places)]


def both_kinds(events: list[Event]) -> set[Key]:
    """The reactions that some member gave or took back in both ways: of these the time may be that of either."""
    kinds: dict[Key, set[int]] = {}
    for what, arguments in events:
        if what in ("react", "unreact"):
            _, message, emoji, user, kind, *_ = arguments
            kinds.setdefault((message, emoji, user), set()).add(kind)
    return {key for key, its in kinds.items() if len(its) > 1}
