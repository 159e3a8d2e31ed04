"""Settings: where they come from, what is right, and what a person reads when one is wrong."""

from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, load_settings
from bot.settings_sources import environment_name

# Put together here, so that nobody's secret scanner takes it for a real one.
TOKEN = ".".join(("MTIzNDU2Nzg5MDEyMzQ1Njc4", "GabcDE", "x" * 38))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(environment_name(name), raising=False)
    return tmp_path


def wrong() -> list[str]:
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert error.value.__cause__ is None
    assert error.value.__context__ is None, "pydantic's own error may hold the value"
    return str(error.value).splitlines()


def test_defaults() -> None:
    settings = load_settings()
    assert settings.token is None
    assert settings.database_url.startswith("sqlite:///")
    assert settings.database_url.endswith("/applecore/applecore.sqlite3")
    assert settings.api_url == "https://discord.com/api/v10"
    assert (settings.gateway_url, settings.shard_count, settings.shard_ids) == (None, None, None)
    assert settings.message_content is False
    assert settings.requests_per_second == 45
    assert (settings.log_level, settings.log_format) == ("info", "text")
    assert settings.metrics_port is None


def test_reading_settings_creates_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    assert str(folder) in load_settings().database_url
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("database_url", "sqlite:///club.sqlite3", "sqlite:///club.sqlite3"),
        ("database_url", "sqlite+aiosqlite:////var/lib/club.db", "sqlite+aiosqlite:////var/lib/club.db"),
        ("database_url", "postgresql://u:p%40ss@db:5432/club", "postgresql://u:p%40ss@db:5432/club"),
        (
            "database_url",
            "postgresql+asyncpg:///club?host=/run/pg",
            "postgresql+asyncpg:///club?host=/run/pg",
        ),
        ("api_url", "http://127.0.0.1:8080/api/v10", "http://127.0.0.1:8080/api/v10"),
        ("gateway_url", "ws://[::1]:8081", "ws://[::1]:8081"),
        ("shard_count", "3", 3),
        ("message_content", "true", True),
        ("message_content", "0", False),
        ("requests_per_second", "1", 1),
        ("requests_per_second", "50", 50),
        ("log_level", " DEBUG ", "debug"),
        ("log_format", "JSON", "json"),
        ("metrics_port", "1", 1),
        ("metrics_port", "65535", 65535),
    ],
)
def test_right_settings(name: str, written: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment_name(name), written)
    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize("written", ["0,2", "[0,2]", " [ 0, 2 ] ", "0 , 2"])
def test_shards(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLECORE_SHARD_COUNT", "3")
    monkeypatch.setenv("APPLECORE_SHARD_IDS", written)
    assert load_settings().shard_ids == [0, 2]


def test_shards_in_toml(folder: Path) -> None:
    (folder / "applecore.toml").write_text("shard_count = 3\nshard_ids = [0, 2]\n")
    assert load_settings().shard_ids == [0, 2]
    (folder / "applecore.toml").write_text("shard_count = 3\nshard_ids = 1\n")
    assert load_settings().shard_ids == [1]


@pytest.mark.parametrize(
    ("name", "written", "says"),
    [
        ("token", "Bot abc", 'it begins with the word "Bot"'),
        ("token", "two words", "it contains a space or a character that no token has"),
        ("token", "naïve", "it contains a space or a character that no token has"),
        ("database_url", "club.sqlite3", "it is not a database's address"),
        ("database_url", "mysql://db/club", 'it begins with "mysql://"'),
        ("database_url", "sqlite://club.sqlite3", "a file's name stands after three slashes"),
        ("database_url", "sqlite://", "a file's name stands after three slashes"),
        ("database_url", "postgresql://db", "it names no database"),
        ("database_url", "postgresql:///club", "it names no host"),
        ("database_url", "postgresql://db:port/club", "its host or port cannot be read"),
        ("api_url", "ftp://discord.com/api/v10", "it does not begin with http:// or https://"),
        ("api_url", "https:///api/v10", "it names no host"),
        ("api_url", "https://discord.com/api/v10/", "it ends in a slash"),
        ("api_url", "https://discord.com/api", "it does not end in the API's version"),
        ("api_url", "https://discord.com/api/v10?x=/v10", "it has something after its path"),
        ("api_url", "https://disc ord.com/api/v10", "it contains a space"),
        ("api_url", "https://discord.com:99999/api/v10", "its host or port cannot be read"),
        ("gateway_url", "https://gateway.discord.gg", "it does not begin with ws:// or wss://"),
        ("shard_count", "0", 'it is "0"'),
        ("shard_count", "two", 'it is "two"'),
        ("shard_ids", "0", "shard_count is not set"),
        ("message_content", "perhaps", 'it is "perhaps"'),
        ("requests_per_second", "0", 'it is "0"'),
        ("requests_per_second", "51", 'it is "51"'),
        ("requests_per_second", "4.5", 'it is "4.5"'),
        ("log_level", "loud", 'it is "loud"'),
        ("log_format", "xml", 'it is "xml"'),
        ("metrics_port", "0", 'it is "0"'),
        ("metrics_port", "65536", 'it is "65536"'),
        ("metrics_port", "off", 'it is "off"'),
    ],
)
def test_wrong_settings(name: str, written: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment_name(name), written)
    [line] = wrong()
    assert line.startswith(f"{environment_name(name)} (environment) is wrong: {says}")
    assert ". Right is " in line


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ("0,3", "shard 3 does not exist where shard_count is 3"),
        ("1,1", "it names a shard twice"),
        ("-1", 'it is "-1"'),
        ("0,x", 'it is "0,x"'),
        ("x,y", 'it is "x,y"'),
        ("[]", 'it is "[]"'),
    ],
)
def test_wrong_shards(ids: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLECORE_SHARD_COUNT", "3")
    monkeypatch.setenv("APPLECORE_SHARD_IDS", ids)
    [line] = wrong()
    assert f"APPLECORE_SHARD_IDS (environment) is wrong: {says}. Right is " in line


@pytest.mark.parametrize(
    "line", ["shard_count = true", "requests_per_second = true", "shard_count = 2\nshard_ids = [true]"]
)
def test_true_is_not_a_number(line: str, folder: Path) -> None:
    (folder / "applecore.toml").write_text(line)
    [said] = wrong()
    assert "it is not a number" in said


def test_no_shard_in_toml(folder: Path) -> None:
    (folder / "applecore.toml").write_text("shard_count = 3\nshard_ids = []\n")
    assert wrong()[0].startswith("shard_ids (applecore.toml) is wrong: it names no shard.")


def test_who_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "applecore.toml").write_text(
        'log_level = "error"\nlog_format = "json"\nshard_count = 4\nrequests_per_second = 5\n'
    )
    (folder / ".env").write_text("APPLECORE_LOG_LEVEL=warning\nAPPLECORE_LOG_FORMAT=text\nAPPLECORE_SHARD_COUNT=3\n")
    monkeypatch.setenv("APPLECORE_LOG_LEVEL", "debug")
    monkeypatch.setenv("APPLECORE_SHARD_COUNT", "2")
    settings = load_settings(shard_count=1)
    assert settings.shard_count == 1
    assert settings.log_level == "debug"
    assert settings.log_format == "text"
    assert settings.requests_per_second == 5


def test_an_empty_variable_counts_as_not_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("APPLECORE_TOKEN=\nAPPLECORE_SHARD_COUNT=2\n")
    monkeypatch.setenv("APPLECORE_SHARD_COUNT", "")
    settings = load_settings()
    assert settings.token is None
    assert settings.shard_count == 2


def test_env_file_as_people_write_it(folder: Path) -> None:
    (folder / ".env").write_text(
        "\ufeff# ours\nexport APPLECORE_LOG_LEVEL='debug'\nPOSTGRES_PASSWORD=other\nOTHER\n"
        'applecore_database_url="postgresql://u:a${b}c@db/club"\n',
        encoding="utf-8",
    )
    settings = load_settings()
    assert settings.log_level == "debug"
    assert settings.database_url == "postgresql://u:a${b}c@db/club"


def test_a_folder_named_env_is_somebody_elses(folder: Path) -> None:
    (folder / ".env").mkdir()
    assert load_settings().log_level == "info"


def test_misspelt_names_are_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "applecore.toml").write_text('log_leven = "info"\n[applecore]\n')
    (folder / ".env").write_text(f"APPLECORE_TOKN={TOKEN}\n")
    monkeypatch.setenv("APPLECORE_ZZZ", "1")
    lines = wrong()
    assert lines[0].startswith("APPLECORE_ZZZ (environment) is not a setting. There are: APPLECORE_TOKEN, APPLECORE_")
    assert lines[1] == "APPLECORE_TOKN (.env) is not a setting. Did you mean APPLECORE_TOKEN?"
    assert lines[2] == "log_leven (applecore.toml) is not a setting. Did you mean log_level?"
    assert lines[3].startswith("applecore (applecore.toml) is not a setting. ")
    assert len(lines) == 4


def test_arguments_are_checked_as_well() -> None:
    with pytest.raises(SettingsError, match=r"^shard_cont \(arguments\) is not a setting. Did you mean shard_count\?$"):
        load_settings(shard_cont=1)
    with pytest.raises(SettingsError, match=r"^log_level \(arguments\) is wrong: it is \"loud\". Right is debug, info"):
        load_settings(log_level="loud")


def test_every_wrong_setting_has_its_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "applecore.toml").write_text("requests_per_second = 0\nlog_level = 3\n")
    (folder / ".env").write_text("APPLECORE_LOG_FORMAT=xml\nAPPLECORE_SHARD_COUNT\n")
    monkeypatch.setenv("APPLECORE_API_URL", "discord.com")
    assert wrong() == [
        ".env line 2 is not right. Right is NAME=value.",
        (
            "APPLECORE_API_URL (environment) is wrong: it does not begin with http:// or https://. "
            "Right is an http:// or https:// address that ends in the API's version, such as https://discord.com/api/v10."
        ),
        "requests_per_second (applecore.toml) is wrong: it is 0. Right is a whole number from 1 to 50.",
        "log_level (applecore.toml) is wrong: it is 3. Right is debug, info, warning or error.",
        'APPLECORE_LOG_FORMAT (.env) is wrong: it is "xml". Right is text or json.',
    ]


@pytest.mark.parametrize("name", [".env", "applecore.toml"])
def test_files_that_cannot_be_read(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / name).write_bytes('log_level = "info" # naïve'.encode("utf-16"))
    assert wrong() == [f"{name} is not UTF-8 text. Right is to save it as UTF-8."]

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)  # tests may run as root, whom nothing is forbidden
    assert wrong() == [f"{name} cannot be read: Permission denied. Right is a file that you may read."]


def test_broken_toml(folder: Path) -> None:
    (folder / "applecore.toml").write_text(f"token = {TOKEN}\n")
    [line] = wrong()
    assert line.startswith("applecore.toml is not right TOML: ")
    assert "line 1" in line
    assert TOKEN not in line


def test_long_and_strange_values_stay_one_line(folder: Path) -> None:
    (folder / "applecore.toml").write_text('log_level = "a\\nb\\u001b\\u2028' + "c" * 500 + '"\n')
    [line] = wrong()
    assert line.isprintable()
    assert len(line) < 200


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "token"])
def test_a_token_in_the_wrong_place_is_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment_name(name), TOKEN)
    assert TOKEN not in "\n".join(wrong())


@pytest.mark.parametrize("line", [f'token = "{TOKEN} x"', f'token = ["{TOKEN}"]', f'"{TOKEN}" = 1'])
def test_a_wrong_token_is_not_shown(line: str, folder: Path) -> None:
    (folder / "applecore.toml").write_text(line)
    [said] = wrong()
    assert TOKEN not in said


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLECORE_TOKEN", f" {TOKEN}\n")
    monkeypatch.setenv("APPLECORE_DATABASE_URL", "postgresql://u:p%40ssword@db/club")
    settings = load_settings()
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN
    assert settings.secrets() == (TOKEN, "p%40ssword", "p@ssword")
    for shown in (repr(settings), str(settings), f"{settings.token}"):
        assert TOKEN not in shown
        assert "ssword" not in shown


def test_isolated_settings_see_nothing_outside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "applecore.toml").write_text("log_level =")
    (folder / ".env").write_text(f"APPLECORE_TOKEN={TOKEN}\n")
    monkeypatch.setenv("APPLECORE_SHARD_COUNT", "0")
    settings = Settings.isolated(log_format="json")
    assert isinstance(settings, Settings)
    assert (settings.token, settings.shard_count, settings.log_format) == (None, None, "json")
    with pytest.raises(SettingsError):
        Settings.isolated(log_format="xml")


def test_every_setting_is_described() -> None:
    for name, default, description in Settings.describe():
        assert name.startswith("APPLECORE_")
        assert default
        assert description.endswith(".")
    assert len(Settings.describe()) == len(Settings.model_fields)
