"""Reads ``database_url``. No message here repeats what it was given: it may hold a password."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import ApplecoreError

_SHAPES = "sqlite:///applecore.db, sqlite:////var/lib/applecore/applecore.db or postgresql://user:password@host/name"
_SQLITE = "sqlite+aiosqlite"
_POSTGRESQL = "postgresql+asyncpg"
_OPTIONS = frozenset({"host", "passfile", "password", "port", "ssl", "sslmode", "user"})
_DRIVERS = {"sqlite": _SQLITE, _SQLITE: _SQLITE, "postgresql": _POSTGRESQL, _POSTGRESQL: _POSTGRESQL}


def read(text: str) -> URL:
    """The address with its driver; ApplecoreError says in one sentence what is wrong with it."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ApplecoreError(f"database_url is not an address: write it like {_SHAPES}.") from None
    driver = _DRIVERS.get(url.drivername.lower())
    if driver is None:
        raise ApplecoreError(f"database_url names a database that Applecore does not know: write it like {_SHAPES}.")
    url = url.set(drivername=driver)
    return _sqlite(url) if driver == _SQLITE else _postgresql(url)


def file_of(url: URL) -> Path | None:
    """The file of an SQLite database."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def safe(url: URL) -> str:
    """The address as it may be shown: without its driver and its password."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"  # as written: some releases of SQLAlchemy percent-encode it
    shown = {name: "***" if "pass" in name.lower() else value for name, value in url.query.items()}
    return url.set(drivername=url.get_backend_name(), query=shown).render_as_string(hide_password=True)


def _sqlite(url: URL) -> URL:
    if url.host:
        raise ApplecoreError(
            "database_url has two slashes after sqlite: where it needs three before a relative path, "
            "four before an absolute one, such as sqlite:///applecore.db."
        )
    if url.query or (url.database or "").startswith("file:"):
        raise ApplecoreError("database_url has options that SQLite is not given here: write sqlite:///applecore.db.")
    if url.database in (None, "", ":memory:"):
        raise ApplecoreError("database_url names no file, and in memory nothing is kept: write sqlite:///applecore.db.")
    return url


def _postgresql(url: URL) -> URL:
    if "@" in (url.host or ""):
        raise ApplecoreError("database_url has a password with @ in it: write that character as %40.")
    if not url.database:
        raise ApplecoreError("database_url names no database: write postgresql://user:password@host/name.")
    if not _OPTIONS.issuperset(url.query):
        raise ApplecoreError(f"database_url has an option that is not one of {', '.join(sorted(_OPTIONS))}.")
    if "sslmode" in url.query and "ssl" not in url.query:  # libpq's word for what asyncpg calls ssl
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})
    return url
