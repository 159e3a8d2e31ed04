"""The REST half of the local Discord, asked by discord.py and by plain aiohttp."""

import asyncio
import io
import time

import aiohttp
import discord
import pytest

from tests.support import openapi
from tests.support.local_discord import DiscordProblems, LocalDiscord, local_discord
from tests.support.local_discord.clients import pointed_at, post

MESSAGES = "/channels/*/messages"


# ---- what works


async def test_a_client_logs_in_and_synchronises_its_commands(server: LocalDiscord, client: discord.Client) -> None:
    tree = discord.app_commands.CommandTree(client)
    tree.add_command(discord.app_commands.Group(name="club", description="The club"))
    await tree.sync()
    assert client.user is not None
    assert client.user.name == "Applecore"
    assert (await client.application_info()).id == client.user.id
    assert server.commands() == ["club"]


async def test_a_message_with_a_file_goes_through(server: LocalDiscord, channel: discord.TextChannel) -> None:
    await channel.send("a picture", file=discord.File(io.BytesIO(b"PNG"), "day.png", description="The day"))
    (message,) = server.messages(channel.id)
    assert message["content"] == "a picture"
    assert [(one["filename"], one["size"], one["description"]) for one in message["attachments"]] == [
        ("day.png", 3, "The day")
    ]


async def test_reactions_with_their_percent_encoded_emoji_go_through(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    message = await channel.send("so?")
    await message.add_reaction("👍")
    ((reaction,),) = [one["reactions"] for one in server.messages(channel.id)]
    assert reaction["emoji"]["name"] == "👍"


async def test_what_members_do_shows_in_the_channel(server: LocalDiscord, channel: discord.TextChannel) -> None:
    ada = server.create_member(channel.guild.id, "ada")
    first = server.send(channel.id, ada, "one")
    second = server.send(channel.id, ada, "two", reply_to=first)
    third = server.send(channel.id, ada, "three")
    server.edit(channel.id, first, "uno")
    server.delete(channel.id, third)
    server.gateway(approved_intents=["message_content"])
    seen = [message async for message in channel.history(oldest_first=True)]
    assert [message.content for message in seen] == ["uno", "two"]
    assert seen[1].reference is not None
    assert seen[1].reference.message_id == first
    server.bulk_delete(channel.id, [first, second])
    assert server.messages(channel.id) == []


async def test_what_members_write_is_blank_for_an_application_without_message_content(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    server.send(channel.id, server.create_member(channel.guild.id, "ada"), "secret")
    assert [message.content async for message in channel.history()] == [""]


async def test_a_member_writes_only_where_he_may(server: LocalDiscord, channel: discord.TextChannel) -> None:
    elsewhere = server.create_member(server.create_guild("Others"), "eve")
    with pytest.raises(RuntimeError, match="Missing Access"):
        server.send(channel.id, elsewhere, "hello")


async def test_threads_are_made_once_renamed_archived_and_deleted(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    message = await channel.send("day 1")
    thread = await message.create_thread(name="Day 1")
    with pytest.raises(discord.HTTPException) as refused:
        await message.create_thread(name="Day 1")
    assert refused.value.code == 160004
    server.rename_thread(thread.id, "Day one")
    server.archive_thread(thread.id)
    (listed,) = server.threads(channel.id)
    assert (listed["name"], listed["thread_metadata"]["archived"]) == ("Day one", True)
    server.delete_thread(thread.id)
    assert server.threads(channel.guild.id) == []


async def test_a_denied_permission_is_403_until_it_is_given_back(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    server.deny(channel.id, send_messages=False)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("hello")
    assert refused.value.code == 50013
    server.deny(channel.id, send_messages=True)
    await channel.send("hello")


# ---- refusals


async def test_a_wrong_token_is_401(server: LocalDiscord) -> None:
    with pointed_at(server):
        async with discord.Client(intents=discord.Intents.none()) as client:
            with pytest.raises(discord.LoginFailure):
                await client.login("wrong")
    assert server.statuses() == {"401": 1}


async def test_an_unknown_channel_is_discords_404(server: LocalDiscord, client: discord.Client) -> None:
    with pytest.raises(discord.NotFound) as missing:
        await client.fetch_channel(5)
    assert missing.value.code == 10003


def test_a_route_that_is_not_modelled_fails_the_test_that_asked() -> None:
    async def ask(server: LocalDiscord) -> None:
        with pointed_at(server):
            async with discord.Client(intents=discord.Intents.none()) as client:
                await client.login(server.token)
                with pytest.raises(discord.HTTPException, match="voice/regions"):
                    await client.http.request(discord.http.Route("GET", "/voice/regions"))

    with (
        pytest.raises(DiscordProblems, match=r"GET /voice/regions: simcord does not implement"),
        local_discord() as one,
    ):
        asyncio.run(ask(one))


async def test_a_field_that_is_not_modelled_is_loud_unless_acknowledged(server: LocalDiscord, channel_id: int) -> None:
    status, _, _ = await post(server, channel_id, content="hello", shared_client_theme=None)
    assert status == 501
    (problem,) = server.acknowledge()
    assert "shared_client_theme" in problem
    assert server.acknowledge() == []


@pytest.mark.skipif(openapi.load() is None, reason="Discord's OpenAPI document does not lie beside the repository")
def test_a_body_that_discord_would_not_take_fails_the_test_that_sent_it() -> None:
    def send_too_long_a_title() -> None:
        with local_discord() as server:
            channel = server.create_channel(server.create_guild("Readers"), "reading")
            asyncio.run(post(server, channel, embeds=[{"title": "x" * 300}]))

    with pytest.raises(DiscordProblems, match=r"messages: embeds.0.title: .* is longer"):
        send_too_long_a_title()


def test_what_a_failing_test_did_wrong_is_told_with_its_own_error() -> None:
    def fail() -> None:
        with local_discord() as server:
            channel = server.create_channel(server.create_guild("Readers"), "reading")
            asyncio.run(post(server, channel, content="x", surprise=1))
            raise KeyError("the test's own")

    with pytest.raises(KeyError) as error:
        fail()
    assert "surprise" in error.value.__notes__[0]


# ---- nonces


async def test_the_same_enforced_nonce_answers_the_first_message(server: LocalDiscord, channel_id: int) -> None:
    _, _, first = await post(server, channel_id, content="day 1", nonce="n", enforce_nonce=True)
    _, _, again = await post(server, channel_id, content="day 1", nonce="n", enforce_nonce=True)
    assert isinstance(first, dict)
    assert isinstance(again, dict)
    assert first["id"] == again["id"]
    assert len(server.messages(channel_id)) == 1


async def test_a_nonce_whose_message_was_deleted_is_404(server: LocalDiscord, channel_id: int) -> None:
    await post(server, channel_id, content="day 1", nonce="n", enforce_nonce=True)
    server.delete(channel_id, int(server.messages(channel_id)[0]["id"]))
    status, _, data = await post(server, channel_id, content="day 1", nonce="n", enforce_nonce=True)
    assert isinstance(data, dict)
    assert (status, data["code"]) == (404, 10008)


async def test_a_nonce_is_forgotten_after_its_window(server: LocalDiscord, channel_id: int) -> None:
    server.nonce_window(0)
    for _ in range(2):
        await post(server, channel_id, content="day 1", nonce="n", enforce_nonce=True)
    assert len(server.messages(channel_id)) == 2


# ---- faults


async def test_a_lost_answer_leaves_the_message_and_a_broken_connection(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    fault = server.fault("POST", MESSAGES, lose_answer=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await channel.send("day 1")
    assert [message["content"] for message in server.messages(channel.id)] == ["day 1"]
    assert server.struck(fault) == 1
    await channel.send("day 2")


async def test_a_lost_answer_can_be_a_gateway_timeout_and_discord_py_repeats_it_safely(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    server.fault("POST", MESSAGES, lose_answer=True, status=504)
    await channel.send("day 1")
    assert len(server.messages(channel.id)) == 1
    assert server.statuses()["504"] == 1


async def test_a_cut_connection_has_no_effect(server: LocalDiscord, channel: discord.TextChannel) -> None:
    server.fault("POST", MESSAGES, cut=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await channel.send("day 1")
    assert server.messages(channel.id) == []
    assert server.requests()[-1].status is None


async def test_a_refusal_carries_its_code_and_strikes_as_often_as_it_was_told(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    server.fault("POST", MESSAGES, status=403, code=50001, message="Missing Access", skip=1, times=2)
    await channel.send("passes")
    for _ in range(2):
        with pytest.raises(discord.Forbidden, match="Missing Access") as refused:
            await channel.send("refused")
        assert refused.value.code == 50001
    await channel.send("passes again")
    assert [message["content"] for message in server.messages(channel.id)] == ["passes", "passes again"]


async def test_faults_can_be_cleared(server: LocalDiscord, channel: discord.TextChannel) -> None:
    server.fault("*", "*", status=404, times=None)
    server.clear_faults()
    await channel.send("hello")


async def test_a_held_request_takes_effect_when_it_is_released(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    server.fault("POST", MESSAGES, hold=True)
    sending = asyncio.create_task(channel.send("day 1"))
    await asyncio.to_thread(server.wait_held)
    assert server.messages(channel.id) == []
    assert not sending.done()
    server.release()
    await sending
    assert len(server.messages(channel.id)) == 1


async def test_a_request_that_hangs_is_cut_when_the_faults_are_cleared(
    server: LocalDiscord, channel: discord.TextChannel
) -> None:
    fault = server.fault("POST", MESSAGES, hang=True)
    sending = asyncio.create_task(channel.send("day 1"))
    await asyncio.to_thread(server.wait_struck, fault)
    server.clear_faults()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sending
    assert server.messages(channel.id) == []


async def test_a_late_answer_comes_after_the_effect(server: LocalDiscord, channel: discord.TextChannel) -> None:
    server.fault("POST", MESSAGES, delay=0.2)
    began = time.monotonic()
    await channel.send("one is late")
    assert time.monotonic() - began >= 0.2
    server.delay(0.1)
    began = time.monotonic()
    await asyncio.gather(*(channel.guild.fetch_roles() for _ in range(5)))
    assert time.monotonic() - began >= 0.1
