import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.reading.splitting import cut, pack, reach, shorten, utf16_len
from bot.reading.text import escape_line_start, escape_markdown, strip_markdown

PIECES = [
    "word ",
    "e\u0301",
    "👨\u200d👩\u200d👧",
    "🇩🇪",
    "👍🏽",
    "a",
    ". ",
    "! A",
    "\n",
    "\n\n",
    " ",
    "\\*",
    "。",
    "？",
    "नी",
    "z" * 9,
]
texts = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
CLUSTERS = ["e\u0301", "👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "नी"]


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("plain", "escaped"),
    [
        ("*a* _b_ ~~c~~ `d` ||e|| \\f", "\\*a\\* \\_b\\_ \\~\\~c\\~\\~ \\`d\\` \\|\\|e\\|\\| \\\\f"),
        ("# a\n> b\n- c\n1. d\n-# e\n* f", "\\# a\n\\> b\n\\- c\n1\\. d\n\\-# e\n\\* f"),
        ("  >>> a", "  \\>>> a"),
        ("<@1> <#2> <:a:3> 1 < 2", "\\<@1> \\<#2> \\<\\:a:3> 1 < 2"),
        ("[a](https://x.org)", "[a\\](https://x.org)"),
        (":smile: at 10:30", "\\:smile: at 10:30"),
        (
            "see https://x.org/a_b_c*d_ and (https://y.org/_z_).",
            "see https://x.org/a_b_c*d_ and (https://y.org/_z_).",
        ),
        ("a-b, #1, 1.5 and so", "a-b, #1, 1.5 and so"),
    ],
)
def test_plain_text_is_escaped_for_discord(plain: str, escaped: str) -> None:
    assert escape_markdown(plain) == escaped


def test_declared_insertions_stay_as_written() -> None:
    assert escape_markdown("hard*apple*core *x*", ["apple"]) == "hard*apple*core \\*x\\*"
    assert escape_markdown('hard"apple"core', ["apple"]) == 'hard"apple"core'


@given(st.text(st.sampled_from([*"*_~`|<>#-+:1.)([]\\ \na"]), max_size=40))
@example("[]()")
def test_stripping_undoes_escaping(text: str) -> None:
    assert strip_markdown(escape_markdown(text)) == text


def test_stripping_takes_marks_and_mentions_out() -> None:
    assert strip_markdown("## **a** _b_ ~~c~~ `d` ||e||") == "a b c d e"
    assert strip_markdown("<@1><@!2><@&3><#4>x <a:wave:5> [label](https://x.org) @everyone") == "x wave label everyone"
    assert strip_markdown("2 * 3 is snake_case") == "2 * 3 is snake_case"


def test_a_marker_at_the_start_of_a_continued_line_is_literal() -> None:
    assert escape_line_start("- a\n- b") == "\\- a\n- b"
    assert escape_line_start("a - b") == "a - b"


@given(texts, st.integers(1, 50))
def test_a_cut_loses_only_whitespace_and_breaks_no_cluster(text: str, end: int) -> None:
    text = text.strip()
    if end >= len(text):
        return
    at, following = cut(text, end)
    assert 0 < at <= end
    assert at <= following
    assert not text[at:following].strip()
    if at > 7:
        for cluster in CLUSTERS:
            for inside in range(1, len(cluster)):
                assert not (text[:at].endswith(cluster[:inside]) and text[at:].startswith(cluster[inside:]))


@pytest.mark.parametrize(
    ("text", "end", "piece"),
    [
        ("one two.\n\nthree. four five six", 20, "one two.\n\nthree."),
        ("one two three.\n\nfour. five six", 20, "one two three."),
        ("one two three.\nfour. five six", 20, "one two three."),
        ("One two three. Four five six", 20, "One two three."),
        ("One two three four five six", 20, "One two three four"),
        ("a" * 30, 20, "a" * 20),
        ("a" * 19 + "e\u0301" + "a" * 9, 20, "a" * 19),
        ("a" + "\u0301" * 30, 20, "a" + "\u0301" * 19),
        ("a" * 19 + "\\*" + "a" * 9, 20, "a" * 19),
    ],
)
def test_the_coarsest_boundary_wins(text: str, end: int, piece: str) -> None:
    assert text[: cut(text, end)[0]] == piece


def test_units_are_utf16() -> None:
    assert utf16_len("a🍎e\u0301") == 5
    assert reach("🍎🍎", 3) == 1
    assert reach("a\nb", 6, prefix=2) == 2
    assert reach("a\nb", 7, prefix=2) == 3


@given(texts, st.integers(1, 40))
def test_shortening_keeps_to_the_room(text: str, room: int) -> None:
    short = shorten(text, room)
    assert utf16_len(short) <= room
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(st.lists(texts, max_size=6), st.integers(1, 80))
def test_packing_loses_only_whitespace_and_breaks_no_word(paragraphs: list[str], target: int) -> None:
    packed = pack(paragraphs, target)
    assert bare("".join(packed)) == bare("".join(paragraphs))
    words = [word for paragraph in paragraphs for word in paragraph.replace("。", "。 ").replace("？", "？ ").split()]
    found = [word for piece in packed for word in piece.replace("。", "。 ").replace("？", "？ ").split()]
    assert found == words
