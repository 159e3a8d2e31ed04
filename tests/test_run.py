"""`applecore run` as a process: what it says where it cannot run, and how it ends."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.rest_only import TOKEN, RestOnly, rest_only
from tests.support.stage import prepare

ROOT = Path(__file__).parents[1]

CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: not to be started again before something is set up differently."""


def environment(folder: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("APPLECORE_")}
    ours = {f"APPLECORE_{name.upper()}": value for name, value in settings.items()}
    return kept | {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTHONUTF8": "1"} | ours


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """One run that is expected to end by itself; ResourceWarning tells of whatever is left unclosed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-W", "default::ResourceWarning", "-m", "bot", "run"],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert TOKEN not in done.stdout + done.stderr
    return done


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/api/v10"


def test_without_a_token(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (CONFIGURATION, "")
    assert done.stderr.splitlines() == [
        "applecore: no token is set, so there is no bot to log in as. To get one:",
        "  1. Open https://discord.com/developers/applications, choose New Application and give it a name.",
        "  2. Choose Bot on its page, then Reset Token, and copy what it shows.",
        "  3. Set it as APPLECORE_TOKEN, or write APPLECORE_TOKEN=<what you copied> into the file .env in this folder.",
        "applecore: To see the bot at work without any of this: applecore demo",
    ]


WRONG = {
    "database_url=mysql://root@localhost/applecore": (
        'APPLECORE_DATABASE_URL (environment) is wrong: it begins with "mysql://". Right is sqlite:///FILE or '
        "postgresql://USER:PASSWORD@HOST/DATABASE, special characters percent-encoded."
    ),
    "log_level=loud": (
        'APPLECORE_LOG_LEVEL (environment) is wrong: it is "loud". Right is debug, info, warning or error.'
    ),
    "requests_per_secund=5": (
        "APPLECORE_REQUESTS_PER_SECUND (environment) is not a setting. Did you mean APPLECORE_REQUESTS_PER_SECOND?"
    ),
}


@pytest.mark.parametrize("setting", WRONG)
def test_what_cannot_be_is_one_line(setting: str, tmp_path: Path) -> None:
    name, _, value = setting.partition("=")
    done = run(tmp_path, token=TOKEN, api_url=closed_port(), **{name: value})
    assert (done.returncode, done.stdout, done.stderr) == (CONFIGURATION, "", f"applecore: {WRONG[setting]}\n")


def test_a_database_s_file_that_cannot_be(tmp_path: Path) -> None:
    """A disk may come back: it is worth another try."""
    (tmp_path / "file").touch()
    done = run(tmp_path, token=TOKEN, api_url=closed_port(), database_url="sqlite:///file/applecore.sqlite3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "applecore: database_url sqlite:///file/applecore.sqlite3 cannot be used (File exists): "
        "name a file in a folder that Applecore may write to.\n"
    )


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    prepare(f"sqlite:///{tmp_path}/newer.db")
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = run(tmp_path, token=TOKEN, api_url=closed_port(), database_url="sqlite:///newer.db")
    assert (done.returncode, done.stdout) == (CONFIGURATION, "")
    assert done.stderr == (
        "applecore: The database is at revision 9999, which this Applecore does not know: "
        "install a newer Applecore, or point database_url at another database.\n"
    )


def test_a_database_server_that_is_not_there(tmp_path: Path) -> None:
    url = "postgresql://nobody:secret-password@127.0.0.1:1/applecore"
    done = run(tmp_path, token=TOKEN, api_url=closed_port(), database_url=url)
    assert done.returncode == 1
    assert re.fullmatch(
        r"applecore: database_url postgresql://nobody:\*\*\*@127\.0\.0\.1:1/applecore cannot be used \(.+\): check "
        r"its host, port, user, password and database name, and that the server runs\.\n",
        done.stderr,
    )


def test_an_unreachable_discord(tmp_path: Path) -> None:
    url = closed_port()
    done = run(tmp_path, token=TOKEN, api_url=url)
    assert done.returncode == 1
    assert done.stderr == (
        f"applecore: Discord cannot be reached at {url} (Connection refused). Check the network and api_url.\n"
    )


def test_a_refused_token(tmp_path: Path) -> None:
    with rest_only() as rest:
        other = TOKEN.replace("Gabc", "Gxyz")
        done = run(tmp_path, token=other, api_url=rest.url)
    assert done.returncode == CONFIGURATION
    assert other not in done.stderr
    assert done.stderr == (
        "applecore: token: Discord refuses it. Copy it anew from the developer portal "
        "(your application → Bot → Reset Token) and set it as APPLECORE_TOKEN.\n"
    )


@pytest.mark.parametrize("status", [403, 404])
def test_another_refusal(status: int, tmp_path: Path) -> None:
    with rest_only(RestOnly(fault=status)) as rest:
        done = run(tmp_path, token=TOKEN, api_url=rest.url)
    assert done.returncode == 1
    assert done.stderr == (
        f"applecore: Discord answers {status} at {rest.url}. Check api_url, and see https://discordstatus.com.\n"
    )


def test_a_discord_without_a_gateway(tmp_path: Path) -> None:
    with rest_only() as rest:
        done = run(tmp_path, token=TOKEN, api_url=rest.url)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"applecore: Discord cannot be reached at {rest.url} (The gateway to connect to discord was not found). "
        "Check the network and api_url."
    )
    assert "Traceback" not in done.stderr
    assert "Unclosed" not in done.stderr


def unanswered(rest: RestOnly) -> None:
    rest.silent = True


def failing(rest: RestOnly) -> None:
    rest.fault = 500  # discord.py then waits between its attempts


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("trouble", [unanswered, failing])
def test_a_signal_ends_it_while_it_waits_for_discord(
    number: signal.Signals, trouble: Callable[[RestOnly], None], tmp_path: Path
) -> None:
    rest = RestOnly()
    trouble(rest)
    with rest_only(rest):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-W", "default::ResourceWarning", "-m", "bot", "run"],
            cwd=tmp_path,
            env=environment(tmp_path, token=TOKEN, api_url=rest.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        until(lambda: "GET /users/@me" in rest.asked)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert [line.partition(" info ")[2] for line in err.splitlines()] == [
        "bot.runner: stopping: finishing the step in hand",
        "bot.runner: stopped",
    ]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to that within thirty seconds")
