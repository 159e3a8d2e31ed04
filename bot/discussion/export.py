"""A club's talk as files for its managers: who replied and reacted to what and when, without names and, unless
somebody agreed, without words."""

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.errors import ApplecoreError
from bot.storage import exports, members
from bot.storage.database import Connection
from bot.storage.exports import TalkedPost
from bot.storage.records import BURST, NORMAL, Club, Reaction, Reply

MOST_BYTES = 10 * 1024 * 1024
"""Of one attachment (reference.mdx); also what all files together may take, since a request may have 25 MiB."""

MOST_ROWS = 150_000
"""Replies and reactions in one export: ours, so that it fits in memory."""

REPLY_COLUMNS = (
    *("reading", "excerpt", "message_id", "member", "at", "edited_at", "reply_to", "length", "reactions"),
    *("thought", "text"),
)
REACTION_COLUMNS = ("reading", "excerpt", "message_id", "emoji", "emoji_name", "member", "kind", "at")

KINDS = {NORMAL: "normal", BURST: "burst", NORMAL | BURST: "normal and burst"}

Values = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Exported:
    """The files by name, and what is in them."""

    files: dict[str, bytes]
    replies: int
    reactions: int
    members: int


@dataclass
class Members:
    """``member 1``, ``member 2`` …: for one export, in the order in which they come up. The next counts anew."""

    numbers: dict[int, int] = field(default_factory=dict)

    def name(self, user_id: int) -> str:
        return f"member {self.numbers.setdefault(user_id, len(self.numbers) + 1)}"


class Sheet:
    """One kind of row, written as CSV and as JSON side by side.

    Row by row, as bytes: whatever is done to all of it at once holds up everything else in the process.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.rows = 0
        self._csv_bytes, self._json_bytes = io.BytesIO(), io.BytesIO()
        # Spreadsheets know UTF-8 by its mark.
        self._text = io.TextIOWrapper(self._csv_bytes, "utf-8-sig", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow(columns)

    def write(self, rows: Iterable[Values]) -> None:
        for row in rows:
            self._csv.writerow([_cell(row[column]) for column in self.columns])
            shown = json.dumps({column: row[column] for column in self.columns}, ensure_ascii=False)
            self._json_bytes.write(f"{',' if self.rows else ''}\n{shown}".encode())
            self.rows += 1

    def as_csv(self) -> bytes:
        self._text.flush()
        return self._csv_bytes.getvalue()

    def as_json(self) -> bytes:
        """A list, with a row on each line."""
        return b"[%b\n]" % self._json_bytes.getvalue()


async def export(
    conn: Connection,
    club: Club,
    *,
    at: datetime,
    post_id: int | None = None,
    most_bytes: int = MOST_BYTES,
    most_rows: int = MOST_ROWS,
) -> Exported:
    """Of the club, or of one of its posts. Raises ApplecoreError where there is nothing, or too much.

    ``conn`` should show one state throughout.
    """
    rows = await exports.count(conn, club.id, post_id=post_id)
    if not rows:
        raise ApplecoreError("Nobody has replied or reacted yet, so there is nothing to export.")
    if rows > most_rows:
        raise ApplecoreError(_too_much(f"{rows:,} replies and reactions are more than I pack at once", post_id))
    agreed = await members.agreed(conn, club.guild_id, quotes=True)
    replies, reactions, everyone = Sheet(REPLY_COLUMNS), Sheet(REACTION_COLUMNS), Members()
    for post in await exports.posts(conn, club.id, post_id=post_id):
        async for said in exports.replies(conn, post.post_id):
            received = await exports.received(conn, said)
            values = [_reply(post, reply, received, everyone, agreed) for reply in said]
            await asyncio.to_thread(replies.write, values)
        async for given in exports.reactions(conn, post.post_id):
            await asyncio.to_thread(reactions.write, [_reaction(post, reaction, everyone) for reaction in given])
    files = await asyncio.to_thread(_pack, replies, reactions, at, most_bytes)
    if files is None:
        raise ApplecoreError(_too_much("This is more than Discord takes as an attachment, even zipped", post_id))
    return Exported(files, replies.rows, reactions.rows, len(everyone.numbers))


def _too_much(why: str, post_id: int | None) -> str:
    if post_id is None:
        return f"{why}. Please export one excerpt at a time, with `excerpt:`."
    return f"{why}, so this excerpt cannot be exported; `/discussion digest` gives its figures."


def _reply(post: TalkedPost, reply: Reply, received: dict[int, int], everyone: Members, agreed: set[int]) -> Values:
    return {
        **_post(post),
        "message_id": str(reply.message_id),
        "member": everyone.name(reply.author_id),
        "at": _moment(reply.created_at),
        "edited_at": _moment(reply.edited_at),
        "reply_to": None if reply.reply_to is None else str(reply.reply_to),
        "length": reply.length,
        "reactions": received.get(reply.message_id, 0),
        "thought": reply.thought,
        "text": reply.text if reply.author_id in agreed else None,
    }


def _reaction(post: TalkedPost, reaction: Reaction, everyone: Members) -> Values:
    return {
        **_post(post),
        "message_id": str(reaction.message_id),
        "emoji": reaction.emoji,
        "emoji_name": reaction.name,
        "member": everyone.name(reaction.user_id),
        "kind": KINDS[reaction.kinds],
        "at": _moment(reaction.added_at),
    }


def _post(post: TalkedPost) -> Values:
    return {"reading": post.reading, "excerpt": None if post.position is None else post.position + 1}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _cell(value: str | int | bool | None) -> str | int:
    """Text that a spreadsheet would take for a formula gets an apostrophe, which makes it text there."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and (value[:1] in {"\t", "\r", "\n"} or value.lstrip()[:1] in set("=+-@＝＋－＠")):
        return f"'{value}"
    return "" if value is None else value


def _pack(replies: Sheet, reactions: Sheet, at: datetime, most_bytes: int) -> dict[str, bytes] | None:
    """The files as they are, else in one zip file; None where that is too much as well."""
    files = {
        "replies.csv": replies.as_csv(),
        "reactions.csv": reactions.as_csv(),
        "discussion.json": _as_json(replies, reactions, at),
    }
    if sum(map(len, files.values())) <= most_bytes:
        return files
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, at.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return {"discussion.zip": packed.getvalue()} if packed.tell() <= most_bytes else None


def _as_json(replies: Sheet, reactions: Sheet, at: datetime) -> bytes:
    """Ids are text in it: many programs cannot hold them as numbers."""
    moment = json.dumps(_moment(at)).encode()
    parts = (moment, replies.as_json(), reactions.as_json())
    return b'{"exported_at": %b,\n"replies": %b,\n"reactions": %b}\n' % parts
