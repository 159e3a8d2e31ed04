"""The half of the handle that scripts the wire: faults, limits, the gateway, and the record of what was asked."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.local_discord.answers import Request, SessionState
from tests.support.local_discord.calls import Calls


class ServerCalls(Calls):
    """Settings hold until they are set again."""

    # ---- faults

    def fault(self, method: str, path: str, **what: Any) -> int:
        """Scripts what happens to requests that match, and answers its number for `struck` and `wait_struck`.

        ``path`` is a glob on the API path without ``/api/v10``, ``method`` may be ``*``. ``times`` (1; None: all)
        and ``skip`` (0) say which requests. One of: ``status=`` (with ``code=``, ``message=``); ``lose_answer=True``
        (with ``status=`` answered by it, else cut after it took effect); ``cut=True``; ``hang=True``;
        ``delay=SECONDS`` (the answer is late); ``rate_limit=SECONDS`` (with ``scope="user"``, ``"global"`` or
        ``"shared"``); ``kill=PID`` (with ``after=True`` once it took effect); ``hold=True`` until `release`.
        """
        number: int = self.control("fault", method=method, path=path, what=what)
        return number

    def struck(self, fault: int) -> int:
        """How many requests a fault has struck so far."""
        count: int = self.control("struck", number=fault)
        return count

    def wait_struck(self, fault: int, times: int = 1, *, timeout: float = 30.0) -> None:
        """Until the fault has struck so many requests; what they do in the world may be a moment away."""
        self.control("wait_struck", number=fault, times=times, timeout=timeout)

    def wait_held(self, count: int = 1, *, timeout: float = 30.0) -> None:
        """Until so many requests are held."""
        self.control("wait_held", count=count, timeout=timeout)

    def release(self) -> None:
        """Lets the requests that are held now take effect and be answered."""
        self.control("release")

    def clear_faults(self) -> None:
        self.control("clear_faults")

    def delay(self, seconds: float) -> None:
        """By how much every answer is late, after the request took effect."""
        self.control("delay", seconds=seconds)

    def limits(
        self,
        *,
        global_per_second: int | None = 50,
        routes: Mapping[tuple[str, str], tuple[int, float]] | None = None,
        invalid_per_ten_minutes: int = 10_000,
    ) -> None:
        """Sets every limit: what is not named is as on Discord, without limits per route.

        ``routes`` maps (method, glob) to (requests, seconds), counted per major parameter.
        """
        listed = [[method, path, count, seconds] for (method, path), (count, seconds) in (routes or {}).items()]
        self.control(
            "limits",
            global_per_second=global_per_second,
            routes=listed,
            invalid_per_ten_minutes=invalid_per_ten_minutes,
        )

    def nonce_window(self, seconds: float) -> None:
        """How long an enforced nonce is remembered, on the world's clock; five minutes unless set."""
        self.control("nonce_window", seconds=seconds)

    def interaction_deadline(self, seconds: float) -> None:
        """How soon the bot has to answer an interaction, on the world's clock; Discord's three seconds unless set."""
        self.control("interaction_deadline", seconds=seconds)

    # ---- the gateway

    def gateway(
        self,
        *,
        down: bool = False,
        refuse_resume: bool = False,
        url: str | None = None,
        resume_url: str | None = None,
        heartbeat: float = 41.25,
        approved_intents: Iterable[str] = (),
        shards: int = 1,
        max_concurrency: int = 1,
    ) -> None:
        """Sets all of it: what is not named is back to its default.

        ``url`` is what ``/gateway/bot`` answers and ``resume_url`` what READY names instead of the real address;
        ``down`` cuts every connection and refuses new ones; ``approved_intents`` are privileged ones, such as
        ``message_content``; ``heartbeat`` is in seconds; ``shards`` and ``max_concurrency`` are what
        ``/gateway/bot`` recommends.
        """
        self.control(
            "gateway",
            down=down,
            refuse_resume=refuse_resume,
            url=url,
            resume_url=resume_url,
            heartbeat=heartbeat,
            approved_intents=list(approved_intents),
            shards=shards,
            max_concurrency=max_concurrency,
        )

    def cut(self, code: int | None = None, shard: int | None = None) -> int:
        """Ends gateway connections, with a close code or as a broken network does; how many."""
        count: int = self.control("cut", code=code, shard=shard)
        return count

    def request_reconnect(self) -> None:
        """Opcode 7 to every connected client."""
        self.control("request_reconnect")

    def invalidate_session(self, resumable: bool) -> None:
        """Opcode 9 to every connected client."""
        self.control("invalidate_session", resumable=resumable)

    def sessions(self) -> list[SessionState]:
        """Connected or resumable ones, oldest first."""
        return [SessionState(**{**one, "shard": tuple(one["shard"])}) for one in self.control("sessions")]

    def gateway_counts(self) -> dict[str, int]:
        """Since the start: connects, identifies, resumes, refused_resumes, heartbeats. What never was is not in it."""
        return dict(self.control("gateway_counts"))

    def wait_ready(self, count: int = 1, *, timeout: float = 60.0) -> None:
        """Until so many sessions (one a shard) are connected and have been sent READY and all their guilds.

        discord.py itself says "ready" about two seconds after the last guild.
        """
        self.control("wait_ready", count=count, timeout=timeout)

    # ---- the record

    def requests(self, since: int = 0) -> list[Request]:
        """Those after the request of that number, oldest first; the server keeps the last 20,000."""
        return [Request(**one) for one in self.control("requests", since=since)]

    def request_number(self) -> int:
        """The number of the latest request."""
        number: int = self.control("request_number")
        return number

    def wait_requests(self, method: str, path: str, count: int = 1, *, since: int = 0, timeout: float = 30.0) -> None:
        """Until so many requests that match the glob were answered, counted after the request of that number."""
        self.control("wait_requests", method=method, path=path, count=count, since=since, timeout=timeout)

    def statuses(self) -> dict[str, int]:
        """How many requests were answered with each status; ``None`` are those without an answer."""
        return dict(self.control("statuses"))

    def peak_per_second(self) -> int:
        """The most requests of any sliding second, those exempt from the global limit aside."""
        peak: int = self.control("peak_per_second")
        return peak

    def forget_requests(self) -> None:
        """Begins record, statuses and peak anew; the numbers go on."""
        self.control("forget_requests")

    def acknowledge(self) -> list[str]:
        """What the server could not do or had to object to so far; it is then not raised at the end."""
        return list(self.control("acknowledge"))
