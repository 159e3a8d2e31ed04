"""The model of Discord behind the wire: simcord's, with the demo's overlays, on a clock of ours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.http import router

from bot.demo.overlays import overlay_backend
from tests.support.clock_file import ClockFile

BOT = 100000000000000001
"""The bot's user and its application, which on Discord share an id. `rest_only.TOKEN` begins with it."""

NONCE_WINDOW = timedelta(minutes=5)
ARCHIVE_EVERY = timedelta(minutes=1)
"""The least archiving time is an hour, so threads need no closer look."""

_CONTENT_LIMITED = 1 << 19
_CONTENT = "message_content"


class WorldClock(Clock):
    """Real UTC, or the time that a ClockFile says."""

    def __init__(self, file: Path | None) -> None:
        super().__init__()
        self._file = ClockFile(file) if file is not None else None

    def now(self) -> datetime:
        return self._file.now() if self._file is not None else datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        raise NotImplementedError("time passes by itself, or is set in the clock file")


class Unfaulted:
    """What the overlays ask about faults; here they lie on the wire instead."""

    killed = False

    def around(self, _method: str, _path: str, request: Callable[[], Any]) -> Any:
        return request()


class _Forgetful(list[Any]):
    """simcord keeps every request and event; a long run needs none of them."""

    def append(self, _: Any, /) -> None:
        pass


class World:
    """One Discord with one bot."""

    def __init__(self, clock_file: Path | None = None, *, interaction_seconds: float = 3.0) -> None:
        self.clock = WorldClock(clock_file)
        self.backend = overlay_backend(Backend(clock=self.clock), Unfaulted())
        self.backend.transcript = _Forgetful()
        self.backend.http_requests = _Forgetful()
        self._name_bot()
        self.interaction_seconds = interaction_seconds
        self.approved_intents: frozenset[str] = frozenset()
        """The privileged intents that the developer portal allows; a new application has none."""
        self.nonce_window = NONCE_WINDOW
        self._nonces: dict[tuple[int, str], tuple[int, datetime]] = {}
        self._archived_at = self.clock.now()

    def _name_bot(self) -> None:
        backend, user = self.backend, self.backend.bot_user
        del backend.users[user.id]
        user.id = backend.application_id = backend.reserve_id(BOT)
        user.name = "Applecore"
        backend.users[BOT] = user

    @property
    def content_approved(self) -> bool:
        return _CONTENT in self.approved_intents

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: dict[str, Any] | None = None,
        files: list[Any] | None = None,
        reason: str | None = None,
    ) -> Any:
        """One call of the REST API; raises simcord's errors."""
        self.pass_time()
        key = self._nonce_key(method, path, json)
        if key is not None:
            self._show_nonce(key)
        answer = router.dispatch(
            self.backend,
            method,
            path,
            json=json,
            params=params,
            files=files,
            reason=reason,
            message_content_access=self.content_approved,
        )
        if key is not None and key in self.backend.nonces:
            made = self.backend.nonces[key]
            if self._nonces.get(key) != made:
                self._nonces.pop(key, None)  # the newest goes last
                self._nonces[key] = made
        if path == "/oauth2/applications/@me":
            answer["flags"] = _CONTENT_LIMITED if self.content_approved else 0
        return answer

    def pass_time(self) -> None:
        """What happens by time alone: threads are archived."""
        now = self.clock.now()
        if now - self._archived_at >= ARCHIVE_EVERY:
            self._archived_at = now
            self.backend.archive_idle(now)
            self._forget_sequences()

    def user(self) -> dict[str, Any]:
        return dict(serializers.user_payload(self.backend.bot_user))

    # The overlays rebuild their whole table of nonces for each message. So the table is kept here, oldest first,
    # and they are shown the one entry that matters.

    def _nonce_key(self, method: str, path: str, json: Any) -> tuple[int, str] | None:
        segments = path.split("/")
        if method != "POST" or len(segments) != 4 or segments[1] != "channels" or segments[3] != "messages":
            return None
        nonce = json.get("nonce") if isinstance(json, dict) else None
        return None if nonce is None else (int(segments[2]), str(nonce))

    def _show_nonce(self, key: tuple[int, str]) -> None:
        now = self.clock.now()
        while self._nonces:
            oldest = next(iter(self._nonces))
            if now - self._nonces[oldest][1] < self.nonce_window:
                break
            del self._nonces[oldest]
        self.backend.nonce_window = self.nonce_window
        self.backend.nonces = {key: self._nonces[key]} if key in self._nonces else {}

    def _forget_sequences(self) -> None:
        """simcord keeps an entry for every millisecond that ever had an id."""
        now = int((self.clock.now() - timedelta(minutes=1)).timestamp() * 1000) - discord.utils.DISCORD_EPOCH
        sequences = self.backend._sequences
        for milliseconds in [past for past in sequences if past < now]:
            del sequences[milliseconds]
