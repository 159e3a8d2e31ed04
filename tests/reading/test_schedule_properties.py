"""A bot that looks at random instants, in any zone: never twice a day, never early, none left out."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.reading.schedule import (
    ON_TIME,
    Action,
    CatchUp,
    Decision,
    Progress,
    Schedule,
    apply,
    decide,
    next_slot,
    slot_at,
    zone_names,
)

ZONES = sorted(zone_names())
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@cache
def changes_of(zone: str, year: int) -> tuple[date, ...]:
    """The days of a year at whose end the clocks differ from the day before."""
    days = [date(year, 1, 1) + DAY * n for n in range(365)]
    offsets = [datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).utcoffset() for day in days]
    return tuple(day for day, (before, after) in zip(days[1:], pairwise(offsets), strict=True) if before != after)


@st.composite
def days_in(draw: st.DrawFn, zone: str) -> date:
    year = draw(st.integers(1990, 2037))
    changes = changes_of(zone, year)
    any_day = st.dates(date(year, 1, 1), date(year, 12, 31))
    return draw(st.sampled_from(changes) | any_day if changes else any_day)


TIMES = st.builds(time, st.one_of(st.sampled_from([0, 1, 2, 3, 23]), st.integers(0, 23)), st.integers(0, 59))
WEEKDAYS = st.one_of(st.just(frozenset(range(7))), st.frozensets(st.integers(0, 6), min_size=1, max_size=7))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    zone = draw(st.sampled_from(ZONES))
    return Schedule(
        time=draw(TIMES),
        zone=zone,
        weekdays=draw(WEEKDAYS),
        start=draw(days_in(zone)) - DAY * draw(st.integers(0, 4)),
        catch_up=draw(st.sampled_from(CatchUp)),
    )


GAPS = st.lists(
    st.one_of(
        st.integers(0, 15).map(lambda n: MINUTE * n),
        st.integers(1, 24 * 60).map(lambda n: MINUTE * n),
        st.integers(18 * 60, 30 * 60).map(lambda n: MINUTE * n),
        st.integers(1, 20 * 24 * 60).map(lambda n: MINUTE * n),
        st.just(None),
    ),
    min_size=1,
    max_size=40,
)
"""How long the bot is away before each look; ``None`` sleeps until the slot it was told of."""


def local_day(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def midnight(schedule: Schedule) -> datetime:
    return datetime.combine(schedule.start, time(0), tzinfo=ZoneInfo(schedule.zone)).astimezone(UTC) - DAY


def slots(schedule: Schedule, until: datetime) -> list[datetime]:
    days = range((local_day(until, schedule.zone) - schedule.start).days + 2)
    found = [slot_at(schedule, schedule.start + DAY * n) for n in days]
    return [at for at in found if at is not None and at <= until]


def clock_ran_back_over_midnight(schedule: Schedule, now: datetime) -> bool:
    tomorrow = slot_at(schedule, local_day(now, schedule.zone) + DAY)
    return tomorrow is not None and tomorrow <= now


@dataclass(frozen=True)
class Look:
    now: datetime
    before: Progress
    decision: Decision


def live(schedule: Schedule, gaps: list[timedelta | None], total: int) -> list[Look]:
    now = midnight(schedule)
    progress = Progress(position=0, total=total, since=now)
    looks: list[Look] = []
    for gap in gaps:
        now = now + gap if gap is not None else looks[-1].decision.next.at if looks else now
        decision = decide(schedule, progress, now)
        looks.append(Look(now, progress, decision))
        progress = apply(progress, decision, now)
    return looks


@settings(max_examples=250, deadline=None)
@given(schedule=schedules(), days=st.integers(0, 400), data=st.data())
def test_a_slot_is_the_first_moment_of_its_wall_time(schedule: Schedule, days: int, data: st.DataObject) -> None:
    zone = ZoneInfo(schedule.zone)
    day = data.draw(st.sampled_from([schedule.start + DAY * days, *changes_of(schedule.zone, schedule.start.year)]))
    assume(day >= schedule.start and day.weekday() in schedule.weekdays)
    wall = datetime.combine(day, schedule.time)
    around = [wall.replace(tzinfo=UTC) + timedelta(hours=n) for n in range(-40, 41)]
    offsets = [instant.astimezone(zone).utcoffset() or timedelta() for instant in around]
    passes = [
        instant
        for instant in (wall.replace(tzinfo=UTC) - offset for offset in set(offsets))
        if instant.astimezone(zone).replace(tzinfo=None) == wall
    ]
    at = slot_at(schedule, day)
    if passes:
        assert at == min(passes)
    elif at is not None:
        assert local_day(at, schedule.zone) == day
        read_with = wall.replace(tzinfo=UTC) - at
        left_out = at.astimezone(zone).replace(tzinfo=None) - wall
        jumps = [(before, after - before) for before, after in pairwise(offsets) if before != after]
        assert (read_with, left_out) in jumps
        assert left_out > timedelta()


@settings(max_examples=150, deadline=None)
@given(
    schedule=schedules(),
    minutes=st.integers(-60 * 24 * 40, 60 * 24 * 40),
    days=st.none() | st.integers(-9, 40),
)
def test_next_slot_is_the_first_that_qualifies(schedule: Schedule, minutes: int, days: int | None) -> None:
    after = midnight(schedule) + MINUTE * minutes
    after_day = None if days is None else schedule.start + DAY * days
    found = next_slot(schedule, after_day, after)
    every = ((schedule.start + DAY * n, slot_at(schedule, schedule.start + DAY * n)) for n in range(120))
    assert (found.day, found.at) == next(
        (day, at) for day, at in every if at is not None and at > after and (after_day is None or day > after_day)
    )


@settings(max_examples=300, deadline=None)
@given(schedule=schedules(), gaps=GAPS, total=st.integers(0, 12))
def test_a_bot_that_looks_now_and_then(schedule: Schedule, gaps: list[timedelta | None], total: int) -> None:
    looks = live(schedule, gaps, total)
    posts = [look for look in looks if look.decision.action is Action.POST]
    due = slots(schedule, looks[-1].now)

    # Never twice on a local day, whether one asks the calendar or the decisions.
    dates = [local_day(post.now, schedule.zone) for post in posts]
    assert all(earlier < later for earlier, later in pairwise(dates))
    assert [post.decision.day for post in posts] == dates
    used = [look.decision.day for look in looks if look.decision.day is not None]
    assert all(earlier < later for earlier, later in pairwise(used))

    # Never earlier than due: every post has a slot of its own behind it.
    for number, post in enumerate(posts, start=1):
        assert number <= sum(at <= post.now for at in due)
        late = post.now - max(at for at in due if at <= post.now) > ON_TIME
        assert post.decision.late == late
        assert not late or schedule.catch_up is CatchUp.ONE

    # Nothing is left out, unless by `skip`; nothing comes twice.
    assert all(look.decision.position == look.before.position + look.decision.consumed for look in looks)
    assert all(look.decision.consumed == 0 or schedule.catch_up is CatchUp.SKIP for look in looks)
    assert all(look.decision.position < total for look in posts)
    if schedule.catch_up is not CatchUp.SKIP:
        assert [post.decision.position for post in posts] == list(range(len(posts)))
    else:
        assert all(look.decision.position <= sum(at <= look.now for at in due) for look in looks)

    for look in looks:
        done = apply(look.before, look.decision, look.now)
        again = decide(schedule, done, look.now)
        assert (again.action, again.consumed, again.next) == (Action.WAIT, 0, look.decision.next)
        assert look.decision.next == next_slot(schedule, done.last_day, max(look.now, done.since))
        if look.decision.action is Action.FINISH:
            assert look.decision.position == total


@settings(max_examples=120, deadline=None)
@given(schedule=schedules(), gaps=GAPS, total=st.integers(0, 12), part=st.floats(0, 1, exclude_max=True))
def test_nothing_happens_before_the_slot_that_was_announced(
    schedule: Schedule, gaps: list[timedelta | None], total: int, part: float
) -> None:
    for look in live(schedule, gaps, total):
        done = apply(look.before, look.decision, look.now)
        until = look.now + (look.decision.next.at - look.now) * part
        if clock_ran_back_over_midnight(schedule, look.now) or until >= look.decision.next.at:
            continue
        early = decide(schedule, done, until)
        assert (early.action, early.consumed) == (Action.WAIT, 0)
        if done.position < total:
            assert decide(schedule, done, look.decision.next.at).action is Action.POST


@settings(max_examples=40, deadline=None)
@given(schedule=schedules(), offset=st.integers(0, 4), total=st.integers(1, 5))
def test_without_an_outage_every_policy_posts_at_every_slot(schedule: Schedule, offset: int, total: int) -> None:
    start = midnight(schedule) + MINUTE * offset
    end = start + 5 * DAY
    due = slots(schedule, end)
    # A look that comes only on the next local day uses that day up: the page says so of 23:55.
    assume(all(local_day(at + 5 * MINUTE, schedule.zone) == local_day(at, schedule.zone) for at in due))
    looks = live(schedule, [5 * MINUTE] * (5 * 24 * 12), total)
    posts = [look for look in looks if look.decision.action is Action.POST]
    expected = [at for at in due if at <= looks[-1].now][:total]
    assert len(posts) == len(expected)
    assert all(timedelta() <= post.now - at < 5 * MINUTE for post, at in zip(posts, expected, strict=True))
    assert not any(look.decision.late or look.decision.consumed for look in looks)


@settings(max_examples=150, deadline=None)
@given(
    first=schedules(),
    moves=st.lists(st.tuples(st.sampled_from(ZONES), TIMES, st.integers(0, 3 * 24 * 60)), min_size=1, max_size=6),
    gaps=st.lists(st.integers(1, 12 * 60), min_size=6, max_size=20),
)
def test_a_change_of_zone_gives_no_local_day_two_posts(
    first: Schedule, moves: list[tuple[str, time, int]], gaps: list[int]
) -> None:
    now = midnight(first)
    schedule, progress = first, Progress(position=0, total=999, since=now)
    posts: list[datetime] = []
    for zone, at, pause in moves:
        for gap in gaps:
            now += MINUTE * gap
            decision = decide(schedule, progress, now)
            if decision.action is Action.POST:
                today = local_day(now, schedule.zone)
                assert all(today > local_day(post, schedule.zone) for post in posts)
                assert progress.last_day is None or today > progress.last_day
                posts.append(now)
            progress = apply(progress, decision, now)
        now += MINUTE * pause
        schedule = schedule.model_copy(update={"zone": zone, "time": at})
        progress = progress.model_copy(update={"since": now})
