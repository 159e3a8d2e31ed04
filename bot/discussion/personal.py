"""What is stored about a member, as they are shown it: a summary for each server, and a file with every row."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.club import wording
from bot.discussion.export import KINDS, MOST_BYTES
from bot.reading.digest_wording import counted, message_url, plain, replies
from bot.storage.deletions import Gone
from bot.storage.personal import Personal, PersonalGuild

SERVERS = 10
"""How many servers are summed up; the file has all."""
LINKS = 5
"""How many replies are linked for each server."""
NAMED = 3
"""How many readings and clubs are named for each server."""
NAME_UNITS = 80
"""UTF-16 units of a name, before it is escaped."""


def summary(personal: Personal, names: Mapping[int, str], here: int) -> list[str]:
    """Blocks of Markdown, each of less than 3,000 UTF-16 units.

    ``names`` has those of the servers that the bot knows here; ``here``, where the member asks, comes first.
    """
    blocks = ["## What I keep about you", *_standing(personal)]
    if not personal.guilds:
        return ["\n".join([*blocks, "Nothing else." if personal.deletion else "Nothing."])]
    blocks.append("The file has every single row. `/privacy delete` deletes all of it, in every server at once.")
    servers = sorted(personal.guilds, key=lambda each: each.guild_id != here)
    blocks += [_server(each, names.get(each.guild_id)) for each in servers[:SERVERS]]
    if len(servers) > SERVERS:
        blocks.append(f"… and {counted(len(servers) - SERVERS, 'more server')}, which the file has.")
    return blocks


def as_file(personal: Personal, names: Mapping[int, str]) -> tuple[str, bytes]:
    """A name and JSON, compressed where it would be too large for an attachment otherwise.

    Ids are strings, since many programs cannot hold numbers of 64 bits. Of others' replies nothing is in it.
    """
    deletion = personal.deletion
    whole = {
        "deleted_at": _time(deletion.deleted_at if deletion else None),
        "joined_again_at": _time(deletion.joined_at if deletion else None),
        "servers": [_rows(each, names.get(each.guild_id)) for each in personal.guilds],
    }
    data = json.dumps(whole, ensure_ascii=False, indent=1).encode()
    if len(data) <= MOST_BYTES:
        return "about-me.json", data
    return "about-me.json.gz", gzip.compress(data)


def what_went(gone: Gone) -> str:
    """One or two sentences for the member whom it was about."""
    if not gone:
        return "There was nothing about you."
    parts = []
    if gone.deleted:
        nouns = (_noun(number, noun) for noun, number in gone.deleted.items())
        parts.append(f"Deleted: {', '.join(nouns)}.")
    if gone.taken_out:
        nouns = (_noun(number, noun) for noun, number in gone.taken_out.items())
        parts.append(f"These stay, without you: {', '.join(nouns)}.")
    return " ".join(parts)


def _noun(number: int, noun: str) -> str:
    """Of the nouns of ``deletions.PLACES``."""
    if noun == "reply":
        return replies(number)
    one = {"consent": "answer about quotes and streaks", "pick": "entry in a digest"}.get(noun, noun)
    many = {"consent": "answers about quotes and streaks", "pick": "entries in digests"}.get(noun)
    return counted(number, one, many)


def _standing(personal: Personal) -> list[str]:
    deletion = personal.deletion
    if deletion is None:
        return []
    deleted = f"You had everything deleted {wording.when(deletion.deleted_at)}."
    if deletion.joined_at is not None:
        return [f"{deleted} You joined again {wording.when(deletion.joined_at)}."]
    since = "Since then I collect nothing about you, and I keep a fingerprint of your id to know that."
    return [f"{deleted} {since} `/privacy join` changes it."]


def _server(kept: PersonalGuild, name: str | None) -> str:
    title = plain(name, NAME_UNITS) if name else f"Server {kept.guild_id}"
    return "\n".join([f"### {title}", *(f"- {line}" for line in _lines(kept))])


def _lines(kept: PersonalGuild) -> Iterable[str]:
    if kept.replies:
        texts = sum(reply.text is not None for _, reply in kept.replies)
        how = "without their text" if not texts else f"{texts:,} with their text"
        links = [
            f"[{wording.when(reply.created_at, 'd')}]({message_url(kept.guild_id, thread_id, reply.message_id)})"
            for thread_id, reply in kept.replies
        ]
        yield f"{replies(len(kept.replies))}, {how}: {_some(links, LINKS)}"
    if kept.reactions:
        yield f"{counted(len(kept.reactions), 'reaction')} that you gave"
    if kept.picks:
        yield f"{counted(len(kept.picks), 'reply', 'replies')} in digests that you wrote or added"
    if kept.bookmarks:
        yield f"{counted(len(kept.bookmarks), 'bookmark')}, which `/bookmarks` shows"
    if kept.consent.quotes:
        yield "that digests may quote you (`/privacy quotes`)"
    if kept.consent.streaks:
        yield "that you appear in streaks (`/privacy streaks`)"
    if kept.club_channels:
        yield f"that you set up the club in {_some([f'<#{each}>' for each in kept.club_channels], NAMED)}"
    if kept.readings:
        titles = [f"**{plain(each, NAME_UNITS)}**" for each in kept.readings]
        yield f"that you added the reading {_some(titles, NAMED)}"


def _some(items: Sequence[str], most: int) -> str:
    left_out = len(items) - most
    return ", ".join(items[:most]) + (f" … and {left_out:,} more" if left_out > 0 else "")


def _rows(kept: PersonalGuild, name: str | None) -> dict[str, Any]:
    theirs = {reply.message_id: thread_id for thread_id, reply in kept.replies}
    return {
        "server": str(kept.guild_id),
        "name": name,
        "may_be_quoted": kept.consent.quotes,
        "appears_in_streaks": kept.consent.streaks,
        "replies": [
            {
                "message": message_url(kept.guild_id, thread_id, reply.message_id),
                "at": _time(reply.created_at),
                "edited_at": _time(reply.edited_at),
                "in_answer_to": str(reply.reply_to) if reply.reply_to else None,
                "length": reply.length,
                "text": reply.text,
                "posted_by_the_bot": reply.thought,
            }
            for thread_id, reply in kept.replies
        ],
        "reactions": [
            {
                "message": message_url(kept.guild_id, thread_id, reaction.message_id),
                "emoji": reaction.emoji,
                "emoji_name": reaction.name,
                "kind": KINDS[reaction.kinds],
                "at": _time(reaction.added_at),
            }
            for thread_id, reaction in kept.reactions
        ],
        "digest_entries": [
            {
                "message": str(pick.message_id),
                "of_your_reply": pick.message_id in theirs,
                "at": _time(pick.picked_at),
                "text": pick.text if pick.message_id in theirs else None,
            }
            for pick in kept.picks
        ],
        "bookmarks": [
            {"reading": title, "excerpt": bookmark.position + 1, "at": _time(bookmark.created_at)}
            for title, bookmark in kept.bookmarks
        ],
        "clubs_set_up_in": [str(channel_id) for channel_id in kept.club_channels],
        "readings_added": kept.readings,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
