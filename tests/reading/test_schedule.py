"""The schedule's edges that the worked table cannot show."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bot.reading import schedule as module
from bot.reading.schedule import (
    Action,
    CatchUp,
    Decision,
    Progress,
    Schedule,
    Slot,
    apply,
    decide,
    next_slot,
    slot_at,
)

BERLIN = ZoneInfo("Europe/Berlin")
SET_UP = datetime(2026, 5, 31, tzinfo=UTC)


def club(**changes: Any) -> Schedule:
    return Schedule(**{"time": time(9), "zone": "Europe/Berlin", "start": date(2026, 6, 1), **changes})


@pytest.mark.parametrize(
    "change",
    [
        {"time": time(9, tzinfo=UTC)},
        {"time": time(9, 0, 1)},
        {"time": time(9, 0, 0, 1)},
        {"zone": "Mars/Phobos"},
        {"zone": "europe/berlin"},
        {"zone": "localtime"},
        {"zone": "../../etc/passwd"},
        {"weekdays": frozenset()},
        {"weekdays": frozenset({7})},
        {"weekdays": frozenset({-1})},
    ],
)
def test_a_schedule_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        club(**change)


def test_a_schedule_survives_json() -> None:
    schedule = club(weekdays=frozenset({0, 3}), catch_up=CatchUp.SKIP)
    assert Schedule.model_validate_json(schedule.model_dump_json()) == schedule


def test_the_second_pass_cannot_be_asked_for() -> None:
    twice = club(time=time(2, 30, fold=1), start=date(2026, 10, 25))
    assert slot_at(twice, date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_progress_keeps_utc_and_refuses_naive_instants() -> None:
    progress = Progress(position=0, total=1, since=datetime(2026, 6, 1, 9, tzinfo=timezone(timedelta(hours=2))))
    assert progress.since.tzinfo is UTC
    with pytest.raises(ValidationError):
        Progress(position=0, total=1, since=datetime(2026, 6, 1, 9))  # noqa: DTZ001 - it is what must fail
    with pytest.raises(ValueError, match="offset"):
        decide(club(), progress, datetime(2026, 6, 1, 9))  # noqa: DTZ001 - it is what must fail


def test_days_before_the_start_and_days_not_chosen_have_no_slot() -> None:
    schedule = club(weekdays=frozenset({0}))
    assert slot_at(schedule, date(2026, 5, 25)) is None
    assert slot_at(schedule, date(2026, 6, 2)) is None
    assert slot_at(schedule, date(2026, 6, 8)) == datetime(2026, 6, 8, 7, tzinfo=UTC)


def test_next_slot_is_later_than_the_day_and_than_the_instant() -> None:
    noon = datetime(2026, 6, 2, 10, tzinfo=UTC)
    nine = datetime(2026, 6, 2, 7, tzinfo=UTC)
    assert next_slot(club(), None, nine).day == date(2026, 6, 3)
    assert next_slot(club(), None, nine - timedelta(microseconds=1)).day == date(2026, 6, 2)
    assert next_slot(club(), date(2026, 6, 5), noon).day == date(2026, 6, 6)
    assert next_slot(club(start=date(2030, 1, 1)), None, noon).day == date(2030, 1, 1)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_end_of_the_calendar_is_told(zone: str) -> None:
    for start, after in [
        (date.max, datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
        (date(2026, 6, 1), datetime.max.replace(tzinfo=UTC)),
        (date.max, datetime.min.replace(tzinfo=UTC)),
    ]:
        schedule = club(zone=zone, start=start, time=time(23, 59), weekdays=frozenset({0}))
        with pytest.raises(ValueError, match="calendar"):
            next_slot(schedule, None, after)


def test_no_slot_is_announced_that_would_not_count() -> None:
    progress = Progress(position=0, total=3, since=datetime(2026, 6, 10, tzinfo=UTC))
    decision = decide(club(), progress, datetime(2026, 6, 2, tzinfo=UTC))
    assert (decision.action, decision.next.day) == (Action.WAIT, date(2026, 6, 10))


@pytest.mark.parametrize("policy", CatchUp)
def test_an_outage_of_decades_is_decided_from_few_days(policy: CatchUp, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []

    def counted(schedule: Schedule, day: date) -> datetime | None:
        asked.append(day)
        return slot_at(schedule, day)

    monkeypatch.setattr(module, "slot_at", counted)
    schedule = club(weekdays=frozenset({2}), start=date(1990, 1, 1), catch_up=policy)
    progress = Progress(position=0, total=20, since=datetime(1990, 1, 1, tzinfo=UTC))
    decide(schedule, progress, datetime(2037, 1, 1, tzinfo=UTC))
    assert len(asked) < 7 * 20 + 50


def test_post_now_uses_no_slot() -> None:
    progress = Progress(position=0, total=3, since=SET_UP)
    after_post_now = progress.model_copy(update={"position": 1})
    due = datetime(2026, 6, 1, 9, tzinfo=BERLIN)
    assert decide(club(), after_post_now, due).action is Action.POST


def test_skip_takes_nothing_from_an_empty_queue() -> None:
    progress = Progress(position=3, total=3, since=SET_UP)
    decision = decide(club(catch_up=CatchUp.SKIP), progress, datetime(2026, 6, 4, 20, tzinfo=BERLIN))
    assert (decision.action, decision.consumed, decision.position) == (Action.FINISH, 0, 3)


def test_a_queue_that_was_shortened_finishes_without_moving_back() -> None:
    progress = Progress(position=7, total=5, since=SET_UP)
    decision = decide(club(catch_up=CatchUp.SKIP), progress, datetime(2026, 6, 4, 20, tzinfo=BERLIN))
    assert (decision.action, decision.consumed, decision.position) == (Action.FINISH, 0, 7)


def test_only_a_post_moves_the_instant_of_the_last_post() -> None:
    now = datetime(2026, 6, 1, 9, tzinfo=BERLIN)
    fresh = Progress(position=0, total=3, since=SET_UP)
    posted = apply(fresh, decide(club(), fresh, now), now)
    assert (posted.position, posted.last_day, posted.last_post_at) == (1, date(2026, 6, 1), now)
    skip = club(catch_up=CatchUp.SKIP)
    evening = now + timedelta(days=1, hours=11)
    skipped = apply(posted, decide(skip, posted, evening), evening)
    assert (skipped.position, skipped.last_day, skipped.last_post_at) == (2, date(2026, 6, 2), now)


def test_apply_never_takes_a_used_day_back() -> None:
    progress = Progress(position=1, total=3, last_day=date(2026, 6, 5), last_post_at=SET_UP, since=SET_UP)
    slot = Slot(day=date(2026, 6, 6), at=datetime(2026, 6, 6, 7, tzinfo=UTC))
    waited = apply(progress, Decision(action=Action.WAIT, position=1, next=slot), SET_UP)
    assert waited == progress
    earlier = Decision(action=Action.FINISH, position=3, consumed=2, day=date(2026, 6, 3), next=slot)
    assert apply(progress, earlier, SET_UP) == progress.model_copy(update={"position": 3})


@pytest.mark.parametrize("policy", CatchUp)
def test_a_slot_of_tomorrow_waits_while_the_clocks_go_back_over_midnight(policy: CatchUp) -> None:
    """St. John's, until 2011: at 00:01 on the 7th it became 23:01 on the 6th once more."""
    zone = ZoneInfo("America/St_Johns")
    schedule = club(time=time(0), zone=zone.key, start=date(2010, 11, 1), catch_up=policy)
    posted = datetime(2010, 11, 6, 0, 0, tzinfo=zone)
    progress = Progress(
        position=1, total=9, last_day=date(2010, 11, 6), last_post_at=posted, since=posted - timedelta(days=1)
    )
    back_on_the_sixth = datetime(2010, 11, 6, 23, 5, fold=1, tzinfo=zone)
    assert slot_at(schedule, date(2010, 11, 7)) == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    assert back_on_the_sixth.astimezone(UTC) > datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    assert decide(schedule, progress, back_on_the_sixth).action is Action.WAIT
    at_the_slot = decide(schedule, progress, datetime(2010, 11, 7, 2, 30, tzinfo=UTC))
    assert (at_the_slot.action, at_the_slot.day) == (Action.POST, date(2010, 11, 7))
