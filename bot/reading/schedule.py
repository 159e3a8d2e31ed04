"""When the next excerpt is due: a pure function of the schedule, what was posted, and the present."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AwareDatetime, Field

from bot.reading.models import Model

ON_TIME = timedelta(minutes=10)
"""A slot that passed no longer ago than this is not late: a restart for an update is no outage."""

SEARCH_DAYS = 400
"""How far ahead a slot is looked for; even a weekly club has one within a fortnight of its start."""


@cache
def zone_names() -> frozenset[str]:
    """The IANA zones that a club may keep, without those whose meaning depends on the machine."""
    machine = {"localtime", "posixrules", "Factory"}
    return frozenset(name for name in available_timezones() - machine if not name.startswith(("posix/", "right/")))


def _whole_minutes(value: time) -> time:
    if value.tzinfo is not None or value.second or value.microsecond:
        raise ValueError("a local time in whole minutes is needed, without a zone or an offset, such as 09:00")
    return value.replace(fold=0)


def _known_zone(value: str) -> str:
    if value not in zone_names():
        raise ValueError(f"{value!r} is not an IANA time zone; one is written like Europe/Berlin")
    return value


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("an instant needs its offset: naive times mean something else on every machine")
    return value.astimezone(UTC)


WallTime = Annotated[time, AfterValidator(_whole_minutes)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Weekday = Annotated[int, Field(ge=0, le=6)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class CatchUp(StrEnum):
    """What becomes of the slots that passed while nothing could be posted; worked cases: docs/schedule.md."""

    ONE = "one"
    """At most one late excerpt, which uses the local day it is posted on; then on as planned."""
    SHIFT = "shift"
    """Nothing late; the queue goes on at the next slot."""
    SKIP = "skip"
    """The missed slots consume their excerpts."""


class Schedule(Model):
    """Local wall time on some weekdays in an IANA zone; UTC offsets are never stored."""

    time: WallTime
    """Local, naive, whole minutes."""
    zone: Zone
    weekdays: frozenset[Weekday] = Field(default=frozenset(range(7)), min_length=1)
    """0 is Monday; at least one."""
    start: date
    """The first local day that has a slot."""
    catch_up: CatchUp = CatchUp.ONE


class Slot(Model):
    day: date
    """The local day that the slot belongs to."""
    at: Instant
    """Aware UTC."""


class Progress(Model):
    """How far a club has come."""

    position: int = Field(ge=0)
    """The next excerpt of the queue, counted from 0; ``total`` when the queue is empty."""
    total: int = Field(ge=0)
    last_day: date | None = None
    """The last local day whose slot was used, by a post or by ``skip``."""
    last_post_at: Instant | None = None
    """When the last scheduled post was sent, in UTC; guards the local day if the zone was changed since."""
    since: Instant
    """When the club was set up, resumed or rescheduled, in UTC. Slots until then are never missed."""


class Action(StrEnum):
    WAIT = "wait"
    POST = "post"
    FINISH = "finish"
    """The queue is empty and a slot has come: say that the reading has ended."""


class Decision(Model):
    action: Action
    position: int
    """The excerpt to post; otherwise where the queue stands, after what ``skip`` consumed."""
    consumed: int = 0
    """How many excerpts ``skip`` lets go now; they stand before ``position``."""
    day: date | None = None
    """The local day that this decision uses up: of the post, or the last that was consumed."""
    late: bool = False
    next: Slot
    """The next slot after this decision has been carried out."""


def slot_at(schedule: Schedule, day: date) -> datetime | None:
    """The instant (aware UTC) of that local day's slot, if the day has one.

    A wall time that a change of the clocks leaves out is moved forward by what was left out, as in RFC 5545
    (3.3.5); of a wall time that comes twice the first counts. A day that ends before its slot, or that the
    zone leaves out altogether, has no slot.
    """
    if day < schedule.start or day.weekday() not in schedule.weekdays:
        return None
    zone = ZoneInfo(schedule.zone)
    try:
        # fold=0 is both rules at once: the offset before a gap, and the first pass through an overlap.
        at = datetime.combine(day, schedule.time.replace(fold=0), tzinfo=zone).astimezone(UTC)
        return at if at.astimezone(zone).date() == day else None
    except OverflowError as error:
        raise ValueError(f"{day} lies outside the calendar that slots can be reckoned in") from error


def next_slot(schedule: Schedule, after_day: date | None, after: datetime) -> Slot:
    """The first slot later than ``after`` whose local day is later than ``after_day``."""
    after = _utc(after)
    first = max(schedule.start, _local_day(after, schedule.zone)).toordinal()
    if after_day is not None:
        first = max(first, after_day.toordinal() + 1)
    for ordinal in range(first, min(first + SEARCH_DAYS, date.max.toordinal() + 1)):
        day = date.fromordinal(ordinal)
        at = slot_at(schedule, day)
        if at is not None and at > after:
            return Slot(day=day, at=at)
    raise ValueError(f"no slot was found after {after.isoformat()}: the calendar ends, or the start is too far away")


def decide(schedule: Schedule, progress: Progress, now: datetime) -> Decision:
    """What is to be done at ``now``.

    A post always uses up the local day on which it is made, whichever day's slot it answers.
    The worked cases stand in docs/schedule.md.
    """
    now = _utc(now)
    used = _used_day(schedule, progress)
    newest = _newest_pending(schedule, progress, used, now)

    def decision(action: Action, consumed: int = 0, day: date | None = None, *, late: bool = False) -> Decision:
        return Decision(
            action=action,
            position=progress.position + consumed,
            consumed=consumed,
            day=day,
            late=late,
            next=next_slot(schedule, _latest(used, day), max(now, progress.since)),
        )

    if newest is None:
        return decision(Action.WAIT)

    left = max(0, progress.total - progress.position)
    skips = schedule.catch_up is CatchUp.SKIP
    # How many excerpts the pending slots ask for: only `skip` lets each of them have its own.
    wanted = _count_pending(schedule, progress, used, newest, left + 1) if skips else 1
    if wanted > left:
        return decision(Action.FINISH, consumed=left, day=newest.day)

    today = _local_day(now, schedule.zone)
    if now - newest.at <= ON_TIME:
        return decision(Action.POST, consumed=wanted - 1, day=today)
    if schedule.catch_up is CatchUp.ONE:
        return decision(Action.POST, day=today, late=True)
    if skips:
        return decision(Action.WAIT, consumed=wanted, day=newest.day)
    return decision(Action.WAIT)


def apply(progress: Progress, decision: Decision, now: datetime) -> Progress:
    """The progress after a decision was carried out at ``now``.

    ``post-now`` is no decision of the schedule: it uses no slot, so it moves ``position`` and nothing else.
    """
    posted = decision.action is Action.POST
    return Progress(
        position=decision.position + (1 if posted else 0),
        total=progress.total,
        last_day=_latest(progress.last_day, decision.day),
        last_post_at=now if posted else progress.last_post_at,
        since=progress.since,
    )


def _local_day(instant: datetime, zone: str) -> date:
    try:
        return instant.astimezone(ZoneInfo(zone)).date()
    except OverflowError as error:
        raise ValueError(f"{instant} lies outside the calendar that slots can be reckoned in") from error


def _latest(*days: date | None) -> date | None:
    return max((day for day in days if day is not None), default=None)


def _used_day(schedule: Schedule, progress: Progress) -> date | None:
    posted_at = progress.last_post_at
    return _latest(progress.last_day, _local_day(posted_at, schedule.zone) if posted_at else None)


def _first_open_day(schedule: Schedule, used: date | None) -> int:
    start = schedule.start.toordinal()
    return start if used is None else max(start, used.toordinal() + 1)


def _newest_pending(schedule: Schedule, progress: Progress, used: date | None, now: datetime) -> Slot | None:
    # From today backwards, so that an outage of years costs a week's worth of days. Never from tomorrow:
    # where clocks go back over midnight (America/St_Johns at 00:01, until 2011), a slot of tomorrow may have
    # come already, and waits until its day has begun for good.
    today = _local_day(now, schedule.zone).toordinal()
    for ordinal in range(today, _first_open_day(schedule, used) - 1, -1):
        day = date.fromordinal(ordinal)
        at = slot_at(schedule, day)
        if at is not None and at <= now:
            return Slot(day=day, at=at) if at > progress.since else None
    return None


def _count_pending(schedule: Schedule, progress: Progress, used: date | None, newest: Slot, limit: int) -> int:
    since_day = _local_day(progress.since, schedule.zone).toordinal()
    count = 0
    for ordinal in range(max(since_day, _first_open_day(schedule, used)), newest.day.toordinal() + 1):
        at = slot_at(schedule, date.fromordinal(ordinal))
        if at is not None and at > progress.since:
            count += 1
            if count == limit:
                break
    return count
