"""A local Discord in simulated time, and a club on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock_file import ClockFile
from tests.support.local_discord import LocalDiscord, local_discord
from tests.support.stage import BEGAN, Stage, prepare, set_up


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    clock = ClockFile(tmp_path / "clock")
    clock.set(BEGAN)
    return clock


@pytest.fixture
def discord(clock: ClockFile) -> Iterator[LocalDiscord]:
    with local_discord(clock.path) as discord:
        yield discord


@pytest.fixture
def stage(discord: LocalDiscord, tmp_path: Path) -> Stage:
    """A club of five excerpts on SQLite."""
    url = f"sqlite:///{tmp_path}/stage.db"
    prepare(url)
    return set_up(discord, url, excerpts=5)
