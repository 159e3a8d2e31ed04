"""The REST API on the wire: authorisation, limits, faults, and simcord's handlers behind them."""

import asyncio
import io
import json
import math
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from simcord.backend.errors import BackendError
from simcord.http import router

from tests.support.local_discord.faults import Fault, Faults
from tests.support.local_discord.gateway import Gateway
from tests.support.local_discord.limits import INVALID_STATUSES, Limits, Refusal, exempt
from tests.support.local_discord.record import Entry, Record
from tests.support.local_discord.world import World

PREFIX = "/api/v10"
KEPT_PROBLEMS = 100
_CLOUDFLARE = "<!doctype html><title>Access denied</title><h1>Error 1015</h1><p>You are being rate limited.</p>"
_OPEN = ("/gateway",)

Validate = Callable[[str, str, Any], str | None]
"""What is wrong with a request's body, by method, API path and body; None where nothing is."""


@dataclass
class Upload:
    """A file as simcord's handlers read it."""

    fp: io.BytesIO
    filename: str
    description: str | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    data: Any = None
    headers: Mapping[str, str] | None = None


class Cut(Exception):  # noqa: N818 - no error: the connection ends without an answer
    """No answer for this request."""


class Rest:
    def __init__(self, world: World, gateway: Gateway, token: str, validate: Validate | None = None) -> None:
        self.faults = Faults()
        self.limits = Limits()
        self.record = Record()
        self.delay = 0.0
        """Seconds by which every answer is late, beside what a fault adds."""
        self.session_starts: dict[str, int] = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        self.shards = 1
        self.problems: list[str] = []
        """What the server could not do, or would not have accepted from a bot."""
        self.changed = asyncio.Event()
        self._world = world
        self._gateway = gateway
        self._authorization = f"Bot {token}"
        self._validate = validate
        self.faults.on_held = self._notify

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0].removeprefix(PREFIX)
        try:
            body, files = await _parsed(request)
        except ValueError:
            return _response(Answer(400, {"message": "The request body contains invalid JSON.", "code": 50109}))
        entry = self.record.arrived(request.method, path, body, exempt=exempt(path))
        self._check_body(entry)
        try:
            answer = await self._answer(request, entry, files)
        except Cut:
            self.record.answered(entry, None)
            self._notify()
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        self.record.answered(entry, answer.status)
        if answer.status in INVALID_STATUSES and (answer.headers or {}).get("X-RateLimit-Scope") != "shared":
            self.limits.count_invalid()
        self._notify()
        return _response(answer)

    async def _answer(self, request: web.BaseRequest, entry: Entry, files: list[Upload]) -> Answer:
        if self.limits.banned:
            return Answer(429, _CLOUDFLARE)
        fault = self.faults.due(entry.method, entry.path)
        if fault is not None:
            self._notify()
            refused = await self._before(fault)
            if refused is not None:
                return refused
        if self._needs_token(entry.path) and request.headers.get("Authorization") != self._authorization:
            return Answer(401, {"message": "401: Unauthorized", "code": 0})
        refusal, headers = self.limits.take(entry.method, entry.path)
        if refusal is not None:
            return _too_many(refusal)
        answer = self._effect(request, entry, files)
        if fault is not None:
            answer = await self._after(fault, answer)
        if self.delay:
            await asyncio.sleep(self.delay)
        return Answer(answer.status, answer.data, headers) if headers else answer

    def _needs_token(self, path: str) -> bool:
        """A webhook's or an interaction's token is in its path."""
        token_in_path = exempt(path) and len(path.split("/")) > 3
        return not token_in_path and path not in _OPEN

    # ---- faults

    async def _before(self, fault: Fault) -> Answer | None:
        if fault.kill is not None and not fault.after:
            _kill(fault.kill)
            raise Cut
        if fault.cut:
            raise Cut
        if fault.hang:
            await self.faults.hang()
            raise Cut
        if fault.hold:
            await self.faults.hold()
        elif fault.rate_limit is not None:
            return _too_many(Refusal(fault.rate_limit, fault.scope))
        elif fault.status is not None and not fault.lose_answer:
            return _fault_answer(fault, fault.status)
        return None

    async def _after(self, fault: Fault, answer: Answer) -> Answer:
        if fault.kill is not None:
            _kill(fault.kill)
            raise Cut
        if fault.delay is not None:
            await asyncio.sleep(fault.delay)
        if not fault.lose_answer:
            return answer
        if fault.status is None:
            raise Cut
        return _fault_answer(fault, fault.status)

    # ---- what a request does

    def _effect(self, request: web.BaseRequest, entry: Entry, files: list[Upload]) -> Answer:
        method, path = entry.method, entry.path
        if method == "GET" and path in ("/gateway", "/gateway/bot"):
            return Answer(200, self._gateway_answer(path))
        reason = request.headers.get("X-Audit-Log-Reason")
        try:
            data = self._world.request(
                method,
                path,
                json=entry.body,
                params=dict(request.query),
                files=files,
                reason=unquote(reason) if reason else None,
            )
        except (router.RouteNotImplemented, router.UnsupportedField) as error:
            return self._problem(entry, error.message)
        except BackendError as error:
            return Answer(error.status, error.to_json())
        except Exception as error:  # noqa: BLE001 - whatever simcord stumbles over has to reach the test
            return self._problem(entry, repr(error))
        return Answer(204) if data is None else Answer(200, data)

    def _gateway_answer(self, path: str) -> dict[str, Any]:
        url = self._gateway.named_url or self._gateway.url
        if path == "/gateway":
            return {"url": url}
        return {"url": url, "shards": self.shards, "session_start_limit": self.session_starts}

    def _check_body(self, entry: Entry) -> None:
        if self._validate is not None:
            wrong = self._validate(entry.method, entry.path, entry.body)
            if wrong is not None:
                self._add_problem(f"{entry.method} {entry.path}: {wrong}")

    def _problem(self, entry: Entry, what: str) -> Answer:
        self._add_problem(f"{entry.method} {entry.path}: {what}")
        return Answer(501, {"message": f"{entry.method} {entry.path}: {what}", "code": 0})

    def _add_problem(self, text: str) -> None:
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(text)

    def _notify(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


def _kill(process: int) -> None:
    """A process that is gone already is as dead as it should be."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _fault_answer(fault: Fault, status: int) -> Answer:
    return Answer(status, {"message": fault.message, "code": fault.code})


def _too_many(refusal: Refusal) -> Answer:
    headers = {
        "Retry-After": str(math.ceil(refusal.retry_after)),
        "X-RateLimit-Scope": refusal.scope,
        **refusal.headers,
    }
    if refusal.everywhere:
        headers["X-RateLimit-Global"] = "true"
    body = {
        "message": "You are being rate limited.",
        "retry_after": round(refusal.retry_after, 3),
        "global": refusal.everywhere,
    }
    return Answer(429, body, headers)


def _response(answer: Answer) -> web.Response:
    """discord.py wants the type without a charset, as Discord sends it, and `Via` on what is not Cloudflare's."""
    if answer.data is _CLOUDFLARE:
        return web.Response(status=429, text=_CLOUDFLARE, content_type="text/html")
    headers = {"Via": "1.1 google", **(answer.headers or {})}
    if answer.status == 204:
        return web.Response(status=204, headers=headers)
    headers["Content-Type"] = "application/json"
    return web.Response(
        body=json.dumps(answer.data, separators=(",", ":")).encode(), status=answer.status, headers=headers
    )


async def _parsed(request: web.BaseRequest) -> tuple[Any, list[Upload]]:
    """The JSON body and the files, from either way of sending them."""
    if request.content_type == "multipart/form-data":
        return await _parsed_multipart(request)
    raw = await request.read()
    return (json.loads(raw) if raw else None), []


async def _parsed_multipart(request: web.BaseRequest) -> tuple[Any, list[Upload]]:
    body: Any = None
    fields: dict[str, str] = {}
    files: list[Upload] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = json.loads(data)
        elif part.filename is not None:
            files.append(Upload(io.BytesIO(data), part.filename))
        elif part.name is not None:
            fields[part.name] = data.decode()
    described = body.get("attachments") or [] if isinstance(body, dict) else []
    for attachment, file in zip(described, files, strict=False):
        file.description = attachment.get("description")
    return (fields or None) if body is None else body, files
