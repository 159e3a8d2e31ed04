"""Every request that a test's bot makes on simcord is held against Discord's OpenAPI document, where it is present."""

import json
from collections.abc import Iterator
from functools import wraps
from typing import Any

import pytest
from simcord.http import router

from tests.support import openapi

pytest_plugins = ["pytester", "tests.support.postgres"]

SENDS_INVALID = "sends_invalid(reason): this test itself sends what Discord would not take, to see it refused"

_document = openapi.load()
_violations: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", SENDS_INVALID)
    if _document is not None:
        _watch(_document)


def _watch(document: openapi.OpenApi) -> None:
    """Stays for the whole run: the overlays wrap the same function once, whenever the first world needs them."""
    simcords = router.dispatch

    @wraps(simcords)
    def dispatch(backend: Any, method: str, path: str, **request: Any) -> Any:
        body = request.get("json")
        wrong = document.wrong(method, path, None if body is None else json.loads(json.dumps(body)))
        if wrong is not None:
            _violations.append(f"{method} {path}: {wrong}")
        return simcords(backend, method, path, **request)

    router.dispatch = dispatch


@pytest.fixture(autouse=True)
def _discord_would_take_it(request: pytest.FixtureRequest) -> Iterator[None]:
    _violations.clear()
    yield
    if _violations and request.node.get_closest_marker("sends_invalid") is None:
        pytest.fail("Discord's OpenAPI document does not allow:\n" + "\n".join(_violations), pytrace=False)
