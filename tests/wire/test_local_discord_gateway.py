"""The gateway half of the local Discord, with discord.py clients and with a bare socket."""

import json
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest

from tests.support.local_discord import LocalDiscord, local_discord
from tests.support.local_discord.clients import running, until

GUILDS = discord.Intents(guilds=True)
TALK = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True)


@pytest.fixture
def server() -> Iterator[LocalDiscord]:
    with local_discord() as running_server:
        yield running_server


@pytest.fixture
def guild(server: LocalDiscord) -> int:
    return server.create_guild("Readers", channels=["reading"])


@pytest.fixture
def channel(server: LocalDiscord, guild: int) -> int:
    return int(server.channels(guild)[0]["id"])


@pytest.fixture
def ada(server: LocalDiscord, guild: int) -> int:
    return server.create_member(guild, "ada")


class Impatient(discord.Client):
    """Identifies at once, where discord.py waits five seconds."""

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        pass


class Listener(Impatient):
    """Notes what it hears."""

    def __init__(self, intents: discord.Intents = TALK, **options: Any) -> None:
        super().__init__(intents=intents, guild_ready_timeout=0.05, max_messages=None, **options)
        self.heard: list[tuple[str, Any]] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.heard.append((event, args[0] if args else None))
        super().dispatch(event, *args, **kwargs)

    def said(self) -> list[str]:
        return [message.content for event, message in self.heard if event == "message"]

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.heard)


class ShardedListener(Impatient, discord.AutoShardedClient):
    def __init__(self, **options: Any) -> None:
        super().__init__(intents=TALK, guild_ready_timeout=0.05, **options)


class Socket:
    """A client that does nothing by itself."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def receive(self) -> Any:
        return json.loads(await self.socket.receive_str(timeout=10))

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def identify(self, server: LocalDiscord, **changes: Any) -> None:
        await self.send(2, {"token": server.token, "intents": GUILDS.value, "properties": {}, **changes})

    async def until(self, event: str) -> Any:
        while (message := await self.receive())["t"] != event:
            pass
        return message

    async def closed(self) -> int | None:
        while not self.socket.closed:
            await self.socket.receive(timeout=10)
        return self.socket.close_code


@asynccontextmanager
async def socket_of(server: LocalDiscord) -> AsyncIterator[Socket]:
    """Connected, with HELLO behind it."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.gateway_url) as connected:
        socket = Socket(connected)
        hello = await socket.receive()
        assert hello["op"] == 10
        yield socket


# ---- events


async def test_a_client_gets_ready_with_its_servers(server: LocalDiscord, guild: int, channel: int) -> None:
    async with running(server, Listener()) as client:
        (found,) = client.guilds
        assert (found.id, found.name, found.unavailable) == (guild, "Readers", False)
        assert [one.id for one in found.text_channels] == [channel]
        assert client.count("guild_join") == 0
        (state,) = server.sessions()
        assert (state.shard, state.connected, state.ready, state.identifies) == ((0, 1), True, True, 1)


async def test_events_arrive_in_order(server: LocalDiscord, guild: int, channel: int, ada: int) -> None:
    server.gateway(approved_intents=["message_content"])
    async with running(server, Listener(discord.Intents(TALK.value, message_content=True))) as client:
        first = server.send(channel, ada, "one")
        for number in range(50):
            server.send(channel, ada, f"{number}")
        server.react(channel, first, ada, "👍")
        server.unreact(channel, first, ada, "👍")
        server.edit(channel, first, "uno")
        server.delete(channel, first)
        new = server.create_channel(guild, "general")
        server.delete_channel(new)
        other = server.create_guild("Others")
        server.remove_bot(other)
        await until(lambda: client.count("guild_remove"))
        assert client.said() == ["one", *(f"{number}" for number in range(50))]
        wanted = {"raw_reaction_add", "raw_reaction_remove", "raw_message_edit", "raw_message_delete"}
        wanted |= {"guild_channel_create", "guild_channel_delete", "guild_join", "guild_remove"}
        assert [name for name, _ in client.heard if name in wanted] == [
            "raw_reaction_add",
            "raw_reaction_remove",
            "raw_message_edit",
            "raw_message_delete",
            "guild_channel_create",
            "guild_channel_delete",
            "guild_join",
            "guild_remove",
        ]


async def test_a_client_hears_only_what_its_intents_ask_for(server: LocalDiscord, channel: int, ada: int) -> None:
    async with running(server, Listener(GUILDS)) as deaf, running(server, Listener()) as client:
        server.send(channel, ada, "hello")
        await until(lambda: client.count("message"))
        server.create_channel(client.guilds[0].id, "general")
        await until(lambda: deaf.count("guild_channel_create"))
        assert deaf.count("message") == 0


async def test_content_is_blank_without_the_intent_and_there_with_it(
    server: LocalDiscord, channel: int, ada: int
) -> None:
    server.gateway(approved_intents=["message_content"])
    whole = Listener(discord.Intents(TALK.value, message_content=True))
    async with running(server, Listener()) as blank, running(server, whole):
        server.send(channel, ada, "secret")
        await until(lambda: blank.said() and whole.said())
        assert (blank.said(), whole.said()) == ([""], ["secret"])


async def test_members_are_asked_for_over_the_gateway(server: LocalDiscord, guild: int, ada: int) -> None:
    async with running(server, Listener()) as client:
        found = await client.guilds[0].query_members(user_ids=[ada])
        assert [member.name for member in found] == ["ada"]


# ---- several clients


async def test_every_client_whose_shard_covers_the_server_hears_of_it(server: LocalDiscord) -> None:
    pairs = server.create_guilds(6)
    async with (
        running(server, ShardedListener(shard_count=2, shard_ids=[0])) as zero,
        running(server, ShardedListener(shard_count=2, shard_ids=[1])) as one,
        running(server, ShardedListener(shard_count=2)) as both,
    ):
        ids = {guild for guild, _ in pairs}
        assert {guild.id for guild in both.guilds} == ids
        assert {guild.id for guild in zero.guilds} | {guild.id for guild in one.guilds} == ids
        assert [len(zero.guilds), len(one.guilds)] == [3, 3]
        assert sorted(state.shard for state in server.sessions()) == [(0, 2), (0, 2), (1, 2), (1, 2)]
        server.wait_ready(4)
        new = {server.create_guild("New") for _ in range(4)}
        while {(guild >> 22) % 2 for guild in new} != {0, 1}:
            new.add(server.create_guild("New"))
        await until(lambda: len(zero.guilds) + len(one.guilds) >= 6 + len(new) and len(both.guilds) == 6 + len(new))
        assert {(guild.id >> 22) % 2 for guild in zero.guilds} == {0}
        assert {(guild.id >> 22) % 2 for guild in one.guilds} == {1}


async def test_gateway_bot_recommends_what_the_test_says(server: LocalDiscord) -> None:
    server.gateway(shards=2, max_concurrency=16)
    async with running(server, ShardedListener()) as client:
        assert client.shard_count == 2
        assert server.gateway_counts()["identifies"] == 2


# ---- connections that end


async def test_a_cut_client_resumes_and_hears_what_it_missed(server: LocalDiscord, channel: int, ada: int) -> None:
    server.gateway(approved_intents=["message_content"])
    async with running(server, Listener(discord.Intents(TALK.value, message_content=True))) as client:
        (before,) = server.sessions()
        server.gateway(down=True, approved_intents=["message_content"])
        await until(lambda: client.count("disconnect"))
        server.send(channel, ada, "missed")
        server.gateway(approved_intents=["message_content"])
        await until(lambda: client.count("resumed"))
        server.send(channel, ada, "heard")
        await until(lambda: len(client.said()) == 2)
        assert client.said() == ["missed", "heard"]
        (after,) = server.sessions()
        assert (after.id, after.identifies, after.resumes) == (before.id, 1, 1)


@pytest.mark.parametrize("code", [None, 4000, 1001])
async def test_a_connection_can_be_ended_either_way(server: LocalDiscord, guild: int, code: int | None) -> None:
    async with running(server, Listener()) as client:
        assert server.cut(code) == 1
        await until(lambda: client.count("resumed"))
        assert server.gateway_counts()["identifies"] == 1


async def test_one_shard_can_be_cut_alone(server: LocalDiscord) -> None:
    async with running(server, ShardedListener(shard_count=2)):
        assert server.cut(shard=1) == 1
        await until(lambda: sorted((one.shard[0], one.resumes) for one in server.sessions()) == [(0, 0), (1, 1)])


async def test_a_refused_resume_makes_a_new_session(server: LocalDiscord, guild: int) -> None:
    async with running(server, Listener()) as client:
        (before,) = server.sessions()
        server.gateway(refuse_resume=True)
        server.cut()
        await until(lambda: client.count("ready") == 2)
        assert server.gateway_counts()["refused_resumes"] == 1
        assert before.id not in {state.id for state in server.sessions() if state.connected}
        assert server.gateway_counts()["identifies"] == 2


async def test_a_request_to_reconnect_is_followed_by_a_resume(server: LocalDiscord, guild: int) -> None:
    async with running(server, Listener()) as client:
        server.request_reconnect()
        await until(lambda: client.count("resumed"))
        assert server.gateway_counts()["connects"] == 2


async def test_an_invalid_session_is_resumed_or_begun_anew_as_it_says(server: LocalDiscord, guild: int) -> None:
    async with running(server, Listener()) as client:
        server.invalidate_session(resumable=True)
        await until(lambda: client.count("resumed"))
        server.invalidate_session(resumable=False)
        await until(lambda: client.count("ready") == 2)
        assert server.gateway_counts()["identifies"] == 2


async def test_the_address_to_resume_at_is_the_one_that_the_test_gave(server: LocalDiscord, guild: int) -> None:
    server.gateway(resume_url="ws://127.0.0.1:1/nowhere")
    async with socket_of(server) as socket:
        await socket.identify(server)
        ready = await socket.until("READY")
        assert ready["d"]["resume_gateway_url"] == "ws://127.0.0.1:1/nowhere"


@pytest.mark.parametrize(("code", "left"), [(1000, 0), (1001, 0), (4000, 1)])
async def test_a_client_that_closes_for_good_leaves_no_session(server: LocalDiscord, code: int, left: int) -> None:
    async with socket_of(server) as socket:
        await socket.identify(server)
        await socket.until("READY")
        await socket.socket.close(code=code)
    await until(lambda: [one.connected for one in server.sessions()] == [False] * left)


async def test_a_session_that_missed_too_much_is_refused(server: LocalDiscord, channel: int, ada: int) -> None:
    async with socket_of(server) as socket:
        await socket.identify(server, intents=TALK.value)
        session = (await socket.until("READY"))["d"]["session_id"]
        server.cut()
    for number in range(600):  # each makes two events
        server.react(channel, server.send(channel, ada, f"{number}"), ada, "👍")
    async with socket_of(server) as socket:
        await socket.send(6, {"token": server.token, "session_id": session, "seq": 1})
        assert await socket.receive() == {"op": 9, "d": False, "s": None, "t": None}


# ---- close codes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"shard": [2, 2]}, 4010),
        ({"shard": [0]}, 4010),
        ({"intents": 1 << 40}, 4013),
        ({"intents": discord.Intents(message_content=True).value}, 4014),
        ({"intents": discord.Intents(members=True).value}, 4014),
    ],
)
async def test_what_may_not_identify_is_closed_with_its_code(
    server: LocalDiscord, changes: dict[str, Any], code: int
) -> None:
    async with socket_of(server) as socket:
        await socket.identify(server, **changes)
        assert await socket.closed() == code


async def test_discord_py_tells_a_missing_intent(server: LocalDiscord) -> None:
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(server, Listener(discord.Intents(guilds=True, message_content=True))):
            pass


async def test_out_of_turn_messages_are_closed_with_their_codes(server: LocalDiscord) -> None:
    async with socket_of(server) as socket:
        await socket.socket.send_str("no JSON")
        assert await socket.closed() == 4002
    async with socket_of(server) as socket:
        await socket.send(8, {})
        assert await socket.closed() == 4003
    async with socket_of(server) as socket:
        await socket.identify(server)
        await socket.identify(server)
        assert await socket.closed() == 4005
    async with socket_of(server) as socket:
        await socket.identify(server)
        await socket.send(99, {})
        assert await socket.closed() == 4001


# ---- frames


async def test_heartbeats_are_acknowledged_at_the_interval_of_hello(server: LocalDiscord) -> None:
    server.gateway(heartbeat=0.05)
    async with running(server, Listener()):
        await until(lambda: server.gateway_counts().get("heartbeats", 0) >= 3)


async def test_zlib_stream_is_one_stream_of_flushed_frames(server: LocalDiscord, guild: int) -> None:
    url = f"{server.gateway_url}?compress=zlib-stream"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        stream = zlib.decompressobj()
        await socket.send_str(json.dumps({"op": 2, "d": {"token": server.token, "intents": GUILDS.value}}))
        events = []
        while "GUILD_CREATE" not in events:
            frame = await socket.receive_bytes(timeout=10)
            assert frame.endswith(b"\x00\x00\xff\xff")
            events.append(json.loads(stream.decompress(frame))["t"])
        assert events == [None, "READY", "GUILD_CREATE"]


async def test_sequence_numbers_count_each_session_for_itself(server: LocalDiscord, guild: int) -> None:
    async with socket_of(server) as first, socket_of(server) as second:
        await first.identify(server)
        assert (await first.until("GUILD_CREATE"))["s"] == 2
        server.create_channel(guild, "general")
        await second.identify(server)
        assert (await second.until("GUILD_CREATE"))["s"] == 2
        server.create_channel(guild, "more")
        sequences = [(await first.until("CHANNEL_CREATE"))["s"] for _ in range(2)]
        assert sequences == [3, 4]
        assert (await second.until("CHANNEL_CREATE"))["s"] == 3


async def test_an_archived_thread_is_not_in_the_greeting(server: LocalDiscord, guild: int) -> None:
    async with running(server, Listener()) as client:
        parent = client.guilds[0].text_channels[0]
        kept = await parent.create_thread(name="kept", type=discord.ChannelType.public_thread)
        gone = await parent.create_thread(name="gone", type=discord.ChannelType.public_thread)
    server.archive_thread(gone.id)
    async with running(server, Listener()) as client:
        assert [thread.id for thread in client.guilds[0].threads] == [kept.id]


async def test_two_servers_need_not_share_a_process(server: LocalDiscord, guild: int) -> None:
    with local_discord() as other:
        async with running(server, Listener()) as client:
            assert len(client.guilds) == 1
        async with running(other, Listener()) as client:
            assert len(client.guilds) == 0
