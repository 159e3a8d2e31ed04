"""The worked cases of docs/schedule.md, carried out."""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.reading.schedule import ON_TIME, Action, CatchUp, Progress, Schedule, apply, decide
from bot.reading.wording import parse_weekdays

PAGE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text(encoding="utf-8")
COLUMNS = ("Case", "Schedule", "Policy", "Before", "The bot looks at", "Then", "Day used", "Next slot")


def rows() -> list[dict[str, str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(cells[0]) == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in cells[2:]]


CASES = [
    pytest.param(row, policy, id=f"{row['Case']} ({policy}, {row['The bot looks at']})")
    for row in rows()
    for policy in (CatchUp if row["Policy"] == "any" else [CatchUp(row["Policy"])])
]


def local(text: str, zone: str) -> datetime:
    found = re.fullmatch(r"(\S+) (\d\d:\d\d)( again)?(?: (\S+/\S+))?", text)
    assert found, text
    moment = datetime.combine(date.fromisoformat(found[1]), time.fromisoformat(found[2]))
    aware = moment.replace(fold=1 if found[3] else 0, tzinfo=ZoneInfo(found[4] or zone))
    back = aware.astimezone(UTC).astimezone(aware.tzinfo)
    assert (back.replace(tzinfo=None), back.fold) == (moment, aware.fold), f"{text} is no moment in {zone}"
    return aware.astimezone(UTC)


def read_schedule(text: str, policy: CatchUp) -> Schedule:
    found = re.fullmatch(r"(\d\d:\d\d) (\S+), (.+), from (\S+)", text)
    assert found, text
    return Schedule(
        time=time.fromisoformat(found[1]),
        zone=found[2],
        weekdays=parse_weekdays(found[3]),
        start=date.fromisoformat(found[4]),
        catch_up=policy,
    )


def read_progress(text: str, schedule: Schedule) -> Progress:
    queue, *facts = text.split(", ")
    found = re.fullmatch(r"(\d+) of (\d+) gone", queue)
    assert found, text
    last_day, last_post_at = None, None
    since = datetime.combine(schedule.start - timedelta(days=1), time(0), tzinfo=ZoneInfo(schedule.zone))
    for fact in facts:
        word, _, value = fact.removeprefix("set ").partition(" ")
        if word == "last":
            last_day, last_post_at = date.fromisoformat(value[:10]), local(value, schedule.zone)
        elif word == "used":
            last_day = date.fromisoformat(value)
        else:
            assert word in {"up", "resumed", "changed"}, fact
            since = local(value, schedule.zone)
    return Progress(
        position=int(found[1]), total=int(found[2]), last_day=last_day, last_post_at=last_post_at, since=since
    )


@pytest.mark.parametrize(("row", "policy"), CASES)
def test_worked_case(row: dict[str, str], policy: CatchUp) -> None:
    schedule = read_schedule(row["Schedule"], policy)
    progress = read_progress(row["Before"], schedule)
    now = local(row["The bot looks at"], schedule.zone)

    decision = decide(schedule, progress, now)

    parts = [f"skip {decision.consumed}"] if decision.consumed else []
    parts.append(f"post {decision.position + 1}" if decision.action is Action.POST else decision.action.value)
    parts += ["late"] if decision.late else []
    assert ", ".join(parts) == row["Then"]
    assert str(decision.day or "–") == row["Day used"]
    assert decision.next.at == local(row["Next slot"], schedule.zone)
    assert decision.next.day == date.fromisoformat(row["Next slot"][:10])
    assert decision.position == progress.position + decision.consumed

    again = decide(schedule, apply(progress, decision, now), now)
    assert (again.action, again.consumed, again.next) == (Action.WAIT, 0, decision.next)


def test_the_page_names_the_minutes_that_count_as_on_time() -> None:
    assert f"on time for {ON_TIME // timedelta(minutes=1)} minutes" in PAGE


def test_the_table_covers_every_policy_and_action() -> None:
    table = rows()
    assert len(table) >= 30
    assert {row["Policy"] for row in table} == {"any", *CatchUp}
    assert {word for row in table for word in re.findall("[a-z]+", row["Then"])} == {
        "wait",
        "post",
        "finish",
        "skip",
        "late",
    }
