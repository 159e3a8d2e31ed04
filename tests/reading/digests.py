"""Digests to test with."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from bot.reading.digest import Digest, EmojiCount, ExcerptTalk, Hour, PointedReply


def local(text: str) -> datetime:
    """Wall time, such as ``2026-03-01 20:00``."""
    return datetime.fromisoformat(text)


def talk(position: int, replies: int, reactions: int) -> ExcerptTalk:
    return ExcerptTalk(
        position, f"Part {position + 1}", 20, 10 * (position + 1), replies + reactions, replies, reactions
    )


def digest(this: int | None = 2, **fields: Any) -> Digest:
    """Of the third excerpt unless told otherwise: 4 people, 3 replies, 4 reactions."""
    values: dict[str, Any] = {
        "title": "The *reading*",
        "total": 6,
        "zone": "Europe/Berlin",
        "excerpt": None if this is None else talk(this, 3, 4),
        "people": 4,
        "replies": 3,
        "reactions": 4,
        "emojis": (),
        "most_reacted": (),
        "picked": (),
        "hours": (),
        "comparison": (talk(0, 5, 5), talk(1, 0, 0), talk(2, 3, 4)),
    }
    return Digest(**values | fields)


_count = st.integers(0, 10**9)
_id = st.integers(1, 2**63 - 1)
_hours = st.lists(
    st.builds(
        Hour,
        st.datetimes(local("2015-01-01"), local("2100-01-01")).map(
            lambda at: at.replace(minute=0, second=0, microsecond=0)
        ),
        _count,
        _count,
    ),
    max_size=60,
    unique_by=lambda hour: hour.start,
).map(lambda hours: tuple(sorted(hours, key=lambda hour: hour.start)))
_texts = st.text(max_size=500) | st.text("*_`|~<>@#:\\[]()🍎 \n", max_size=4000)
_replies = st.lists(st.builds(PointedReply, _id, _id, st.integers(0, 999), _count, st.none() | _id, st.none() | _texts))
_emojis = st.lists(
    st.builds(EmojiCount, st.text("🍎*_5\u20e3", min_size=1, max_size=64), st.none() | st.text(), _count)
)


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    """Any that could be, and some that could not."""
    positions = draw(st.lists(st.integers(0, 999), min_size=1, max_size=60, unique=True).map(sorted))
    headings = st.text(max_size=300) | st.just("*" * 300)
    comparison = tuple(
        ExcerptTalk(
            at, draw(headings) if at == positions[0] else "*" * 300, 1, 2, draw(_count), draw(_count), draw(_count)
        )
        for at in positions
    )
    hours = draw(_hours)
    return Digest(
        title=draw(st.text(min_size=1, max_size=300)),
        total=1000,
        zone="America/Argentina/ComodRivadavia",
        excerpt=draw(st.none() | st.sampled_from(comparison)),
        people=draw(_count),
        replies=draw(_count),
        reactions=sum(hour.reactions for hour in hours) + draw(_count),
        emojis=tuple(draw(_emojis)),
        most_reacted=tuple(draw(_replies)),
        picked=tuple(draw(_replies)),
        hours=hours,
        comparison=comparison,
    )
