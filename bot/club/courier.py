"""Takes one planned message to Discord, one step at a time, so that it arrives exactly once.

Each step may be repeated after a crash at any point. A send that was begun before first looks in the channel for
our own message (``bot.club.lookup``); the nonce covers the minutes in which Discord itself remembers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import discord

from bot.clock import Clock
from bot.club.closing import Closer
from bot.club.digesting import DIGESTS, Said, after_the_end, say
from bot.club.excerpts import LaidOut, lay_out_excerpt
from bot.club.layout import excerpt_layout, next_reading_button, notice_layout
from bot.club.lease import STEP_SECONDS, Lease, LeaseLostError, acting_under
from bot.club.lookup import find, find_posts, go_on_behind, is_restored
from bot.club.outcome import TOO_LONG, TRANSIENT, Failure, Outcome, RefusedError, judge
from bot.club.permissions import IN_THREADS, NEEDED, NOTICES, channel_fault, may_attach
from bot.club.planner import ending_key, move_on, post_key
from bot.club.trouble import note_failure, put_off
from bot.discussion.digests import compose, digest_layout
from bot.errors import ApplecoreError
from bot.metrics import Metrics
from bot.reading.schedule import Action, decide, slot_at
from bot.storage import clubs, discussions, guilds, outgoing, readings
from bot.storage.database import Connection, Database
from bot.storage.records import Club, ClubState, Outgoing, OutgoingKind, OutgoingState, Thoughts

if TYPE_CHECKING:
    from discord.ext import commands

log = logging.getLogger(__name__)

LATE = timedelta(minutes=1)
"""How long after its slot a post counts as late."""

STAYING = frozenset({OutgoingKind.FAULT, OutgoingKind.DIGEST})
"""What belongs where it was planned, wherever its club may have moved."""

INTERNAL_TRIES = 5
"""After so many failures of our own code on one message, its club stops."""


@dataclass
class Errand:
    """One message on its way, with what was read about it for this step and the next."""

    row: Outgoing
    lease: Lease
    club: Club | None = None
    laid_out: LaidOut | None = None
    said: Said | None = None
    answerable: bool = False
    """Whether a post gets the button "My thought"."""
    loaded: bool = False

    @property
    def home_id(self) -> int:
        """The channel whose permissions count: of a thread the one that it belongs to."""
        return (self.said and self.said.thread_of) or self.row.channel_id


async def nothing() -> None:
    """Where nobody collects what is said, nothing has to be caught up with."""


class Courier:
    """Carries rows that its ``owner`` has claimed. ``catch_up`` puts into the database what was said until now."""

    def __init__(
        self,
        bot: "commands.AutoShardedBot",
        database: Database,
        clock: Clock,
        metrics: Metrics,
        owner: str,
        catch_up: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        self._bot = bot
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._owner = owner
        self._catch_up = catch_up
        self._closer = Closer(bot, database, clock, owner, catch_up)

    async def step(self, row: Outgoing, lease: Lease) -> None:
        """Takes the step that the row's state asks for, and a post's thread right after its message.

        Never raises for what Discord answers.
        """
        acting_under.set(lease)
        errand = Errand(row, lease)
        if await self._guarded(errand):
            await self._guarded(errand)

    async def _guarded(self, errand: Errand) -> bool:
        """One step; answers whether the next one is to follow at once, under the same lease.

        Raises what the database refuses.
        """
        row, limit = errand.row, asyncio.timeout(STEP_SECONDS)
        errand.lease.limit = limit
        try:
            async with limit:
                return await self._take(errand)
        except LeaseLostError:
            log.info("message %s is not this process's any more", row.id, extra=row.ids())
        except ApplecoreError:  # the database: nothing can be noted now, and the engine says it once for all
            raise
        except RefusedError as refusal:
            await self._fail(errand.row, refusal.failure)
        except TRANSIENT as error:
            await self._fail(errand.row, TOO_LONG if limit.expired() else judge(error))
        except Exception:
            log.exception("message %s (%s) failed in our own code", row.id, row.kind, extra=row.ids())
            outcome = Outcome.REFUSED if row.retries + 1 >= INTERNAL_TRIES else Outcome.UNKNOWN
            failure = Failure(outcome, "Something went wrong in Applecore itself; its log says what.")
            await self._fail(errand.row, failure)
        return False

    async def _take(self, errand: Errand) -> bool:
        guild = self._bot.get_guild(errand.row.guild_id)
        if guild is not None and guild.unavailable:
            raise RefusedError(Failure(Outcome.LATER, "Discord has trouble with this server."))
        if errand.row.state is OutgoingState.SENDING:
            return await self._send(errand)
        if errand.row.state is OutgoingState.SENT:
            await self._open_thread(errand)
        elif errand.row.state is OutgoingState.THREADED:
            await self._closer.close(errand.row)
        return False

    async def _load(self, errand: Errand) -> None:
        """What is needed of the database, all at one moment; it also knows best who holds the message by now."""
        row = errand.row
        if row.kind in DIGESTS:
            await self._catch_up()
        async with self._database.explaining(), self._database.read() as conn:
            errand.club = await clubs.by_id(conn, row.club_id) if row.club_id is not None else None
            if row.kind is OutgoingKind.POST:
                reading = await readings.get(conn, row.guild_id, row.reading_id or 0)
                errand.laid_out = await lay_out_excerpt(conn, reading, row.position or 0) if reading else None
                settings = await guilds.settings(conn, row.guild_id)
                errand.answerable = settings.thoughts is not Thoughts.OFF
            if row.kind in DIGESTS and errand.club is not None:
                errand.said = await say(conn, row)
            if not await outgoing.holds(conn, row.id, self._owner, self._clock()):
                raise LeaseLostError
        errand.loaded = True

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """One transaction; what the database refuses is told apart from what Discord does, as an ApplecoreError."""
        async with self._database.explaining(), self._database.write() as conn:
            yield conn

    async def _fail(self, row: Outgoing, failure: Failure) -> None:
        refused = failure.outcome is Outcome.REFUSED and row.state is OutgoingState.SENDING
        if row.kind is OutgoingKind.POST and refused:
            self._metrics.post_failed()
        try:
            async with self._writing() as conn:
                await note_failure(conn, row, failure, owner=self._owner, now=self._clock())
        except ValueError:  # a club that this machine cannot make sense of must not hold up the others
            log.exception("message %s: what follows from its failure cannot be told", row.id, extra=row.ids())
            async with self._writing() as conn:
                await put_off(conn, row, failure, owner=self._owner, now=self._clock(), state=row.state)

    # Sending

    async def _send(self, errand: Errand) -> bool:
        await self._load(errand)
        if errand.row.attempts > 1 or errand.row.look_since is not None:
            if errand.club is not None and is_restored(errand.row, errand.club):
                if await self._went_on(errand.row, errand.club):
                    return False
            elif (found := await find(self._bot, errand.row, errand.home_id, self._clock())) is not None:
                log.info("message %s was in its channel already", errand.row.id, extra=errand.row.ids())
                self._metrics.duplicate_avoided()
                return await self._sent(errand, found)
            await self._load(errand)  # looking takes its time
        row, club = errand.row, errand.club
        if club is None and row.kind in (OutgoingKind.POST, OutgoingKind.ENDING, *DIGESTS):
            raise RefusedError(Failure(Outcome.REFUSED, "The club was removed."))
        if club is not None and not self._still_due(row, club):
            async with self._writing() as conn:
                await outgoing.forget(conn, row.id, owner=self._owner)
            return False
        errand.row = await self._follow(row, club)
        return await self._sent(errand, await self._say(errand))

    async def _say(self, errand: Errand) -> discord.Message:
        row, mentions = errand.row, self._mentions(errand.row, errand.club)
        self._require_channel(row, errand.home_id)
        channel = self._channel(row)
        if errand.said is None:
            return await channel.send(view=_view(errand), nonce=row.nonce, allowed_mentions=mentions)
        composed = await compose(errand.said.digest, guild_id=row.guild_id)
        if not may_attach(self._bot.get_guild(row.guild_id), errand.home_id):
            composed = composed.without_picture()
        view, files = digest_layout(composed, marker=row.marker), [composed.file()] if composed.picture else []
        return await channel.send(view=view, files=files, nonce=row.nonce, allowed_mentions=mentions)

    async def _went_on(self, row: Outgoing, club: Club) -> bool:
        """Whether a club restored from a backup had posted this or later ones since; then it goes on behind them."""
        posts = await find_posts(self._bot, row, club, self._clock())
        async with self._writing() as conn:
            await go_on_behind(conn, row, club, posts, owner=self._owner, now=self._clock())
        for _ in posts:
            self._metrics.duplicate_avoided()
        if posts:
            log.info("club %s had posted %s excerpts since the backup", club.id, len(posts), extra=row.ids())
        return bool(posts)

    async def _follow(self, row: Outgoing, club: Club | None) -> Outgoing:
        """Where the club has moved since this was planned, so does what it has to say in its channel."""
        if club is None or row.kind in STAYING or row.channel_id == club.channel_id:
            return row
        async with self._writing() as conn:
            await outgoing.move(conn, row.id, owner=self._owner, channel_id=club.channel_id)
        return replace(row, channel_id=club.channel_id)

    def _still_due(self, row: Outgoing, club: Club) -> bool:
        """A scheduled post that comes late goes through the schedule once more; what it refuses is planned anew."""
        if row.kind is OutgoingKind.ENDING:
            return row.key == ending_key(club)
        if row.kind is not OutgoingKind.POST:
            return True
        if club.state is not ClubState.ACTIVE or row.key != post_key(club, row.position or 0):
            return False
        if row.day is None:
            return True
        decision = decide(club.schedule, club.progress, self._clock())
        return decision.action is Action.POST and decision.position == row.position

    @staticmethod
    def _mentions(row: Outgoing, club: Club | None) -> discord.AllowedMentions:
        if row.kind is OutgoingKind.POST and club and club.ping_role_id is not None:
            return discord.AllowedMentions(
                everyone=False, users=False, replied_user=False, roles=[discord.Object(club.ping_role_id)]
            )
        return discord.AllowedMentions.none()

    async def _sent(self, errand: Errand, message: discord.Message) -> bool:
        """Notes the message; of a post it keeps the lease, since its thread comes next."""
        row, club, now = errand.row, errand.club, self._clock()
        is_post = row.kind is OutgoingKind.POST
        state = OutgoingState.SENT if is_post else OutgoingState.CLOSED
        async with self._writing() as conn:
            held = await outgoing.finish_step(
                conn,
                row.id,
                owner=self._owner,
                state=state,
                due_at=now if is_post else None,
                message_id=message.id,
                sent_at=message.created_at,
                keep=is_post,
            )
            await move_on(conn, row, message.created_at)
            if is_post:  # where it may have stood there for a while, something may have been said already
                await discussions.begin(conn, row, message.id, wanted_at=now if row.attempts > 1 else None)
            elif held:
                await after_the_end(conn, row, now)
        if not (is_post and held):
            return False
        self._metrics.post_sent(late=club is not None and is_late(club, row, message.created_at))
        errand.row = replace(row, state=state, message_id=message.id, sent_at=message.created_at, retries=0)
        return True

    # The thread

    async def _open_thread(self, errand: Errand) -> None:
        if not errand.loaded:
            await self._load(errand)
        row, club, laid_out = errand.row, errand.club, errand.laid_out
        self._require_channel(row, row.channel_id)
        days = club.thread_days if club else 3
        plain_name = f"Day {(row.position or 0) + 1}"
        message = self._channel(row).get_partial_message(row.message_id or 0)
        for name in (laid_out.thread_name if laid_out else plain_name, plain_name):
            try:
                await message.create_thread(name=name, auto_archive_duration=archive_after(days))
            except discord.HTTPException as error:
                failure = judge(error)
                if failure.outcome is Outcome.EXISTS:
                    self._metrics.duplicate_avoided()
                    break
                if name == plain_name or not failure.final:
                    raise
                log.info("message %s: its thread's name was refused; trying a plain one", row.id)
            else:
                break
        async with self._writing() as conn:
            await outgoing.finish_step(
                conn,
                row.id,
                owner=self._owner,
                state=OutgoingState.THREADED,
                due_at=(row.sent_at or self._clock()) + timedelta(days=days),
                # A thread opened from a message has that message's id (resources/channel.mdx).
                thread_id=row.message_id,
            )

    def _require_channel(self, row: Outgoing, home_id: int) -> None:
        """Spares Discord a request that it would refuse, and names what is missing."""
        needed = NEEDED if row.kind in (OutgoingKind.POST, OutgoingKind.ENDING) else NOTICES
        if row.kind is OutgoingKind.DIGEST:
            needed = IN_THREADS
        if fault := channel_fault(self._bot.get_guild(row.guild_id), home_id, needed):
            raise RefusedError(Failure(Outcome.REFUSED, fault))

    def _channel(self, row: Outgoing) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)


def _view(errand: Errand) -> discord.ui.LayoutView:
    row, club = errand.row, errand.club
    if row.kind is not OutgoingKind.POST:
        buttons = [next_reading_button(club.id)] if club and row.kind is OutgoingKind.ENDING else []
        return notice_layout(row.text or "", marker=row.marker, buttons=buttons)
    if errand.laid_out is None:
        raise RefusedError(Failure(Outcome.REFUSED, "The excerpt is not in the database any more."))
    return excerpt_layout(
        errand.laid_out,
        0,
        marker=row.marker,
        ping_role_id=club.ping_role_id if club else None,
        post_id=row.id if errand.answerable else None,
    )


def is_late(club: Club, row: Outgoing, at: datetime) -> bool:
    """Whether a scheduled post came more than a minute after the slot of its day, or on a day without one."""
    if row.day is None:
        return False
    slot = slot_at(club.schedule, row.day)
    return slot is None or at - slot > LATE


def archive_after(days: int) -> Literal[1440, 4320, 10080]:
    """Minutes of silence after which Discord hides a thread: the shortest it offers that lasts ``days``.

    It offers 60, 1,440, 4,320 and 10,080 (resources/channel.mdx); a thread that is open for longer comes back
    with the next reply.
    """
    if days <= 1:
        return 1440
    return 4320 if days <= 3 else 10080
