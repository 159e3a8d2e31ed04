"""A digest as Markdown for Discord: short, plural-correct, and within a message's limit whatever people wrote."""

import re
from collections.abc import Iterator, Sequence

from bot.reading.digest import Digest, EmojiCount, ExcerptTalk, MemberTalk, PointedReply, Run
from bot.reading.pages import MOST_UNITS
from bot.reading.splitting import shorten, utf16_len
from bot.reading.text import escape_markdown, hide_spoilers, strip_markdown

QUOTE_UNITS = 200
"""UTF-16 units that are quoted of one reply, before they are escaped."""
EMOJIS = 8
"""How many emoji are named one by one."""
POINTED = 3
"""How many replies are pointed at for their reactions."""
PICKED = 5
"""How many of those that members added."""
TALKED_ABOUT = 5
"""How many excerpts of a whole reading are named."""
REGULARS = 10
"""How many members with streaks are named."""

_EMOJI_NAME = re.compile(r"\w{2,32}", re.ASCII)


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 reply``, ``1,234 replies``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def replies(number: int) -> str:
    return counted(number, "reply", "replies")


def people(number: int) -> str:
    return counted(number, "person", "people")


def message_url(guild_id: int, channel_id: int, message_id: int) -> str:
    return f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"


def plain(text: str, units: int) -> str:
    """Text from outside, shown literally on one line; ``units`` of it at most, before it is escaped."""
    return escape_markdown(shorten(" ".join(text.split()), units))


def quoted(text: str) -> str:
    """A member's words on one line, without marks and mentions, and with what was hidden still hidden."""
    return plain(strip_markdown(hide_spoilers(text)), QUOTE_UNITS)


def blocks(digest: Digest, *, guild_id: int, limit: int = MOST_UNITS) -> list[str]:
    """The texts in order, of at most ``limit`` UTF-16 units together: of replies and excerpts as many as fit are named.

    ``limit`` must leave room for the figures: 3,500 are always enough.
    """
    first, last = [_heading(digest), _figures(digest)], _small_print(digest)
    room = limit - sum(map(utf16_len, [*first, last]))
    named = []
    for title, entries in _sections(digest, guild_id):
        section = fitting([title, *entries], room)
        if len(section) > 1:
            named.append("\n".join(section))
            room -= utf16_len(named[-1])
    return [*first, *named, *([last] if last else [])]


def _sections(digest: Digest, guild_id: int) -> Iterator[tuple[str, list[str]]]:
    if digest.excerpt is None and len(digest.comparison) > 1:
        yield "### Most talked about", _talked_about(digest.comparison, guild_id)
    top = digest.most_reacted[:POINTED]
    yield "### Replies with the most reactions", [_reply(reply, digest, guild_id) for reply in top]
    shown = {reply.message_id for reply in top}
    others = [reply for reply in digest.picked if reply.message_id not in shown]
    yield "### Picked by readers", [_reply(reply, digest, guild_id) for reply in others[:PICKED]]


def fitting(lines: Sequence[str], room: int) -> list[str]:
    """The first of the lines that have at most ``room`` UTF-16 units together, a line break after each."""
    kept = []
    for line in lines:
        room -= utf16_len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _heading(digest: Digest) -> str:
    title = plain(digest.title, 100)
    if digest.excerpt is None:
        return f"## What we said about the reading\n**{title}**, {_how_many(digest)}"
    number = digest.excerpt.position + 1
    heading = plain(digest.excerpt.heading, 100)
    return (
        f"## What excerpt {number} brought\n**{title}**, excerpt {number} of {digest.total}"
        f"{f': {heading}' if heading else ''}"
    )


def _how_many(digest: Digest) -> str:
    posted = len(digest.comparison)
    if posted >= digest.total:
        return "1 excerpt" if digest.total == 1 else f"all {digest.total} excerpts"
    return f"{posted} of {digest.total} excerpts"


def _figures(digest: Digest) -> str:
    total = f"**{people(digest.people)}: {replies(digest.replies)} and {counted(digest.reactions, 'reaction')}.**"
    lines = [f"{total} {_rank(digest)}".strip()]
    if digest.emojis:
        lines.append(f"Reactions: {_emojis(digest.emojis)}")
    hour = digest.liveliest_hour
    if hour is not None:
        zone = escape_markdown(digest.zone)
        lines.append(f"The talk was liveliest between {hour:02}:00 and {(hour + 1) % 24:02}:00 ({zone} time).")
    return "\n".join(lines)


def _rank(digest: Digest) -> str:
    """How the excerpt stands among the others, by replies."""
    mine = digest.excerpt
    if mine is None or not mine.replies or len(digest.comparison) < 2:
        return ""
    others = [talk.replies for talk in digest.comparison if talk.position != mine.position]
    more = sum(count > mine.replies for count in others)
    if not more:
        best = "That is the most of any excerpt so far."
        return "No other excerpt brought more replies." if mine.replies in others else best
    if more == len(others):
        return f"{'Every' if more > 1 else 'The'} other excerpt brought more replies."
    return f"{more} of the {len(others)} other excerpts brought more replies."


def _emojis(emojis: Sequence[EmojiCount]) -> str:
    named = [f"{_emoji(each)} {each.count:,}" for each in emojis[:EMOJIS]]
    if rest := emojis[EMOJIS:]:
        named.append(f"and {sum(each.count for each in rest):,} with {len(rest)} other emoji")
    return ", ".join(named)


def _emoji(each: EmojiCount) -> str:
    if each.emoji.isdecimal():  # an id; the keycap emoji of a digit have more to them
        name = each.name if each.name and _EMOJI_NAME.fullmatch(each.name) else "emoji"
        return f"<:{name}:{each.emoji}>"
    return escape_markdown(each.emoji)


def _talked_about(comparison: Sequence[ExcerptTalk], guild_id: int) -> list[str]:
    ranked = sorted(comparison, key=lambda talk: (-talk.replies, -talk.reactions, talk.position))
    return [
        f"{rank}. {_excerpt_link(talk, guild_id)}: {replies(talk.replies)} and {counted(talk.reactions, 'reaction')} "
        f"from {people(talk.people)}"
        for rank, talk in enumerate(ranked[:TALKED_ABOUT], 1)
        if talk.people
    ]


def _excerpt_link(talk: ExcerptTalk, guild_id: int) -> str:
    heading = plain(talk.heading, 60)
    link = f"[Excerpt {talk.position + 1}]({message_url(guild_id, talk.channel_id, talk.message_id)})"
    return f"{link}, {heading}" if heading else link


def _reply(reply: PointedReply, digest: Digest, guild_id: int) -> str:
    url = message_url(guild_id, reply.thread_id, reply.message_id)
    under = "" if digest.excerpt is not None else f", under excerpt {reply.position + 1}"
    given = counted(reply.reactions, "reaction") if reply.reactions else ""
    words = quoted(reply.text) if reply.text and reply.author_id is not None else ""
    if not words:
        return f"- [A reply{f' with {given}' if given else ''}]({url}){under}"
    return f"> {words}\n<@{reply.author_id}>, [{given or 'the reply'}]({url}){under}"


def _small_print(digest: Digest) -> str:
    lines = []
    if digest.untimed:
        have = "it has no time and is" if digest.untimed == 1 else "they have no time and are"
        lines.append(f"-# {counted(digest.untimed, 'reaction')} came while I was away: {have} not in the picture.")
    if digest.most_reacted or digest.picked:
        lines.append(
            "-# I quote only those who agreed to it with `/privacy quotes`, or added the reply here themselves."
        )
    return "\n".join(lines)


def member_text(title: str, talk: MemberTalk, run: Run | None, *, posted: int, guild_id: int) -> str:
    """What one member is told about their own part, within a message's limit. ``run`` is None where streaks are not
    counted for them, or they have none; ``posted`` is how many excerpts there were."""
    wrote, brought = replies(talk.replies), counted(talk.received, "reaction")
    under = f"{len(talk.positions)} of {counted(posted, 'excerpt')}"
    said = f"you wrote {wrote} to {under}, which brought {brought} from others." if talk.replies else "no reply yet."
    gave = f"You reacted {_times(talk.given)} yourself." if talk.given else "You have not reacted yourself."
    lines = [f"## Your part\n**{plain(title, 100)}**: {said} {gave}"]
    if run is not None:
        lines.append(f"Your longest streak is {in_a_row(run)}.")
    named = [f"- {_own_reply(reply, guild_id)}" for reply in talk.best]
    if named:
        lines.append("\n".join(["### Your replies with the most reactions", *fitting(named, MOST_UNITS - 1000)]))
    return "\n".join(lines)


def _own_reply(reply: PointedReply, guild_id: int) -> str:
    url = message_url(guild_id, reply.thread_id, reply.message_id)
    given = counted(reply.reactions, "reaction") if reply.reactions else "no reaction yet"
    return f"[{given}]({url}), under excerpt {reply.position + 1}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def in_a_row(run: Run) -> str:
    if run.length == 1:
        return f"1 excerpt (number {run.first + 1})"
    return f"{run.length} excerpts in a row ({run.first + 1} to {run.last + 1})"


def regulars_text(streaks: Sequence[tuple[int, Run]]) -> str:
    """The members with the longest streaks, the longest first; each has agreed to be named here."""
    lines = [f"{rank}. <@{member}>: {in_a_row(run)}" for rank, (member, run) in enumerate(streaks[:REGULARS], 1)]
    return "\n".join(["### Regulars", *lines, "-# Only those who agreed to it with `/privacy streaks` are named."])
