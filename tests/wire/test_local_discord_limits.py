"""Rate limits of the local Discord, and its record of the requests."""

import asyncio
import time

import aiohttp
import discord
import pytest

from tests.support.local_discord import LocalDiscord
from tests.support.local_discord.clients import pointed_at, post

MESSAGES = "/channels/*/messages"


# ---- limits


async def test_a_limit_of_a_route_names_itself_in_the_headers_and_counts_per_channel(
    server: LocalDiscord, channel_id: int
) -> None:
    server.limits(routes={("POST", MESSAGES): (2, 600.0)})
    _, headers, _ = await post(server, channel_id, content="one")
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("2", "1")
    assert 0 < float(headers["X-RateLimit-Reset-After"]) <= 600
    assert abs(float(headers["X-RateLimit-Reset"]) - time.time() - 600) < 60
    await post(server, channel_id, content="two")
    status, headers, data = await post(server, channel_id, content="three")
    assert isinstance(data, dict)
    assert (status, headers["X-RateLimit-Scope"], headers["Via"], data["global"]) == (429, "user", "1.1 google", False)
    assert 540 <= data["retry_after"] <= int(headers["Retry-After"]) <= 600
    other = server.create_channel(server.create_guild("Others"), "reading")
    status, _, _ = await post(server, other, content="three")
    assert status == 200


async def test_discord_py_obeys_the_limit_of_a_route(server: LocalDiscord, channel: discord.TextChannel) -> None:
    server.limits(routes={("POST", MESSAGES): (2, 0.5)})
    began = time.monotonic()
    for number in range(5):
        await channel.send(f"{number}")
    assert time.monotonic() - began >= 1.0
    assert "429" not in server.statuses()


async def test_the_global_limit_answers_429_and_says_that_it_is_global(server: LocalDiscord, channel_id: int) -> None:
    server.limits(global_per_second=2)
    answers = await asyncio.gather(*(post(server, channel_id, content=f"{number}") for number in range(20)))
    (_, headers, data), *_ = [one for one in answers if one[0] == 429]
    assert isinstance(data, dict)
    assert headers["X-RateLimit-Global"] == "true"
    assert headers["X-RateLimit-Scope"] == "global"
    assert data["global"] is True
    assert 0 < data["retry_after"] <= 1
    server.limits(global_per_second=None)
    statuses = [one[0] for one in await asyncio.gather(*(post(server, channel_id, content="x") for _ in range(60)))]
    assert statuses == [200] * 60


async def test_discord_py_waits_for_a_global_429(server: LocalDiscord, channel: discord.TextChannel) -> None:
    server.fault("POST", MESSAGES, rate_limit=0.3, scope="global")
    began = time.monotonic()
    await channel.send("day 1")
    assert time.monotonic() - began >= 0.3
    assert len(server.messages(channel.id)) == 1


async def test_interaction_endpoints_are_exempt_from_the_global_limit(server: LocalDiscord) -> None:
    server.limits(global_per_second=1)
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.post(f"{server.api_url}/interactions/1/token/callback", json={"type": 5}) as answer:
                assert answer.status == 404
    assert server.peak_per_second() == 0


async def test_too_many_invalid_requests_are_cloudflares_429_without_via(server: LocalDiscord) -> None:
    server.limits(invalid_per_ten_minutes=3)
    async with aiohttp.ClientSession() as session:
        for expected in (401, 401, 401, 429):
            async with session.get(f"{server.api_url}/users/@me") as answer:
                assert answer.status == expected
        assert "Via" not in answer.headers
        assert answer.content_type == "text/html"
    with pointed_at(server):
        async with discord.Client(intents=discord.Intents.none()) as client:
            with pytest.raises(discord.HTTPException) as refused:
                await client.login(server.token)
    assert refused.value.status == 429


async def test_a_shared_429_does_not_count_as_invalid(server: LocalDiscord, channel_id: int) -> None:
    server.limits(invalid_per_ten_minutes=1)
    server.fault("POST", MESSAGES, rate_limit=0.1, scope="shared")
    assert (await post(server, channel_id, content="x"))[0] == 429
    assert (await post(server, channel_id, content="x"))[0] == 200


# ---- the record


async def test_requests_are_recorded_with_number_time_body_and_status(server: LocalDiscord, channel_id: int) -> None:
    began = time.monotonic()
    await post(server, channel_id, content="one")
    number = server.request_number()
    await asyncio.gather(*(post(server, channel_id, content="more") for _ in range(9)))
    first, *rest = server.requests()
    assert (first.number, first.method, first.path, first.status) == (
        number,
        "POST",
        f"/channels/{channel_id}/messages",
        200,
    )
    assert first.body == {"content": "one"}
    assert began <= first.at <= time.monotonic()
    assert server.requests(since=number) == rest
    assert 2 <= server.peak_per_second() <= 10
    server.forget_requests()
    assert (server.requests(), server.peak_per_second(), server.statuses()) == ([], 0, {})


async def test_the_peak_is_of_one_second_and_not_of_the_whole_run(server: LocalDiscord, channel_id: int) -> None:
    for _ in range(3):
        await post(server, channel_id, content="one a second")
        await asyncio.sleep(1.01)
    assert server.peak_per_second() == 1
