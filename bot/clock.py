"""The one source of the present."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present as an aware UTC datetime. Tests and the demo hand in a clock that they move."""


def system_clock() -> datetime:
    return datetime.now(UTC)
