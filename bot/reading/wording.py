"""What people type about a schedule, and how it is said back to them."""

import re
import unicodedata
from datetime import date, time, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from bot.errors import ApplecoreError
from bot.reading.schedule import zone_names

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LATEST_START = timedelta(days=3660)

_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))?\s*(h|[ap]\.?m\.?)?", re.ASCII)
_EVERY_DAY = re.compile(r"\b(?:every|each|all)\s*days?\b|\bdaily\b|^all$|^all week$")
_RANGE = re.compile(r"\s*(?:[-–—]|\bto\b|\bthrough\b|\bthru\b)\s*")
_OFFSET = re.compile(r"(?:utc|gmt)?\s*[+-]\s*[0-9]{1,2}(?::?[0-9]{2})?", re.ASCII)


def parse_time(text: str) -> time:
    """The time of day in ``9``, ``9:00``, ``09.30``, ``9am``, ``9:30 pm``, ``21h``, ``21h30`` or ``noon``."""
    said = text.strip().lower()
    if said in {"noon", "midnight"}:
        return time(12 if said == "noon" else 0)
    found = _TIME.fullmatch(said)
    if found is None:
        raise ApplecoreError(f"I cannot read “{_shown(text)}” as a time of day: write it like 09:00 or 9:30 pm.")
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "")[:1]
    if half in {"a", "p"}:
        if not 1 <= hour <= 12:
            raise ApplecoreError(f"“{_shown(text)}” is not a time of day: with am or pm the hour is 1 to 12.")
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        raise ApplecoreError(f"“{_shown(text)}” is not a time of day: write one from 00:00 to 23:59.")
    return time(hour, minute)


def parse_weekdays(text: str) -> frozenset[int]:
    """The weekdays in ``daily``, ``weekdays``, ``mon-fri``, ``fri to mon`` or ``Mon, Wed and Sundays``."""
    said = _EVERY_DAY.sub(" monday-sunday ", text.strip().lower())
    days: set[int] = set()
    for word in re.split(r"[\s,;/&+]+", _RANGE.sub("-", said)):
        match word.strip("."):
            case "" | "and" | "on" | "every" | "each":
                continue
            case "weekday" | "weekdays":
                days |= {0, 1, 2, 3, 4}
            case "weekend" | "weekends":
                days |= {5, 6}
            case span:
                first, *rest = [_weekday(part, text) for part in span.split("-")]
                if len(rest) > 1:
                    raise ApplecoreError(
                        f"“{_shown(text)}” could be a range or a list: write mon-fri, or mon, wed, fri."
                    )
                last = rest[0] if rest else first
                days |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    if not days:
        raise ApplecoreError("Name at least one weekday, such as mon-fri, or write daily.")
    return frozenset(days)


def _weekday(word: str, text: str) -> int:
    number = _named_day(word)
    if number is not None:
        return number
    if word.isdigit():
        raise ApplecoreError(
            "Write weekdays by name, such as mon, wed: a week does not begin on the same day everywhere."
        )
    raise ApplecoreError(
        f"I cannot read “{_shown(word or text)}” as a weekday: write names such as mon, wed or mon-fri."
    )


def _named_day(word: str) -> int | None:
    bare = word.strip(".")
    for name in (bare, bare.removesuffix("s")):
        for number, day in enumerate(DAY_NAMES):
            if len(name) >= 2 and day.lower().startswith(name):
                return number
    return None


def describe_weekdays(days: frozenset[int]) -> str:
    """``every day``, ``Monday to Friday``, ``Mondays and Thursdays``; ``parse_weekdays`` reads it back."""
    if len(days) == 7:
        return "every day"
    first_days = [day for day in sorted(days) if (day - 1) % 7 not in days]
    if len(first_days) == 1 and len(days) > 2:
        first = first_days[0]
        return f"{DAY_NAMES[first]} to {DAY_NAMES[(first + len(days) - 1) % 7]}"
    *most, last = [f"{DAY_NAMES[day]}s" for day in sorted(days)]
    return f"{', '.join(most)} and {last}" if most else last


def parse_start(text: str, today: date) -> date:
    """The day in ``today``, ``tomorrow``, ``2026-12-01`` or ``next monday``: the first Monday after today."""
    said = text.strip().lower()
    if said in {"today", "tomorrow"}:
        return today + timedelta(days=said == "tomorrow")
    named = _named_day(re.sub(r"^(?:next|on)\s+", "", said))
    if named is not None:
        return today + timedelta(days=(named - today.weekday() - 1) % 7 + 1)
    written = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", said)
    if written is None:
        raise ApplecoreError(
            f"I cannot read “{_shown(text)}” as a day: write it like {today}, tomorrow or next monday."
        )
    try:
        day = date(int(written[1]), int(written[2]), int(written[3]))
    except ValueError:
        raise ApplecoreError(f"{said} is not in the calendar: write year-month-day, such as {today}.") from None
    if day < today:
        raise ApplecoreError(f"{day} is in the past: today is {today} there, choose that or a later day.")
    if day - today > LATEST_START:
        raise ApplecoreError(f"{day} is more than ten years away: check the year.")
    return day


def check_zone(name: str) -> str:
    """The zone as the IANA database spells it, whatever the case, with blanks or underscores."""
    said = "_".join(name.split()).casefold()
    for zone in zone_names():
        if zone.casefold() == said:
            return zone
    if _OFFSET.fullmatch(name.strip().lower()):
        raise ApplecoreError(
            f"“{_shown(name)}” is an offset, without summer time: name a city's zone, such as Europe/Berlin."
        )
    nearest = _nearest_zones(name)
    if not nearest:
        raise ApplecoreError(f"I know no time zone “{_shown(name)}”: name a city's zone, such as Europe/Berlin.")
    *most, last = nearest
    guess = f"{', '.join(most)} or {last}" if most else last
    raise ApplecoreError(f"I know no time zone “{_shown(name)}”: did you mean {guess}?")


def _nearest_zones(name: str) -> list[str]:
    wanted = _plain(name)
    if not wanted:
        return []
    found = find_zones(wanted, 3)
    # Where one city has several names, the later entry wins: the one that is not kept for old systems.
    names = sorted(zone_names(), key=lambda zone: (not _is_legacy(zone), zone))
    for spellings in ({_plain(zone): zone for zone in names}, {_city(zone): zone for zone in names}):
        found += [spellings[near] for near in get_close_matches(wanted, spellings, 3)]
    return list(dict.fromkeys(found))[:3]


def find_zones(text: str, limit: int = 25) -> list[str]:
    """Zones for autocompletion: cities that begin so first, names that are kept only for old systems last."""
    wanted = _plain(text)
    found = []
    for zone in zone_names():
        whole, city = _plain(zone), _city(zone)
        if wanted in {city, whole}:
            rank = 0
        elif city.startswith(wanted):
            rank = 1
        elif f" {wanted}" in f" {city}":
            rank = 2
        elif all(word in whole for word in wanted.split()):
            rank = 3
        else:
            continue
        found.append((rank, _is_legacy(zone), zone))
    return [zone for _, _, zone in sorted(found)[:limit]]


def _plain(text: str) -> str:
    bare = "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part))
    return " ".join(re.split(r"[\s_/]+", bare.casefold())).strip()


def _city(zone: str) -> str:
    return _plain(zone.rpartition("/")[2])


def _is_legacy(zone: str) -> bool:
    return zone not in _current_zones()


@cache
def _current_zones() -> frozenset[str]:
    # zone.tab lists, per country, the names that people are meant to choose from; old aliases are not in it.
    table = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8")
    return frozenset({"UTC"} | {line.split("\t")[2].strip() for line in table.splitlines() if line and line[0] != "#"})


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
