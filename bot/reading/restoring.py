"""An excerpt with the words put back that its source had to hide from a filter."""

from collections.abc import Callable, Sequence

from bot.reading.models import Excerpt, Restored

Restore = Callable[[str, Sequence[str]], tuple[str, tuple[Restored, ...]]]
"""Takes a text and the declared insertions; answers the text with them taken out, and what was restored, in order.

The filter engine offers such a function. It is handed in, so that readings need not know filters.
"""


def restore_excerpt(
    excerpt: Excerpt, insertions: Sequence[str], restore: Restore
) -> tuple[Excerpt, tuple[Restored, ...]]:
    """The excerpt with the words put back in all its parts, and each distinct restoration once."""
    heading, of_heading = restore(excerpt.heading, insertions)
    comment, of_comment = restore(excerpt.comment, insertions)
    quote, of_quote = restore(excerpt.quote, insertions)
    remark, of_remark = restore(excerpt.remark, insertions)
    found = dict.fromkeys((*of_heading, *of_comment, *of_quote, *of_remark))
    return Excerpt(heading=heading, comment=comment, quote=quote, remark=remark), tuple(found)
