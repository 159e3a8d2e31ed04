"""Requests go out evenly, never faster than they may."""

import asyncio

from bot.pace import Pace


async def test_turns_are_spaced() -> None:
    pace = Pace(200)
    times: list[float] = []

    async def take() -> None:
        await pace.turn()
        times.append(asyncio.get_running_loop().time())

    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(take() for _ in range(21)))
    assert len(times) == 21
    assert max(times) - began >= 20 / 200 - 0.001, "20 gaps at 200 a second"


async def test_an_idle_pace_saves_nothing_up() -> None:
    pace = Pace(50)
    for _ in range(3):
        await pace.turn()
    await asyncio.sleep(0.1)  # the time in which five more could have gone
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        await pace.turn()
    assert asyncio.get_running_loop().time() - began >= 2 / 50 - 0.001
