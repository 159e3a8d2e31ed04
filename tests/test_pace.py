"""Requests go out evenly, never faster than they may."""

import asyncio
import math

import pytest

from bot.pace import BURST, Pace


async def times(pace: Pace, count: int) -> list[float]:
    """When so many turns were given that were asked for at once."""
    loop = asyncio.get_running_loop()
    given: list[float] = []

    async def take() -> None:
        await pace.turn()
        given.append(loop.time())

    await asyncio.gather(*(take() for _ in range(count)))
    return given


def most_in_a_second(given: list[float]) -> int:
    return max(sum(1 for other in given if began <= other < began + 1) for began in given)


async def test_turns_are_spaced() -> None:
    given = await times(Pace(200), 41)
    assert given[-1] - given[0] >= (40 - BURST) / 200 - 0.001, "40 gaps at 200 a second, less what may catch up"


async def test_no_second_has_more_than_it_may() -> None:
    given = await times(Pace(20), 46)
    assert most_in_a_second(given) == 20


async def test_an_idle_pace_saves_nothing_up() -> None:
    pace = Pace(50)
    given = await times(pace, 3)
    await asyncio.sleep(0.1)  # the time in which five more could have gone
    given = await times(pace, 8)
    assert given[-1] - given[0] >= (7 - BURST) / 50 - 0.001


async def test_a_process_that_could_not_run_does_not_make_up_for_it_in_a_burst() -> None:
    loop, pace = asyncio.get_running_loop(), Pace(100)
    taking = asyncio.create_task(times(pace, 40))
    await asyncio.sleep(0)
    until = loop.time() + 0.3
    while loop.time() < until:  # busy with something else: no turn can be given meanwhile
        pass
    given = await taking
    later = [moment for moment in given if moment > until]
    assert later[-1] - later[0] >= (len(later) - 2 - BURST) / 100 - 0.001


async def test_held_turns_wait_and_a_shorter_hold_does_not_end_a_longer_one() -> None:
    loop, pace = asyncio.get_running_loop(), Pace(math.inf)
    began = loop.time()
    pace.hold(0.2)
    pace.hold(0.05)
    assert (await times(pace, 3))[0] - began >= 0.2


@pytest.mark.parametrize("slowed", [0.5, 0.1])
async def test_slowed_down(slowed: float) -> None:
    pace = Pace(100)
    pace.slowed = slowed
    given = await times(pace, 11)
    assert given[-1] - given[0] >= (10 - BURST) / (100 * slowed) - 0.001


async def test_who_stops_waiting_does_not_hold_up_the_others() -> None:
    pace = Pace(20)
    await times(pace, 3)
    waiting = [asyncio.create_task(pace.turn()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    async with asyncio.timeout(2):
        await asyncio.gather(*waiting[1:])
