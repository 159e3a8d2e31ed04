"""What `pip install applecore` brings, read from a wheel built here."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """Built as pip builds it, with a build backend that it fetches for this alone."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["-m", "pip", "wheel", "--no-deps", "--quiet", f"--wheel-dir={folder}", str(ROOT)]
    done = subprocess.run(  # noqa: S603 our own arguments
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    with ZipFile(file) as archive:
        yield archive


def in_checkout(folder: str, pattern: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob(pattern)}


def test_it_holds_both_packages_and_nothing_else(wheel: ZipFile) -> None:
    names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    modules = {name for name in names if name.endswith(".py")}
    assert modules == in_checkout("bot", "*.py") | in_checkout("cogs", "*.py")
    assert "bot/py.typed" in names
    assert {PurePosixPath(name).parts[0] for name in names} == {"bot", "cogs"}
    assert not [name for name in names if "__pycache__" in name or "tests" in name]


def test_it_holds_the_migrations(wheel: ZipFile) -> None:
    migrations = in_checkout("bot/storage/migrations", "*.py")
    assert any("/versions/0001_" in name for name in migrations)
    assert migrations <= set(wheel.namelist())


def test_it_holds_the_seeds_as_they_are(wheel: ZipFile) -> None:
    carried = {
        PurePosixPath(name).name: wheel.read(name)
        for name in wheel.namelist()
        if name.startswith("bot/reading/seed_files/")
    }
    assert carried == {path.name: path.read_bytes() for path in (ROOT / "seeds").iterdir()}
    assert "deepseek-interview.md" in carried


def test_its_command_and_extras(wheel: ZipFile) -> None:
    texts = {PurePosixPath(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert wheel.read(texts["entry_points.txt"]).decode().split() == [
        "[console_scripts]",
        "applecore",
        "=",
        "bot.cli:main",
    ]
    assert b"MIT License" in wheel.read(texts["LICENSE"])
    metadata = wheel.read(texts["METADATA"]).decode()
    for line in (
        "Name: applecore",
        "Requires-Python: >=3.11",
        "License-Expression: MIT",
        "Provides-Extra: demo",
        "Provides-Extra: postgresql",
        "Requires-Dist: simcord[preview]==3.2.1; extra == 'demo'",
    ):
        assert f"\n{line}\n" in metadata
