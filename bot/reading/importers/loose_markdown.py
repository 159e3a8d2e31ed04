"""Markdown without front matter: headings with block quotes, or with paragraphs, as well as it goes."""

import re

from bot.reading.importers.blocks import Block, Kind, Section, assemble, chapters
from bot.reading.models import Reading
from bot.reading.splitting import shorten
from bot.reading.text import strip_markdown

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_QUOTE = re.compile(r" {0,3}> ?(.*)$")


def read(text: str, title: str, target_length: int) -> Reading:
    blocks = _blocks(text) or [Block("comment", text.strip())]
    if blocks[0].kind == "heading" and text.lstrip().startswith("# "):
        own = " ".join(strip_markdown(blocks[0].text).split())
        if own:
            title, blocks = shorten(own, 300), blocks[1:]
    if any(block.kind == "quote" for block in blocks):
        introduction, excerpts = assemble(blocks)
        return Reading(title=title, introduction=introduction, excerpts=excerpts)
    return Reading(title=title, excerpts=tuple(chapters(_sections(blocks) or [(title, [])], target_length)))


def _blocks(text: str) -> list[Block]:
    blocks: list[Block] = []
    for part in re.split(r"\n(?:[^\S\n]*\n)+", text.strip("\n")):
        kept: list[str] = []
        kind: Kind = "comment"
        for line in part.split("\n"):
            heading, quoted = _HEADING.match(line), _QUOTE.match(line)
            here: Kind = "heading" if heading else "quote" if quoted else "comment"
            if here != kind or heading:
                _flush(blocks, kind, kept)
                kind = here
            kept.append(heading[2] if heading else quoted[1] if quoted else line)
        _flush(blocks, kind, kept)
    return blocks


def _flush(blocks: list[Block], kind: Kind, kept: list[str]) -> None:
    text = "\n".join(kept).strip()
    kept.clear()
    if text:
        blocks.append(Block(kind, text))


def _sections(blocks: list[Block]) -> list[Section]:
    sections: list[Section] = []
    for block in blocks:
        if block.kind == "heading":
            sections.append((block.text, []))
        elif sections:
            sections[-1][1].append(block.text)
        else:
            sections.append(("", [block.text]))
    return sections
