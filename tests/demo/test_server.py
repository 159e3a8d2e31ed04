"""The launcher of `applecore demo`, asked as a browser asks it."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.demo import server
from bot.demo.overlays import Blocked
from bot.demo.previews import Previews
from bot.demo.server import serving
from bot.demo.world import World, open_world
from bot.errors import ApplecoreError

ROOT = Path(__file__).parents[2]


@dataclass
class Launcher:
    world: World
    address: str
    browser: aiohttp.ClientSession

    async def page(self) -> str:
        async with self.browser.get(self.address) as answer:
            assert answer.status == 200
            return await answer.text()

    async def press(self, path: str, **form: str) -> tuple[int, str]:
        """What the form answers; a redirect is followed to the page that then shows."""
        async with self.browser.post(self.address + path, data=form) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def launched() -> AsyncIterator[Launcher]:
    """No fixture: simcord's context has to be left in the task that entered it."""
    before = asyncio.all_tasks()
    async with open_world() as world, serving(world, 0) as address, aiohttp.ClientSession() as browser:
        yield Launcher(world, address, browser)
    assert asyncio.all_tasks() == before


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not come to that within ten seconds")


async def test_the_page_lists_the_channels_and_the_date() -> None:
    async with launched() as launcher:
        page = await launcher.page()
        assert "Thursday, 01 January 2026, 12:00" in page
        for channel in (launcher.world.reading, launcher.world.general, launcher.world.moderators):
            assert f'<a href="/open/{channel.id}" target="_blank" rel="noopener">#{channel.name}</a>' in page
        assert "1 message · one excerpt a day" in page, "the greeting"
        assert "no messages · where Mia steers the club" in page, "what the bot told Mia alone does not count"


async def test_a_day_brings_a_post_and_its_thread_newest_first() -> None:
    async with launched() as launcher:
        status, page = await launcher.press("pass", step="day")
        assert status == 200
        assert "Friday, 02 January 2026, 12:00" in page
        assert "2 messages · one excerpt a day" in page, "Discord's own messages do not count"
        first, *_ = launcher.world.reading.threads
        assert f'<li class="thread new"><a href="/open/{first.id}"' in page
        assert "<b>today</b><small>open · no messages</small>" in page

        _, page = await launcher.press("pass", step="day")
        assert re.findall(r">(\d)/4 · ", page) == ["2", "1"]
        assert page.count("<b>today</b>") == 1

        for _ in range(2):
            _, page = await launcher.press("pass", step="day")
        assert page.count("<small>closed · no messages</small>") == 1
        _, page = await launcher.press("pass", step="hour")
        assert "Monday, 05 January 2026, 13:00" in page


async def test_buttons_pressed_at_once_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 1)
    async with launched() as launcher:
        answers = await asyncio.gather(*(launcher.press("pass", step="day") for _ in range(3)))
        assert [status for status, _ in answers] == [200, 200, 200]
        assert "Sunday, 04 January 2026, 12:00" in await launcher.page()
        assert len(launcher.world.reading.threads) == 3


async def test_every_channel_and_thread_opens() -> None:
    async with launched() as launcher:
        await launcher.press("pass", step="day")
        links = re.findall(r'href="/(open/\d+)"', await launcher.page())
        assert len(links) == 4
        addresses = set()
        for link in links:
            async with launcher.browser.get(launcher.address + link) as answer:
                assert answer.status == 200
                assert "SimCord Preview" in await answer.text()
                addresses.add(str(answer.real_url))
        assert len(addresses) == 4


async def test_a_page_that_was_ended_opens_again() -> None:
    async with launched() as launcher:
        previews = Previews(launcher.world)
        first = await previews.url(launcher.world.reading)
        assert await previews.url(launcher.world.reading) == first
        await previews._all.open[launcher.world.reading.id].close()
        assert await previews.url(launcher.world.reading) != first
        await previews.close()


async def test_open_pages_are_refreshed_and_the_logs_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with launched() as launcher:
        monkeypatch.setattr(type(launcher.world.overlays).trim, "__defaults__", (3,))
        async with launcher.browser.get(f"{launcher.address}open/{launcher.world.reading.id}") as answer:
            assert answer.status == 200
        preview = next(iter(launcher.world.env._preview.open.values()))  # type: ignore[union-attr]
        await launcher.press("pass", step="day")
        post = launcher.world.reading.last_message
        assert post is not None
        await until(lambda: preview._python is not None and preview._python.target_id == post.id)
        assert "A contributor, not a free rider" in str(await preview.snapshot())
        await until(lambda: len(launcher.world.env.backend.transcript) <= 3)


async def test_react() -> None:
    async with launched() as launcher:
        await launcher.press("pass", step="day")
        world, post = launcher.world, launcher.world.reading.last_message
        assert post is not None
        target = f"{world.reading.id}/{post.id}"
        assert f"<option value='{target}'>Applecore: A contributor, not a free rider" in await launcher.page()
        status, _ = await launcher.press("react", member=str(world.ben.id), emoji="🍎", message=target)
        assert status == 200
        reactions = world.reading.history()[-1].reactions
        assert [(str(reaction.emoji), reaction.count) for reaction in reactions] == [("🍎", 1)]

        status, page = await launcher.press(
            "react", member=str(world.ben.id), emoji="🍎", message=f"{world.reading.id}/1"
        )
        assert status == 200
        assert '<div class="said">That message is gone.</div>' in page


async def test_the_talk_in_a_thread_comes_back_as_its_digest() -> None:
    async with launched() as launcher:
        await launcher.press("pass", step="day")
        world = launcher.world
        [thread] = world.reading.threads
        [post] = [message for message in world.reading.history() if message.id == thread.id]
        reply = await world.ada.send(thread, "A reply.")
        window = await world.ben.click(post, label="My thought")
        await world.ben.submit_modal(window, {"text": "A thought."})
        target = f"{thread.id}/{reply.id}"
        assert f"<option value='{target}'>Ada: A reply.</option>" in await launcher.page()
        await launcher.press("react", member=str(world.mia.id), emoji="💡", message=target)
        for _ in range(3):
            _, page = await launcher.press("pass", step="day")
        assert page.count("<small>closed · 3 messages</small>") == 1
        async with launcher.browser.get(f"{launcher.address}open/{thread.id}") as answer:
            assert answer.status == 200
        preview = world.env._preview.open[thread.id]  # type: ignore[union-attr]
        seen = str(await preview.snapshot())
        assert "What excerpt 1 brought" in seen
        assert "3 people: 2 replies and 1 reaction" in seen
        assert "digest.png" in seen


async def test_what_discord_refuses_is_said() -> None:
    async with launched() as launcher:
        world = launcher.world
        for _ in range(4):
            await launcher.press("pass", step="day")
        closed = min(world.reading.threads, key=lambda thread: thread.id)
        starter = closed.history()[0]
        status, page = await launcher.press(
            "react", member=str(world.ada.id), emoji="💡", message=f"{closed.id}/{starter.id}"
        )
        assert status == 200
        assert '<div class="said">Discord would refuse that: Thread is archived.</div>' in page
        _, page = await launcher.press("pass", step="hour")
        assert "Discord would refuse" not in page


async def test_a_fault_of_the_world_does_not_end_the_demo(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with launched() as launcher:

        async def late(_: float) -> None:
            raise TimeoutError("bot did not settle")

        with monkeypatch.context() as patched:
            patched.setattr(launcher.world.env, "advance_time", late)
            status, page = await launcher.press("pass", step="day")
        assert status == 200
        assert "Something went wrong; the terminal in which the demo runs says what." in page
        assert "bot did not settle" in caplog.text
        _, page = await launcher.press("pass", step="day")
        assert "Friday, 02 January 2026, 12:00" in page


async def test_a_message_that_automod_kept_back_is_a_plain_notice() -> None:
    async with launched() as launcher:
        world = launcher.world
        now = datetime.now(UTC)
        world.overlays.blocked.append(Blocked(world.general.id, world.ada.id, "a <b>bad</b> word", now))
        page = await launcher.page()
        assert "AutoMod kept back what Ada wrote in #general: “a &lt;b&gt;bad&lt;/b&gt; word”" in page


async def test_a_refused_command_is_no_fault_of_the_bot() -> None:
    async with launched() as launcher:
        answer = await launcher.world.ada.slash(launcher.world.general, "club pause")
        assert answer.response is not None
        assert "Manage Server" in answer.response.content
        assert launcher.world.env.errors == []


async def test_what_cannot_be_asked() -> None:
    async with launched() as launcher:
        mia, elsewhere = str(launcher.world.mia.id), f"{launcher.world.reading.id}/1"
        for method, path, form, status in (
            ("GET", "open/1", {}, 404),
            ("GET", "open/x", {}, 404),
            ("GET", "elsewhere", {}, 404),
            ("GET", "pass", {}, 405),
            ("POST", "pass", {}, 400),
            ("POST", "pass", {"step": "year"}, 400),
            ("POST", "react", {}, 400),
            ("POST", "react", {"member": mia, "emoji": "🍎", "message": "x/1"}, 400),
            ("POST", "react", {"member": mia, "emoji": "🍎", "message": "1"}, 400),
            ("POST", "react", {"member": mia, "emoji": "<b>", "message": elsewhere}, 400),
            ("POST", "react", {"member": "1", "emoji": "🍎", "message": elsewhere}, 400),
        ):
            async with launcher.browser.request(method, launcher.address + path, data=form or None) as answer:
                assert answer.status == status, (method, path, form)


async def test_other_sites_are_refused() -> None:
    async with launched() as launcher:
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example"},
        ):
            async with launcher.browser.post(
                f"{launcher.address}pass", data={"step": "day"}, headers=headers, allow_redirects=False
            ) as answer:
                assert answer.status == 403, headers
        assert "Thursday, 01 January 2026" in await launcher.page()


async def test_the_page_itself_may_ask() -> None:
    async with launched() as launcher:
        origin = launcher.address.rstrip("/")
        async with launcher.browser.post(
            f"{launcher.address}pass", data={"step": "day"}, headers={"Origin": origin}
        ) as answer:
            assert answer.status == 200
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_busy_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with open_world() as world:
            with pytest.raises(ApplecoreError) as raised:
                async with serving(world, port):
                    pass
    assert str(raised.value) == (
        f"port {port} cannot be used (Address already in use): close what uses it, or choose another with "
        f"`applecore demo --port {port + 1}`."
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_process_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    found = re.match(r"The demo runs at (http://127\.0\.0\.1:\d+/) — open it in a browser\. Ctrl\+C ends it\.\n", line)
    assert found
    async with aiohttp.ClientSession() as browser:  # which keeps its connections open meanwhile
        async with browser.post(f"{found[1]}pass", data={"step": "day"}) as answer:
            link = re.search(r'href="/(open/\d+)"', await answer.text())
        assert link
        async with browser.get(found[1] + link[1]) as answer:
            assert answer.status == 200
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert os.listdir(tmp_path) == [], "the database is gone"  # noqa: PTH208 - pathlib's would need a thread here


def test_the_world_has_the_least_permissions() -> None:
    async def permissions() -> discord.Permissions:
        async with open_world() as world:
            guild = world.bot.get_guild(world.guild.id)
            assert guild is not None
            return guild.me.guild_permissions

    assert not asyncio.run(permissions()).manage_messages
