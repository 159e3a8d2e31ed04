"""The tables. ``migrations/`` builds the same ones; a test holds the two together on both engines."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    true,
)
from sqlalchemy.types import TypeEngine

from bot.reading.schedule import CatchUp
from bot.storage.records import ClubState, DeletionKind, OutgoingKind, OutgoingState, Thoughts

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Snowflake = BigInteger
"""Discord's ids need 64 bits."""

OwnId = BigInteger().with_variant(Integer(), "sqlite")
"""Ids that the database gives; SQLite counts up by itself only for a column declared INTEGER PRIMARY KEY."""


class UtcTime(TypeDecorator[datetime]):
    """Aware times in, aware UTC out; a naive time is a ValueError.

    PostgreSQL has a type for this. SQLite has none, so there it is ISO text of one fixed width, always with
    microseconds and always in UTC: such texts sort and compare as the times do, and a person can read them.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return None if value is None else value.astimezone(UTC)


def _words(enum: type[StrEnum], name: str) -> Enum:
    """Text that a CHECK holds to the enumeration's values; the rows read back are its members."""
    return Enum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


readings = Table(
    "readings",
    metadata,
    Column("id", OwnId, primary_key=True),
    Column("guild_id", Snowflake, nullable=False),
    Column("slug", String(80), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("author", Text),
    Column("source", Text),
    Column("translator", Text),
    Column("licence", Text),
    Column("workarounds", JSON, nullable=False),
    Column("workaround_reason", Text),
    Column("introduction", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("added_by", Snowflake),
    Column("added_at", UtcTime, nullable=False),
    UniqueConstraint("guild_id", "slug", "revision"),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("total >= 1", name="total"),
    sqlite_autoincrement=True,  # an id is never given twice, as on PostgreSQL
)

excerpts = Table(
    "excerpts",
    metadata,
    Column("reading_id", OwnId, ForeignKey("readings.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("heading", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("quote", Text, nullable=False),
    Column("remark", Text, nullable=False),
    CheckConstraint("position >= 0", name="position"),
)

clubs = Table(
    "clubs",
    metadata,
    Column("id", OwnId, primary_key=True),
    Column("uid", String(16), nullable=False),
    Column("guild_id", Snowflake, nullable=False),
    Column("channel_id", Snowflake, nullable=False),
    Column("reading_id", OwnId, ForeignKey("readings.id"), nullable=False),
    Column("run", Integer, nullable=False),
    Column("local_time", String(5), nullable=False),  # HH:MM
    Column("zone", Text, nullable=False),
    Column("weekdays", Integer, nullable=False),  # bit 0 is Monday
    Column("start", Date, nullable=False),
    Column("catch_up", _words(CatchUp, "catch_up"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("last_day", Date),
    Column("last_post_at", UtcTime),
    Column("since", UtcTime, nullable=False),
    Column("ping_role_id", Snowflake),
    Column("notices_channel_id", Snowflake),
    Column("thread_days", Integer, nullable=False),
    Column("state", _words(ClubState, "state"), nullable=False),
    Column("fault", Text),
    Column("created_by", Snowflake, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("decide_at", UtcTime),
    Column("restored_from", UtcTime),
    UniqueConstraint("uid"),
    CheckConstraint("run >= 1", name="run"),
    CheckConstraint("length(local_time) = 5", name="local_time"),
    CheckConstraint("weekdays BETWEEN 1 AND 127", name="weekdays"),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("thread_days >= 0", name="thread_days"),
    Index(None, "guild_id"),
    Index(None, "channel_id"),
    Index(None, "reading_id"),
    Index(None, "state", "decide_at"),
    sqlite_autoincrement=True,
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("id", OwnId, primary_key=True),
    Column("guild_id", Snowflake, nullable=False),
    Column("club_id", OwnId, ForeignKey("clubs.id", ondelete="SET NULL")),
    Column("kind", _words(OutgoingKind, "kind"), nullable=False),
    Column("key", Text, nullable=False),
    Column("nonce", String(25), nullable=False),
    Column("marker", Integer, nullable=False),
    Column("channel_id", Snowflake, nullable=False),
    Column("reading_id", OwnId, ForeignKey("readings.id", ondelete="SET NULL")),
    Column("position", Integer),
    Column("day", Date),
    Column("text", Text),
    Column("state", _words(OutgoingState, "state"), nullable=False),
    Column("due_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("first_attempt_at", UtcTime),
    Column("last_attempt_at", UtcTime),
    Column("retries", Integer, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", UtcTime),
    Column("message_id", Snowflake),
    Column("thread_id", Snowflake),
    Column("sent_at", UtcTime),
    Column("fault", Text),
    Column("look_since", UtcTime),
    UniqueConstraint("key"),
    CheckConstraint("length(nonce) BETWEEN 1 AND 25", name="nonce"),
    CheckConstraint("marker BETWEEN 1 AND 2147483647", name="marker"),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("retries >= 0", name="retries"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    Index(None, "club_id", "kind", "state"),
    Index(None, "guild_id", "kind", "sent_at"),
    Index(None, "reading_id"),
    Index(None, "message_id"),
    sqlite_autoincrement=True,
)
_DUE = outgoing.c.due_at.is_not(None)
Index(None, outgoing.c.due_at, outgoing.c.id, sqlite_where=_DUE, postgresql_where=_DUE)  # what claiming walks along

guilds = Table(
    "guilds",
    metadata,
    Column("guild_id", Snowflake, primary_key=True, autoincrement=False),
    Column("club_role_id", Snowflake),
    Column("left_at", UtcTime),
    Column("text_days", Integer, nullable=False, server_default="0"),
    Column("thread_digests", Boolean, nullable=False, server_default=true()),
    Column("thoughts", _words(Thoughts, "thoughts"), nullable=False, server_default=Thoughts.AUTO.value),
    CheckConstraint("text_days >= 0", name="text_days"),
)

discussions = Table(
    "discussions",
    metadata,
    Column("post_id", OwnId, ForeignKey("outgoing.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("guild_id", Snowflake, nullable=False),
    Column("channel_id", Snowflake, nullable=False),
    Column("thread_id", Snowflake, nullable=False),
    Column("name", Text),
    Column("archived", Boolean, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("thread_deleted_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("wanted_at", UtcTime),
    Column("reconciled_at", UtcTime),
    UniqueConstraint("thread_id"),
    Index(None, "guild_id"),
)
_WANTED = discussions.c.wanted_at.is_not(None)
Index(None, discussions.c.wanted_at, sqlite_where=_WANTED, postgresql_where=_WANTED)

replies = Table(
    "replies",
    metadata,
    Column("message_id", Snowflake, primary_key=True, autoincrement=False),
    Column("post_id", OwnId, ForeignKey("discussions.post_id", ondelete="CASCADE"), nullable=False),
    Column("guild_id", Snowflake, nullable=False),
    Column("author_id", Snowflake, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("edited_at", UtcTime),
    Column("reply_to", Snowflake),
    Column("length", Integer),
    Column("text", Text),
    Column("thought", Boolean, nullable=False),
    CheckConstraint("length >= 0", name="length"),
    Index(None, "post_id", "message_id"),
    Index(None, "author_id"),
)
_TEXT = replies.c.text.is_not(None)
Index(None, replies.c.guild_id, replies.c.created_at, sqlite_where=_TEXT, postgresql_where=_TEXT)  # what is dropped

reactions = Table(
    "reactions",
    metadata,
    Column("message_id", Snowflake, primary_key=True, autoincrement=False),
    Column("emoji", String(64), primary_key=True),
    Column("user_id", Snowflake, primary_key=True, autoincrement=False),
    Column("post_id", OwnId, ForeignKey("discussions.post_id", ondelete="CASCADE"), nullable=False),
    Column("guild_id", Snowflake, nullable=False),
    Column("kinds", Integer, nullable=False),
    Column("name", Text),
    Column("added_at", UtcTime),
    CheckConstraint("kinds BETWEEN 1 AND 3", name="kinds"),
    Index(None, "post_id"),
    Index(None, "user_id"),
)

picks = Table(
    "picks",
    metadata,
    Column("message_id", Snowflake, primary_key=True, autoincrement=False),
    Column("post_id", OwnId, ForeignKey("discussions.post_id", ondelete="CASCADE"), nullable=False),
    Column("guild_id", Snowflake, nullable=False),
    Column("picked_by", Snowflake, nullable=False),
    Column("picked_at", UtcTime, nullable=False),
    Column("text", Text),
    Index(None, "post_id"),
)

members = Table(
    "members",
    metadata,
    Column("guild_id", Snowflake, primary_key=True, autoincrement=False),
    Column("user_id", Snowflake, primary_key=True, autoincrement=False),
    Column("quotes", Boolean, nullable=False),
    Column("streaks", Boolean, nullable=False),
    Index(None, "user_id"),
)

bookmarks = Table(
    "bookmarks",
    metadata,
    Column("id", OwnId, primary_key=True),
    Column("guild_id", Snowflake, nullable=False),
    Column("user_id", Snowflake, nullable=False),
    Column("reading_id", OwnId, ForeignKey("readings.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("user_id", "guild_id", "reading_id", "position"),
    CheckConstraint("position >= 0", name="position"),
    Index(None, "guild_id"),
    Index(None, "reading_id"),
    sqlite_autoincrement=True,
)

deletions = Table(
    "deletions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("salt", String(32), nullable=False),
    Column("kind", _words(DeletionKind, "kind"), nullable=False),
    Column("deleted_at", UtcTime, nullable=False),
    Column("joined_at", UtcTime),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
