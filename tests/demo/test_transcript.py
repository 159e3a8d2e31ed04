"""Discord's Markdown as a terminal shows it."""

import pytest

from bot.demo.transcript import WIDTH, indented, plain
from bot.demo.world import open_world


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("## A heading\n-# small print", "A heading\nsmall print"),
        ("> quoted\n>\n> more", "│ quoted\n│ \n│ more"),
        ("**bold**, `code` and \\*a star\\*", "bold, code and *a star*"),
        ("<t:1767258000:F>", "Thursday 01 January, 10:00"),
        ("<t:1767258000:R>", "2 hours ago"),
        ("<t:1767279600:R>", "in 4 hours"),
        ("<#1>", "#deleted-channel"),
        ("<@1> and \\<@1>", "@somebody and <@1>"),
        ("[a post](https://discord.com/channels/1/2/3) · [sic]", "a post · [sic]"),
    ],
)
async def test_plain(markdown: str, shown: str) -> None:
    async with open_world() as world:  # noon of 1 January in Berlin
        assert plain(world, markdown) == shown
        assert plain(world, f"<#{world.reading.id}>") == "#reading"
        assert plain(world, f"<@{world.ada.id}>") == "@Ada"


def test_lines_are_wrapped_and_quotes_keep_their_bar() -> None:
    lines = indented(f"│ {'word ' * 40}\n\nend", 4)
    assert all(line.startswith("    │ word") and len(line) <= WIDTH for line in lines[:-2])
    assert " ".join(lines[:-2]).count("word") == 40
    assert lines[-2:] == ["", "    end"]
    assert indented("x" * 200, 2) == ["  " + "x" * 200]  # a link must stay in one piece
