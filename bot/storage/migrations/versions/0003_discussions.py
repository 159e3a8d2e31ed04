"""What members said about each post, what they agreed to, and what they marked for themselves."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"

utc_time = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
own_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = ("post", "ending", "fault", "greeting", "digest", "reading_digest")


def upgrade() -> None:
    _kinds()  # before there is a table that refers to it: SQLite builds this one anew
    op.add_column("deletions", sa.Column("joined_at", utc_time))
    with op.batch_alter_table("guilds") as guilds:
        guilds.add_column(_must("text_days", sa.Integer(), server_default="0"))
        guilds.add_column(_must("thread_digests", sa.Boolean(), server_default=sa.true()))
        guilds.add_column(_must("thoughts", sa.String(16), server_default="auto"))
        guilds.create_check_constraint(op.f("ck_guilds_text_days"), "text_days >= 0")
        guilds.create_check_constraint(op.f("ck_guilds_thoughts"), sa.column("thoughts").in_(("auto", "on", "off")))
    _discussions()
    _begin_discussions()
    _replies()
    _reactions()
    _picks()
    _members()


def _kinds() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    given = sa.select(sequence.c.seq).where(sequence.c.name == "outgoing")
    highest = op.get_bind().scalar(given) if on_sqlite else None
    with op.batch_alter_table("outgoing", table_kwargs={"sqlite_autoincrement": True}) as outgoing:
        outgoing.drop_constraint(op.f("ck_outgoing_kind"), type_="check")
        outgoing.create_check_constraint(op.f("ck_outgoing_kind"), sa.column("kind").in_(KINDS))
    if highest is not None:  # the new table counts on from the rows that it has: an id would be given twice
        op.execute(sequence.delete().where(sequence.c.name == "outgoing"))
        op.execute(sequence.insert().values(name="outgoing", seq=highest))


def _discussions() -> None:
    op.create_table(
        "discussions",
        sa.Column("post_id", own_id, sa.ForeignKey("outgoing.id", ondelete="CASCADE"), **_GIVEN),
        _must("guild_id", sa.BigInteger()),
        _must("channel_id", sa.BigInteger()),
        _must("thread_id", sa.BigInteger()),
        sa.Column("name", sa.Text()),
        _must("archived", sa.Boolean()),
        _must("locked", sa.Boolean()),
        sa.Column("thread_deleted_at", utc_time),
        sa.Column("closed_at", utc_time),
        sa.Column("wanted_at", utc_time),
        sa.Column("reconciled_at", utc_time),
        sa.UniqueConstraint("thread_id"),
    )
    op.create_index(None, "discussions", ["guild_id"])
    wanted = sa.text("wanted_at IS NOT NULL")
    op.create_index(None, "discussions", ["wanted_at"], sqlite_where=wanted, postgresql_where=wanted)


def _begin_discussions() -> None:
    """Of the posts there are already; what was said about those that are open is asked of Discord."""
    op.execute(
        """
        INSERT INTO discussions (post_id, guild_id, channel_id, thread_id, archived, locked, closed_at, wanted_at)
        SELECT id, guild_id, channel_id, message_id, state = 'closed', FALSE,
               CASE WHEN state = 'closed' THEN sent_at END, CASE WHEN state <> 'closed' THEN sent_at END
        FROM outgoing
        WHERE kind = 'post' AND state IN ('sent', 'threaded', 'closed') AND message_id IS NOT NULL
        """
    )


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("message_id", sa.BigInteger(), **_GIVEN),
        _post_id(),
        _must("guild_id", sa.BigInteger()),
        _must("author_id", sa.BigInteger()),
        _must("created_at", utc_time),
        sa.Column("edited_at", utc_time),
        sa.Column("reply_to", sa.BigInteger()),
        sa.Column("length", sa.Integer()),
        sa.Column("text", sa.Text()),
        _must("thought", sa.Boolean()),
        sa.CheckConstraint("length >= 0", name="length"),
    )
    op.create_index(None, "replies", ["post_id", "message_id"])
    op.create_index(None, "replies", ["author_id"])
    text = sa.text("text IS NOT NULL")
    op.create_index(None, "replies", ["guild_id", "created_at"], sqlite_where=text, postgresql_where=text)


def _reactions() -> None:
    op.create_table(
        "reactions",
        sa.Column("message_id", sa.BigInteger(), **_GIVEN),
        sa.Column("emoji", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), **_GIVEN),
        _post_id(),
        _must("guild_id", sa.BigInteger()),
        _must("kinds", sa.Integer()),
        sa.Column("name", sa.Text()),
        sa.Column("added_at", utc_time),
        sa.CheckConstraint("kinds BETWEEN 1 AND 3", name="kinds"),
    )
    op.create_index(None, "reactions", ["post_id"])
    op.create_index(None, "reactions", ["user_id"])


def _picks() -> None:
    op.create_table(
        "picks",
        sa.Column("message_id", sa.BigInteger(), **_GIVEN),
        _post_id(),
        _must("guild_id", sa.BigInteger()),
        _must("picked_by", sa.BigInteger()),
        _must("picked_at", utc_time),
        sa.Column("text", sa.Text()),
    )
    op.create_index(None, "picks", ["post_id"])


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("guild_id", sa.BigInteger(), **_GIVEN),
        sa.Column("user_id", sa.BigInteger(), **_GIVEN),
        _must("quotes", sa.Boolean()),
        _must("streaks", sa.Boolean()),
    )
    op.create_index(None, "members", ["user_id"])
    op.create_table(
        "bookmarks",
        sa.Column("id", own_id, primary_key=True),
        _must("guild_id", sa.BigInteger()),
        _must("user_id", sa.BigInteger()),
        sa.Column("reading_id", own_id, sa.ForeignKey("readings.id", ondelete="CASCADE"), nullable=False),
        _must("position", sa.Integer()),
        _must("created_at", utc_time),
        sa.UniqueConstraint("user_id", "guild_id", "reading_id", "position"),
        sa.CheckConstraint("position >= 0", name="position"),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "bookmarks", ["guild_id"])
    op.create_index(None, "bookmarks", ["reading_id"])


_GIVEN: dict[str, Any] = {"primary_key": True, "autoincrement": False}
"""A primary key that is not counted up."""


def _must(name: str, kind: TypeEngine[Any], **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _post_id() -> sa.Column[Any]:
    return sa.Column("post_id", own_id, sa.ForeignKey("discussions.post_id", ondelete="CASCADE"), nullable=False)
