"""The commands are tested on SQLite alone: what differs between the engines is tested in tests/storage, tests/club."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database, migrated already."""
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "applecore.db")
    return f"sqlite:///{tmp_path}/applecore.db"
