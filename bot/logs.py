"""What the bot logs: one line per event on stderr, as text or JSON, and never a secret."""

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.settings import Settings

HIDDEN = "[hidden]"

# Three parts joined by dots: the bot's id, a time and a signature, each in URL-safe base64.
_BOT_TOKEN = re.compile(r"(?<![\w-])[\w-]{18,}\.[\w-]{5,8}\.[\w-]{25,}", re.ASCII)
# The token of an interaction or a webhook stands in its address and is as good as a password.
_TOKEN_IN_PATH = re.compile(r"((?:webhooks|interactions)/\d{15,20}/)[\w-]{20,}", re.ASCII)
_PASSWORD_IN_ADDRESS = re.compile(r"(://[^\s/:@]*:)[^\s/]+@")

_CHATTY = ("PIL", "aiohttp", "alembic", "asyncio", "discord", "simcord")
# At debug level these log every statement, request and event whole, and with them what members wrote.
_PRIVATE = ("aiosqlite", "discord.gateway", "discord.http")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Takes the given secrets out, and what looks like a bot's or interaction's token or a password."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    text = _BOT_TOKEN.sub(HIDDEN, text)
    text = _TOKEN_IN_PATH.sub(rf"\1{HIDDEN}", text)
    return _PASSWORD_IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)


def configure(settings: "Settings") -> None:
    """Logs as the settings say, without their secrets."""
    set_up(settings.log_level, settings.log_format, secrets=settings.secrets())


def set_up(level: str, log_format: str, *, secrets: Iterable[str] = ()) -> None:
    """Replaces what was set up before. Libraries log from warnings on, unless the level is debug."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter if log_format == "json" else TextFormatter
    handler.setFormatter(formatter(tuple(secrets)))
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    libraries = logging.NOTSET if threshold <= logging.DEBUG else max(threshold, logging.WARNING)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(libraries)
    for name in _PRIVATE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


class TextFormatter(logging.Formatter):
    """``2026-08-03 18:00:01 warning bot.club.courier: …``, with a traceback below it where there is one."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        self._secrets = secrets

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.levelname = record.levelname.lower()
        # One event is one line: a text from Discord must not be able to forge a second.
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(logging.makeLogRecord(record.__dict__)), self._secrets)


class JsonFormatter(logging.Formatter):
    """One JSON object per line, for machines that collect logs."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage(), self._secrets),
        }
        if record.exc_info and record.exc_info[0] is not None:
            event["exception"] = redact(self.formatException(record.exc_info), self._secrets)
        return json.dumps(event, ensure_ascii=False)
