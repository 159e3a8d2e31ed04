"""What a post, or a whole reading, brought: the records, and the figures that are reckoned from them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

QUARTER = 900
"""Seconds. Talk is counted by quarters of an hour: every zone is a multiple of that away from UTC."""


@dataclass(frozen=True, slots=True)
class ExcerptTalk:
    """One posted excerpt, and how much was said about it."""

    position: int
    """Counted from 0."""
    heading: str
    """As members read it; may be empty."""
    channel_id: int
    message_id: int
    """The post's, which is its thread's id as well."""
    people: int
    """Who replied or reacted, each once."""
    replies: int
    reactions: int
    """One for each message, emoji and member."""


@dataclass(frozen=True, slots=True)
class EmojiCount:
    emoji: str
    """The emoji itself, or the id of a custom one."""
    name: str | None
    """What a custom emoji is called."""
    count: int


@dataclass(frozen=True, slots=True)
class PointedReply:
    """A reply that a digest links to; its author and text only where the author agreed to have it quoted."""

    thread_id: int
    message_id: int
    position: int
    """Of the excerpt, counted from 0."""
    reactions: int
    author_id: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Quarter:
    """What came in one quarter of an hour."""

    number: int
    """Quarters since 1970, in UTC."""
    replies: int
    reactions: int


@dataclass(frozen=True, slots=True)
class Hour:
    """What came in one hour of the club's own time."""

    start: datetime
    """Local wall time, without a zone."""
    replies: int
    reactions: int

    @property
    def all(self) -> int:
        return self.replies + self.reactions


@dataclass(frozen=True, slots=True)
class Digest:
    """Everything that is told about one post, or about a whole reading."""

    title: str
    """The reading's."""
    total: int
    """How many excerpts the reading has."""
    zone: str
    """The club's, an IANA name."""
    excerpt: ExcerptTalk | None
    """None for the whole reading."""
    people: int
    replies: int
    reactions: int
    emojis: tuple[EmojiCount, ...]
    """The most frequent first."""
    most_reacted: tuple[PointedReply, ...]
    """Replies with a reaction at least, the most first."""
    picked: tuple[PointedReply, ...]
    """Those that members added to the digest, the first one first."""
    hours: tuple[Hour, ...]
    """In order; hours in which nothing came are left out, and so are reactions whose time is unknown."""
    comparison: tuple[ExcerptTalk, ...]
    """Every excerpt that was posted, by position."""

    @property
    def untimed(self) -> int:
        """Reactions that were found later, when nobody could tell any more when they were given."""
        return self.reactions - sum(hour.reactions for hour in self.hours)

    @property
    def liveliest_hour(self) -> int | None:
        """The hour of the day, 0 to 23 in the club's zone, that brought the most; the earliest of several."""
        by_hour: Counter[int] = Counter()
        for hour in self.hours:
            by_hour[hour.start.hour] += hour.all
        return min(by_hour, key=lambda hour: (-by_hour[hour], hour)) if by_hour else None


def local_hours(quarters: Iterable[Quarter], zone: str) -> tuple[Hour, ...]:
    """Puts the quarters into hours of the zone. When clocks are set back, two hours of UTC become one."""
    at = ZoneInfo(zone)
    replies: Counter[datetime] = Counter()
    reactions: Counter[datetime] = Counter()
    for quarter in quarters:
        moment = datetime.fromtimestamp(quarter.number * QUARTER, UTC).astimezone(at)
        hour = moment.replace(minute=0, second=0, tzinfo=None, fold=0)
        replies[hour] += quarter.replies
        reactions[hour] += quarter.reactions
    return tuple(Hour(hour, replies[hour], reactions[hour]) for hour in sorted(replies))


@dataclass(frozen=True, slots=True)
class Run:
    """Excerpts in a row, without one left out."""

    length: int
    first: int
    """The position of the first one, counted from 0."""
    last: int


def longest_run(posted: Sequence[int], replied: Collection[int]) -> Run | None:
    """The longest row of posted excerpts that a member replied to, the latest of several; None without a reply.

    ``posted`` are the positions in order: an excerpt that was never posted breaks no run.
    """
    best: Run | None = None
    begun: int | None = None
    length = 0
    for position in posted:
        if position not in replied:
            begun, length = None, 0
            continue
        begun = position if begun is None else begun
        length += 1
        if best is None or length >= best.length:
            best = Run(length, begun, position)
    return best


@dataclass(frozen=True, slots=True)
class MemberTalk:
    """What one member said about the posts of one reading, and what that brought."""

    replies: int
    given: int
    """Their own reactions."""
    received: int
    """The reactions of others to what they said."""
    positions: frozenset[int]
    """Of the excerpts that they replied to, counted from 0."""
    best: tuple[PointedReply, ...]
    """Their replies with the most reactions of others, then the newest."""
