"""What the bot logs: one line per event on stderr, as text or JSON, never a secret and never what members wrote."""

import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from bot.settings import Settings

HIDDEN = "[hidden]"

FIELDS = ("guild_id", "club_id", "outgoing_id", "channel_id", "shard_id", "status", "code", "seconds")
"""What ``extra=`` may carry into a JSON line, numbers only. ``outgoing_id`` is the id of our row for a message;
``status`` and ``code`` are Discord's."""

LONGEST = 2000
"""Characters of a message or of an exception's text: the rest of a longer one is left out."""

DEEPEST = 20
"""How many exceptions, each raised in handling another, are shown."""

# Three parts joined by dots: the bot's id, a time and a signature, each in URL-safe base64. What is joined to it
# goes as well, since nobody can tell where such a token begins among parts that look the same.
_BOT_TOKEN = re.compile(r"(?<![\w-])[\w-]{18,}\.[\w-]{5,8}\.[\w-]{25,}(?:\.[\w-]+)*", re.ASCII)
# The token of an interaction or a webhook stands in its address and is as good as a password.
_TOKEN_IN_PATH = re.compile(r"((?:webhooks|interactions)/\d{15,20}/)[^\s/?'\"]{20,}", re.ASCII)
_PASSWORD_IN_ADDRESS = re.compile(r"(://[^\s/:@]*:)[^\s/]+@")

# pydantic ends a line with the value that it refused, asyncio describes a task by what it raised, PostgreSQL quotes
# the row, asyncpg the argument, discord.py the option: all may be a member's words.
_REFUSED_VALUE = re.compile(r"(input_value=).*")
_RAISED = re.compile(r"(exception=[\w.]+)\(.*\)", re.DOTALL)
_QUOTED_BY_LIBRARIES = (
    re.compile(r"(\nDETAIL:\s*|invalid input for query argument \$\d+: ).*?(?=\n\[SQL:|\Z)", re.DOTALL),
    re.compile(r"(Failed to convert ).*(?= to )", re.DOTALL),
)
_IN_QUOTES = re.compile(r"(?<!\w)(['\"]).*\1", re.DOTALL)

# What could end the line, or steer the terminal that shows it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_CHATTY = ("PIL", "aiohttp", "alembic", "asyncio", "discord", "matplotlib", "simcord")
# At debug level these log every statement, row, request and event whole, and with them what members wrote.
_PRIVATE = ("aiosqlite", "discord.gateway", "discord.http", "sqlalchemy")

_TROUBLE_OF_DISCORD = {
    "discord.client": ("Attempting a reconnect in",),
    "discord.shard": ("Attempting a reconnect for shard ID", "Failed to connect for shard_id"),
    "discord.gateway": ("Shard ID %s has stopped responding to the gateway",),
    "discord.http": ("We are being rate limited", "Global rate limit has been hit"),
}
"""How discord.py's messages begin, by their logger, of which an outage brings hundreds: we say it once, in a line."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Takes the given secrets out, and what looks like a bot's or interaction's token or a password."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    text = _BOT_TOKEN.sub(HIDDEN, text)
    text = _TOKEN_IN_PATH.sub(rf"\1{HIDDEN}", text)
    return _PASSWORD_IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)


def configure(settings: "Settings") -> None:
    """Logs as the settings say, without their secrets; also what ends the process."""
    set_up(settings.log_level, settings.log_format, secrets=settings.secrets())
    sys.excepthook = _log_the_end


def set_up(level: str, log_format: str, *, secrets: Iterable[str] = ()) -> None:
    """Replaces what was set up before. Libraries log from warnings on, unless the level is debug."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter if log_format == "json" else TextFormatter
    handler.setFormatter(formatter(tuple(secrets)))
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    debugging = threshold <= logging.DEBUG
    libraries = logging.NOTSET if debugging else max(threshold, logging.WARNING)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(libraries)
    for name in _PRIVATE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in _TROUBLE_OF_DISCORD:
        logger = logging.getLogger(name)
        if debugging:
            logger.removeFilter(_not_ours_to_say)
        else:
            logger.addFilter(_not_ours_to_say)
    logging.captureWarnings(capture=True)


def _not_ours_to_say(record: logging.LogRecord) -> bool:
    """Drops what bot.outage says in its own words. The message is still without its values here."""
    return not str(record.msg).startswith(_TROUBLE_OF_DISCORD.get(record.name, ()))


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("bot").critical("the process ends by a fault of its own", exc_info=(kind, error, trace))


class _Formatter(logging.Formatter):
    """What both formats share: messages and exceptions of one line each, without what is not for the log."""

    def __init__(self, pattern: str | None, dates: str | None, secrets: tuple[str, ...]) -> None:
        super().__init__(pattern, dates)
        self._secrets = secrets

    def message(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - whatever it is, logging's own complaint would show the values
            text = f"{record.msg} (its values do not fit)"
        return self._clean(_RAISED.sub(r"\1(…)", text))

    def formatException(  # noqa: N802 - logging's own name
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return "\n".join(self._lines(ei[1], DEEPEST)) if ei[1] is not None else ""

    def _lines(self, error: BaseException, depth: int) -> list[str]:
        """As Python shows an exception, except for its text: that is one line, and without what it quotes."""
        lines: list[str] = []
        earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if earlier is not None and depth > 0:
            link = "The above led to:" if error.__cause__ else "While that was being handled:"
            lines += [*self._lines(earlier, depth - 1), "", link, ""]
        if error.__traceback__ is not None:
            lines.append("Traceback (most recent call last):")
            lines += "".join(traceback.format_tb(error.__traceback__)).splitlines()
        text = self._clean(_without_quotes(error))
        lines.append(f"{_name(type(error))}: {text}" if text else _name(type(error)))
        if isinstance(error, BaseExceptionGroup) and depth > 0:
            for one in cast("tuple[BaseException, ...]", error.exceptions):
                lines += [f"  | {line}" for line in self._lines(one, depth - 1)]
        return lines

    def _clean(self, text: str) -> str:
        text = _REFUSED_VALUE.sub(rf"\1{HIDDEN}", redact(text, self._secrets))
        # One event is one line: a text from Discord must not be able to forge a second.
        text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"


class TextFormatter(_Formatter):
    """``2026-08-03 18:00:01 warning bot.club.courier: …``, with a traceback below it where there is one."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S", secrets)

    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord(record.__dict__ | {"msg": self.message(record), "args": None, "exc_text": None})
        shown.levelname = record.levelname.lower()
        return redact(super().format(shown), self._secrets)


class JsonFormatter(_Formatter):
    """One JSON object per line, for machines that collect logs."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(None, None, secrets)

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, str | float] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if isinstance(value, int | float) and math.isfinite(value):
                event[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            event["exception"] = redact(self.formatException(record.exc_info), self._secrets)
        return json.dumps(event, ensure_ascii=False)


def _without_quotes(error: BaseException) -> str:
    """An exception's text without the values that it quotes, where those can be what a member wrote."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - another class's __str__ may raise anything, and the event is still to be told
        return "(its text cannot be shown)"
    for pattern in _QUOTED_BY_LIBRARIES:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    if isinstance(error, ValueError) or type(error).__module__.startswith("discord."):
        text = _IN_QUOTES.sub(rf"\1{HIDDEN}\1", text)
    return text


def _name(kind: type[BaseException]) -> str:
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
