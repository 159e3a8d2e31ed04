"""When a club must be decided about next, what a restored backup has to look for, and what was deleted for good."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"

utc_time = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.add_column("clubs", sa.Column("decide_at", utc_time))
    op.add_column("clubs", sa.Column("restored_from", utc_time))
    op.drop_index("ix_clubs_state", "clubs")
    op.create_index(None, "clubs", ["state", "decide_at"])
    op.add_column("outgoing", sa.Column("look_since", utc_time))
    op.create_table(
        "deletions",
        sa.Column("digest", sa.String(64), primary_key=True),
        _must("salt", sa.String(32)),
        _must("kind", sa.String(16)),
        _must("deleted_at", utc_time),
        sa.CheckConstraint(sa.column("kind").in_(("member", "guild")), name="kind"),
    )


def _must(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
