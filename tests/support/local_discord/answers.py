"""What the handle answers to a test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TEXT_DISPLAY = 10


@dataclass(frozen=True)
class Request:
    """A request that the server got. ``status`` is None while it waits, or where it got no answer."""

    number: int
    at: float
    """Monotonic seconds: `time.monotonic()` of any process on this machine."""
    method: str
    path: str
    body: Any
    status: int | None


@dataclass(frozen=True)
class SessionState:
    """A gateway session, connected or resumable."""

    id: str
    shard: tuple[int, int]
    """Its number, of how many."""
    connected: bool
    ready: bool
    """Whether READY and every guild of the shard have been sent."""
    sequence: int
    identifies: int
    """IDENTIFYs accepted for this shard so far, by any process."""
    resumes: int
    """How often this session was resumed."""


@dataclass(frozen=True)
class Answered:
    """How the bot answered an interaction: raw payloads, the first answer before the followups."""

    id: int
    kind: str
    """As simcord names it: message, deferred, deferred_update, update, modal, autocomplete, pong."""
    ephemeral: bool
    messages: list[dict[str, Any]]
    modal: dict[str, Any] | None
    choices: list[dict[str, Any]] | None

    @property
    def texts(self) -> list[str]:
        """Of each message its content and its text displays, in order, as Discord Markdown."""
        return [text_of(message) for message in self.messages]


def text_of(message: dict[str, Any]) -> str:
    """All texts of a raw message, those of Components V2 included."""
    parts = [message.get("content") or "", *_displays(message.get("components") or [])]
    return "\n".join(part for part in parts if part)


def _displays(components: list[dict[str, Any]]) -> Iterator[str]:
    for component in components:
        if component.get("type") == TEXT_DISPLAY:
            yield component["content"]
        yield from _displays(component.get("components") or [])
