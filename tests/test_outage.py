"""Trouble that comes and goes is one line when it begins and one when it is over."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from bot.outage import Outage

CALM = 0.05


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "bot.outage")
    return lambda: [f"{record.levelname.lower()} {record.getMessage()}" for record in caplog.records]


def outage(seconds: Seconds, calm: float = 0.0) -> Outage:
    return Outage("lost the line (%s)", "there again after %s", calm=calm, monotonic=seconds, shard_id=3)


async def test_only_the_first_of_many_faults_is_said(seconds: Seconds, lines: Callable[[], list[str]]) -> None:
    trouble = outage(seconds)
    for reason in ("HTTP 500", "HTTP 502", "HTTP 500"):
        trouble.bad(reason)
        assert trouble.on
    assert lines() == ["warning lost the line (HTTP 500)"]


async def test_what_is_well_needs_no_line(seconds: Seconds, lines: Callable[[], list[str]]) -> None:
    trouble = outage(seconds)
    trouble.good()
    assert (trouble.on, lines()) == (False, [])


async def test_it_is_over_at_once_where_no_calm_is_asked_for(
    seconds: Seconds, lines: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    trouble = outage(seconds)
    trouble.bad("HTTP 500")
    seconds.now += 42
    trouble.good()
    trouble.good()
    assert not trouble.on
    assert lines() == ["warning lost the line (HTTP 500)", "info there again after 42 s"]
    assert [vars(record)["shard_id"] for record in caplog.records] == [3, 3]
    assert vars(caplog.records[1])["seconds"] == 42


async def test_trouble_that_comes_and_goes_is_one_event(seconds: Seconds, lines: Callable[[], list[str]]) -> None:
    trouble = outage(seconds, CALM)
    for _ in range(5):
        trouble.bad("HTTP 500")
        seconds.now += 1
        trouble.good()
    assert trouble.on, "it has to stay well for a while first"
    assert lines() == ["warning lost the line (HTTP 500)"]
    async with asyncio.timeout(10):
        while trouble.on:  # noqa: ASYNC110 - a timer of its own ends it
            await asyncio.sleep(0.005)
    assert lines()[1:] == ["info there again after 5.0 s"]


async def test_the_calm_is_not_counted_as_trouble(seconds: Seconds, lines: Callable[[], list[str]]) -> None:
    trouble = outage(seconds, CALM)
    trouble.bad("HTTP 500")
    seconds.now += 7
    trouble.good()
    seconds.now += 100
    trouble.good()  # as every further answer says
    async with asyncio.timeout(10):
        while trouble.on:  # noqa: ASYNC110 - a timer of its own ends it
            await asyncio.sleep(0.005)
    assert lines()[1:] == ["info there again after 7.0 s"]


async def test_the_next_outage_is_said_again(seconds: Seconds, lines: Callable[[], list[str]]) -> None:
    trouble = outage(seconds)
    for reason in ("HTTP 500", "the connection breaks"):
        trouble.bad(reason)
        trouble.good()
    assert [line for line in lines() if line.startswith("warning")] == [
        "warning lost the line (HTTP 500)",
        "warning lost the line (the connection breaks)",
    ]


@pytest.mark.parametrize(
    ("took", "told"),
    [(0.04, "0.0 s"), (2.5, "2.5 s"), (59.6, "60 s"), (120, "2 min"), (1800, "30 min"), (9000, "2.5 h")],
)
async def test_how_long_it_took_is_told_in_a_fitting_unit(
    seconds: Seconds, lines: Callable[[], list[str]], took: float, told: str
) -> None:
    trouble = outage(seconds)
    trouble.bad("HTTP 500")
    seconds.now += took
    trouble.good()
    assert lines()[1:] == [f"info there again after {told}"]
