"""Whether a text has one of a Discord AutoMod rule's keywords in it, as Discord documents the matching.

https://docs.discord.com/developers/resources/auto-moderation#keyword-matching-strategies: case does not count;
``cat`` is a whole word, ``cat*`` begins one, ``*cat`` ends one, ``*cat*`` may stand anywhere, and each may be a
phrase. An entry of the allow list, written the same way, spares the hits that lie within one match of it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

_SPACE = re.compile(r"\s+")
_UNSEEN = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
"""Zero-width characters, soft hyphens, variation selectors and the like (UAX #44)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One keyword matching one place of a text."""

    keyword: str
    """As the rule has it."""
    matched: str
    """The place in the text, in folded case."""


def first_hit(text: str, keywords: Iterable[str], allow: Iterable[str] = ()) -> Hit | None:
    """The first place that a keyword matches and no entry of the allow list spares; of several there, the longest.

    The documentation leaves open whether characters that nobody sees part a word. Here what hits either with them or
    without them is a hit: neither do they hide a word, nor does leaving them out join two.
    """
    keywords, allow = tuple(keywords), tuple(allow)
    hit, seen = _first_hit(text, keywords, allow), _seen(text)
    if hit is not None or seen == text:
        return hit
    as_written = {_seen(keyword): keyword for keyword in keywords}
    hit = _first_hit(seen, as_written, map(_seen, allow))
    return None if hit is None else Hit(as_written[hit.keyword], hit.matched)


def _seen(text: str) -> str:
    return _UNSEEN.sub("", text)


def _first_hit(text: str, keywords: Iterable[str], allow: Iterable[str]) -> Hit | None:
    folded = _folded(text)
    found = sorted(
        ((start, -end, keyword) for keyword in keywords for start, end in _matches(keyword, folded)),
        key=lambda hit: hit[:2],
    )
    if not found:
        return None
    spared = _Spared(span for entry in allow for span in _matches(entry, folded))
    return next(
        (
            Hit(keyword, folded[start:-negative])
            for start, negative, keyword in found
            if not spared.covers(start, -negative)
        ),
        None,
    )


class _Spared:
    """Answers quickly whether a place lies within one of many spans."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._reach: list[int] = []
        """For each start, the farthest end of the spans that begin there or before."""
        for start, end in sorted(spans):
            self._starts.append(start)
            self._reach.append(max(end, self._reach[-1] if self._reach else 0))

    def covers(self, start: int, end: int) -> bool:
        at = bisect_right(self._starts, start)
        return at > 0 and self._reach[at - 1] >= end


def _matches(entry: str, folded: str) -> Iterator[tuple[int, int]]:
    """Every place in a folded text, also where they overlap."""
    entry = entry.strip()
    begins_word, ends_word = not entry.startswith("*"), not entry.endswith("*")
    literal = _folded(entry.removeprefix("*").removesuffix("*"))
    at = folded.find(literal) if literal.strip() else -1
    while at >= 0:
        end = at + len(literal)
        if (not begins_word or _is_boundary(folded[at - 1 : at])) and (
            not ends_word or _is_boundary(folded[end : end + 1])
        ):
            yield at, end
        at = folded.find(literal, at + 1)


def _is_boundary(beside: str) -> bool:
    """Whether a word may begin or end beside this character ("" at the ends of the text).

    The documentation says whitespace and leaves punctuation open. Here everything but a letter or digit parts words:
    taken so, a filter refuses rather too much than too little.
    """
    return not beside.isalnum()


def _folded(text: str) -> str:
    """Without what does not count: case, how accents are composed, how much space there is."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return _SPACE.sub(" ", unicodedata.normalize("NFC", composed))
