"""What a client's requests and their answers tell, over a real aiohttp session and a real server."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.metrics import Metrics
from bot.pace import Pace
from bot.wire import CRAWL_AT, INVALID_WINDOW, SLOW_FROM, Wire, slowed
from tests.test_metrics import series

DISCORDS = 10_000
"""Invalid requests in ten minutes after which Discord shuts an address out (topics/rate-limits.mdx)."""

UNLIMITED = 1e6
"""Requests a second that no test comes near."""

CALLBACK = "/interactions/{}/token/callback"

GLOBAL = {"X-RateLimit-Global": "true", "Retry-After": "1", "X-RateLimit-Scope": "global"}


class Line:
    """A session whose requests a Wire watches; each is answered as its query says."""

    def __init__(self, session: aiohttp.ClientSession, url: str, wire: Wire, metrics: Metrics) -> None:
        self.session = session
        self.url = url
        self.wire = wire
        self.metrics = metrics
        self.now = 0.0

    async def ask(self, status: int, path: str = "/channels/1/messages", **headers: str) -> None:
        query = {"status": str(status), **headers}
        async with self.session.post(self.url + path, params=query) as answer:
            assert answer.status == status

    async def ask_often(self, count: int, status: int, path: str = "/channels/1/messages", **headers: str) -> None:
        for _ in range(0, count, 50):
            await asyncio.gather(*(self.ask(status, path, **headers) for _ in range(50)))

    def shown(self, name: str) -> float:
        return series(self.metrics)[name]


async def answer(request: web.Request) -> web.Response:
    headers = {name: value for name, value in request.query.items() if name != "status"}
    return web.Response(status=int(request.query["status"]), headers=headers)


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr("bot.wire.CALM", 0.0)  # what is well is over at once
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    metrics = Metrics()
    wire = Wire(Pace(UNLIMITED), metrics, monotonic=lambda: found.now)
    try:
        async with aiohttp.ClientSession(trace_configs=[wire.trace]) as session:
            found = Line(session, f"http://127.0.0.1:{runner.addresses[0][1]}", wire, metrics)
            yield found
    finally:
        await runner.cleanup()


# ---- invalid requests


async def test_refusals_slow_the_bot_down_and_are_said_once(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot.wire")
    await line.ask_often(SLOW_FROM, 403)
    await line.ask(200)
    assert (line.wire.pace.slowed, caplog.messages) == (1.0, [])
    await line.ask_often(400, 401)
    await line.ask(200)
    assert line.wire.pace.slowed == pytest.approx(1 - 400 / (CRAWL_AT - SLOW_FROM))
    (said,) = caplog.messages
    assert said.startswith("Discord refused 5")
    assert "`applecore doctor` says what is wrong" in said


async def test_after_ten_quiet_minutes_it_is_as_fast_as_before(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot.wire")
    await line.ask_often(SLOW_FROM + 100, 403)
    line.now += INVALID_WINDOW - 1
    await line.ask(200)
    assert line.wire.pace.slowed < 1
    line.now += 1
    await line.ask(200)
    assert line.wire.pace.slowed == 1
    assert caplog.messages[1:] == ["Discord refuses fewer requests by now: going at the usual speed again"]


async def test_the_metric_falls_while_nothing_is_asked(line: Line) -> None:
    await line.ask_often(50, 403)
    line.now += 60
    await line.ask_often(50, 429)
    assert line.shown("applecore_invalid_requests") == 100
    line.now += INVALID_WINDOW - 60
    assert line.shown("applecore_invalid_requests") == 50
    line.now += 60
    assert line.shown("applecore_invalid_requests") == 0


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500, 503])
async def test_other_answers_do_not_count(line: Line, status: int) -> None:
    await line.ask(status)
    assert line.wire.invalid == 0


@pytest.mark.parametrize(("scope", "counted"), [("shared", 0), ("user", 1), ("global", 1)])
async def test_a_shared_limit_does_not_count_since_others_used_it_up(line: Line, scope: str, counted: int) -> None:
    await line.ask(429, **{"X-RateLimit-Scope": scope})
    assert line.wire.invalid == counted
    assert line.shown("applecore_http_refusals_total{status=429}") == 1


async def test_refused_interactions_count_but_do_not_wait(line: Line) -> None:
    line.wire.pace.hold(3600)
    async with asyncio.timeout(10):
        await line.ask(429, CALLBACK.format(7))
        await line.ask(403, "/webhooks/7/token/messages/@original")
    assert line.wire.invalid == 2


async def test_a_request_that_is_no_interaction_waits_for_its_turn(line: Line) -> None:
    line.wire.pace.hold(3600)
    asking = asyncio.create_task(line.ask(200))
    await line.ask(200, CALLBACK.format(7))  # asked later, answered already
    assert not asking.done()
    asking.cancel()


@pytest.mark.parametrize("per_second", [1, 10, 45, 50])
def test_where_all_is_refused_discord_s_limit_stays_out_of_reach(per_second: int) -> None:
    """Two hours at the highest speed that is allowed, second by second: no ten minutes of them come near."""
    recent: deque[tuple[float, float]] = deque()
    count = 0.0
    for second in range(2 * 3600):
        while recent and recent[0][0] <= second - INVALID_WINDOW:
            count -= recent.popleft()[1]
        sent = per_second * slowed(math.floor(count), per_second)
        recent.append((second, sent))
        count += sent
        assert count < DISCORDS * 0.6


@given(
    burst=st.integers(0, CRAWL_AT),
    mix=st.lists(st.floats(0, 1), min_size=1, max_size=60),
    per_second=st.integers(1, 50),
)
def test_whatever_part_is_refused_discord_s_limit_stays_out_of_reach(
    burst: int, mix: list[float], per_second: int
) -> None:
    """``burst`` are refused interactions, which nobody can hold back; ``mix`` is which part is refused, per 20 s."""
    recent: deque[tuple[float, float]] = deque([(0, float(burst))])
    count = float(burst)
    for second in range(1200):
        while recent and recent[0][0] <= second - INVALID_WINDOW:
            count -= recent.popleft()[1]
        refused = per_second * slowed(math.floor(count), per_second) * mix[second // 20 % len(mix)]
        recent.append((second, refused))
        count += refused
        assert count < DISCORDS


@given(st.integers(0, 20_000), st.integers(1, 50))
def test_it_never_stops_and_never_goes_faster_than_it_may(invalid: int, per_second: int) -> None:
    part = slowed(invalid, per_second)
    assert 0 < part <= 1
    assert slowed(invalid + 1, per_second) <= part
    assert part == 1 or invalid > SLOW_FROM * per_second / 50


@pytest.mark.parametrize("processes", [2, 3, 5, 10])
def test_several_processes_that_divide_the_requests_stay_below_it_together(processes: int) -> None:
    """Discord counts them all, since they come from one address."""
    per_second = 50 // processes
    recent: deque[float] = deque(maxlen=int(INVALID_WINDOW))
    for _ in range(3600):
        recent.append(per_second * slowed(math.floor(sum(recent)), per_second))
        assert sum(recent) * processes < DISCORDS * 0.6


# ---- interactions


async def test_an_interaction_waits_from_its_event_to_the_callback_s_answer(line: Line) -> None:
    line.wire.interaction_came(7)
    line.now += 2.5
    await line.ask(204, CALLBACK.format(7))
    assert line.shown("applecore_interaction_seconds_sum") == 2.5
    assert line.shown("applecore_slow_interactions_total") == 1
    line.now += 10
    await line.ask(
        204, "/webhooks/1/token/messages/@original"
    )  # what follows the first answer takes as long as it likes
    await line.ask(204, CALLBACK.format(7))
    assert line.shown("applecore_interaction_seconds_count") == 1


async def test_interactions_that_are_never_answered_are_forgotten(line: Line) -> None:
    for number in range(1500):
        line.wire.interaction_came(number)
    await line.ask(204, CALLBACK.format(3))
    assert line.shown("applecore_interaction_seconds_count") == 0
    await line.ask(204, CALLBACK.format(1499))
    assert line.shown("applecore_interaction_seconds_count") == 1
    assert len(line.wire._interactions) <= 1001


# ---- global limits


async def test_a_global_limit_holds_everything_for_as_long_as_discord_says(line: Line) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await line.ask(429, **GLOBAL)
    await line.ask(200)
    assert loop.time() - began >= 1
    assert line.wire.invalid == 1


async def test_a_global_limit_is_over_when_its_time_is_and_not_when_an_interaction_was_answered(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.outage")
    await line.ask(429, **GLOBAL)
    await line.ask(204, CALLBACK.format(7))
    assert caplog.messages == ["Discord asked the whole bot to slow down (for 1 s); nothing is lost, it comes later"]
    await line.ask(200)
    assert len(caplog.messages) == 2
    assert caplog.messages[1].startswith("Discord takes requests again after 1.")
