"""What an error from Discord means for a message that must come once."""

from dataclasses import dataclass
from enum import Enum, auto

import aiohttp
import discord

from bot.club import wording
from bot.club.permissions import DELETED
from bot.reading.splitting import shorten

THREAD_EXISTS = 160004
UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
TOO_MANY_THREADS = 160006


class Outcome(Enum):
    UNKNOWN = auto()
    """It may or may not have happened: look before trying again."""
    LATER = auto()
    """It certainly did not happen, and may work later."""
    REFUSED = auto()
    """It did not happen and will not until a person changes something."""
    GONE = auto()
    """The message is no more: a person deleted it."""
    EXISTS = auto()
    """The thread is there already."""


@dataclass(frozen=True, slots=True)
class Failure:
    outcome: Outcome
    reason: str
    """One sentence for managers, without member text."""
    retry_after: float | None = None
    """Seconds, where Discord named them."""
    final: bool = False
    """Discord refuses what we sent, not who we are: no permission will help."""
    general: bool = False
    """It concerns every request, not this message, and ``bot.wire`` says it once in the log."""


class RefusedError(Exception):
    """A step that we know to be impossible without asking Discord."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


TRANSIENT = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, TimeoutError)
"""What a request to Discord may raise that says something about Discord or the line, not about our code."""

TOO_LONG = Failure(Outcome.UNKNOWN, "It took longer than it may, and was given up for now.")


def judge(error: BaseException) -> Failure:
    """Sorts one of :data:`TRANSIENT`."""
    if isinstance(error, discord.RateLimited):
        return Failure(Outcome.LATER, "Discord asked me to slow down.", error.retry_after, general=True)
    if isinstance(error, discord.HTTPException):
        return _judge_answer(error)
    return Failure(Outcome.UNKNOWN, "The connection to Discord broke.", general=True)


def _judge_answer(error: discord.HTTPException) -> Failure:
    """By what Discord answered (codes: topics/opcodes-and-status-codes.mdx)."""
    if error.status >= 500:
        return Failure(Outcome.UNKNOWN, f"Discord has trouble (HTTP {error.status}).", general=True)
    if error.status == 401 or (error.status in (403, 404) and not error.code):
        # Not about this message: the token is refused, or what answers is not Discord's API (a proxy, Cloudflare).
        return Failure(Outcome.LATER, f"Discord refuses every request (HTTP {error.status}).", general=True)
    if error.status == 429:
        return Failure(Outcome.LATER, "Discord asked me to slow down.", general=True)
    known = {
        THREAD_EXISTS: Failure(Outcome.EXISTS, "The thread exists already."),
        UNKNOWN_MESSAGE: Failure(Outcome.GONE, "The message was deleted."),
        TOO_MANY_THREADS: Failure(Outcome.LATER, "This server has as many open threads as it may.", 3600.0),
        UNKNOWN_CHANNEL: Failure(Outcome.REFUSED, DELETED),
    }
    if error.code in known:
        return known[error.code]
    said = wording.plain(shorten(error.text or str(error.status), 200))
    return Failure(Outcome.REFUSED, f"Discord refused it: {said} (code {error.code}).", final=error.status == 400)


PAUSES = (5.0, 15.0, 45.0, 120.0, 300.0, 600.0)
"""Seconds before the next try after 1, 2, 3 … failures in a row; the last one repeats."""


def pause(retries: int) -> float:
    return PAUSES[min(max(retries, 1), len(PAUSES)) - 1]
