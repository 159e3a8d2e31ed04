"""The README says what is so: its blocks, its commands and its settings are compared with the code."""

import argparse
import re
from pathlib import Path

import pytest
from discord import app_commands

from bot.cli import _parser
from bot.client import COGS, create_bot
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {i + offset for i, row in enumerate(cells) if set("".join(row)) == {"-"} for offset in (-1, 0)}
    return [row for i, row in enumerate(cells) if i not in heads]


@pytest.mark.parametrize("block", BLOCKS[:2], ids=["demo", "tests"])
def test_a_block_stands_alone(block: str) -> None:
    lines = block.splitlines()
    assert lines[0] == "python3 -m venv .venv"
    assert all(line.startswith(".venv/bin/") for line in lines[1:])
    assert "-c constraints.txt" in lines[1]
    assert not re.search(r"sudo|git clone|^\$|^#", block, re.MULTILINE)


def test_the_first_block_ends_in_the_demo() -> None:
    assert BLOCKS[0].count("applecore demo") == 1
    assert BLOCKS[0].splitlines()[-1] == ".venv/bin/applecore demo"


def test_ci_installs_and_tests_as_the_second_block_does() -> None:
    _, install, test = (line.removeprefix(".venv/bin/") for line in BLOCKS[1].splitlines())
    assert install.removeprefix("pip install -q ") in CI
    program, _, arguments = test.partition(" ")
    assert CI.splitlines()[-1] == f'"$bin/{program}" {arguments}'


def test_settings_table_is_the_code() -> None:
    assert rows(section("Settings")) == [
        [f"`{name}`", default, description] for name, default, description in Settings.describe()
    ]


def test_commands_of_the_terminal_exist() -> None:
    assert {row[0] for row in rows(section("Commands")) if "applecore" in row[0]} == {
        f"`applecore {command}`" for command in leaves(_parser())
    }


def leaves(parser: argparse.ArgumentParser, prefix: str = "") -> list[str]:
    """The names of the commands that have no subcommands."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                found += leaves(child, f"{prefix}{name} ") or [f"{prefix}{name}"]
    return found


async def test_commands_of_discord_exist(tmp_path: Path) -> None:
    bot = create_bot(Settings.isolated(database_url=f"sqlite:///{tmp_path}/applecore.sqlite3"))
    await bot._async_setup_hook()  # what login() does first; without it close() fails
    for cog in COGS:
        await bot.load_extension(cog)
    commands = {
        f"`/{command.qualified_name}`"
        for command in bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
    }
    await bot.close()
    assert {row[0] for row in rows(section("Commands")) if row[0].startswith("`/")} == commands


def test_what_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
