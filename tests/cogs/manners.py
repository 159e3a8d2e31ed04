"""What holds for everything that the bot says: answers are private, nobody is pinged, Discord's limits are kept.

simcord accepts longer texts than Discord, so the requests themselves are measured here.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import simcord

from bot.reading.splitting import utf16_len
from tests.support.club_world import ClubWorld, answers, club_world

EPHEMERAL = 64
ANSWER, DEFERRED, EDITED, CHOICES = 4, 5, 7, 8
TEXT_DISPLAY = 10


@asynccontextmanager
async def polite_world(database_url: str) -> AsyncIterator[ClubWorld]:
    """A guild with the bot in it; whatever the test made the bot say is checked at the end."""
    async with club_world(database_url) as world:
        yield world
        check_manners(world)


def check_manners(world: ClubWorld) -> None:
    """Every request of the bot so far."""
    for request in world.env.http_requests:
        body = request.json if isinstance(request.json, dict) else {}
        if request.path.startswith("/interactions/"):
            _check_callback(body)
        elif request.path.startswith("/webhooks/") and request.method == "POST":
            assert body.get("flags", 0) & EPHEMERAL, f"everyone sees this answer: {body}"
            _check_message(body, pings=False)
        elif request.path.endswith("/messages") and request.method == "POST":
            _check_message(body, pings=True)
        elif request.path.endswith("/threads"):
            assert 1 <= utf16_len(body["name"]) <= 100


def _check_callback(body: dict[str, Any]) -> None:
    data = body.get("data") or {}
    if body["type"] in {ANSWER, DEFERRED}:
        assert data.get("flags", 0) & EPHEMERAL, f"everyone sees this answer: {data}"
    if body["type"] in {ANSWER, EDITED}:
        _check_message(data, pings=False)
    if body["type"] == CHOICES:
        assert len(data["choices"]) <= 25
        for choice in data["choices"]:
            assert 1 <= len(choice["name"]) <= 100
            assert 1 <= len(str(choice["value"])) <= 100


def _check_message(body: dict[str, Any], *, pings: bool) -> None:
    allowed = body.get("allowed_mentions")
    assert allowed is not None, f"without a word about mentions Discord pings: {body}"
    assert not allowed.get("parse")
    assert not allowed.get("users")
    assert pings or not allowed.get("roles")
    assert utf16_len(body.get("content") or "") <= 2000, f"too long for Discord: {(body['content'])[:200]}"
    parts = list(_parts(body.get("components") or []))
    assert sum(utf16_len(part["content"]) for part in parts if part["type"] == TEXT_DISPLAY) <= 4000
    assert len(parts) <= 40
    for part in parts:
        assert len(part.get("custom_id") or "") <= 100
        assert len(part.get("label") or "") <= 80
        assert len(part.get("options") or []) <= 25
        for option in part.get("options") or []:
            assert 1 <= len(option["label"]) <= 100
            assert 1 <= len(option["value"]) <= 100
            assert len(option.get("description") or "") <= 100


def _parts(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for component in components:
        yield component
        yield from _parts(component.get("components") or [])


def shown(message: Any) -> int:
    """How many UTF-16 units Discord counts in a message's text displays."""
    payload = [component.to_dict() for component in message.components]
    return sum(utf16_len(part["content"]) for part in _parts(payload) if part["type"] == TEXT_DISPLAY)


def one_sentence(result: simcord.InteractionResult) -> str:
    """The only answer to a command: short, one message, for the eyes of whoever gave it."""
    messages = [*([result.response] if result.response else []), *result.followups]
    assert len(messages) == 1, [message.content for message in messages]
    assert messages[0].ephemeral
    text = answers(result)
    assert "went wrong" not in text
    assert "\n" not in text
    assert 10 < len(text) < 300, text
    return text


def last(result: simcord.InteractionResult) -> Any:
    """The newest message of an answer, to press its buttons."""
    return ([*([result.response] if result.response else []), *result.followups])[-1]
