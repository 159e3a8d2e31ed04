"""The health server, asked over a socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import health
from bot.errors import ApplecoreError
from bot.health import HealthServer
from bot.metrics import Metrics


async def well() -> list[str]:
    return []


@asynccontextmanager
async def serving(
    metrics: Metrics, faults: Callable[[], Awaitable[list[str]]] = well
) -> AsyncIterator[tuple[HealthServer, aiohttp.ClientSession]]:
    server = HealthServer(metrics, 0, faults)
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            yield server, client
    finally:
        await server.stop()


async def health_of(client: aiohttp.ClientSession) -> tuple[int, object]:
    async with client.get("/healthz") as answer:
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()


async def test_metrics_are_as_prometheus_reads_them() -> None:
    metrics = Metrics()
    metrics.post_sent(late=False)
    async with serving(metrics) as (_, client), client.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    assert families["applecore_posts_sent"].samples[0].value == 1


async def test_a_bot_without_faults_is_well() -> None:
    async with serving(Metrics()) as (_, client):
        assert await health_of(client) == (200, {"status": "ok"})


async def test_faults_are_named_and_end_when_they_end() -> None:
    faults = ["No shard is connected.", "The database cannot be written."]

    async def look() -> list[str]:
        return list(faults)

    async with serving(Metrics(), look) as (_, client):
        assert await health_of(client) == (503, {"status": "unwell", "faults": faults})
        faults.clear()
        assert await health_of(client) == (200, {"status": "ok"})


async def test_a_look_that_fails_is_a_fault_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def look() -> list[str]:
        raise RuntimeError("no such table")

    async with serving(Metrics(), look) as (_, client):
        status, said = await health_of(client)
    assert (status, said) == (
        503,
        {"status": "unwell", "faults": ["The look for faults failed; the log says how."]},
    )
    assert "no such table" in caplog.text


async def test_a_look_that_hangs_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)

    async def look() -> list[str]:
        await asyncio.Event().wait()
        return []

    async with serving(Metrics(), look) as (_, client):
        status, said = await asyncio.wait_for(health_of(client), 10)
    assert (status, said) == (
        503,
        {"status": "unwell", "faults": ["The look for faults did not end within 0.05 seconds."]},
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/metrics/"), ("GET", "/healthz/x"), ("POST", "/metrics"), ("DELETE", "/healthz")],
)
async def test_anything_else_is_not_there(method: str, path: str) -> None:
    async with serving(Metrics()) as (_, client), client.request(method, path) as answer:
        assert answer.status == 404


async def test_it_listens_on_this_machine_alone() -> None:
    async with serving(Metrics()) as (server, _):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
        await writer.wait_closed()
        # The other addresses of the loopback network are this machine as well, and are not listened on.
        with pytest.raises(OSError, match=r"127\.0\.0\.2"):
            await asyncio.open_connection("127.0.0.2", server.port)


async def test_a_busy_port_is_said_in_one_sentence() -> None:
    before = asyncio.all_tasks()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = HealthServer(Metrics(), port, well)
        with pytest.raises(ApplecoreError) as raised:
            await server.start()
    assert str(raised.value) == (
        f"metrics_port: port {port} cannot be used (Address already in use); close what uses it, or set another."
    )
    await server.stop()
    assert asyncio.all_tasks() == before


async def test_it_stops_at_once_though_somebody_still_asks() -> None:
    asked = asyncio.Event()

    async def look() -> list[str]:
        asked.set()
        await asyncio.Event().wait()
        return []

    async with serving(Metrics(), look) as (server, client):
        hanging = asyncio.create_task(client.get("/healthz"))
        await asyncio.wait_for(asked.wait(), 10)
        async with client.get("/metrics") as answer:  # whose connection stays open
            assert answer.status == 200
        began = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - began < 1.0
        with pytest.raises(aiohttp.ClientError):
            await hanging
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get("/metrics")
        await server.stop()
