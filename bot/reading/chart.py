"""A digest as a picture: bars on a card of their own, so that either of Discord's themes can stand behind it."""

import io
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from bot.reading.chart_series import FEW, Panel, alt_text, panels
from bot.reading.digest import Digest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["alt_text", "draw"]

WIDTH = 1200
"""Pixels: a phone that is 360 points wide shows three of them to the point."""
_DPI = 150
_TITLE, _BARS, _TICKS = 0.42, 1.05, 0.5
"""Inches: the heights of a row's title, of its bars, and of the names under the lower row."""
_PANEL = 2 * (_TITLE + _BARS) + _TICKS
_SIDE, _EDGE = 0.3, 0.12

CARD = "#1f2126"
TEXT = "#f2f3f5"
FAINT = "#9aa0aa"
COLOURS = {"Replies": "#56b4e9", "Reactions": "#e8a33d"}
"""Sky blue and orange of Okabe and Ito's palette: whoever sees colours differently tells them apart as well. Each kind
has a row with a title of its own besides."""

_drawing = threading.Lock()


def draw(digest: Digest) -> bytes:
    """A PNG, :data:`WIDTH` pixels wide. Takes some tenths of a second of computing: not for an event loop.

    One is drawn at a time, since matplotlib's settings are those of the whole process.
    """
    with _drawing:
        return _draw(panels(digest))


def _draw(shown: Sequence[Panel]) -> bytes:
    # It takes half a second to import, which the start of the bot need not wait for.
    import matplotlib  # noqa: PLC0415 - it takes a second, which only a picture is worth
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    size = (WIDTH / _DPI, _EDGE + len(shown) * _PANEL)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 16, "text.color": TEXT})
        figure = Figure(figsize=size, dpi=_DPI, facecolor=CARD)
        for number, panel in enumerate(shown):
            bottom = size[1] - (number + 1) * _PANEL
            lower = _row(figure, bottom + _TICKS)
            upper = _row(figure, bottom + _TICKS + _BARS + _TITLE)
            _bars(upper, panel, "Replies", panel.replies)
            _bars(lower, panel, "Reactions", panel.reactions)
            _name_bars(lower, panel)
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    return picture.getvalue()


def _row(figure: "Figure", bottom: float) -> "Axes":
    """An empty row of bars with no frame but the line that they stand on; ``bottom`` in inches."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((_SIDE / width, bottom / height, 1 - 2 * _SIDE / width, _BARS / height), facecolor=CARD)
    axes.set_yticks([])
    axes.set_xticks([])
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    return axes


def _bars(axes: "Axes", panel: Panel, what: str, values: Sequence[int]) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415 - likewise

    axes.set_title(f"{what} per {panel.per}", loc="left", color=COLOURS[what], fontsize=17, fontweight="bold")
    slots, middle = max(len(values), 6), (len(values) - 1) / 2  # a few bars do not fill the picture
    axes.set_xlim(middle - slots / 2, middle + slots / 2)
    top = _top(values)
    axes.set_ylim(0, top * 1.35)
    if not any(values):
        axes.text(middle, top * 0.3, "none", ha="center", color=FAINT)
    half = 0.4 if len(values) < 100 else 0.5
    tops = [(bar, min(value, top)) for bar, value in enumerate(values)]
    shapes = [[(bar - half, 0), (bar - half, high), (bar + half, high), (bar + half, 0)] for bar, high in tops]
    shades = [(COLOURS[what], 1.0 if panel.this in {None, bar} else 0.55) for bar, _ in tops]
    # One artist for all bars: with one for each, a thousand of them take matplotlib seconds.
    axes.add_collection(PolyCollection(shapes, facecolors=shades, linewidths=0, antialiased=False), autolim=False)
    highest = values.index(max(values))
    for bar, value in enumerate(values):
        if value and (len(values) <= FEW or bar == highest):
            _number(axes, bar, value, top)


def _name_bars(axes: "Axes", panel: Panel) -> None:
    axes.set_xticks([bar for bar, _ in panel.ticks], [name for _, name in panel.ticks])
    axes.tick_params(axis="x", length=0, colors=TEXT, pad=6)
    for (bar, _), label in zip(panel.ticks, axes.get_xticklabels(), strict=True):
        if bar == panel.this:
            label.set_fontweight("bold")
            label.set_color(COLOURS["Replies"])
        label.set_horizontalalignment(_lean(axes, bar))


def _top(values: Sequence[int]) -> int:
    """The highest value that is drawn to scale: one that towers above all others is cut, so that they can be seen."""
    highest, second = (*sorted(values, reverse=True), 0, 0)[:2]
    return 4 * second if second and highest > 15 * second else max(highest, 1)


def _lean(axes: "Axes", bar: int) -> Literal["left", "center", "right"]:
    """How a text at a bar is aligned: inwards where it would stick out of the picture."""
    left, right = axes.get_xlim()
    at = (bar - left) / (right - left)
    if right - left <= FEW + 1:
        return "center"
    return "left" if at < 0.05 else "right" if at > 0.95 else "center"


def _number(axes: "Axes", bar: int, value: int, top: int) -> None:
    axes.text(bar, min(value, top) + top * 0.04, short(value), ha=_lean(axes, bar), va="bottom")
    if value > top:
        axes.plot([bar - 0.55, bar + 0.55], [top * 0.74, top * 0.86], color=CARD, linewidth=6)


def short(value: int) -> str:
    """At most four characters below a thousand million: ``999``, ``1.2k``, ``20k``, ``3M``."""
    for size, sign in ((1_000_000, "M"), (1000, "k")):
        if value >= size:
            tenths = value * 10 // size
            return f"{tenths // 10}{sign}" if tenths >= 100 or not tenths % 10 else f"{tenths / 10}{sign}"
    return str(value)
