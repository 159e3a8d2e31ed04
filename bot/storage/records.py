"""The rows as the rest of the machine sees them: plain, frozen, typed.

Times are aware UTC, ids are Discord's snowflakes or ours.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bot.reading.schedule import Progress, Schedule


@dataclass(frozen=True, slots=True)
class StoredReading:
    """One revision of a reading in one guild's library; never changed once stored."""

    id: int
    guild_id: int
    slug: str
    revision: int
    """Counted from 1 within the guild and slug."""
    total: int
    """How many excerpts."""
    title: str
    author: str | None
    source: str | None
    translator: str | None
    licence: str | None
    workarounds: tuple[str, ...]
    workaround_reason: str | None
    introduction: str
    added_by: int | None
    added_at: datetime


class ClubState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"
    """Discord refused what the club must do; ``fault`` says what, and a manager resumes it when mended."""
    ENDED = "ended"
    """The reading is read to its end, and that was announced."""


@dataclass(frozen=True, slots=True)
class NewClub:
    guild_id: int
    channel_id: int
    reading_id: int
    schedule: Schedule
    ping_role_id: int | None
    notices_channel_id: int | None
    thread_days: int
    created_by: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Club:
    id: int
    uid: str
    """Random, 16 hexadecimal digits, another for each run: tells this run's messages from those of any other run, club
    or database, those of one restored from a backup included."""
    guild_id: int
    channel_id: int
    reading_id: int
    run: int
    """Which reading of this club, from 1: it rises when the club begins (again) with another reading."""
    schedule: Schedule
    progress: Progress
    """``total`` comes from the reading."""
    ping_role_id: int | None
    notices_channel_id: int | None
    thread_days: int
    state: ClubState
    fault: str | None
    """What is wrong, one sentence for managers; only while broken."""
    created_by: int
    created_at: datetime
    restored_from: datetime | None = None
    """When the backup was taken that this club comes from, until its channel has been looked through for what
    was posted after that; None for a club that was never restored."""


class OutgoingKind(StrEnum):
    POST = "post"
    ENDING = "ending"
    FAULT = "fault"
    """Tells the managers what is wrong."""
    GREETING = "greeting"
    DIGEST = "digest"
    """What a post brought, said in its thread just before that closes."""
    READING_DIGEST = "reading_digest"
    """What the whole reading brought, said in the club's channel when it ends."""


class OutgoingState(StrEnum):
    """``planned → sending → sent → threaded → closed``; without a thread, from ``sending`` to ``closed``."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    THREADED = "threaded"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    """A person deleted the message or thread; it is never sent again."""
    FAILED = "failed"
    """Discord refuses it for good, or what it belongs to is gone."""


UNSENT = frozenset({OutgoingState.PLANNED, OutgoingState.SENDING})
"""The states of a message that is still to be sent."""


@dataclass(frozen=True, slots=True)
class NewOutgoing:
    guild_id: int
    club_id: int | None
    kind: OutgoingKind
    key: str
    """What this message is, once for all times: ``post:<club uid>:<run>:<position>``. Unique."""
    channel_id: int
    due_at: datetime
    reading_id: int | None = None
    position: int | None = None
    day: date | None = None
    """The local day that a scheduled post uses; None for one sent by hand (``/club post-now``)."""
    text: str | None = None
    """What a notice says; posts are rendered from their excerpt."""
    look_since: datetime | None = None
    """Where not None, the channel is looked through from then on before it is sent even for the first time."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that must come once."""

    id: int
    guild_id: int
    club_id: int | None
    kind: OutgoingKind
    key: str
    nonce: str
    """At most 25 characters, derived from ``key`` alone."""
    marker: int
    """1 to 2**31 - 1, derived from ``key`` alone; the id of the message's container component."""
    channel_id: int
    """Where it stands; until it was sent, where it was last tried."""
    reading_id: int | None
    position: int | None
    day: date | None
    text: str | None
    state: OutgoingState
    due_at: datetime | None
    """When the next step may be taken; None once there is none."""
    attempts: int
    """How often sending it was begun."""
    first_attempt_at: datetime | None
    last_attempt_at: datetime | None
    retries: int
    """Failures in a row at the present step; they set the pause before the next."""
    lease_owner: str | None
    lease_until: datetime | None
    message_id: int | None
    thread_id: int | None
    sent_at: datetime | None
    fault: str | None
    look_since: datetime | None
    """As in :class:`NewOutgoing`."""

    def ids(self) -> dict[str, int]:
        """Whom it concerns, under the names that ``bot.logs`` takes as ``extra``."""
        named = {"outgoing_id": self.id, "guild_id": self.guild_id, "club_id": self.club_id}
        named["channel_id"] = self.channel_id
        return {name: value for name, value in named.items() if value is not None}


class DeletionKind(StrEnum):
    MEMBER = "member"
    GUILD = "guild"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is left of a member or guild whose data was deleted: enough to delete it again from a backup."""

    digest: str
    """BLAKE2b of salt, kind and Discord's id, in hexadecimal: the id itself is not kept."""
    salt: str
    """32 hexadecimal digits, one for each database."""
    kind: DeletionKind
    deleted_at: datetime
    joined_at: datetime | None = None
    """When a member asked to be collected again (``/privacy join``); None while that has not happened."""


class Thoughts(StrEnum):
    """Whether members may answer an excerpt through the bot ("My thought"), past which AutoMod does not look."""

    AUTO = "auto"
    """Only where the bot can read every filter that would look at a member's own message."""
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What a server's managers decided about its discussions."""

    text_days: int = 0
    """For how many days what members write is kept; 0 keeps none of it."""
    thread_digests: bool = True
    """Whether a digest is said in each thread just before it closes."""
    thoughts: Thoughts = Thoughts.AUTO


@dataclass(frozen=True, slots=True)
class Consent:
    """What one member agreed to in one server; nothing, unless they said so."""

    quotes: bool = False
    """That others are shown their words by the bot."""
    streaks: bool = False
    """That they appear in streaks and leaderboards."""


@dataclass(frozen=True, slots=True)
class Discussion:
    """What is kept of one post's talk: of its message, which has the thread's id, and of its thread."""

    post_id: int
    """The post's ``outgoing.id``."""
    guild_id: int
    channel_id: int
    """The channel in which the post stands."""
    thread_id: int
    """Also the id of the post's message (resources/channel.mdx)."""
    name: str | None
    archived: bool
    locked: bool
    thread_deleted_at: datetime | None
    closed_at: datetime | None
    """When the bot closed the thread."""
    wanted_at: datetime | None
    """Since when it has to be compared with Discord; None where nothing can have been missed."""
    reconciled_at: datetime | None
    """When that was last done."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of a member in a post's thread. No text unless the server keeps it."""

    message_id: int
    post_id: int
    guild_id: int
    author_id: int
    """The member; of a thought the one who wrote it, though the bot posted it."""
    created_at: datetime
    edited_at: datetime | None
    reply_to: int | None
    """The message it answers."""
    length: int | None
    """Code points; None where the bot may not read what members write."""
    text: str | None
    thought: bool
    """Whether the bot posted it for the member."""


@dataclass(frozen=True, slots=True)
class Said:
    """A member's message in a thread, as Discord tells of it: not yet known whether the thread is a post's."""

    thread_id: int
    message_id: int
    author_id: int
    """The member; of a thought the one who wrote it, though the bot posted it."""
    created_at: datetime
    edited_at: datetime | None
    reply_to: int | None
    length: int | None
    """Code points; None where the bot may not read what members write."""
    text: str | None
    """Kept only where the server keeps the text of replies."""
    thought: bool


NORMAL, BURST = 1, 2
"""The bits of :attr:`Reaction.kinds`; a member may have given both."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One member's reaction with one emoji to one message."""

    message_id: int
    emoji: str
    """The emoji itself, or the id of a custom one."""
    user_id: int
    kinds: int
    """``NORMAL``, ``BURST`` or both."""
    name: str | None
    """What a custom emoji was called."""
    added_at: datetime | None
    """None where it was found later, by reconciling."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One reply that a member added to a post's digest by hand."""

    message_id: int
    post_id: int
    guild_id: int
    picked_by: int
    picked_at: datetime
    text: str | None
    """At most 200 code points; only where the author agreed to be quoted, or picked it themself."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An excerpt that a member wants to find again; nobody else sees it."""

    id: int
    guild_id: int
    user_id: int
    reading_id: int
    position: int
    """Counted from 0."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Shards:
    """The guilds that this process serves: those whose ``(id >> 22) % count`` is among ``ids``."""

    count: int
    ids: frozenset[int]
