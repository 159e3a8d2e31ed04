"""The picture of a digest, and its words for those who cannot see it."""

import io
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from PIL import Image, ImageColor

from bot.reading.chart import CARD, COLOURS, FAINT, TEXT, WIDTH, draw, short
from bot.reading.chart_series import ALT_UNITS, Panel, alt_text, panels
from bot.reading.digest import Digest, Hour
from bot.reading.splitting import utf16_len
from tests.reading.digests import digest, digests, local, talk

WEEK = tuple(Hour(local(f"2026-03-0{day} 20:00"), day, 2 * day) for day in range(1, 8))


def picture(told: Digest) -> Image.Image:
    return Image.open(io.BytesIO(draw(told))).convert("RGB")


def heights(image: Image.Image, colour: str, slots: int) -> list[int]:
    """How many pixels of a colour stand in the middle of each of the slots of the upper panel."""
    wanted, upper = ImageColor.getrgb(colour), image.height // 2
    middles = [round(45 + (slot + 0.5) * (WIDTH - 90) / slots) for slot in range(slots)]
    return [sum(image.getpixel((x + 10, y)) == wanted for y in range(60, upper)) for x in middles]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [value / 255 for value in ImageColor.getrgb(colour)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, brighter = sorted((luminance(one), luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def test_it_is_a_png_on_a_card_of_its_own() -> None:
    data = draw(digest(hours=WEEK))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(data) < 200_000
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    assert image.width == WIDTH
    assert WIDTH * 0.4 < image.height < WIDTH
    assert image.getpixel((2, 2)) == (*ImageColor.getrgb(CARD), 255)


def test_every_colour_can_be_read_on_the_card() -> None:
    for colour in (TEXT, FAINT, *COLOURS.values()):
        assert contrast(colour, CARD) >= 4.5


def test_the_bars_are_as_high_as_the_numbers() -> None:
    told = digest(None, comparison=tuple(talk(at, count, 1) for at, count in enumerate((1, 2, 4, 0, 3, 4))), hours=WEEK)
    one, two, four, none, three, last = heights(picture(told), COLOURS["Replies"], 6)
    assert none == 0
    assert four == last
    assert abs(two - 2 * one) <= 2
    assert abs(three - 3 * one) <= 3
    assert abs(four - 4 * one) <= 4


def test_one_giant_does_not_hide_the_others() -> None:
    told = digest(None, comparison=tuple(talk(at, 20_000 if at == 4 else at + 1, 1) for at in range(12)), hours=WEEK)
    bars = heights(picture(told), COLOURS["Replies"], 12)
    assert all(height >= 2 for height in bars)
    assert bars.index(max(bars)) == 4


@pytest.mark.parametrize("count", [1, 2, 60, 365, 1000])
def test_any_number_of_excerpts(count: int) -> None:
    told = digest(None, comparison=tuple(talk(at, at % 7, 0) for at in range(count)), hours=WEEK[:1])
    assert picture(told).width == WIDTH


def test_drawing_leaves_the_settings_of_the_process_alone() -> None:
    import matplotlib  # noqa: PLC0415

    with matplotlib.rc_context({"font.size": 3.0, "figure.facecolor": "red"}):
        assert picture(digest(hours=WEEK)).getpixel((2, 2)) == ImageColor.getrgb(CARD)
        assert matplotlib.rcParams["font.size"] == 3.0


def test_it_is_imported_when_it_is_needed_and_not_before() -> None:
    code = "import sys, bot.client, cogs.discussion; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 our own arguments
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1234, "1.2k"),
        (9_999, "9.9k"),
        (10_000, "10k"),
        (999_999, "999k"),
        (1_000_000, "1M"),
        (12_345_678, "12M"),
    ],
)
def test_long_numbers_are_cut_short(value: int, said: str) -> None:
    assert short(value) == said


def test_the_words_have_the_numbers_of_the_picture() -> None:
    told = digest(hours=WEEK[:2])
    assert alt_text(told) == (
        "Bar charts. "
        "Replies per hour, 1 March 2026 20:00 to 2 March 2026 20:00, 3 in all. "
        "1 March 2026 20:00: 1; 2 March 2026 20:00: 2. "
        "Reactions per hour, 1 March 2026 20:00 to 2 March 2026 20:00, 6 in all. "
        "1 March 2026 20:00: 2; 2 March 2026 20:00: 4. "
        "Replies per excerpt, excerpt 1 to excerpt 3, 8 in all. excerpt 1: 5; excerpt 3: 3. "
        "Reactions per excerpt, excerpt 1 to excerpt 3, 9 in all. excerpt 1: 5; excerpt 3: 4."
    )


def test_where_there_is_much_the_words_have_the_most() -> None:
    told = digest(None, comparison=tuple(talk(at, at + 1, 0) for at in range(60)))
    assert alt_text(told) == (
        "Bar charts. Replies per excerpt, excerpt 1 to excerpt 60, 1,830 in all. The most: 60, excerpt 60. "
        "Reactions per excerpt, excerpt 1 to excerpt 60: none."
    )


@pytest.mark.parametrize(
    ("last", "per", "bars"),
    [
        ("2026-03-01 20:00", "hour", 1),
        ("2026-03-03 19:00", "hour", 48),
        ("2026-03-03 20:00", "day", 3),
        ("2026-04-14 20:00", "day", 45),
        ("2026-04-15 20:00", "week", 8),
        ("2027-01-03 20:00", "week", 45),
        ("2027-01-04 20:00", "month", 11),
        ("2029-11-30 20:00", "month", 45),
        ("2029-12-01 20:00", "year", 4),
    ],
)
def test_time_is_divided_so_that_the_bars_can_be_told_apart(last: str, per: str, bars: int) -> None:
    hours = (Hour(local("2026-03-01 20:00"), 1, 2), Hour(local(last), 3, 4))
    panel = panels(digest(hours=hours if last != "2026-03-01 20:00" else hours[:1]))[0]
    assert (panel.per, len(panel.names)) == (per, bars)
    assert len(panel.ticks) <= 6


def test_which_panels_there_are() -> None:
    def shown(told: Digest) -> list[str]:
        return [panel.per for panel in panels(told)]

    assert shown(digest(hours=WEEK)) == ["day", "excerpt"]
    assert panels(digest(hours=WEEK))[1].this == 2
    assert shown(digest(hours=WEEK, comparison=(talk(2, 3, 4),))) == ["day"]
    assert shown(digest(comparison=(talk(2, 3, 4),))) == ["excerpt"], "all of it came at unknown times"
    assert shown(digest(None, hours=WEEK)) == ["excerpt", "day"]


def test_an_excerpt_that_was_left_out_leaves_a_gap() -> None:
    [panel] = panels(digest(None, comparison=(talk(3, 1, 2), talk(5, 3, 4))))
    assert panel == Panel(
        per="excerpt",
        names=("excerpt 4", "excerpt 5", "excerpt 6"),
        ticks=((0, "4"), (1, "5"), (2, "6")),
        replies=(1, 0, 3),
        reactions=(2, 0, 4),
    )


@given(digests())
def test_no_number_is_lost_and_all_words_have_room(told: Digest) -> None:
    assert utf16_len(alt_text(told)) <= ALT_UNITS
    for panel in panels(told):
        source = told.comparison if panel.per == "excerpt" else told.hours
        assert sum(panel.replies) == sum(each.replies for each in source)
        assert sum(panel.reactions) == sum(each.reactions for each in source)
        assert len(panel.names) == len(panel.replies) == len(panel.reactions)
        assert 1 <= len(panel.ticks) <= 20
        assert all(one[0] < other[0] for one, other in pairwise(panel.ticks))


@settings(max_examples=15, deadline=None)
@given(digests())
def test_any_digest_can_be_drawn(told: Digest) -> None:
    assert picture(replace(told, picked=())).width == WIDTH
