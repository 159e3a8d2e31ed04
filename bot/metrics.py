"""What the bot counts about itself, in Prometheus' text format. The help texts are for those who operate it."""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bot import __version__

SLOW = 2.0
"""Seconds to the first answer from which an interaction counts as slow: Discord drops it after three."""

REFUSALS = (401, 403, 404, 429)
"""Statuses counted one by one. All but 404 count towards Discord's ban for invalid requests."""

# They would double the series, and Prometheus sees a counter begin anew without them.
disable_created_metrics()  # type: ignore[no-untyped-call]  # its return type is left out there


class Metrics:
    """One per bot, with a registry of its own, so that two bots in one process do not count into each other."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)  # memory, processor, open files and the start, where the system tells
        Info("applecore", "The version that runs.", registry=registry).info({"version": __version__})
        self._last_tick = Gauge(
            "applecore_last_tick_timestamp_seconds",
            "When the clubs were last looked at to the end, in Unix time; 0 before the first time.",
            registry=registry,
        )
        self._next_look = Gauge(
            "applecore_next_look_timestamp_seconds",
            "When the clubs will be looked at next, in Unix time; 0 while that is not known.",
            registry=registry,
        )
        self._gateway = Gauge(
            "applecore_gateway_connected",
            "Whether this shard is connected to Discord's gateway (1) or not (0).",
            ["shard"],
            registry=registry,
        )
        self._invalid = Gauge(
            "applecore_invalid_requests",
            "Requests of the last ten minutes answered with 401, 403 or 429; at 10,000 Discord bans the address.",
            registry=registry,
        )
        self._count_posts(registry)
        self._count_requests(registry)

    def _count_posts(self, registry: CollectorRegistry) -> None:
        self._sent = Counter("applecore_posts_sent", "Excerpts that were posted.", registry=registry)
        self._late = Counter(
            "applecore_posts_late", "Of these, those posted more than a minute after their time.", registry=registry
        )
        self._failed = Counter(
            "applecore_posts_failed",
            "Excerpts that Discord refused: their club stopped, or they were given up. /club status says why.",
            registry=registry,
        )
        self._avoided = Counter(
            "applecore_duplicates_avoided",
            "Excerpts and threads that stood in their channel already, and were not made a second time.",
            registry=registry,
        )

    def _count_requests(self, registry: CollectorRegistry) -> None:
        self._responses = Counter(
            "applecore_http_responses",
            "Answers of Discord's HTTP API, by class of status: 2xx, 4xx, 5xx.",
            ["class"],
            registry=registry,
        )
        self._refusals = Counter(
            "applecore_http_refusals",
            "Of the 4xx answers, the usual ones by their status: 401, 403, 404, 429.",
            ["status"],
            registry=registry,
        )
        # From the start, so that a rate over them knows the first one.
        for kind in ("2xx", "4xx", "5xx"):
            self._responses.labels(kind)
        for status in REFUSALS:
            self._refusals.labels(str(status))
        self._interactions = Histogram(
            "applecore_interaction_seconds",
            "Seconds from a command or a button to its first answer.",
            buckets=(0.1, 0.25, 0.5, 1.0, SLOW, 3.0),
            registry=registry,
        )
        self._slow = Counter(
            "applecore_slow_interactions",
            "Commands and buttons first answered after more than two seconds; Discord gives three.",
            registry=registry,
        )

    def post_sent(self, *, late: bool) -> None:
        """``late``: more than a minute after its slot."""
        self._sent.inc()
        if late:
            self._late.inc()

    def post_failed(self) -> None:
        """Discord refused a post: its club stopped, or the post was given up."""
        self._failed.inc()

    def duplicate_avoided(self) -> None:
        """A post or its thread stood in the channel already and was not sent again."""
        self._avoided.inc()

    def response(self, status: int) -> None:
        """Discord's REST API answered with this status."""
        self._responses.labels(f"{status // 100}xx").inc()
        if status in REFUSALS:
            self._refusals.labels(str(status)).inc()

    def invalid_requests(self, in_ten_minutes: Callable[[], float]) -> None:
        """Who knows how many of the last ten minutes' requests were answered with 401, 403 or 429.

        Asked at every look, since the number falls while nothing is sent.
        """
        self._invalid.set_function(in_ten_minutes)

    def interaction_answered(self, seconds: float) -> None:
        """An interaction got its first answer, a deferral included, so many seconds after it was made."""
        self._interactions.observe(seconds)
        if seconds > SLOW:
            self._slow.inc()

    def ticked(self, at: datetime, next_look: datetime | None) -> None:
        """The club engine looked, and means to look again; both in aware UTC."""
        self._last_tick.set(at.timestamp())
        self._next_look.set(next_look.timestamp() if next_look is not None else 0)

    def shard(self, shard_id: int, *, connected: bool) -> None:
        """A shard's connection to the gateway was made or lost."""
        self._gateway.labels(str(shard_id)).set(connected)

    def render(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4
