"""Everything that can be set: in the environment, in ``.env`` or in ``applecore.toml``."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import ConfigurationError
from bot.logs import redact
from bot.settings_sources import PREFIX, Source, environment_name, surroundings


class SettingsError(ConfigurationError):
    """Wrong settings: one line for each."""


def default_database_url() -> str:
    path = platformdirs.user_data_path("applecore", appauthor=False) / "applecore.sqlite3"
    return f"sqlite:///{path.as_posix()}"


def _no_boolean(value: object) -> object:
    """pydantic takes true for 1, which nobody means who writes it for a number."""
    if isinstance(value, bool):
        raise ValueError("it is not a number")
    return value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _setting(description: str, right: str, *, default_text: str = "") -> Any:
    """What a field's declaration says about it, for people: ``right`` ends the sentence "it should be …"."""
    return Field(description=description, json_schema_extra={"right": right, "default_text": default_text})


WholeNumber = Annotated[int, BeforeValidator(_no_boolean)]


class Settings(BaseSettings):
    """The bot's settings. An argument wins over the environment, then ``.env``, then ``applecore.toml``.

    Raises:
        SettingsError: something is set wrongly, or a name is not a setting's.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    reads_surroundings: ClassVar[bool] = True
    """Whether the environment and the files count, or the arguments alone."""

    token: Annotated[
        SecretStr | None,
        _setting(
            "The bot's token from the Discord developer portal. `applecore run` needs it; the demo does not.",
            "the token alone, in one piece, as the developer portal shows it",
            default_text="none",
        ),
    ] = None
    database_url: Annotated[
        str,
        _setting(
            "Where the state is kept: a SQLite file or a PostgreSQL database.",
            "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE, special characters percent-encoded",
            default_text="the SQLite file `applecore.sqlite3` in your data folder",
        ),
    ] = Field(default_factory=default_database_url)
    api_url: Annotated[
        str,
        _setting(
            "The address of Discord's HTTP API, with its version. Another one serves a proxy or a test.",
            "an http:// or https:// address that ends in the API's version, such as https://discord.com/api/v10",
        ),
    ] = "https://discord.com/api/v10"
    gateway_url: Annotated[
        str | None,
        _setting(
            "The address of the gateway, where it is not the one that Discord names.",
            "a ws:// or wss:// address, such as wss://gateway.discord.gg",
            default_text="what Discord names",
        ),
    ] = None
    shard_count: Annotated[
        WholeNumber | None,
        Field(ge=1),
        _setting(
            "Into how many shards the bot is divided, over all processes.",
            "a whole number, 1 or more",
            default_text="what Discord recommends",
        ),
    ] = None
    shard_ids: Annotated[
        list[Annotated[WholeNumber, Field(ge=0)]] | None,
        _setting(
            "Which of the shards this process runs, such as `0,1`. Needs the number of shards as well.",
            "shard numbers with commas between, such as 0,1, counted from 0 and each below shard_count",
            default_text="all of them",
        ),
    ] = None
    message_content: Annotated[
        bool,
        _setting(
            "Whether to use the privileged Message Content intent, which the developer portal must allow.",
            "true or false",
        ),
    ] = False
    requests_per_second: Annotated[
        WholeNumber,
        Field(ge=1, le=50),
        _setting(
            "How many requests a second the bot sends at most. Discord allows 50 for a whole bot.",
            "a whole number from 1 to 50",
        ),
    ] = 45
    metrics_port: Annotated[
        WholeNumber | None,
        Field(ge=1, le=65535),
        _setting(
            "A port of 127.0.0.1 for Prometheus' metrics (`/metrics`) and the bot's health (`/healthz`).",
            "a whole number from 1 to 65535",
            default_text="off",
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(_lower),
        _setting("From which level on something is logged.", "debug, info, warning or error"),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"],
        BeforeValidator(_lower),
        _setting("Whether the log is lines to read or one JSON object per line.", "text or json"),
    ] = "text"

    def __init__(self, **values: Any) -> None:
        sources = [Source("arguments", values), *(surroundings() if self.reads_surroundings else ())]
        problems = [problem for source in sources for problem in (*source.problems, *_unknown(source))]
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems += [
                _explained(details, sources) for details in error.errors() if details["type"] != "extra_forbidden"
            ]
        if problems:
            raise SettingsError("\n".join(dict.fromkeys(problems)))

    @classmethod
    def isolated(cls, **values: Any) -> "Settings":
        """Settings from these arguments and the defaults alone: for the demo and for tests."""
        return _Isolated(**values)

    @classmethod
    def describe(cls) -> list[tuple[str, str, str]]:
        """Each setting's name in the environment, its default and its description, for the README's table."""
        return [
            (
                environment_name(name),
                _extra(info, "default_text") or f"`{str(info.default).lower()}`",
                info.description or "",
            )
            for name, info in cls.model_fields.items()
        ]

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown or logged."""
        token = self.token.get_secret_value() if self.token else ""
        password = urlsplit(self.database_url).password or ""
        # A short password would blot out ordinary words; in an address it is hidden anyway.
        passwords = {password, unquote(password)} if len(password) >= 8 else set()
        return tuple(secret for secret in (token, *sorted(passwords)) if secret)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, redact(value) if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Replaces pydantic's own readers, which pass over a misspelt name and a broken line in silence."""
        if not cls.reads_surroundings:
            return (init_settings,)
        return (init_settings, *(_Values(settings_cls, source.values) for source in surroundings()))

    @field_validator("token", mode="before")
    @classmethod
    def _check_token(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        token = value.strip()
        if token.lower().startswith("bot "):
            raise ValueError('it begins with the word "Bot"')
        if re.search(r"\s|[^\x21-\x7e]", token):
            raise ValueError("it contains a space or a character that no token has")
        return token or None

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if not separator:
            raise ValueError("it is not a database's address")
        if scheme.lower() not in _DATABASES:
            raise ValueError(f'it begins with "{_one_line(scheme)}://"')
        if scheme.lower().startswith("sqlite"):
            if not re.match(r"/[^?]", rest):
                raise ValueError("a file's name stands after three slashes, a path from the root after four")
            return value
        parts = _split(value)
        if not parts.hostname and "host=" not in parts.query:
            raise ValueError("it names no host")
        if len(parts.path) < 2:
            raise ValueError("it names no database")
        return value

    @field_validator("api_url")
    @classmethod
    def _check_api_url(cls, value: str) -> str:
        parts = _address(value, "http", "https")
        if value.endswith("/"):
            raise ValueError("it ends in a slash")
        if not re.search(r"/v\d+$", parts.path):
            raise ValueError("it does not end in the API's version")
        return value

    @field_validator("gateway_url")
    @classmethod
    def _check_gateway_url(cls, value: str | None) -> str | None:
        if value is not None:
            _address(value, "ws", "wss")
        return value

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _split_shard_ids(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.strip().removeprefix("[").removesuffix("]").split(",")]
        return [value] if isinstance(value, int) else value

    @field_validator("shard_ids")
    @classmethod
    def _check_shard_ids(cls, value: list[int] | None, info: ValidationInfo) -> list[int] | None:
        if value is None or "shard_count" not in info.data:  # a wrong shard_count has its own line
            return value
        count = info.data["shard_count"]
        if not value:
            raise ValueError("it names no shard")
        if len(set(value)) < len(value):
            raise ValueError("it names a shard twice")
        if count is None:
            raise ValueError("shard_count is not set")
        if max(value) >= count:
            raise ValueError(f"shard {max(value)} does not exist where shard_count is {count}")
        return value


class _Isolated(Settings):
    reads_surroundings = False


def load_settings(**overrides: Any) -> Settings:
    """Reads the settings; arguments win over everything.

    Raises:
        SettingsError: with one line for each wrong setting.
    """
    return Settings(**overrides)


class _Values(PydanticBaseSettingsSource):
    """Hands pydantic-settings what a source sets."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._values)


def _unknown(source: Source) -> Iterator[str]:
    for name in source.values:
        if name in Settings.model_fields:
            continue
        known = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1, cutoff=0.5)
        hint = (
            f"Did you mean {source.spelt(known[0])}?"
            if known
            else f"There are: {', '.join(map(source.spelt, Settings.model_fields))}."
        )
        yield f"{_one_line(source.spelt(name))} ({source.name}) is not a setting. {hint}"


def _explained(details: ErrorDetails, sources: list[Source]) -> str:
    """One line for one wrong setting. Its value is shown only where that can give nothing away."""
    name = str(details["loc"][0])
    source = next((source for source in sources if name in source.values), sources[0])
    if details["type"] == "value_error":
        wrong = str(details["ctx"]["error"])
    elif name == "token":
        wrong = "it is not a text"
    else:
        wrong = f"it is {_one_line(json.dumps(source.values.get(name), ensure_ascii=False, default=str))}"
    right = _extra(Settings.model_fields[name], "right")
    return f"{source.spelt(name)} ({source.name}) is wrong: {wrong}. Right is {right}."


def _one_line(text: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in redact(text))
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _extra(info: FieldInfo, key: str) -> str:
    extra = info.json_schema_extra
    return str(extra.get(key, "")) if isinstance(extra, dict) else ""


_DATABASES = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+asyncpg")
"""How an address may begin; ``bot.storage`` reads the rest."""


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises where it is no port's number
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    return parts


def _address(value: str, *schemes: str) -> SplitResult:
    parts = _split(value)
    if parts.scheme not in schemes:
        raise ValueError(f"it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not parts.hostname or re.search(r"\s", value):
        raise ValueError("it names no host" if not parts.hostname else "it contains a space")
    if parts.query or parts.fragment:
        raise ValueError("it has something after its path")
    return parts
