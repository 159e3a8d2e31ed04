"""REST calls as Discord answers them, laid over simcord's handlers for worlds whose backend is overlaid.

simcord keeps its handlers in module state, so `wire` wraps them once for the process; each wrapper asks the
backend of the call whether it is overlaid and is a plain pass-through otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from heapq import nsmallest
from typing import Any
from urllib.parse import unquote

from simcord.backend import errors, serializers
from simcord.backend.access import channel_accessible
from simcord.backend.errors import BackendError
from simcord.backend.models import Message
from simcord.http import router
from simcord.http._helpers import message_response
from simcord.http.router import RequestContext

from bot.demo.overlays.backend import HAS_THREAD, OverlaidBackend, thread_archived
from bot.demo.overlays.bursts import BURST, NORMAL

Handler = Callable[[RequestContext], Any]
RouteOverlay = Callable[[OverlaidBackend, RequestContext, Handler], Any]

_OVERLAYS: dict[tuple[str, str], RouteOverlay] = {}
_WIRED = "applecore_overlaid"

AUTO_ARCHIVE_MINUTES = (60, 1440, 4320, 10080)
NONCE_LENGTH = 25
_BY_CREATOR = {"name", "archived", "auto_archive_duration", "applied_tags"}


def wire() -> None:
    if getattr(router.dispatch, _WIRED, False):
        return
    for (method, template), overlay in _OVERLAYS.items():
        _wrap_route(method, template, overlay)
    _wrap_message_payload()
    _wrap_dispatch()


def _over(method: str, template: str) -> Callable[[RouteOverlay], RouteOverlay]:
    def register(overlay: RouteOverlay) -> RouteOverlay:
        _OVERLAYS[method, template] = overlay
        return overlay

    return register


@_over("POST", "/channels/{channel_id}/messages")
def send_message(backend: OverlaidBackend, ctx: RequestContext, simcords: Handler) -> Any:
    """The same enforced nonce again answers the message that it made, or 404 if that was deleted."""
    nonce = ctx.body().get("nonce")
    if nonce is None:
        return simcords(ctx)
    if len(str(nonce)) > NONCE_LENGTH:
        raise errors.invalid_form_body(f"nonce: Must be {NONCE_LENGTH} or fewer in length")
    channel_id, now = ctx.int_arg("channel_id"), backend.clock.now()
    backend.nonces = {
        key: (made, when) for key, (made, when) in backend.nonces.items() if now - when < backend.nonce_window
    }
    key = (channel_id, str(nonce))
    if ctx.body().get("enforce_nonce") and key in backend.nonces:
        channel = backend.get_channel(channel_id)
        ctx.require_channel_permissions(
            channel_id, "send_messages_in_threads" if channel.is_thread else "send_messages"
        )
        made = backend.get_message(channel_id, backend.nonces[key][0])
        return {**message_response(ctx, made), "nonce": nonce}
    backend.pending_nonce = nonce
    try:
        answer = simcords(ctx)
    finally:
        backend.pending_nonce = None
    backend.nonces[key] = (int(answer["id"]), now)
    return {**answer, "nonce": nonce}


@_over("GET", "/channels/{channel_id}/messages")
def get_history(backend: OverlaidBackend, ctx: RequestContext, simcords: Handler) -> Any:
    """`after` answers the oldest messages past it, the newest of them first; simcord answers the newest of all."""
    limit, channel_id = _limit(ctx, default=50), ctx.int_arg("channel_id")
    if "after" not in ctx.params or "around" in ctx.params:
        return simcords(ctx)
    ctx.require_channel_permissions(channel_id)
    if not channel_accessible(backend, channel_id, backend.bot_user.id, history=True):
        return []
    stored, after = backend.messages[channel_id], int(ctx.params["after"])
    before = int(ctx.params.get("before", 1 << 64))
    past = (one for one in stored if after < one < before and not stored[one].is_ephemeral)
    return [message_response(ctx, stored[one]) for one in reversed(nsmallest(limit, past))]


@_over("DELETE", "/channels/{channel_id}/messages/{message_id}")
def delete_message(backend: OverlaidBackend, ctx: RequestContext, simcords: Handler) -> Any:
    """Not from an archived thread, as many report of Discord; its documents do not say so."""
    metadata = backend.get_channel(ctx.int_arg("channel_id")).thread_metadata
    if metadata is not None and metadata.archived:
        raise thread_archived()
    return simcords(ctx)


@_over("GET", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}")
def get_reaction_users(backend: OverlaidBackend, ctx: RequestContext, _: Handler) -> Any:
    """A page of those who gave it in that way, by their ids; simcord answers everyone who gave it at all."""
    limit, after = _limit(ctx, default=25), int(ctx.params.get("after", 0))
    message = ctx.require_message(ctx.int_arg("channel_id"), ctx.int_arg("message_id"), "read_message_history")
    emoji = unquote(ctx.args["emoji"])
    if int(ctx.params.get("type", NORMAL)) == BURST:
        users = backend.burst_users(message, emoji)
    else:
        normal = message.reaction_for(emoji)
        users = normal.user_ids if normal is not None else []
    page = nsmallest(limit, (user for user in users if user > after))
    return [dict(serializers.user_payload(backend.get_user(user))) for user in page]


@_over("POST", "/channels/{channel_id}/messages/{message_id}/threads")
def create_thread_from_message(backend: OverlaidBackend, ctx: RequestContext, simcords: Handler) -> Any:
    _check_thread_fields(ctx.body(), required=("name",))
    message_id = ctx.int_arg("message_id")
    ctx.require_message(ctx.int_arg("channel_id"), message_id)
    if message_id in backend.channels:
        raise BackendError(400, 160004, "A thread has already been created for this message")
    return simcords(ctx)


@_over("POST", "/channels/{channel_id}/threads")
def create_thread(backend: OverlaidBackend, ctx: RequestContext, simcords: Handler) -> Any:
    _check_thread_fields(ctx.body(), required=("name",))
    return simcords(ctx)


@_over("PATCH", "/channels/{channel_id}")
def edit_thread(backend: OverlaidBackend, ctx: RequestContext, simcords: Handler) -> Any:
    """simcord asks for Manage Channels; a thread wants Manage Threads, or less from its creator.

    Writes no audit log entry.
    """
    thread = ctx.require_channel_permissions(ctx.int_arg("channel_id"))
    metadata = thread.thread_metadata
    if metadata is None or thread.guild_id is None:
        return simcords(ctx)
    fields = ctx.fields(
        "name",
        "archived",
        "locked",
        "auto_archive_duration",
        "rate_limit_per_user",
        "applied_tags",
        "invitable",
    )
    _check_thread_fields(fields)
    me = backend.bot_user.id
    if not backend.may_manage_threads(thread, me):
        created = thread.owner_id == me and fields.keys() <= _BY_CREATOR
        reopens = fields == {"archived": False}
        if metadata.locked or not (created or reopens):
            raise errors.missing_permissions()
        backend.require_permissions(thread.guild_id, me, thread.id, "send_messages_in_threads")
    reopens = fields.get("archived") is False
    if metadata.archived and not reopens and not fields.keys() <= {"archived", "locked"}:
        raise thread_archived()
    if "applied_tags" in fields:
        fields["applied_tags"] = [int(tag) for tag in fields["applied_tags"] or []]
    own: dict[str, Any] = {key: fields[key] for key in ("name", "rate_limit_per_user", "applied_tags") if key in fields}
    if own.get("rate_limit_per_user", 0) is None:
        own["rate_limit_per_user"] = 0
    backend.edit_channel(
        thread.id, own, thread_metadata={key: value for key, value in fields.items() if key not in own}
    )
    return dict(serializers.channel_payload(backend, thread))


def _limit(ctx: RequestContext, *, default: int) -> int:
    limit = int(ctx.params.get("limit", default))
    if not 1 <= limit <= 100:
        raise errors.invalid_form_body("limit: Must be between 1 and 100")
    return limit


def _check_thread_fields(fields: dict[str, Any], required: tuple[str, ...] = ()) -> None:
    if "name" in fields or "name" in required:
        name = fields.get("name")
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= 100:
            raise errors.invalid_form_body("name: Must be between 1 and 100 in length")
    minutes = fields.get("auto_archive_duration")
    if minutes is not None and minutes not in AUTO_ARCHIVE_MINUTES:
        raise errors.invalid_form_body(f"auto_archive_duration: Must be one of {AUTO_ARCHIVE_MINUTES}")


# ---- the three seams in simcord's module state


def _wrap_route(method: str, template: str, overlay: RouteOverlay) -> None:
    segments = template.strip("/").split("/")
    table = router._ROUTES[method]
    (index,) = [i for i, (found, _) in enumerate(table) if found == segments]
    simcords = table[index][1]

    @wraps(simcords)
    def handler(ctx: RequestContext) -> Any:
        if not isinstance(ctx.backend, OverlaidBackend):
            return simcords(ctx)
        return overlay(ctx.backend, ctx, simcords)

    table[index] = (segments, handler)


def _wrap_message_payload() -> None:
    """A message carries its thread where it has one, and counts burst reactions as well."""
    simcords = serializers.message_payload

    @wraps(simcords)
    def message_payload(backend: Any, message: Message, *, for_user: int | None = None) -> Any:
        payload: Any = simcords(backend, message, for_user=for_user)
        if isinstance(backend, OverlaidBackend):
            thread = backend.channels.get(message.id)
            if message.flags & HAS_THREAD and thread is not None:
                payload["thread"] = dict(serializers.thread_payload(backend, thread))
            backend.count_bursts(message, payload["reactions"])
        return payload

    serializers.message_payload = message_payload


def _wrap_dispatch() -> None:
    simcords = router.dispatch

    @wraps(simcords)
    def dispatch(backend: Any, method: str, path: str, **request: Any) -> Any:
        if not isinstance(backend, OverlaidBackend):
            return simcords(backend, method, path, **request)
        return backend.scripted.around(method, path, lambda: simcords(backend, method, path, **request))

    setattr(dispatch, _WIRED, True)
    router.dispatch = dispatch
