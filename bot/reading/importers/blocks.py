"""Excerpts from a run of headings, comments and quotes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bot.reading.models import Excerpt
from bot.reading.splitting import pack, shorten

MOST_HEADING = 300


Kind = Literal["heading", "comment", "quote"]


@dataclass(frozen=True, slots=True)
class Block:
    kind: Kind
    text: str


@dataclass
class _Run:
    """What has been gathered so far; ``pending`` are comments whose place the next block decides."""

    introduction: list[str] = field(default_factory=list)
    excerpts: list[Excerpt] = field(default_factory=list)
    heading: str = ""
    pending: list[str] = field(default_factory=list)

    def look_back(self, comments: list[str]) -> None:
        """Comments that belong to what came before: the last quote's remark, or the introduction."""
        if not self.excerpts:
            self.introduction.extend(comments)
        elif comments:
            last = self.excerpts[-1]
            remark = "\n\n".join([*([last.remark] if last.remark else []), *comments])
            self.excerpts[-1] = last.model_copy(update={"remark": remark})

    def head(self, text: str) -> None:
        """A heading begins; one that had no quote of its own is kept as a comment."""
        unused = [f"**{self.heading}**"] if self.heading else []
        self.look_back([*unused, *self.pending])
        self.heading, self.pending = text, []

    def quote(self, text: str) -> None:
        own = self.pending if self.heading else self.pending[-1:]
        if not self.heading:
            self.look_back(self.pending[:-1])
        self.excerpts.append(headed(self.heading, text, own))
        self.heading, self.pending = "", []


def assemble(blocks: Iterable[Block]) -> tuple[str, tuple[Excerpt, ...]]:
    """The introduction and the excerpts.

    Between two quotes the last comment introduces the next one, the earlier ones are a remark on the one
    before; below a heading all of them introduce.
    """
    run = _Run()
    quotes: list[str] = []
    for block in blocks:
        if block.kind == "quote":
            quotes.append(block.text)
            continue
        if quotes:
            run.quote("\n\n".join(quotes))
            quotes = []
        if block.kind == "heading":
            run.head(block.text)
        else:
            run.pending.append(block.text)
    if quotes:
        run.quote("\n\n".join(quotes))
    run.head("")
    return "\n\n".join(run.introduction), tuple(run.excerpts)


def headed(heading: str, quote: str, comments: Iterable[str] = ()) -> Excerpt:
    """An excerpt whose heading may be of any length: one too long is kept whole as a comment."""
    comment = list(comments)
    if len(heading) > MOST_HEADING:
        comment.insert(0, heading)
        heading = shorten(heading, MOST_HEADING)
    return Excerpt(heading=heading, comment="\n\n".join(comment), quote=quote)


Section = tuple[str, list[str]]
"""A heading and the paragraphs below it."""


def chapters(sections: Iterable[Section], target: int) -> list[Excerpt]:
    """Excerpts of about ``target`` characters; a heading without paragraphs goes before the next heading."""
    excerpts: list[Excerpt] = []
    waiting = ""
    for own, paragraphs in sections:
        heading = ": ".join(part for part in (waiting, own) if part)
        waiting = "" if paragraphs else heading
        excerpts.extend(_chapter(heading, paragraphs, target))
    if waiting:
        excerpts.append(headed("", waiting))
    return excerpts


def _chapter(heading: str, paragraphs: list[str], target: int) -> list[Excerpt]:
    """One chapter; its excerpts are numbered when there are several."""
    short = shorten(heading, MOST_HEADING - 10)
    return [
        headed(heading if number == 1 or not heading else f"{short} ({number})", piece)
        for number, piece in enumerate(pack(paragraphs, target), 1)
    ]
