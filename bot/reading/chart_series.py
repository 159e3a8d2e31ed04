"""What the bars of a digest's picture stand for, and the same in words for those who cannot see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.reading.digest import Digest, ExcerptTalk, Hour
from bot.reading.splitting import shorten

ALT_UNITS = 1024
"""The most that Discord takes as a description: of a gallery's item and of an attachment (components/reference,
resources/message)."""

FEW = 12
"""So many bars have a number each; of more, the highest alone has one."""

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MOST_BARS = {"hour": 48, "day": 45, "week": 45, "month": 45, "year": 9999}
"""How many bars of a unit can be told apart; years are taken where nothing else will do."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars of replies, and under each one of reactions."""

    per: str
    """What a bar stands for: ``excerpt``, ``hour``, ``day``, ``week``, ``month`` or ``year``."""
    names: tuple[str, ...]
    """Of each bar, in words."""
    ticks: tuple[tuple[int, str], ...]
    """Which bars are named in the picture, and how."""
    replies: tuple[int, ...]
    reactions: tuple[int, ...]
    this: int | None = None
    """The bar of the excerpt that the digest is about, among those of others."""


def panels(digest: Digest) -> tuple[Panel, ...]:
    """One or two: over time, and by excerpt where there are several. Of a whole reading the excerpts come first."""
    over_time = [_over_time(digest.hours)] if digest.hours else []
    if digest.excerpt is None:
        return (_per_excerpt(digest.comparison, None), *over_time)
    if len(digest.comparison) > 1 or not over_time:
        return (*over_time, _per_excerpt(digest.comparison, digest.excerpt.position))
    return tuple(over_time)


def alt_text(digest: Digest) -> str:
    """What the picture shows, in numbers; at most :data:`ALT_UNITS` UTF-16 units."""
    sentences = []
    for panel in panels(digest):
        sentences += [_told("Replies", panel, panel.replies), _told("Reactions", panel, panel.reactions)]
    return shorten(f"Bar charts. {' '.join(sentences)}", ALT_UNITS)


def _told(what: str, panel: Panel, values: Sequence[int]) -> str:
    total = f"{sum(values):,} in all"
    span = f"{panel.names[0]} to {panel.names[-1]}" if len(values) > 1 else panel.names[0]
    begin = f"{what} per {panel.per}, {span}"
    if not any(values):
        return f"{begin}: none."
    if sum(value > 0 for value in values) <= FEW:
        each = "; ".join(f"{name}: {value:,}" for name, value in zip(panel.names, values, strict=True) if value)
        return f"{begin}, {total}. {each}."
    most = max(values)
    return f"{begin}, {total}. The most: {most:,}, {panel.names[values.index(most)]}."


def _per_excerpt(comparison: Sequence[ExcerptTalk], this: int | None) -> Panel:
    first, last = comparison[0].position, comparison[-1].position
    by_position = {talk.position: talk for talk in comparison}
    positions = range(first, last + 1)
    talks = [by_position.get(position) for position in positions]
    step = _round_step(len(positions))
    ticks = [
        (index, str(position + 1))
        for index, position in enumerate(positions)
        if step == 1 or (position + 1) % step == 0 or (index == 0 and step - (first + 1) % step > step // 3)
    ]
    return Panel(
        per="excerpt",
        names=tuple(f"excerpt {position + 1}" for position in positions),
        ticks=tuple(ticks),
        replies=tuple(talk.replies if talk else 0 for talk in talks),
        reactions=tuple(talk.reactions if talk else 0 for talk in talks),
        this=None if this is None else this - first,
    )


def _round_step(bars: int) -> int:
    """Such that every so many bars are named, about ten of them."""
    return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200) if bars <= 13 * step), 500)


@dataclass(frozen=True, slots=True)
class _Unit:
    """One way of dividing time."""

    name: str
    begin: Callable[[datetime], datetime]
    next: Callable[[datetime], datetime]
    in_words: Callable[[datetime], str]
    tick: Callable[[datetime], str]


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0)


def _month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0)


def _date(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def _short_date(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1][:3]}"


_UNITS = (
    _Unit(
        name="hour",
        begin=lambda moment: moment,
        next=lambda moment: moment + timedelta(hours=1),
        in_words=lambda moment: f"{_date(moment)} {moment.hour:02}:00",
        tick=lambda moment: f"{moment.hour:02}:00",
    ),
    _Unit(
        name="day",
        begin=_day,
        next=lambda moment: moment + timedelta(days=1),
        in_words=_date,
        tick=_short_date,
    ),
    _Unit(
        name="week",
        begin=lambda moment: _day(moment) - timedelta(days=moment.weekday()),
        next=lambda moment: moment + timedelta(days=7),
        in_words=lambda moment: f"week of {_date(moment)}",
        tick=_short_date,
    ),
    _Unit(
        name="month",
        begin=_month,
        next=lambda moment: _month(moment + timedelta(days=31)),
        in_words=lambda moment: f"{MONTHS[moment.month - 1]} {moment.year}",
        tick=lambda moment: f"{MONTHS[moment.month - 1][:3]} {moment.year}",
    ),
    _Unit(
        name="year",
        begin=lambda moment: _month(moment).replace(month=1),
        next=lambda moment: moment.replace(year=moment.year + 1),
        in_words=lambda moment: str(moment.year),
        tick=lambda moment: str(moment.year),
    ),
)


def _over_time(hours: Sequence[Hour]) -> Panel:
    """By hours up to two days, then by the finest unit that makes no more bars than can be told apart."""
    unit, starts = _divided(hours[0].start, hours[-1].start)
    index = {start: number for number, start in enumerate(starts)}
    replies, reactions = [0] * len(starts), [0] * len(starts)
    for hour in hours:
        bar = index[unit.begin(hour.start)]
        replies[bar] += hour.replies
        reactions[bar] += hour.reactions
    step = -(-len(starts) // (6 if unit.name != "month" else 4))  # as many names as have room
    return Panel(
        per=unit.name,
        names=tuple(map(unit.in_words, starts)),
        ticks=tuple((bar, unit.tick(starts[bar])) for bar in range(0, len(starts), step)),
        replies=tuple(replies),
        reactions=tuple(reactions),
    )


def _divided(first: datetime, last: datetime) -> tuple[_Unit, list[datetime]]:
    for unit in _UNITS:
        starts = [unit.begin(first)]
        while starts[-1] < unit.begin(last) and len(starts) <= _MOST_BARS[unit.name]:
            starts.append(unit.next(starts[-1]))
        if len(starts) <= _MOST_BARS[unit.name]:
            break
    return unit, starts
