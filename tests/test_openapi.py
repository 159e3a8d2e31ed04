"""The validator that every request of the test run goes through, on Discord's own document."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.openapi import OpenApi, load

MESSAGES = "/channels/1/messages"


@pytest.fixture(scope="module")
def document() -> OpenApi:
    found = load()
    if found is None:
        pytest.skip("Discord's OpenAPI document does not lie beside the repository")
    return found


def button(label: str) -> dict[str, Any]:
    row = {"type": 1, "components": [{"type": 2, "style": 2, "label": label, "custom_id": "next"}]}
    return {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "Day 1"}, row]}]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", MESSAGES, {"content": "day 1", "nonce": "n" * 25, "enforce_nonce": True}),
        ("POST", MESSAGES, button("Next")),
        ("POST", MESSAGES, {"content": "x", "attachments": [{"id": 0, "filename": "day.png"}]}),
        ("POST", MESSAGES, {"content": "<@&5>", "allowed_mentions": {"parse": [], "roles": [5]}}),
        ("POST", "/channels/1/messages/2/threads", {"name": "Day 1", "auto_archive_duration": 1440}),
        ("GET", "/channels/1/messages", None),
        ("PUT", "/channels/1/messages/2/reactions/%F0%9F%91%8D/@me", None),
        ("PATCH", "/webhooks/1/token/messages/@original", {"content": "at last"}),
    ],
)
def test_what_discord_takes_is_let_through(document: OpenApi, method: str, path: str, body: Any) -> None:
    assert document.wrong(method, path, body) is None


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", MESSAGES, {"content": "x" * 4001}, "content: "),
        ("POST", MESSAGES, {"nonce": "n" * 26}, "nonce: "),
        ("POST", MESSAGES, button("x" * 81), "components.0.components.1.components.0.label: "),
        ("POST", MESSAGES, {"components": [{"type": 99}]}, "components.0: "),
        ("POST", MESSAGES, {"allowed_mentions": {"roles": ["five"]}}, "allowed_mentions.roles.0: "),
        ("POST", MESSAGES, None, "a body is required"),
        ("POST", "/channels/1/messages/2/threads", {"auto_archive_duration": 1440}, 'the body: "name" is a required'),
        ("POST", "/channels/1/messages/2/threads", {"name": "Day", "auto_archive_duration": 61}, "auto_archive_dur"),
        ("DELETE", "/channels/1/messages/2", {"reason": "x"}, "no body is documented"),
        ("POST", "/channels/1/telegrams", {}, "no such route"),
        ("PURGE", MESSAGES, None, "no such route"),
    ],
)
def test_what_discord_does_not_take_is_told_with_its_place(
    document: OpenApi, method: str, path: str, body: Any, told: str
) -> None:
    wrong = document.wrong(method, path, body)
    assert wrong is not None
    assert wrong.startswith(told), wrong
    assert len(wrong) < 300


PLUGIN_TEST = """
import pytest
import simcord
from simcord.http import router

def ask():
    backend = simcord.backend.Backend()
    channel = backend.create_channel(backend.create_guild("Readers").id, "reading")
    body = {"content": "x", "nonce": "n" * 26}
    router.dispatch(backend, "POST", f"/channels/{channel.id}/messages", json=body)

def test_unmarked():
    ask()

@pytest.mark.sends_invalid("a long nonce")
def test_marked():
    ask()
"""


def test_a_test_whose_bot_sends_something_else_on_simcord_fails_at_its_end(
    document: OpenApi, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makepyfile(PLUGIN_TEST)
    pytester.makeconftest("from tests.conftest import _discord_would_take_it, pytest_configure")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*POST /channels/*/messages: nonce: *"])
