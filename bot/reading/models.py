"""What a club reads: readings and their excerpts (the words are those of the design's vocabulary)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\r\n]*$")]
"""One line of text, at most 300 code points, not blank."""

LONGEST = 200_000
"""Code points of one part of an excerpt: ours, 50 pages, so that laying one out stays a matter of moments."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST)]
"""Markdown paragraphs, set apart by blank lines; may be empty."""

Workaround = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
"""What a source put into words to get them past a filter: a word or a few."""


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Restored(Model):
    """A word that the source had to write round a filter, and the word that members read instead."""

    written: str
    """As it stands in the source: ``hard"apple"core``."""
    word: str
    """As members read it: ``hardcore``."""
    insertion: str
    """The declared workaround that was taken out: ``apple``."""


class Excerpt(Model):
    """One passage of a reading, for one day."""

    heading: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""
    comment: Text = ""
    """What introduces the passage: the day's question, in Markdown."""
    quote: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
    """The passage as the source wrote it, workarounds included, in Markdown."""
    remark: Text = ""
    """What the commentator says after the passage, in Markdown."""


class Reading(Model):
    """A text that a club reads: where it comes from, and its excerpts in order."""

    title: Line
    author: Line | None = None
    """Who speaks in the excerpts."""
    source: Line | None = None
    """Where the text was found: a name, an address, or both."""
    translator: Line | None = None
    licence: Line | None = None
    workarounds: Annotated[tuple[Workaround, ...], Field(max_length=20)] = ()
    """Insertions that the source declares, such as ``apple``; taken out before members read."""
    workaround_reason: Line | None = None
    """Why the source needed them, in its own words."""
    introduction: Text = ""
    excerpts: Annotated[tuple[Excerpt, ...], Field(min_length=1)]
