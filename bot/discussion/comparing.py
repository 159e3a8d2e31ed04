"""Makes what is kept of one discussion equal to what Discord says, while members go on talking.

Each stretch (a page of the thread's history, a page of those who gave a reaction) is asked for, compared and written
by itself. What members do from the moment it is asked for is newer than the answer: the collector names it, and it
stays as the collector has it. Where members changed something that was being written, the stretch is asked for anew.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import discord

from bot.clock import Clock
from bot.discussion.collector import Collector, Key, Touched
from bot.discussion.history import PAGE, UNKNOWN_EMOJI, Givers, History, Sign, sign_of
from bot.discussion.messages import storable
from bot.storage import deletions, gathering, reconciling
from bot.storage.database import Connection, Database
from bot.storage.deletions import Forgotten
from bot.storage.gathering import ThreadChange
from bot.storage.reconciling import Counts
from bot.storage.records import BURST, NORMAL, Discussion, Said

TRIES = 5
"""How often one stretch is asked for while members keep changing what it is about."""


class TooBusyError(Exception):
    """Members kept changing what was being compared. Nothing is wrong; later they will pause."""

    def __init__(self) -> None:
        super().__init__("The members there were too busy for what they do to be compared.")


class UnreadableError(Exception):
    """It cannot be told whether an empty history is one that may not be read."""

    def __init__(self, channel_id: int) -> None:
        super().__init__(f"I cannot see <#{channel_id}>, so I cannot tell what was said there.")


@dataclass(frozen=True, slots=True)
class Given:
    """One message's reactions with one emoji, of one kind."""

    channel_id: int
    message_id: int
    sign: Sign
    kind: int


@dataclass(slots=True)
class _Stretch:
    """One page while it is compared: what members changed since it was asked for, and what was changed to equal it."""

    discussion: Discussion
    touched: Touched
    messages: set[int] = field(default_factory=set)
    """Stored or deleted."""
    reactions: set[Key] = field(default_factory=set)
    """Added or taken away."""

    def movers(self, message_id: int, emoji: str, kind: int) -> set[int]:
        """Whose reaction of that kind with that emoji to that message is newer than what Discord answered."""
        which = (message_id, emoji, kind)
        return {user_id for message, key, user_id, of in self.touched.reactions if (message, key, of) == which}

    def stands(self) -> bool:
        """Whether members left alone what was changed, until that was done."""
        touched = self.touched
        cleared = {message_id for message_id, _ in touched.cleared}
        moved = cleared | touched.messages | {message_id for message_id, *_ in touched.reactions}
        lost = cleared | touched.messages
        return (
            moved.isdisjoint(self.messages)
            and touched.reactions.isdisjoint(self.reactions)
            and lost.isdisjoint({message_id for message_id, *_ in self.reactions})
        )


class Comparison:
    """One per bot. Raises what asking Discord or the database raises, and TooBusyError."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        collector: Collector,
        history: History,
        read: Callable[[discord.Message], Said | None],
    ) -> None:
        """``read`` says what a message holds of a member's words, if it does."""
        self._database = database
        self._clock = clock
        self._collector = collector
        self._history = history
        self._read = read
        self._forgotten: Forgotten | None = None
        self._version: tuple[int, ...] = ()

    async def run(self, discussion: Discussion, *, readable: bool) -> None:
        """``readable``: whether the bot is known to be allowed to read the history. What is gone can be told anyway."""
        there = await self._compare_thread(discussion, readable=readable)
        await self._compare_post(discussion)
        if there:
            await self._compare_replies(discussion)
        else:
            await self._thread_is_gone(discussion)

    # ---- the thread itself

    async def _compare_thread(self, discussion: Discussion, *, readable: bool) -> bool:
        """Answers whether it is there."""
        for _ in range(TRIES):
            with self._collector.touching(discussion.thread_id) as touched:
                thread = await self._history.thread(discussion.thread_id)
                if thread is None:
                    return False
                if not readable:
                    raise UnreadableError(discussion.channel_id)
                change = ThreadChange(thread.id, storable(thread.name), thread.archived, thread.locked)
                async with self._database.write() as conn:
                    await gathering.change_threads(conn, [change])
                if not touched.thread:
                    return True
        raise TooBusyError

    async def _thread_is_gone(self, discussion: Discussion) -> None:
        async with self._database.write() as conn:
            await gathering.delete_threads(conn, [(discussion.thread_id, self._clock())])

    # ---- the post itself

    async def _compare_post(self, discussion: Discussion) -> None:
        """Who gave its reactions is always asked for: where two members change places, the counts stay the same."""
        for sign, kind in await self._write_post(discussion):
            await self._compare_givers(discussion, Given(discussion.channel_id, discussion.thread_id, sign, kind))

    async def _write_post(self, discussion: Discussion) -> list[tuple[Sign, int]]:
        """Answers what it has reactions of."""
        post_id = discussion.thread_id
        for _ in range(TRIES):
            with self._collector.touching(discussion.thread_id) as touched:
                stretch = _Stretch(discussion, touched)
                post = await self._history.post(discussion.guild_id, discussion.channel_id, post_id)
                await self._collector.flush()
                async with self._database.write() as conn:
                    if post is None:
                        await gathering.delete_messages(conn, [post_id])
                        return []
                    told = dict(_told(post))
                    kept = await reconciling.counts(conn, [post_id])
                    await _take_back(conn, stretch, post_id, kept.get(post_id, {}), told)
                if stretch.stands():
                    return list(told)
        raise TooBusyError

    # ---- the replies

    async def _compare_replies(self, discussion: Discussion) -> None:
        after = 0
        while True:
            page = await self._compare_page(discussion, after)
            if page is None or len(page) < PAGE:
                return
            after = page[-1].id

    async def _compare_page(self, discussion: Discussion, after: int) -> list[discord.Message] | None:
        """None where the thread is gone meanwhile."""
        for _ in range(TRIES):
            with self._collector.touching(discussion.thread_id) as touched:
                page = await self._history.page(discussion.guild_id, discussion.thread_id, after)
                if page is None:
                    await self._thread_is_gone(discussion)
                    return None
                await self._be_sure_of_the_end(discussion, after, page)
                await self._collector.flush()
                stretch = _Stretch(discussion, touched)
                async with self._database.write() as conn:
                    differing = await self._write_page(conn, stretch, after, page)
                if not stretch.stands():
                    continue
                differing += _moving(page, touched)
            for given in dict.fromkeys(differing):
                await self._compare_givers(discussion, given)
            return page
        raise TooBusyError

    async def _be_sure_of_the_end(self, discussion: Discussion, after: int, page: list[discord.Message]) -> None:
        """Whoever may not read a history any more is told that it is empty; a single message is then refused (403)."""
        if len(page) == PAGE:
            return
        async with self._database.read() as conn:
            kept = await reconciling.replies_in(conn, discussion.post_id, after, None)
        if kept.keys() - {message.id for message in page}:
            await self._history.post(discussion.guild_id, discussion.channel_id, discussion.thread_id)

    async def _write_page(
        self, conn: Connection, stretch: _Stretch, after: int, page: list[discord.Message]
    ) -> list[Given]:
        """Answers the reactions whose givers have to be asked for."""
        thread_id, touched = stretch.discussion.thread_id, stretch.touched.messages
        forgotten = await self._read_forgotten(conn)
        upto = page[-1].id if len(page) == PAGE else None
        kept = await reconciling.replies_in(conn, stretch.discussion.post_id, after, upto)
        told = {message.id: said for message in page if (said := self._read(message)) is not None}
        told = {each: said for each, said in told.items() if not forgotten.holds(said.author_id)}
        new = {each for each, said in told.items() if each not in kept or _is_later(said.edited_at, kept[each])}
        new, gone = new - touched, kept.keys() - told.keys() - touched
        await gathering.put_replies(conn, [told[each] for each in sorted(new)])
        await gathering.delete_messages(conn, sorted(gone))
        stretch.messages |= new | gone
        counts = await reconciling.counts(conn, told.keys())
        differing: list[Given] = []
        for message in page:
            if message.id in told:
                ours, theirs = counts.get(message.id, {}), dict(_told(message))
                await _take_back(conn, stretch, message.id, ours, theirs)
                differing += [
                    Given(thread_id, message.id, sign, kind)
                    for (sign, kind), count in theirs.items()
                    if ours.get((sign.key, kind)) != count
                ]
        return differing

    # ---- reactions

    async def _compare_givers(self, discussion: Discussion, given: Given) -> None:
        after: int | None = 0
        while after is not None:
            try:
                after = await self._compare_givers_past(discussion, given, after)
            except discord.HTTPException as error:
                if error.code != UNKNOWN_EMOJI:
                    raise
                return  # Discord cannot tell any more who gave it, so what we know of it stays

    async def _compare_givers_past(self, discussion: Discussion, given: Given, after: int) -> int | None:
        """Answers from where to go on; None at the end, or where the message was deleted, of which we are told."""
        for _ in range(TRIES):
            with self._collector.touching(discussion.thread_id) as touched:
                page = await self._history.givers(given.channel_id, given.message_id, given.sign, given.kind, after)
                if page is None:
                    return None
                await self._collector.flush()
                stretch = _Stretch(discussion, touched)
                async with self._database.write() as conn:
                    await self._write_givers(conn, stretch, given, page, after)
                if stretch.stands():
                    return page.last
        raise TooBusyError

    async def _write_givers(self, conn: Connection, stretch: _Stretch, given: Given, page: Givers, after: int) -> None:
        forgotten = await self._read_forgotten(conn)
        thread_id, message_id, sign, kind = stretch.discussion.thread_id, given.message_id, given.sign, given.kind
        told = {user_id for user_id in page.people if not forgotten.holds(user_id)}
        kept = await reconciling.givers_in(conn, message_id, sign.key, kind, after, page.last)
        moving = stretch.movers(message_id, sign.key, kind)
        new, gone = told - kept - moving, kept - told - moving
        await gathering.add_reactions(
            conn, [(thread_id, message_id, sign.key, user_id, kind, sign.name, None) for user_id in sorted(new)]
        )
        await gathering.remove_reactions(conn, [(message_id, sign.key, user_id, kind) for user_id in sorted(gone)])
        stretch.reactions |= {(message_id, sign.key, user_id, kind) for user_id in new | gone}

    async def _read_forgotten(self, conn: Connection) -> Forgotten:
        """On PostgreSQL nobody is forgotten from here until the transaction ends."""
        version = await deletions.version(conn)
        if self._forgotten is None or version != self._version:
            self._forgotten, self._version = await deletions.forgotten(conn), version
        return self._forgotten


async def _take_back(
    conn: Connection, stretch: _Stretch, message_id: int, ours: Counts, theirs: Collection[tuple[Sign, int]]
) -> None:
    """Of that which Discord counts none of, nobody has to be asked for."""
    there = {(sign.key, kind) for sign, kind in theirs}
    for emoji, kind in ours.keys() - there:
        given = await reconciling.givers_in(conn, message_id, emoji, kind)
        gone = given - stretch.movers(message_id, emoji, kind)
        await gathering.remove_reactions(conn, [(message_id, emoji, user_id, kind) for user_id in sorted(gone)])
        stretch.reactions |= {(message_id, emoji, user_id, kind) for user_id in gone}


def _told(message: discord.Message) -> Iterator[tuple[tuple[Sign, int], int]]:
    """How often each reaction of each kind was given, as Discord counts."""
    for reaction in message.reactions:
        for kind, count in ((NORMAL, reaction.normal_count), (BURST, reaction.burst_count)):
            if count:
                yield (sign_of(reaction.emoji), kind), count


def _moving(page: Iterable[discord.Message], touched: Touched) -> list[Given]:
    """Reactions that members changed after they were counted: where the counts are alike, that says nothing."""
    moved = {(message_id, emoji, kind) for message_id, emoji, _, kind in touched.reactions}
    return [
        Given(message.channel.id, message.id, sign, kind)
        for message in page
        for (sign, kind), _ in _told(message)
        if (message.id, sign.key, kind) in moved
    ]


def _is_later(edited_at: datetime | None, known: datetime | None) -> bool:
    return edited_at is not None and (known is None or edited_at > known)
