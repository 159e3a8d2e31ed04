"""Readings, clubs, and the messages that must come once."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

# The types are written out here, not taken from bot.storage.schema: that file goes on, this one must not.
snowflake = sa.BigInteger()
own_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
utc_time = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
word = sa.String(16)


def upgrade() -> None:
    _readings()
    _excerpts()
    _clubs()
    _outgoing()
    op.create_table(
        "guilds",
        sa.Column("guild_id", snowflake, primary_key=True, autoincrement=False),
        sa.Column("club_role_id", snowflake),
        sa.Column("left_at", utc_time),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        _must("value", sa.Text()),
    )


def _readings() -> None:
    op.create_table(
        "readings",
        sa.Column("id", own_id, primary_key=True),
        _must("guild_id", snowflake),
        _must("slug", sa.String(80)),
        _must("revision", sa.Integer()),
        _must("total", sa.Integer()),
        _must("title", sa.Text()),
        sa.Column("author", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("translator", sa.Text),
        sa.Column("licence", sa.Text),
        _must("workarounds", sa.JSON()),
        sa.Column("workaround_reason", sa.Text),
        _must("introduction", sa.Text()),
        _must("content_hash", sa.String(64)),
        sa.Column("added_by", snowflake),
        _must("added_at", utc_time),
        sa.UniqueConstraint("guild_id", "slug", "revision"),
        sa.CheckConstraint("revision >= 1", name="revision"),
        sa.CheckConstraint("total >= 1", name="total"),
        sqlite_autoincrement=True,
    )


def _excerpts() -> None:
    op.create_table(
        "excerpts",
        sa.Column("reading_id", own_id, sa.ForeignKey("readings.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        _must("heading", sa.Text()),
        _must("comment", sa.Text()),
        _must("quote", sa.Text()),
        _must("remark", sa.Text()),
        sa.CheckConstraint("position >= 0", name="position"),
    )


def _clubs() -> None:
    op.create_table(
        "clubs",
        sa.Column("id", own_id, primary_key=True),
        _must("uid", sa.String(16)),
        _must("guild_id", snowflake),
        _must("channel_id", snowflake),
        sa.Column("reading_id", own_id, sa.ForeignKey("readings.id"), nullable=False),
        _must("run", sa.Integer()),
        _must("local_time", sa.String(5)),
        _must("zone", sa.Text()),
        _must("weekdays", sa.Integer()),
        _must("start", sa.Date()),
        _must("catch_up", word),
        _must("position", sa.Integer()),
        sa.Column("last_day", sa.Date),
        sa.Column("last_post_at", utc_time),
        _must("since", utc_time),
        sa.Column("ping_role_id", snowflake),
        sa.Column("notices_channel_id", snowflake),
        _must("thread_days", sa.Integer()),
        _must("state", word),
        sa.Column("fault", sa.Text),
        _must("created_by", snowflake),
        _must("created_at", utc_time),
        sa.UniqueConstraint("uid"),
        _one_of("catch_up", "one", "shift", "skip"),
        _one_of("state", "active", "paused", "broken", "ended"),
        sa.CheckConstraint("run >= 1", name="run"),
        sa.CheckConstraint("length(local_time) = 5", name="local_time"),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name="weekdays"),
        sa.CheckConstraint("position >= 0", name="position"),
        sa.CheckConstraint("thread_days >= 0", name="thread_days"),
        sqlite_autoincrement=True,
    )
    for column in ("guild_id", "channel_id", "reading_id", "state"):
        op.create_index(None, "clubs", [column])


def _outgoing() -> None:
    op.create_table(
        "outgoing",
        sa.Column("id", own_id, primary_key=True),
        _must("guild_id", snowflake),
        sa.Column("club_id", own_id, sa.ForeignKey("clubs.id", ondelete="SET NULL")),
        _must("kind", word),
        _must("key", sa.Text()),
        _must("nonce", sa.String(25)),
        _must("marker", sa.Integer()),
        _must("channel_id", snowflake),
        sa.Column("reading_id", own_id, sa.ForeignKey("readings.id", ondelete="SET NULL")),
        sa.Column("position", sa.Integer),
        sa.Column("day", sa.Date),
        sa.Column("text", sa.Text),
        _must("state", word),
        sa.Column("due_at", utc_time),
        _must("attempts", sa.Integer()),
        sa.Column("first_attempt_at", utc_time),
        sa.Column("last_attempt_at", utc_time),
        _must("retries", sa.Integer()),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", utc_time),
        sa.Column("message_id", snowflake),
        sa.Column("thread_id", snowflake),
        sa.Column("sent_at", utc_time),
        sa.Column("fault", sa.Text),
        sa.UniqueConstraint("key"),
        _one_of("kind", "post", "ending", "fault", "greeting"),
        _one_of("state", "planned", "sending", "sent", "threaded", "closed", "withdrawn", "failed"),
        sa.CheckConstraint("length(nonce) BETWEEN 1 AND 25", name="nonce"),
        sa.CheckConstraint("marker BETWEEN 1 AND 2147483647", name="marker"),
        sa.CheckConstraint("position >= 0", name="position"),
        sa.CheckConstraint("attempts >= 0", name="attempts"),
        sa.CheckConstraint("retries >= 0", name="retries"),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
        sqlite_autoincrement=True,
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index(None, "outgoing", ["due_at", "id"], sqlite_where=due, postgresql_where=due)
    op.create_index(None, "outgoing", ["club_id", "kind", "state"])
    op.create_index(None, "outgoing", ["guild_id", "kind", "sent_at"])
    op.create_index(None, "outgoing", ["reading_id"])
    op.create_index(None, "outgoing", ["message_id"])


def _must(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _one_of(column: str, *words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_(words), name=column)
