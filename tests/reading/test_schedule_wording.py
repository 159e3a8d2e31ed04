"""What people type about a schedule."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ApplecoreError
from bot.reading.schedule import zone_names
from bot.reading.wording import (
    check_zone,
    describe_weekdays,
    find_zones,
    parse_start,
    parse_time,
    parse_weekdays,
)

MONDAY = date(2026, 6, 1)
EVERY_DAY = frozenset(range(7))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9", time(9)),
        ("9:00", time(9)),
        ("09:30", time(9, 30)),
        ("9.30", time(9, 30)),
        ("9am", time(9)),
        ("9:30 pm", time(21, 30)),
        ("9:30 P.M.", time(21, 30)),
        ("12am", time(0)),
        ("12 pm", time(12)),
        ("21h", time(21)),
        ("21h30", time(21, 30)),
        (" 00:00 ", time(0)),
        ("23:59", time(23, 59)),
        ("noon", time(12)),
        ("Midnight", time(0)),
    ],
)
def test_times(text: str, expected: time) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["", "24:00", "9:60", "13pm", "0am", "9:5", "nine", "09:00:00", "-9", "٩", "9:00 UTC"])
def test_no_times(text: str) -> None:
    with pytest.raises(ApplecoreError, match="time of day"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("Monday to Friday", {0, 1, 2, 3, 4}),
        ("mon – fri", {0, 1, 2, 3, 4}),
        ("weekdays", {0, 1, 2, 3, 4}),
        ("Weekends", {5, 6}),
        ("weekdays and Sunday", {0, 1, 2, 3, 4, 6}),
        ("daily", EVERY_DAY),
        ("Every day", EVERY_DAY),
        ("Mon, Wed Fri", {0, 2, 4}),
        ("tues/thurs", {1, 3}),
        ("mo,tu;we", {0, 1, 2}),
        ("every Monday", {0}),
        ("Mondays & Thursdays", {0, 3}),
        ("Mon. - Wed.", {0, 1, 2}),
        ("fri-mon", {0, 4, 5, 6}),
        ("sun-sat", EVERY_DAY),
        ("wed-wed", {2}),
    ],
)
def test_weekdays(text: str, expected: set[int]) -> None:
    assert parse_weekdays(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one weekday"),
        (" , ", "at least one weekday"),
        ("1,3", "by name"),
        ("m", "cannot read “m” as a weekday"),
        ("mon, someday", "cannot read “someday” as a weekday"),
        ("mon-", "cannot read “mon-” as a weekday"),
        ("mon-wed-fri", "a range or a list"),
        ("weekdays except wed", "cannot read “except”"),
    ],
)
def test_no_weekdays(text: str, said: str) -> None:
    with pytest.raises(ApplecoreError, match=said):
        parse_weekdays(text)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (EVERY_DAY, "every day"),
        ({0, 1, 2, 3, 4}, "Monday to Friday"),
        ({4, 5, 6, 0}, "Friday to Monday"),
        ({0, 3}, "Mondays and Thursdays"),
        ({5, 6}, "Saturdays and Sundays"),
        ({0, 2, 4}, "Mondays, Wednesdays and Fridays"),
        ({0, 1, 2, 5}, "Mondays, Tuesdays, Wednesdays and Saturdays"),
        ({6}, "Sundays"),
    ],
)
def test_weekdays_are_described(days: set[int], said: str) -> None:
    assert describe_weekdays(frozenset(days)) == said


@given(st.frozensets(st.integers(0, 6), min_size=1))
def test_a_description_is_read_back(days: frozenset[int]) -> None:
    assert parse_weekdays(describe_weekdays(days)) == days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", MONDAY),
        ("Tomorrow", date(2026, 6, 2)),
        ("2026-12-01", date(2026, 12, 1)),
        ("2026-12-1", date(2026, 12, 1)),
        ("2026-06-01", MONDAY),
        ("next monday", date(2026, 6, 8)),
        ("monday", date(2026, 6, 8)),
        ("on Tue", date(2026, 6, 2)),
        ("next sunday", date(2026, 6, 7)),
    ],
)
def test_starts(text: str, expected: date) -> None:
    assert parse_start(text, MONDAY) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-05-31", "2026-05-31 is in the past: today is 2026-06-01"),
        ("2026-02-30", "not in the calendar"),
        ("2026-13-01", "not in the calendar"),
        ("9999-12-31", "more than ten years away"),
        ("01/12/2026", "cannot read “01/12/2026” as a day"),
        ("soon", "cannot read “soon” as a day"),
        ("next", "cannot read “next” as a day"),
        ("", "as a day"),
    ],
)
def test_no_starts(text: str, said: str) -> None:
    with pytest.raises(ApplecoreError, match=said):
        parse_start(text, MONDAY)


@given(st.text(max_size=20) | st.text("monwedfri -,.:/0129apm", max_size=20))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    for parse in (parse_time, parse_weekdays, lambda said: parse_start(said, MONDAY), check_zone):
        answer = ""
        try:
            parse(text)
        except ApplecoreError as error:
            answer = str(error)
        assert len(answer) < 200
        assert len(answer.splitlines()) < 2


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("AMERICA/NEW YORK", "America/New_York"),
        (" utc ", "UTC"),
        ("etc/gmt+2", "Etc/GMT+2"),
        ("gb", "GB"),
    ],
)
def test_zones_are_spelt_as_the_database_spells_them(text: str, zone: str) -> None:
    assert check_zone(text) == zone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin, [^,]+ or [^,]+[?]$"),
        ("berlin", "did you mean Europe/Berlin"),
        ("Newyork", "did you mean America/New_York[?]$"),
        ("UTC+2", "offset"),
        ("+02:00", "offset"),
        ("localtime", "no time zone “localtime”"),
        ("x" * 500, "no time zone “x{59}…”: name a city's zone"),
        ("", "name a city's zone"),
    ],
)
def test_no_zones(text: str, said: str) -> None:
    with pytest.raises(ApplecoreError, match=said):
        check_zone(text)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("new_y", "America/New_York"),
        ("utc", "UTC"),
        ("singapore", "Asia/Singapore"),
        ("são paulo", "America/Sao_Paulo"),
        ("europe/ber", "Europe/Berlin"),
        ("york", "America/New_York"),
        ("calcutta", "Asia/Calcutta"),
    ],
)
def test_zones_are_found_by_their_city(text: str, first: str) -> None:
    assert find_zones(text)[0] == first


def test_zones_are_offered_in_a_stable_order_and_within_the_limit() -> None:
    assert find_zones("") == find_zones("")
    assert len(find_zones("")) == 25
    assert len(find_zones("a", limit=3)) == 3
    assert find_zones("no such city") == []
    everything = find_zones("", limit=10_000)
    assert set(everything) == zone_names()
    assert everything.index("Europe/London") < everything.index("GB")
    assert not {"Factory", "localtime", "posixrules"} & set(everything)
    assert not any(zone.startswith(("posix/", "right/")) for zone in everything)
