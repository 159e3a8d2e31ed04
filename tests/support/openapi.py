"""Request bodies against Discord's own OpenAPI document, where it lies beside the repository."""

import gzip
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

DOCUMENT = Path(__file__).parents[3] / "shared" / "discord-openapi.json.gz"

UNDOCUMENTED: frozenset[tuple[str, str]] = frozenset()
"""Method and path of routes that Discord has and the document lacks, ids as ``*``. Each needs its reason here."""

_IDS_AS_NUMBERS = {"type": "integer", "minimum": 0}
"""The document, a preview, wants every id as a string. Discord takes numbers too: its reference shows the `id` of an
uploaded file as one ("Uploading Files"), and discord.py sends those and the ids of `allowed_mentions` so."""

_TYPES = ("application/json", "multipart/form-data")
_LONGEST = 160


class Operation:
    """One method of one path of the document."""

    def __init__(self, document: dict[str, Any], operation: dict[str, Any]) -> None:
        self._document = document
        self._body: dict[str, Any] = operation.get("requestBody") or {}

    def wrong(self, body: Any) -> str | None:
        if body is None:
            return "a body is required" if self._body.get("required") else None
        if not self._body:
            return "no body is documented"
        error = next(iter(self._validator.iter_errors(body)), None)
        return None if error is None else _told(_inmost(error))

    @cached_property
    def _validator(self) -> Draft202012Validator:
        content = self._body["content"]
        schema = next(content[kind]["schema"] for kind in _TYPES if kind in content)
        # The document's references point into its components.
        return Draft202012Validator({"components": self._document["components"], "allOf": [schema]})


class OpenApi:
    """Validators by route, compiled when first asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._operations: dict[tuple[str, int], list[tuple[list[str], Operation]]] = {}
        for path, methods in document["paths"].items():
            segments = path.strip("/").split("/")
            for method, operation in methods.items():
                if isinstance(operation, dict):
                    known = self._operations.setdefault((method.upper(), len(segments)), [])
                    known.append((segments, Operation(document, operation)))

    def wrong(self, method: str, path: str, body: Any) -> str | None:
        """What is wrong with a request, with the place inside its body; None where nothing is.

        ``path`` is the API path without version and query, ``body`` plain JSON; of a multipart request its
        ``payload_json``.
        """
        segments = path.strip("/").split("/")
        operation = self._find(method, segments)
        if operation is not None:
            return operation.wrong(body)
        route = "/" + "/".join("*" if segment.isdecimal() else segment for segment in segments)
        return None if (method, route) in UNDOCUMENTED else "no such route in Discord's document"

    def _find(self, method: str, segments: list[str]) -> Operation | None:
        """The most literal of the paths that match."""
        best: tuple[int, Operation] | None = None
        for template, operation in self._operations.get((method, len(segments)), ()):
            pairs = list(zip(template, segments, strict=True))
            if all(one == other or one.startswith("{") for one, other in pairs):
                literal = sum(one == other for one, other in pairs)
                if best is None or literal > best[0]:
                    best = (literal, operation)
        return best[1] if best else None


def load() -> OpenApi | None:
    """None where the document is absent: then nothing is validated."""
    if not DOCUMENT.exists():
        return None
    with gzip.open(DOCUMENT) as file:
        document = json.load(file)
    schemas = document["components"]["schemas"]
    schemas["SnowflakeType"] = {"anyOf": [schemas["SnowflakeType"], _IDS_AS_NUMBERS]}
    return OpenApi(document)


def _inmost(error: ValidationError) -> ValidationError:
    """Of alternatives the one with the right ``type``, as deep as it goes: the others only say that it is another."""
    place = error.instance_path
    for branch in getattr(error.kind, "context", None) or ():
        if branch and not any(_is_other_type(one, place) for one in branch):
            return _inmost(branch[0])
    return error


def _is_other_type(error: ValidationError, place: list[str | int]) -> bool:
    at_type = error.instance_path == [*place, "type"]
    null = error.instance_path == place and type(error.kind).__name__.endswith("Type")
    return at_type or null


def _told(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.instance_path) or "the body"
    message = error.message
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
    return f"{place}: {message}"
