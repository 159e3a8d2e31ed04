"""`applecore doctor`: each fault is found, and says what to do about it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.http import Route

from bot import doctor
from bot.club.permissions import NEEDED
from bot.settings import Settings
from bot.storage import clubs
from bot.storage.database import Database
from bot.storage.records import ClubState
from tests.storage.make import club
from tests.support.rest_only import BOT, CHANNEL, GUILD, TOKEN, RestOnly, channel, guild, rest_only

NOTICES = 99
INVITE = (
    f"https://discord.com/oauth2/authorize?client_id={BOT}&scope=bot+applications.commands&permissions=309237746688"
)


@pytest.fixture(autouse=True)
def _discord_stays_where_it_is() -> Iterator[None]:
    base = Route.BASE
    yield
    Route.BASE = base


class Doctor:
    """Runs the command on one folder's database; answers its exit code and its lines."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = f"sqlite:///{folder}/applecore.sqlite3"
        self._capsys = capsys

    def __call__(self, rest: RestOnly | None = None, **settings: Any) -> tuple[int, list[str]]:
        given: dict[str, Any] = {"database_url": self.url, **settings}
        if rest is not None:
            given = {"token": TOKEN, "api_url": rest.url, **given}
        code = doctor.run(Settings.isolated(**given))
        out, err = self._capsys.readouterr()
        assert err == ""
        assert TOKEN not in out
        return code, out.splitlines()

    def found(self, rest: RestOnly, **settings: Any) -> list[str]:
        """The faults alone."""
        code, lines = self(rest, **settings)
        faults = [line.removeprefix("FAULT  ") for line in lines if line.startswith("FAULT")]
        assert code == (1 if faults else 0)
        assert lines[-1] == (f"{len(faults)} to put right." if faults else "All is well.")
        return faults

    def begin_club(self, guild_id: int = GUILD, state: ClubState = ClubState.ACTIVE) -> None:
        asyncio.run(self._begin_club(guild_id, state))

    async def _begin_club(self, guild_id: int, state: ClubState) -> None:
        database = Database(self.url)
        await database.open()
        async with database.write() as conn:
            made = await club(conn, guild_id, CHANNEL)
            await clubs.set_state(conn, made.id, state)
        await database.close()


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(tmp_path, capsys)


def test_without_a_token(ask: Doctor) -> None:
    assert ask() == (
        1,
        [
            "ok     Settings: every one is understood.",
            f"ok     Database: {ask.url} is new, and prepared now.",
            (
                "FAULT  Token: none is set, so Discord was not asked. Make one in the developer portal "
                "(New Application → Bot → Reset Token) and set it as APPLECORE_TOKEN; "
                "without one you can try 'applecore demo'."
            ),
            "1 to put right.",
        ],
    )


def test_all_is_well(ask: Doctor) -> None:
    ask.begin_club()
    with rest_only(RestOnly(channels=[channel(), channel(NOTICES)])) as rest:
        code, lines = ask(rest)
    assert (code, lines) == (
        0,
        [
            "ok     Settings: every one is understood.",
            "ok     Database: sqlite, up to date (revision 0003).",
            "ok     Token: accepted; I am Applecore.",
            "ok     Message content: not used; replies are counted, not read.",
            "ok     Readers: every permission that clubs need is granted server-wide.",
            f"ok     Invite link with the least permissions: {INVITE}",
            "All is well.",
        ],
    )
    assert not [asked for asked in rest.asked if not asked.startswith("GET ")], "it looks, and changes nothing"


def without(*names: str) -> int:
    return discord.Permissions(**dict.fromkeys(names, True)).value


@pytest.mark.parametrize("state", list(ClubState))
def test_a_permission_missing_in_the_channel_of_a_club_in_any_state(ask: Doctor, state: ClubState) -> None:
    ask.begin_club(state=state)
    denied = channel(deny=without("send_messages", "create_public_threads"))
    with rest_only(RestOnly(channels=[denied, channel(NOTICES, deny=without("view_channel"))])) as rest:
        assert ask.found(rest) == [
            (
                f"Readers: I lack Send Messages and Create Public Threads in channel {CHANNEL}. "
                "Put it right, or use '/club edit channel:'."
            ),
            (
                f"Readers: I lack View Channel and Send Messages in channel {NOTICES}. "
                "Put it right, or use '/club edit notices:'."
            ),
        ]


def test_a_permission_missing_server_wide(ask: Doctor) -> None:
    with rest_only(RestOnly(guilds=[guild(without("view_channel", "send_messages"))])) as rest:
        fault, picture = ask.found(rest)
    assert "Attach Files" in picture
    assert fault == (
        "Readers: server-wide I lack Read Message History, Create Public Threads and Send Messages in Threads. "
        "Grant it to my role, or in the channel of each club."
    )


def test_without_attach_files_digests_have_no_picture(ask: Doctor) -> None:
    with rest_only(RestOnly(guilds=[guild(without(*NEEDED))])) as rest:
        assert ask.found(rest) == [
            "Readers: server-wide I lack Attach Files, so digests come without their picture. Grant it to my role."
        ]


def test_a_deleted_channel(ask: Doctor) -> None:
    ask.begin_club()
    with rest_only(RestOnly(channels=[channel(NOTICES)])) as rest:
        assert ask.found(rest) == [
            "Readers: The channel was deleted, or I cannot see it. Put it right, or use '/club edit channel:'."
        ]


def test_in_no_server(ask: Doctor) -> None:
    with rest_only(RestOnly(guilds=[])) as rest:
        assert ask.found(rest) == ["Servers: I am in none. Use the invite link below."]
        assert ask(rest)[1][-2] == f"ok     Invite link with the least permissions: {INVITE}"


def test_no_longer_in_the_server_of_a_club(ask: Doctor) -> None:
    ask.begin_club(GUILD + 1)
    with rest_only() as rest:
        assert ask.found(rest) == [
            f"Servers: a club is in server {GUILD + 1}, and I am not. Use the invite link below."
        ]


def test_many_servers_are_not_all_looked_at(ask: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SERVERS", 2)
    servers = [guild(guild_id=GUILD + number) for number in range(5)]
    ask.begin_club(GUILD + 4)
    with rest_only(RestOnly(guilds=servers, channels=[channel(), channel(NOTICES)])) as rest:
        code, lines = ask(rest)
    assert code == 0
    assert sum("granted server-wide" in line for line in lines) == 3
    assert "ok     Servers: 2 more have no club, and I did not look at them." in lines


@pytest.mark.parametrize(
    ("flags", "good"), [(0, False), (1 << 18, True), (1 << 19, True)], ids=["off", "approved", "limited"]
)
def test_message_content_wanted(ask: Doctor, flags: int, good: bool) -> None:
    with rest_only(RestOnly(flags=flags)) as rest:
        faults = ask.found(rest, message_content=True)
    assert faults == (
        []
        if good
        else [
            (
                "Message content: wanted, but switched off. Switch on Message Content Intent in the developer portal "
                "(your application → Bot), or set message_content to false."
            )
        ]
    )


def test_commands_that_go_elsewhere(ask: Doctor) -> None:
    with rest_only(RestOnly(endpoint="https://example.org/interactions")) as rest:
        (fault,) = ask.found(rest)
    assert fault.startswith("Commands: Discord sends them to an Interactions Endpoint URL instead of to me. Clear it")


def test_a_refused_token(ask: Doctor) -> None:
    with rest_only() as rest:
        assert ask.found(rest, token=TOKEN.replace("Gabc", "Gxyz")) == [
            (
                "Token: Discord refuses it. Copy it anew from the developer portal "
                "(your application → Bot → Reset Token) and set it as APPLECORE_TOKEN."
            )
        ]


def test_an_unreachable_api(ask: Doctor) -> None:
    with rest_only() as rest:
        url = rest.url
    code, lines = ask(rest)
    assert code == 1
    assert lines[-2:] == [
        f"FAULT  Discord: Discord cannot be reached at {url} (Connection refused). Check the network and api_url.",
        "1 to put right.",
    ]


def test_a_request_refused_half_way_keeps_what_was_found(ask: Doctor) -> None:
    ask.begin_club()
    with rest_only(RestOnly(channels=None)) as rest:
        _, lines = ask(rest)
    assert "ok     Token: accepted; I am Applecore." in lines
    assert lines[-2].startswith(f"FAULT  Discord: Discord answers 404 at {rest.url}.")


def newer(url: str) -> None:
    async def make() -> None:
        database = Database(url)
        await database.open()
        await database.close()

    asyncio.run(make())
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def garbage(url: str) -> None:
    Path(url.removeprefix("sqlite:///")).write_text("no database at all, but long enough to be taken for one" * 40)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            newer,
            (
                "Database: at revision 9999, and this version knows only 0003. Install a newer Applecore, or point "
                "database_url at another database."
            ),
        ),
        (
            garbage,
            (
                "Database: database_url {url} cannot be used (file is not a database): name a file in a folder that "
                "Applecore may write to."
            ),
        ),
    ],
)
def test_a_database_that_cannot_be_used(ask: Doctor, make: Callable[[str], None], says: str) -> None:
    make(ask.url)
    with rest_only() as rest:
        assert ask.found(rest) == [says.format(url=ask.url)]


def test_a_folder_that_cannot_be(ask: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    url = f"sqlite:///{tmp_path}/file/applecore.sqlite3"
    with rest_only() as rest:
        (fault,) = ask.found(rest, database_url=url)
    assert fault.startswith(f"Database: database_url {url} cannot be used (")


def test_an_older_database(ask: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    ask.begin_club()
    monkeypatch.setattr("bot.storage.migrate.newest", lambda: "0004")
    with rest_only() as rest:
        assert ask.found(rest) == [
            "Database: at revision 0003, and this version needs 0004. Start the bot to upgrade it."
        ]
