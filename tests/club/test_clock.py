"""A clock that is set back does not put the club to sleep."""

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import discord
import pytest
from discord.ext import commands, tasks

from bot.club.engine import ClubEngine
from bot.metrics import Metrics
from bot.storage.database import Database


class Shifted(datetime.datetime):
    """The wall clock of a machine whose time somebody corrects."""

    by = datetime.timedelta(0)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return datetime.datetime.now(tz) + cls.by


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch) -> type[Shifted]:
    """discord.py's loops and clock read this clock; asyncio's own stays as it is."""
    module = ModuleType("datetime")
    module.__dict__.update(datetime.__dict__)
    cast("Any", module).datetime = Shifted
    monkeypatch.setattr(tasks, "datetime", module)
    monkeypatch.setattr(discord.utils, "datetime", module)
    monkeypatch.setattr(Shifted, "by", datetime.timedelta(0))
    return Shifted


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - discord.py's loop offers no event for this
            await asyncio.sleep(0)


def soon(moment: datetime.datetime | None) -> bool:
    return moment is not None and moment - discord.utils.utcnow() <= datetime.timedelta(minutes=5)


async def test_an_hour_back(tmp_path: Path, shifted: type[Shifted]) -> None:
    database = Database(f"sqlite:///{tmp_path}/clock.sqlite3")
    await database.open()
    bot = commands.AutoShardedBot(command_prefix=commands.when_mentioned, intents=discord.Intents.none())
    engine = ClubEngine(bot, database, discord.utils.utcnow, shards=None, metrics=Metrics())
    engine.start()
    await until(lambda: engine.last_tick is not None)
    shifted.by = datetime.timedelta(hours=-1)
    engine.poke()
    await until(lambda: soon(engine.next_turn))
    await engine.stop()
    await database.close()
