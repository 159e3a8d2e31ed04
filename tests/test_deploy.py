"""The deploy files and the operator's pages say what is so: compared with the code, and run where that can be."""

import asyncio
import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import logs
from bot.cli import _parser, main
from bot.errors import ConfigurationError
from bot.health import HealthServer
from bot.metrics import Metrics
from bot.settings import Settings, load_settings
from bot.settings_sources import environment_name
from tests.test_readme import leaves, rows

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
HEALTHCHECK = DEPLOY / "healthcheck.py"
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
DOCKERIGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
UNIT = (DEPLOY / "applecore.service").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in DEPLOY.iterdir() if path.is_file()} | {"page": PAGE}

PORT = "9464"
"""The port that the examples use."""


def blocks(language: str) -> list[str]:
    """The page's blocks in a language, those in lists included, with broken lines joined."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ") for block in found]


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def instructions(name: str) -> list[str]:
    """What stands behind an instruction of the Dockerfile, each time that it stands there."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return re.findall(rf"^{name} (.*)$", text, re.MULTILINE)


def unit() -> dict[str, str]:
    """The unit's section [Service]; a name that stands there several times has its last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read_string(UNIT)
    return dict(parser["Service"])


@pytest.mark.parametrize("name", TEXTS)
def test_every_setting_that_is_named_exists(name: str) -> None:
    known = {environment_name(setting) for setting in Settings.model_fields}
    assert set(re.findall(r"APPLECORE_[A-Z_]+", TEXTS[name])) <= known


def test_settings_named_by_their_short_names_exist() -> None:
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE))
    ours = {name for name in named if not name.startswith(("applecore_", "process_")) and name not in logs.FIELDS}
    assert ours <= set(Settings.model_fields)
    assert {"metrics_port", "requests_per_second"} <= ours


@pytest.mark.parametrize("block", blocks("ini"))
def test_the_examples_of_settings_are_right(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for setting in Settings.model_fields:
        monkeypatch.delenv(environment_name(setting), raising=False)
    (tmp_path / ".env").write_text(block.replace("what the developer portal shows", "token"))
    load_settings()


def commands_of_the_page() -> list[str]:
    """The arguments of each applecore that a block runs: installed, in a container, or by cron."""
    lines = [line for block in (*blocks("sh"), *blocks("crontab")) for line in block.splitlines()]
    started = r"(?:bin/applecore|docker exec applecore applecore|docker run --rm .* applecore:0\.1\.0|^\S+ applecore)"
    return [found[1] for line in lines if (found := re.search(rf"{started} ([a-z].*)$", line.strip()))]


def test_the_commands_of_the_page_can_be_run() -> None:
    commands = commands_of_the_page()
    for command in commands:
        _parser().parse_args(shlex.split(re.sub(r"\$\(.*?\)", "1", command)))  # SystemExit where it is wrong
    assert {command.split()[0] for command in commands} == {"doctor", "backup", "restore-backup", "forget"}


def test_the_commands_in_the_text_exist() -> None:
    named = set(re.findall(r"`applecore ([a-z-]+(?: [a-z]+)?)", PAGE))
    known = leaves(_parser())
    assert {name for name in named if not any(f"{command} ".startswith(f"{name} ") for command in known)} == set()
    assert {"backup", "forget"} <= named


def test_links_and_headings_exist() -> None:
    headings = {
        re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.*)$", PAGE, re.M)
    }
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", PAGE)
    for target in targets:
        assert target[1:] in headings if target.startswith("#") else (ROOT / "docs" / target).exists(), target
    assert {target[1:] for target in targets if target.startswith("#")} >= headings


def test_exit_codes_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    codes = [row[0] for row in rows(section("When it ends, and what then"))]
    assert main.__doc__ is not None
    assert codes == re.findall(r"\b\d+\b", main.__doc__)
    in_vain = {int(code) for code in unit()["RestartPreventExitStatus"].split()}
    assert in_vain == {main(["nonsense"]), ConfigurationError.exit_code} <= {int(code) for code in codes}


def test_the_table_of_metrics_is_the_code() -> None:
    metrics = Metrics()
    metrics.shard(0, connected=True)
    families = text_string_to_metric_families(metrics.render()[0].decode())
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        if family.name.startswith("applecore_")
    }
    table = rows(section("Health and metrics"))
    assert {row[0].strip("`") for row in table if row[0].startswith("`applecore_")} == names
    assert set(re.findall(r"applecore_[a-z_]+", section("Health and metrics"))) == names


def test_the_table_of_fields_is_the_code() -> None:
    fields = [name for row in rows(section("Logs")) for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(fields) == sorted(logs.FIELDS)


def test_the_examples_agree_on_one_port() -> None:
    ports = re.findall(r"(?:METRICS_PORT=|METRICS_PORT` is |127\.0\.0\.1:)(\d+)", DOCKERFILE + PAGE)
    assert len(ports) >= 4
    assert set(ports) == {PORT}


def sources() -> set[str]:
    """What the Dockerfile copies from the repository."""
    copies = [shlex.split(copy)[:-1] for copy in instructions("COPY") if not copy.startswith("--from")]
    return {source for copy in copies for source in copy}


def test_the_image_gets_all_that_the_wheel_is_built_from() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    needed = {
        *wheel["packages"],
        *wheel["force-include"],
        *project["license-files"],
        project["readme"],
        "pyproject.toml",
    }
    assert needed <= sources()
    for source in sources():
        assert (ROOT / source).exists(), source


def test_what_is_copied_is_sent_to_docker_and_nothing_else_is() -> None:
    rules = [line for line in DOCKERIGNORE if line and not line.startswith("#")]
    assert rules[0] == "*", "settings and databases stay out unless they are named"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources()


def test_the_image_installs_exact_versions_for_a_python_that_is_enough() -> None:
    installs = [part for run in instructions("RUN") for part in run.split("&&") if "pip install" in part]
    assert len(installs) == 2
    assert all("-c constraints.txt" in install for install in installs)
    least = tuple(map(int, PROJECT["project"]["requires-python"].removeprefix(">=").split(".")))
    for image in instructions("FROM"):
        found = re.match(r"python:(\d+)\.(\d+)-slim\b", image)
        assert found is not None, image
        assert (int(found[1]), int(found[2])) >= least


def test_the_container_runs_the_bot_as_a_user_of_its_own() -> None:
    assert instructions("USER") == ["applecore"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("VOLUME") == instructions("WORKDIR")[-1:] == ["/data"]
    assert (instructions("ENTRYPOINT"), instructions("CMD")) == (['["applecore"]'], ['["run"]'])
    [url] = re.findall(r"APPLECORE_DATABASE_URL=(\S+)", DOCKERFILE)
    assert Settings.isolated(database_url=url).database_url == "sqlite:////data/applecore.sqlite3"


def test_the_health_check_is_copied_to_where_it_is_run() -> None:
    [check] = instructions("HEALTHCHECK")
    command = re.search(r'CMD \["python", "(.*)"\]$', check)
    assert command is not None
    assert f"{HEALTHCHECK.relative_to(ROOT).as_posix()} {command[1]}" in instructions("COPY")


async def healthcheck(port: str | None) -> tuple[int | None, str]:
    """Run as Docker runs it; a proxy in the environment must not be asked."""
    environment = {name: value for name, value in os.environ.items() if name != "APPLECORE_METRICS_PORT"}
    if port is not None:
        environment["APPLECORE_METRICS_PORT"] = port
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(HEALTHCHECK)),
        env=environment | {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert err == b""
    return process.returncode, out.decode()


async def test_the_health_check_asks_the_bot() -> None:
    faults: list[str] = []

    async def look() -> list[str]:
        return faults

    server = HealthServer(Metrics(), 0, look)
    await server.start()
    port = str(server.port)
    try:
        assert await healthcheck(port) == (0, '{"status": "ok"}\n')
        faults.append("No shard is connected.")
        assert await healthcheck(port) == (1, '{"status": "unwell", "faults": ["No shard is connected."]}\n')
    finally:
        await server.stop()
    code, said = await healthcheck(port)
    assert code == 1
    assert said.startswith(f"nobody answers on port {port}: ")


@pytest.mark.parametrize("port", [None, "", " "])
async def test_without_a_port_there_is_nothing_to_ask(port: str | None) -> None:
    assert await healthcheck(port) == (0, "")


def test_the_unit_runs_a_command_and_gives_it_time_to_stop() -> None:
    service = unit()
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == "/opt/applecore/bin/applecore"
    assert f"{program} doctor" in PAGE
    _parser().parse_args(arguments)
    assert service["KillSignal"] == "SIGTERM"
    assert int(service["TimeoutStopSec"]) > 10, "it may take ten seconds"
    assert service["User"] == "applecore"
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert f"{service['WorkingDirectory']}/.env" in PAGE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "applecore.service"
    file.write_text(UNIT.replace("/opt/applecore/bin/applecore", sys.executable), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 our own arguments
        ["systemd-analyze", "verify", "--man=no", str(file)],  # noqa: S607 wherever it is installed
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
