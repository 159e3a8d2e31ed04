"""The log: its lines, what never stands in it, and what of discord.py's is left to us to say."""

import asyncio
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import discord
import pytest
from discord import app_commands
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from bot import logs
from bot.errors import ApplecoreError
from bot.settings import Settings
from bot.storage.database import Database

# Put together here, so that nobody's secret scanner takes it for a real one.
TOKEN = ".".join(("MTIzNDU2Nzg5MDEyMzQ1Njc4", "GabcDE", "x" * 38))
MEMBERS_WORDS = "I never told anyone"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Leaves pytest's own handlers, and the level of every logger, as they were."""
    root = logging.getLogger()
    handlers, hook = root.handlers[:], sys.excepthook
    loggers = [root, *map(logging.getLogger, {*logs._CHATTY, *logs._PRIVATE, *logs._TROUBLE_OF_DISCORD})]
    before = [(logger, logger.level, logger.filters[:]) for logger in loggers]
    root.handlers = []  # set_up() closes what it replaces
    yield
    root.handlers, sys.excepthook = handlers, hook
    for logger, level, filters in before:
        logger.setLevel(level)
        logger.filters = filters
    logging.captureWarnings(capture=False)


class Said:
    """What was written to stderr since the last look."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self) -> str:
        out, err = self._capsys.readouterr()
        assert out == ""
        return err

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


def failing(error: BaseException, cause: BaseException | None = None) -> str:
    """Raises and logs; what the traceback is logged for."""
    try:
        raise error from cause
    except BaseException:
        logging.getLogger("bot.club").exception("failed")
    return str(error)


def test_text_log(said: Said) -> None:
    settings = Settings.isolated(token=TOKEN, database_url="postgresql://u:p%40ssword@db/club")
    logs.configure(settings)
    log = logging.getLogger("bot.club")
    log.debug("quiet")
    log.info("two\nlines with %s and %s", TOKEN, settings.database_url, extra={"guild_id": 1})
    logging.getLogger("discord.gateway").info("quiet as well")
    failing(RuntimeError(TOKEN))
    first, second, *traceback = said.text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info bot\.club: "
        r"two\\nlines with \[hidden\] and postgresql://u:\[hidden\]@db/club",
        first,
    )
    assert second.endswith(" error bot.club: failed")
    assert traceback[0] == "Traceback (most recent call last):"
    assert "raise error from cause" in traceback[2]
    assert traceback[-1] == "RuntimeError: [hidden]"


def test_json_log(said: Said) -> None:
    logs.set_up("debug", "json", secrets=["hush-hush"])
    logging.getLogger("discord").debug("heard")
    try:
        raise RuntimeError("hush-hush")
    except RuntimeError:
        logging.getLogger("bot").exception("naïve %s", "hush-hush")
    heard, failed = said.events()
    assert (heard["level"], heard["logger"], heard["message"]) == ("debug", "discord", "heard")
    assert str(heard["time"]).endswith("+00:00")
    assert failed["message"] == "naïve [hidden]"
    assert str(failed["exception"]).endswith("RuntimeError: [hidden]")


def test_json_lines_carry_the_fields_that_are_known(said: Said) -> None:
    logs.set_up("info", "json")
    numbers = dict.fromkeys(logs.FIELDS, 7) | {"seconds": 1.5}
    logging.getLogger("bot").info("posted", extra=numbers)
    logging.getLogger("bot").info(
        "posted", extra={"club_id": None, "shard_id": 0, "status": MEMBERS_WORDS, "author": 9}
    )
    logging.getLogger("bot").info("posted", extra={"seconds": float("nan")})
    every, some, none = said.events()
    head = {"time", "level", "logger", "message"}
    assert {name: value for name, value in every.items() if name not in head} == numbers
    assert {name: value for name, value in some.items() if name not in head} == {"shard_id": 0}
    assert set(none) == head


def test_a_text_cannot_forge_a_line_or_steer_the_terminal(said: Said) -> None:
    logs.set_up("info", "text")
    forged = "x\r\n2026-08-03 18:00:01 info bot: all is well\u2028and\x85and\x1b[2J\u202e"
    logging.getLogger("bot").warning("%s", forged)
    failing(RuntimeError(forged))
    lines = said.text().splitlines()
    assert not [line for line in lines if "all is well" in line and not line.endswith(r"\x1b[2J\u202e")]
    assert [line for line in lines if line.startswith("2026-08-03 18:00:01")] == []
    assert all(line.isprintable() for line in lines)


def test_a_long_message_is_cut(said: Said) -> None:
    logs.set_up("info", "json")
    logging.getLogger("bot").warning("%s", "a" * 5000 + "z")
    failing(RuntimeError("b" * 5000))
    long, failed = said.events()
    assert long["message"] == "a" * 2000 + "… (3,001 more characters)"
    assert str(failed["exception"]).endswith("b… (3,000 more characters)")


def test_values_that_do_not_fit_are_not_shown(said: Said) -> None:
    logs.set_up("info", "json")
    too_few: tuple[object, ...] = (TOKEN,)
    logging.getLogger("discord").warning("a and b: %s %s", *too_few)
    [event] = said.events()
    assert event["message"] == "a and b: %s %s (its values do not fit)"


class Note(BaseModel):
    text: int


def response(status: int) -> SimpleNamespace:
    return SimpleNamespace(status=status, reason="Bad Request")


def refused_by_discord() -> Exception:
    quoted = {"message": f'Value "{MEMBERS_WORDS},\n {MEMBERS_WORDS}" is not one of ("a", "b").', "code": "X"}
    body = {"code": 50035, "message": "Invalid Form Body", "errors": {"content": {"_errors": [quoted]}}}
    return discord.HTTPException(response(400), body)


def refused_by_pydantic() -> Exception:
    try:
        Note.model_validate({"text": MEMBERS_WORDS})
    except ValueError as error:
        return error
    raise AssertionError


def refused_by_postgresql() -> Exception:
    """As asyncpg words it, inside SQLAlchemy's."""
    row = f"DETAIL:  Failing row contains (null, {MEMBERS_WORDS},\n{MEMBERS_WORDS})."
    said = Exception(f'null value in column "id" violates not-null constraint\n{row}')
    return IntegrityError("INSERT INTO notes (text) VALUES ($1)", (MEMBERS_WORDS,), said, hide_parameters=True)


def refused_by_asyncpg() -> Exception:
    return Exception(f"invalid input for query argument $1: '{MEMBERS_WORDS}' (expected int, got str)")


def refused_by_an_option() -> Exception:
    return app_commands.TransformerError(
        f"{MEMBERS_WORDS} to {MEMBERS_WORDS}", discord.AppCommandOptionType.string, app_commands.Transformer()
    )


FOREIGN = {
    "discord": (refused_by_discord, "Invalid Form Body"),
    "pydantic": (refused_by_pydantic, "type=int_parsing"),
    "postgresql": (refused_by_postgresql, "[SQL: INSERT INTO notes"),
    "asyncpg": (refused_by_asyncpg, "invalid input for query argument $1: [hidden]"),
    "an option": (refused_by_an_option, "Failed to convert [hidden] to"),
    "a number": (lambda: ValueError(f"invalid literal for int() with base 10: {MEMBERS_WORDS!r}"), "with base 10: '"),
}


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_an_exception_does_not_quote_what_members_wrote(kind: str, log_format: str, said: Said) -> None:
    logs.set_up("info", log_format)
    make, stays = FOREIGN[kind]
    assert MEMBERS_WORDS in failing(make()), "the error would say it"
    failing(RuntimeError("outer"), make())
    try:
        raise ExceptionGroup("both", [make(), RuntimeError("inner")])
    except ExceptionGroup:
        logging.getLogger("bot").exception("failed")
    shown = said.text()
    assert shown.count(stays) == 3
    assert "The above led to:" in shown
    assert "  | RuntimeError: inner" in shown
    assert MEMBERS_WORDS not in shown


def test_what_another_handler_made_of_an_exception_is_not_taken_over() -> None:
    record = logging.LogRecord("bot", logging.ERROR, __file__, 1, "failed", None, (ValueError, ValueError("'x'"), None))
    assert "'x'" in logging.Formatter().format(record), "which it keeps in the record"
    assert "'x'" not in logs.TextFormatter().format(record)


def test_what_is_written_for_people_stays_whole(said: Said) -> None:
    logs.set_up("info", "text")
    failing(ApplecoreError('Choose another name than "Walden".'))
    assert said.text().endswith('ApplecoreError: Choose another name than "Walden".\n')


def test_pydantics_words_in_a_message_lose_the_value(said: Said) -> None:
    logs.set_up("info", "json")
    logging.getLogger("bot").error("left out: %s", " ".join(str(refused_by_pydantic()).split())[:150])
    [event] = said.events()
    assert "type=int_parsing, input_value=[hidden]" in str(event["message"])
    assert "never" not in str(event["message"])


async def test_a_task_that_nobody_waited_for_says_what_it_was_not_what_it_quotes(said: Said) -> None:
    logs.set_up("info", "text")

    async def fail() -> None:
        raise ValueError(f"not a number: '{MEMBERS_WORDS}'")

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    del task  # asyncio complains as it goes
    shown = said.text()
    assert "error asyncio: Task exception was never retrieved" in shown
    assert "exception=ValueError(…)" in shown
    assert shown.endswith("ValueError: not a number: '[hidden]'\n")
    assert MEMBERS_WORDS not in shown


def test_warnings_are_events_too(said: Said) -> None:
    logs.set_up("info", "json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)  # pytest put its own in place
        warnings.warn(f"beware of {TOKEN}", stacklevel=1)
    [event] = said.events()
    assert (event["logger"], event["level"]) == ("py.warnings", "warning")
    assert "beware of [hidden]" in str(event["message"])


def test_what_ends_the_process_is_an_event_too(said: Said) -> None:
    logs.configure(Settings.isolated(log_format="json", token=TOKEN))
    error = RuntimeError(f"unexpected {TOKEN}")
    sys.excepthook(type(error), error, None)
    [event] = said.events()
    assert (event["level"], event["message"]) == ("critical", "the process ends by a fault of its own")
    assert event["exception"] == "RuntimeError: unexpected [hidden]"


def test_debugging_shows_no_payload(said: Said) -> None:
    logs.set_up("debug", "json")
    for name in logs._PRIVATE:
        logging.getLogger(f"{name}.child" if name == "sqlalchemy" else name).debug(MEMBERS_WORDS)
    logging.getLogger("discord.client").debug("Dispatching event %s", "message")
    assert [event["logger"] for event in said.events()] == ["discord.client"]


async def test_debugging_a_real_database_shows_no_statement(said: Said, tmp_path: Path) -> None:
    logs.set_up("debug", "text")
    database = Database(f"sqlite:///{tmp_path}/applecore.sqlite3")
    await database.open()
    async with database.write() as conn:
        await conn.exec_driver_sql("CREATE TABLE notes (text TEXT)")
        await conn.exec_driver_sql("INSERT INTO notes VALUES (?)", (MEMBERS_WORDS,))
    async with database.read() as conn:
        assert (await conn.exec_driver_sql("SELECT text FROM notes")).scalar_one() == MEMBERS_WORDS
    await database.close()
    shown = said.text()
    assert MEMBERS_WORDS not in shown
    assert "INSERT INTO notes" not in shown


def test_at_error_level_no_library_warns(said: Said) -> None:
    logs.set_up("error", "text")
    for name in ("discord", "discord.gateway", "discord.http", "aiosqlite", "aiohttp"):
        logging.getLogger(name).warning("beware")
    assert said.text() == ""


SAID_BY_US = [
    ("discord.client", "Attempting a reconnect in"),
    ("discord.shard", "Attempting a reconnect for shard ID"),
    ("discord.shard", "Failed to connect for shard_id"),
    ("discord.gateway", "Shard ID %s has stopped responding to the gateway"),
    ("discord.http", "We are being rate limited"),
    ("discord.http", "Global rate limit has been hit"),
]


def messages_of(logger: str) -> str:
    spec = find_spec(logger)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


@pytest.mark.parametrize(("logger", "start"), SAID_BY_US)
def test_what_discord_py_says_of_an_outage_is_dropped_unless_debugging(logger: str, start: str, said: Said) -> None:
    found = re.search(rf"(['\"])({re.escape(start)}.*?)\1", messages_of(logger))
    assert found is not None, "this discord.py says something else"
    message = found[2]
    values = tuple(1 for _ in re.findall(r"%(?:s|\.2f)", message))
    for level, count in (("info", 0), ("debug", 1), ("warning", 0)):
        logs.set_up(level, "text")
        logs.set_up(level, "text")
        logging.getLogger(logger).error(message, *values)
        assert said.text().count(start.partition("%")[0]) == count, level


def test_discord_pys_other_words_stay(said: Said) -> None:
    logs.set_up("info", "text")
    for name in ("discord.client", "discord.shard", "discord.gateway", "discord.http", "discord.ui.view", "bot"):
        logging.getLogger(name).error("Ignoring exception in %s", "on_ready")
    logging.getLogger("discord.gateway").warning("Shard ID %s heartbeat blocked for more than %s seconds.", 0, 10)
    logging.getLogger("bot").warning("Attempting a reconnect in our own words")
    assert len(said.text().splitlines()) == 8


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Bot {TOKEN}!", "Bot [hidden]!"),
        (f"/webhooks/{10**17}/{'a' * 60}/messages", f"/webhooks/{10**17}/[hidden]/messages"),
        (f"/interactions/{10**17}/{'a' * 60}/callback", f"/interactions/{10**17}/[hidden]/callback"),
        (f"/channels/{10**17}/messages", f"/channels/{10**17}/messages"),
        (
            "see bot.club.courier and https://example.org/a.b.c:8",
            "see bot.club.courier and https://example.org/a.b.c:8",
        ),
        ("postgresql://u:a@b:c@db/x", "postgresql://u:[hidden]@db/x"),
    ],
)
def test_redaction(text: str, shown: str) -> None:
    assert logs.redact(text) == shown


def test_redaction_of_a_long_text_is_quick() -> None:
    assert len(logs.redact("a" * 1_000_000)) == 1_000_000


BASE64 = "ABCXYZabcxyz0189-_"
TOKENS = st.builds(
    ".".join,
    st.tuples(
        st.text(BASE64, min_size=18, max_size=28),
        st.text(BASE64, min_size=5, max_size=8),
        st.text(BASE64, min_size=25, max_size=40),
    ),
)
AROUND = st.text(max_size=40) | st.text(f"{BASE64}.:/@ '\"\n", max_size=40)


@given(AROUND, TOKENS, AROUND)
@example(f"{'a' * 18}.bbbbb.", f"{'c' * 26}.dddddd.{'e' * 27}", "")  # what stands before it looks like its beginning
def test_no_token_survives_whatever_is_around_it(before: str, token: str, after: str) -> None:
    signature = token.rpartition(".")[2]
    assume(signature not in before + after)
    assert signature not in logs.redact(before + token + after), "the secret part of it"


@given(AROUND, TOKENS, AROUND)
def test_a_known_secret_survives_in_no_format(before: str, token: str, after: str) -> None:
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "%s%s%s", (before, token, after), None)
    for formatter in (logs.TextFormatter((token,)), logs.JsonFormatter((token,))):
        shown = formatter.format(record)
        assert token not in shown
        assert len(shown.splitlines()) == 1


@given(st.text(max_size=30), st.integers(10**17, 10**19), st.text(BASE64, min_size=20, max_size=200))
def test_no_interaction_token_survives_in_its_address(before: str, number: int, token: str) -> None:
    assume(token not in before)
    for kind in ("webhooks", "interactions"):
        assert token not in logs.redact(f"{before}/{kind}/{number}/{token}/messages?wait=true")
