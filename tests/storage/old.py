"""Databases as earlier releases left them: every table filled, every state and kind, and the awkward values."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, func, insert, select

from bot.storage import migrate

Rows = dict[str, list[dict[str, Any]]]

BIG = 2**63 - 1
GUILD = 1_420_070_400_000_000_001
AT = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)
WHOLE_SECOND = AT.replace(microsecond=0)


def revisions() -> list[str]:
    """From the first to the newest."""
    return [script.revision for script in ScriptDirectory(str(migrate.MIGRATIONS)).walk_revisions()][::-1]


def build(connection: Connection, revision: str) -> None:
    """An empty database becomes one of that revision, filled."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrate.MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, revision)
    tables = _reflected(connection)
    rows = _rows(revision)
    for table in tables.sorted_tables:
        for row in rows.get(table.name, []):
            connection.execute(insert(table).values({name: _stored(connection, row[name]) for name in row}))
        if "id" in table.c and connection.dialect.name == "postgresql":  # which did not give these ids
            highest = select(func.max(table.c.id)).scalar_subquery()
            connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), highest)))


def dump(connection: Connection, columns: Mapping[str, Iterable[str]] | None = None) -> dict[str, list[Any]]:
    """All rows by table, as the engine itself has them; of those columns only, where some are named."""
    found = {}
    for table in _reflected(connection).sorted_tables:
        if columns is None or table.name in columns:
            wanted = table.c if columns is None else [table.c[name] for name in columns[table.name]]
            found[table.name] = sorted((tuple(row) for row in connection.execute(select(*wanted))), key=repr)
    return found


def columns(connection: Connection) -> dict[str, list[str]]:
    return {table.name: list(table.c.keys()) for table in _reflected(connection).sorted_tables}


def never_filled(connection: Connection) -> list[str]:
    """The columns that hold nothing but NULL."""
    return [
        str(column)
        for table in _reflected(connection).sorted_tables
        for column in table.c
        if connection.execute(select(column).where(column.is_not(None))).first() is None
    ]


def _reflected(connection: Connection) -> MetaData:
    tables = MetaData()
    tables.reflect(connection)
    if "alembic_version" in tables.tables:
        tables.remove(tables.tables["alembic_version"])
    return tables


def _stored(connection: Connection, value: object) -> object:
    """A moment is text on SQLite, and a reflected column does not know that."""
    if isinstance(value, datetime) and connection.dialect.name == "sqlite":
        return value.isoformat(timespec="microseconds")
    return value


def _rows(revision: str) -> Rows:
    """What a new revision adds joins here; a test says so where it is missing."""
    rows = _first()
    if revision >= "0002":
        for number, club in enumerate(rows["clubs"]):
            club |= {"decide_at": AT if number else None, "restored_from": None if number else AT}
        rows["outgoing"][0] |= {"look_since": AT}
        rows["deletions"] = [
            {"digest": "0f" * 32, "salt": "ab" * 16, "kind": "member", "deleted_at": AT},
            {"digest": "f0" * 32, "salt": "ab" * 16, "kind": "guild", "deleted_at": WHOLE_SECOND},
        ]
    if revision >= "0003":
        rows |= _talk()
        rows["outgoing"] += [
            _message(1000 + number, "closed", kind) for number, kind in enumerate(("digest", "reading_digest"))
        ]
        rows["deletions"][0] |= {"joined_at": AT}
        rows["guilds"][0] |= {"text_days": 30, "thread_digests": False, "thoughts": "off"}
    return rows


def _talk() -> Rows:
    post = {"post_id": 500, "guild_id": GUILD}
    message = {"message_id": BIG, **post}
    return {
        "discussions": [
            {
                **post,
                "channel_id": BIG,
                "thread_id": BIG - 500,
                "name": "Day 1 🍎",
                "archived": True,
                "locked": False,
                "thread_deleted_at": AT,
                "closed_at": AT,
                "wanted_at": AT,
                "reconciled_at": WHOLE_SECOND,
            },
            {
                "post_id": 400,
                "guild_id": GUILD,
                "channel_id": BIG,
                "thread_id": BIG - 400,
                "archived": False,
                "locked": True,
            },
        ],
        "replies": [
            {
                **message,
                "author_id": BIG,
                "created_at": AT,
                "edited_at": AT,
                "reply_to": BIG - 1,
                "length": 4000,
                "text": "I “agree” 🍎\n",
                "thought": True,
            },
            {**message, "message_id": BIG - 1, "author_id": 1, "created_at": WHOLE_SECOND, "thought": False},
        ],
        "reactions": [
            {**message, "emoji": "🍎", "user_id": BIG, "kinds": 3, "added_at": AT},
            {**message, "emoji": str(BIG), "user_id": 1, "kinds": 1, "name": "äpfel"},
        ],
        "picks": [{**message, "picked_by": BIG, "picked_at": AT, "text": "🍎"}],
        "members": [{"guild_id": GUILD, "user_id": BIG, "quotes": True, "streaks": False}],
        "bookmarks": [
            {"id": 8, "guild_id": GUILD, "user_id": BIG, "reading_id": 3, "position": 1, "created_at": AT},
        ],
    }


def _first() -> Rows:
    """Revision 0001."""
    return {
        "readings": [_reading(3), _reading(4, title="Nur Deutsch", optional=None)],
        "excerpts": [_excerpt(reading, position) for reading in (3, 4) for position in range(2)],
        "clubs": [
            _club(number, state, catch_up)
            for number, (state, catch_up) in enumerate(
                [("active", "one"), ("paused", "shift"), ("broken", "skip"), ("ended", "one")], start=11
            )
        ],
        "outgoing": [
            _message(100 * (1 + number) + other, state, kind)
            for number, state in enumerate(("planned", "sending", "sent", "threaded", "closed", "withdrawn", "failed"))
            for other, kind in enumerate(("post", "ending", "fault", "greeting"))
        ],
        "guilds": [
            {"guild_id": GUILD, "club_role_id": BIG, "left_at": None},
            {"guild_id": BIG, "club_role_id": None, "left_at": WHOLE_SECOND},
        ],
        "meta": [{"key": "commands:1", "value": "0123"}, {"key": "Schlüssel 🍎", "value": ""}],
    }


def _reading(number: int, *, title: str = "Émile 🍎", optional: str | None = "“Rousseau”\ttr.") -> dict[str, Any]:
    return {
        "id": number,
        "guild_id": GUILD,
        "slug": f"émile-{number}",
        "revision": number,
        "total": 2,
        "title": title,
        "author": optional,
        "source": optional,
        "translator": optional,
        "licence": optional,
        "workarounds": ["apple", "ä🍎"] if optional else [],
        "workaround_reason": optional,
        "introduction": "One.\n\nTwo.",
        "content_hash": f"{number:064x}",
        "added_by": BIG if optional else None,
        "added_at": AT if optional else WHOLE_SECOND,
    }


def _excerpt(reading: int, position: int) -> dict[str, Any]:
    return {
        "reading_id": reading,
        "position": position,
        "heading": "" if position else "Day 1",
        "comment": "What?",
        "quote": "h🍎rdcore\n" * 400,
        "remark": "",
    }


def _club(number: int, state: str, catch_up: str) -> dict[str, Any]:
    first = number == 11
    return {
        "id": number,
        "uid": f"{number:016x}",
        "guild_id": GUILD,
        "channel_id": BIG - number,
        "reading_id": 3,
        "run": number,
        "local_time": "07:05",
        "zone": "Asia/Kolkata",
        "weekdays": 127 if first else 1,
        "start": date(2026, 2, 28),
        "catch_up": catch_up,
        "position": 1,
        "last_day": date(2028, 2, 29) if first else None,
        "last_post_at": AT if first else None,
        "since": WHOLE_SECOND,
        "ping_role_id": BIG if first else None,
        "notices_channel_id": 99 if first else None,
        "thread_days": 7,
        "state": state,
        "fault": "Kein Zugriff: “Lesen” 🍎." if state == "broken" else None,
        "created_by": BIG,
        "created_at": AT,
    }


def _message(number: int, state: str, kind: str) -> dict[str, Any]:
    tried = state != "planned"
    leased = state == "sending"
    sent = state in ("sent", "threaded", "closed", "withdrawn")
    open_ = state not in ("closed", "withdrawn", "failed")
    return {
        "id": number,
        "guild_id": GUILD,
        "club_id": None if kind == "greeting" else 11 + number % 4,
        "kind": kind,
        "key": f"{kind}:🍎:{number}",
        "nonce": f"{number:024d}",
        "marker": 2**31 - 1 - number,
        "channel_id": BIG,
        "reading_id": 3 if kind == "post" else None,
        "position": 1 if kind == "post" else None,
        "day": date(2026, 3, 1) if kind == "post" else None,
        "text": None if kind == "post" else "Hello 🍎",
        "state": state,
        "due_at": AT + timedelta(minutes=number) if open_ else None,
        "attempts": int(tried),
        "first_attempt_at": AT - timedelta(days=1) if tried else None,
        "last_attempt_at": WHOLE_SECOND if tried else None,
        "retries": 3 if leased else 0,
        "lease_owner": "host:1" if leased else None,
        "lease_until": AT if leased else None,
        "message_id": BIG - number if sent else None,
        "thread_id": BIG - number if state == "closed" else None,
        "sent_at": AT if sent else None,
        "fault": "Gone." if state == "failed" else None,
    }
