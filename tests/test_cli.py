"""The ``applecore`` command, run as a process where its exit code and its lines are what counts."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bot import __version__, cli
from bot.errors import ApplecoreError
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
READING = """\
---
title: A Short Reading
author: Nobody
---

## One

What is this?

> A passage.

## Two

> Another passage.
"""


def applecore(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m bot`` in a folder, with no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("APPLECORE_")}
    done = subprocess.run(  # noqa: S603 our own arguments
        [sys.executable, "-m", "bot", *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT), "HOME": str(cwd), "PYTHONUTF8": "1", "COLUMNS": "100"} | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_help_and_version(tmp_path: Path) -> None:
    done = applecore("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("run", "demo", "doctor", "reading"):
        assert f"\n    {command} " in done.stdout
    assert "applecore demo" in done.stdout
    assert applecore("--version", cwd=tmp_path).stdout == f"applecore {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("reading",)])
def test_no_command_shows_the_help(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = applecore(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: applecore" in done.stderr


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from bot.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run(  # noqa: S603 our own arguments
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("discord", "sqlalchemy", "simcord", "pydantic", "asyncio"):
        assert f"'{name}'" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("start",), "invalid choice: 'start'"),
        (
            ("demo", "--port", "http"),
            "argument --port: 'http' is not a port number: a whole number from 0 to 65535",
        ),
        (("demo", "--port", "65536"), "argument --port: '65536' is not a port number"),
        (("demo", "--port", "-1"), "argument --port"),
        (("demo", "--port", "8700", "--script"), "not allowed with argument"),
        (("reading", "check"), "the following arguments are required: FILE"),
        (("reading", "import"), "the following arguments are required: FILE"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = applecore(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr


def test_run_without_a_token_says_how_to_get_one(tmp_path: Path) -> None:
    done = applecore("run", cwd=tmp_path)
    assert done.returncode == 78
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("applecore: no token is set")
    assert [line[:4] for line in lines[1:4]] == ["  1.", "  2.", "  3."]
    assert "https://discord.com/developers/applications" in lines[1]
    assert "Reset Token" in lines[2]
    assert "APPLECORE_TOKEN" in lines[3]
    assert lines[4].endswith("applecore demo")
    assert not list(tmp_path.iterdir()), "nothing is created by a bot that does not run"


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_wrong_settings_are_one_line_each(command: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APPLECORE_TOKEN=very secret\n")
    done = applecore(command, cwd=tmp_path, APPLECORE_LOG_LEVEL="loud", APPLECORE_DATABASE_URL="mysql://db/club")
    assert done.returncode == 78
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("applecore: APPLECORE_") for line in lines)
    assert "very secret" not in done.stderr


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(READING)
    process = subprocess.Popen(  # noqa: S603 our own arguments
        [sys.executable, "-m", "bot", "reading", "check", *["a.md"] * 50],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1
    process.stderr.close()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a module of a few functions in the place of one that would do the real work."""

    def put(name: str, **functions: object) -> None:
        module = ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, child = name.rpartition(".")
        monkeypatch.setattr(importlib.import_module(parent), child, module, raising=False)

    return put


@pytest.fixture
def no_log_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves pytest's own logging alone."""
    monkeypatch.setattr("bot.logs.set_up", lambda *_, **__: None)


def test_run_hands_the_settings_over(
    stand_in: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPLECORE_TOKEN", "abc")
    given: list[Settings] = []

    def run(settings: Settings) -> int:
        given.append(settings)
        return 7

    stand_in("bot.runner", run=run)
    assert cli.main(["run"]) == 7
    assert given[0].secrets() == ("abc",)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ApplecoreError("first line\nsecond line"), 1, "applecore: first line\napplecore: second line\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "applecore: /x: Permission denied\n"),
        (TimeoutError(), 1, "applecore: TimeoutError\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
@pytest.mark.usefixtures("no_log_set_up")
def test_what_ends_a_command(
    error: BaseException,
    code: int,
    says: str,
    stand_in: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(_: Settings) -> int:
        raise error

    stand_in("bot.doctor", run=run)
    assert cli.main(["doctor"]) == code
    assert capsys.readouterr() == ("", says)


@pytest.mark.usefixtures("no_log_set_up")
def test_demo_starts_what_is_asked_for(stand_in: Callable[..., None]) -> None:
    stand_in("bot.demo.script", run_script=lambda: 3)
    stand_in("bot.demo.server", serve=lambda port: port)
    assert cli.main(["demo", "--script"]) == 3
    assert cli.main(["demo"]) == 8700
    assert cli.main(["demo", "--port", "0"]) == 0


@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--script"]])
def test_demo_without_its_extra(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("simcord", "PIL") else find(name))
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "applecore: the demo needs packages that are not installed (simcord, PIL). Install them with:",
        "  pip install 'applecore[demo]'",
    ]


def test_check_sums_readings_up(tmp_path: Path) -> None:
    (tmp_path / "short.md").write_text(READING)
    long = " ".join(f"Sentence {number} of a long passage." for number in range(200))
    (tmp_path / "long.md").write_text(READING.replace("Another passage.", long))
    done = applecore("reading", "check", "short.md", "long.md", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    short, second, paged = done.stdout.splitlines()
    assert short == "short.md: 2 excerpts, 45 characters, longest 26"
    assert second.startswith(f"long.md: 2 excerpts, {26 + 3 + len(long):,} characters, longest {3 + len(long):,}")
    assert paged == "  excerpt 2 (Two) will be shown in 2 pages"


def test_check_names_every_bad_file_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(READING)
    (tmp_path / "bad.md").write_text(READING.replace("title: A Short Reading\n", "titel: A Short Reading\n"))
    (tmp_path / "latin.md").write_bytes(READING.replace("passage", "pässage").encode("latin-1"))
    (tmp_path / "folder").mkdir()
    done = applecore(
        "reading", "check", "bad.md", "latin.md", "folder", "missing.md", "nul\udcff", "good.md", cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stdout.startswith("good.md: 2 excerpts")
    assert "bad.md" in done.stderr
    assert "applecore: folder: Is a directory\n" in done.stderr
    assert "applecore: missing.md: No such file or directory\n" in done.stderr
    assert "applecore: latin.md: byte " in done.stderr
    assert "is not UTF-8 text; save the file as UTF-8." in done.stderr
    assert all(line.startswith("applecore: ") for line in done.stderr.splitlines())


def test_import_writes_markdown(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("First paragraph, naïve.\n\nSecond paragraph.\n", encoding="utf-8")
    shown = applecore("reading", "import", "book.txt", "--title", "The Book", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    assert "title: The Book" in shown.stdout
    assert "naïve" in shown.stdout

    command = ("reading", "import", "book.txt", "--title", "The Book", "-o", "book.md")
    done = applecore(*command, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.endswith(" written to book.md\n")
    assert (tmp_path / "book.md").read_text(encoding="utf-8") == shown.stdout
    assert applecore("reading", "check", "book.md", cwd=tmp_path).returncode == 0

    (tmp_path / "book.md").write_text("mine")
    done = applecore(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "applecore: book.md exists already; choose another name or add --force.\n"
    assert (tmp_path / "book.md").read_text() == "mine"
    assert applecore(*command, "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / "book.md").read_text(encoding="utf-8") == shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("missing.txt",), "applecore: missing.txt: No such file or directory\n"),
        ((".",), "applecore: .: Is a directory\n"),
        (("book.txt", "-o", "nowhere/book.md"), "applecore: nowhere/book.md: No such file or directory\n"),
    ],
)
def test_import_of_what_cannot_be(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("A paragraph.\n")
    done = applecore("reading", "import", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", says)


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "LARGEST_FILE", 3)
    (tmp_path / "book.txt").write_text("four")
    with pytest.raises(ApplecoreError, match="is larger than"):
        cli._read(tmp_path / "book.txt")
