"""Both engines for the tests: an SQLite file, and a private PostgreSQL cluster on the loopback.

Registered by ``tests/conftest.py``. Without PostgreSQL's programs its half is skipped, and the skip says why.
"""

import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.storage.database import Database

_USER = "applecore"
_MIGRATED = "applecore_migrated"


@dataclass
class Cluster:
    """A running server that lets anyone on the loopback in."""

    programs: Path
    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def database(self, template: str = "template0", name: str | None = None) -> Iterator[str]:
        """The address of a database of its own, gone afterwards."""
        name = name or f"test_{next(self._numbers)}"
        self._client("createdb", f"--template={template}", "--encoding=UTF8", name)
        try:
            yield f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"
        finally:
            self._client("dropdb", "--force", name)

    def _client(self, program: str, *arguments: str) -> None:
        address = ("--host=127.0.0.1", f"--port={self.port}", f"--username={_USER}")
        _run([self.programs / program, *address, *arguments])


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    programs = find_programs()
    if programs is None:
        reason = "PostgreSQL is not installed: apt install postgresql"
        if os.environ.get("REQUIRE_POSTGRESQL"):  # in CI a skip would go unseen
            pytest.fail(reason)
        pytest.skip(reason)
    with running_cluster(programs) as cluster:
        yield cluster


@contextmanager
def running_cluster(programs: Path, *, durable: bool = False) -> Iterator[Cluster]:
    """A server of its own; ``durable`` where it shall wait for the disk, as a real one does."""
    # Not in pytest's folder: that is for root alone, and the server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="applecore-postgresql-", dir="/tmp"))
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if become:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    control: list[str | Path] = [*become, programs / "pg_ctl", f"--pgdata={data}", "--wait", "--silent"]
    try:
        init = ("--auth=trust", f"--username={_USER}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        _run([*become, programs / "initdb", f"--pgdata={data}", *init])
        port = _start(control, folder, durable=durable)
        try:
            yield Cluster(programs, port)
        finally:
            _run([*control, "--mode=immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "applecore.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_cluster: Cluster) -> Iterator[str]:
    with postgresql_cluster.database(name=_MIGRATED) as url:
        _migrate(url)
        yield _MIGRATED


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An address where nothing is yet, on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
    else:
        cluster: Cluster = request.getfixturevalue("postgresql_cluster")
        with cluster.database() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database, migrated already, on each engine."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "applecore.db")
        yield f"sqlite:///{tmp_path}/applecore.db"
    else:
        template: str = request.getfixturevalue("_postgresql_template")
        cluster: Cluster = request.getfixturevalue("postgresql_cluster")
        with cluster.database(template) as url:
            yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database, on each engine."""
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


def _migrate(url: str) -> None:
    async def run() -> None:
        database = Database(url)
        await database.open()
        await database.close()

    with asyncio.Runner() as runner:
        runner.run(run())


def find_programs() -> Path | None:
    """Debian keeps the server's programs out of PATH, by version: the newest."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


def _start(control: list[str | Path], folder: Path, *, durable: bool) -> int:
    """Another program may take the free port before the server does: then try the next."""
    for last in (False, False, True):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        options += "" if durable else " -c fsync=off"
        try:
            _run([*control, f"--log={folder}/log", f"--options={options}", "start"])
        except RuntimeError:
            if last:
                raise
        else:
            return port
    raise AssertionError


def _run(command: list[str | Path]) -> None:
    """pg_ctl's server would keep a pipe open, so the output goes to a file."""
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(  # noqa: S603 our own arguments
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(map(str, command))}: {output.read().decode(errors='replace')}")
