"""When the next excerpt is due: a pure function of the schedule, what was posted, and the present."""

from datetime import date, datetime, time
from enum import StrEnum

from pydantic import Field

from bot.reading.models import Model


class CatchUp(StrEnum):
    """What becomes of the slots that passed while nothing could be posted (worked cases: docs/schedule.md)."""

    ONE = "one"
    """At most one late excerpt, which uses the local day it is posted on; then on as planned."""
    SHIFT = "shift"
    """Nothing late; the queue goes on at the next slot."""
    SKIP = "skip"
    """The missed slots consume their excerpts."""


class Schedule(Model):
    """Local wall time on some weekdays in an IANA zone; UTC offsets are never stored."""

    time: time
    """Local, naive, whole minutes."""
    zone: str
    weekdays: frozenset[int] = Field(default=frozenset(range(7)))
    """0 is Monday; at least one."""
    start: date
    """The first local day that has a slot."""
    catch_up: CatchUp = CatchUp.ONE


class Slot(Model):
    day: date
    """The local day that the slot belongs to."""
    at: datetime
    """Aware UTC."""


class Progress(Model):
    """How far a club has come."""

    position: int
    """The next excerpt of the queue, counted from 0; ``total`` when the queue is empty."""
    total: int
    last_day: date | None = None
    """The last local day whose slot was used, by a post or by ``skip``."""
    last_post_at: datetime | None = None
    """When the last scheduled post was sent, aware UTC; it guards the local day when the zone was changed since."""
    since: datetime
    """Aware UTC. Slots at or before it never count as missed: the club was set up, resumed or rescheduled then."""


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
