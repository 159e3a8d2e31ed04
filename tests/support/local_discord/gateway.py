"""The gateway: sockets, sessions that outlive them, and the events that simcord's model emits.

Not modelled: identify concurrency, heartbeat timeouts, presence, voice.
"""

import asyncio
import copy
import json
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import discord
from aiohttp import WSMessage, WSMsgType, web
from simcord import intents as rules
from simcord.backend import serializers

from tests.support.local_discord.members import member_chunks
from tests.support.local_discord.sockets import Connection
from tests.support.local_discord.world import World

BUFFER = 1000
"""Events that a session keeps for a resume; who missed more has to identify again."""
RESUMABLE_SECONDS = 180.0
ALL_INTENTS = discord.Intents.all().value
_MESSAGES = ("MESSAGE_CREATE", "MESSAGE_UPDATE")
_GUILDS = ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")


@dataclass
class Session:
    """What Discord remembers of one shard of one client."""

    shard: tuple[int, int]
    intents: discord.Intents
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=BUFFER))
    connection: Connection | None = None
    ready: bool = False
    resumes: int = 0
    left_at: float = 0.0

    def covers(self, shard_of: int | None) -> bool:
        return self.shard[0] == (0 if shard_of is None else (shard_of >> 22) % self.shard[1])

    def dispatch(self, event: str, payload: str) -> None:
        self.sequence += 1
        frame = f'{{"op":0,"t":"{event}","s":{self.sequence},"d":{payload}}}'
        self.sent.append((self.sequence, frame))
        if self.connection is not None:
            self.connection.send(frame)

    def missed(self, sequence: int) -> list[str] | None:
        """The frames after that one; None where they are not all kept."""
        if not self.sequence - len(self.sent) <= sequence <= self.sequence:
            return None
        return [frame for number, frame in self.sent if number > sequence]


class Gateway:
    def __init__(self, world: World, token: str) -> None:
        self.url = ""
        self.down = False
        self.refuse_resume = False
        self.named_url: str | None = None
        self.resume_url: str | None = None
        self.heartbeat = 41.25
        self.counts: Counter[str] = Counter()
        self.changed = asyncio.Event()
        self._world = world
        self._token = token
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self._identifies: Counter[tuple[int, int]] = Counter()
        world.backend.subscribers.append(self.feed)

    # ---- events

    def feed(self, event: str, payload: Mapping[str, Any]) -> None:
        """Sends an event to every session that may hear it; each form of it is made into JSON once."""
        if not self._sessions:
            return
        gate = rules.required_intent(event, payload)
        guild_id = payload.get("guild_id", payload.get("id") if event in _GUILDS else None)
        shard_of = None if guild_id is None or event.startswith("ENTITLEMENT_") else int(guild_id)
        forms: dict[bool, str] = {}
        for session in list(self._sessions.values()):
            if not session.covers(shard_of) or (gate is not None and not getattr(session.intents, gate)):
                continue
            if event == "GUILD_CREATE":
                # With "unavailable" it would say that a guild known before is back.
                session.dispatch(event, self._guild(payload, session, joined=True))
                continue
            whole = session.intents.message_content
            if whole not in forms:
                forms[whole] = _json(payload if whole else self._censored(event, payload))
            session.dispatch(event, forms[whole])

    def _censored(self, event: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """As simcord's FakeGateway does it for a client without the message content intent."""
        backend, me = self._world.backend, self._world.backend.bot_user.id
        if event in _MESSAGES:
            message = copy.deepcopy(dict(payload))
            rules.censor_message(message, me, backend=backend)
            return message
        if event != "INTERACTION_CREATE" or payload["type"] not in (2, 3, 5):
            return payload
        shaped = copy.deepcopy(dict(payload))
        if isinstance(shaped.get("message"), dict):
            rules.censor_message(shaped["message"], me, backend=backend, exempt_root=True)
        data = shaped.get("data") or {}
        for message_id, message in ((data.get("resolved") or {}).get("messages") or {}).items():
            selected = data.get("type") == 3 and str(data.get("target_id")) == str(message_id)
            rules.censor_message(message, me, backend=backend, exempt_root=selected)
        return shaped

    def _guild(self, payload: Mapping[str, Any], session: Session, *, joined: bool = False) -> str:
        shaped = dict(payload)
        shaped["threads"] = [one for one in shaped["threads"] if not one["thread_metadata"]["archived"]]
        rules.prune_guild_create(shaped, session.intents, self._world.backend.bot_user.id)
        if joined:
            shaped.pop("unavailable", None)
        return _json(shaped)

    # ---- connections

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.down:
            return web.Response(status=503)
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(socket, request, request.query.get("compress"))
        self._connections.add(connection)
        self.counts["connects"] += 1
        session: Session | None = None
        try:
            connection.op(10, {"heartbeat_interval": int(self.heartbeat * 1000)})
            async for message in socket:
                data = _parsed(message)
                if data is None:
                    connection.close(4002)
                else:
                    session = await self._received(connection, session, data)
        finally:
            self._connections.discard(connection)
            await connection.done()
            if session is not None and session.connection is connection:
                self._left(session, None if connection.closing else socket.close_code)
        return socket

    def _left(self, session: Session, code: int | None) -> None:
        session.connection = None
        session.left_at = time.monotonic()
        if code in (1000, 1001):  # a client that closes so is done with its session
            self._sessions.pop(session.id, None)
        self._notify()

    async def _received(
        self, connection: Connection, session: Session | None, message: dict[str, Any]
    ) -> Session | None:
        op, data = message.get("op"), message.get("d")
        if op == 1:
            self.counts["heartbeats"] += 1
            connection.op(11, None)
        elif op == 2:
            if session is not None:
                connection.close(4005)
            else:
                return await self._identify(connection, data or {})
        elif op == 6:
            return self._resume(connection, data or {})
        elif session is None:
            connection.close(4003)
        elif op == 8:
            for payload in member_chunks(self._world.backend, data or {}):
                session.dispatch("GUILD_MEMBERS_CHUNK", _json(payload))
        elif op not in (3, 4):
            connection.close(4001)
        return session

    async def _identify(self, connection: Connection, data: dict[str, Any]) -> Session | None:
        self._forget_expired()
        refused = self._refusal(data)
        if refused is not None:
            connection.close(refused)
            return None
        number, count = data.get("shard") or (0, 1)
        session = Session((number, count), discord.Intents._from_value(data["intents"]), connection=connection)
        self._sessions[session.id] = session
        self._identifies[session.shard] += 1
        self.counts["identifies"] += 1
        await self._greet(session)
        return session

    def _refusal(self, data: dict[str, Any]) -> int | None:
        if data.get("token") != self._token:
            return 4004
        shard = data.get("shard", [0, 1])
        if not (isinstance(shard, list) and len(shard) == 2 and 0 <= shard[0] < shard[1]):
            return 4010
        wanted = data.get("intents")
        if not isinstance(wanted, int) or wanted & ~ALL_INTENTS:
            return 4013
        declared = discord.Intents._from_value(wanted)
        approved = self._world.approved_intents
        refused = any(getattr(declared, name) and name not in approved for name in rules.PRIVILEGED_INTENTS)
        return 4014 if refused else None

    async def _greet(self, session: Session) -> None:
        backend = self._world.backend
        guilds = [one for one in backend.guilds if session.covers(one)]
        ready = {
            "v": 10,
            "user": self._world.user(),
            "guilds": [{"id": str(one), "unavailable": True} for one in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.resume_url or self.url,
            "shard": list(session.shard),
            "application": {"id": str(backend.application_id), "flags": 0},
        }
        session.dispatch("READY", _json(ready))
        for index, guild_id in enumerate(guilds if session.intents.guilds else ()):
            if index % 50 == 49:
                await asyncio.sleep(0)
            guild = backend.guilds.get(guild_id)
            if guild is not None:
                payload = serializers.guild_create_payload(backend, guild)
                session.dispatch("GUILD_CREATE", self._guild(payload, session))
        session.ready = True
        self._notify()

    def _resume(self, connection: Connection, data: dict[str, Any]) -> Session | None:
        self._forget_expired()
        if data.get("token") != self._token:
            connection.close(4004)
            return None
        session = self._sessions.get(str(data.get("session_id")))
        missed = session.missed(int(data.get("seq") or 0)) if session is not None else None
        if session is None or missed is None or self.refuse_resume:
            self.counts["refused_resumes"] += 1
            connection.op(9, False)
            return None
        if session.connection is not None:
            session.connection.cut()  # its client is gone, or it would not resume
        session.connection = connection
        session.resumes += 1
        self.counts["resumes"] += 1
        for frame in missed:
            connection.send(frame)
        session.dispatch("RESUMED", "{}")
        self._notify()
        return session

    def _forget_expired(self) -> None:
        since = time.monotonic() - RESUMABLE_SECONDS
        for session in [one for one in self._sessions.values() if one.connection is None and one.left_at < since]:
            del self._sessions[session.id]

    def _notify(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    # ---- what a test does to it

    def cut(self, code: int | None, shard: int | None) -> int:
        """Ends connections with a close code, or without a word (None); how many."""
        cut = self._connected(shard) if shard is not None else list(self._connections)
        for connection in cut:
            if code is None:
                connection.cut()
            else:
                connection.close(code)
        return len(cut)

    def request_reconnect(self) -> None:
        for connection in self._connected(None):
            connection.op(7, None)

    def invalidate(self, resumable: bool) -> None:
        for connection in self._connected(None):
            connection.op(9, resumable)
        if not resumable:
            self._sessions.clear()

    def _connected(self, shard: int | None) -> list[Connection]:
        found: Iterable[Session] = self._sessions.values()
        return [one.connection for one in found if one.connection is not None and shard in (None, one.shard[0])]

    def states(self) -> list[dict[str, Any]]:
        return [
            {
                "id": one.id,
                "shard": one.shard,
                "connected": one.connection is not None,
                "ready": one.ready,
                "sequence": one.sequence,
                "identifies": self._identifies[one.shard],
                "resumes": one.resumes,
            }
            for one in self._sessions.values()
        ]

    async def wait_ready(self, count: int) -> None:
        """Until so many sessions are connected and have got READY and all their guilds."""
        while sum(one.ready and one.connection is not None for one in self._sessions.values()) < count:
            await self.changed.wait()


def _parsed(message: WSMessage) -> dict[str, Any] | None:
    if message.type is not WSMsgType.TEXT:
        return None
    try:
        data = json.loads(message.data)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _json(payload: Any) -> str:
    return json.dumps(payload, separators=(",", ":"))
