"""`applecore demo --script`: the story as people read it, and that it cannot be told where it did not happen."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.club.engine import ClubEngine
from bot.club.excerpts import restored_excerpt
from bot.demo import script
from bot.demo.world import World, open_world
from bot.discussion.reconciler import Reconciler
from bot.reading.library import seeds
from bot.reading.pages import thread_name

ROOT = Path(__file__).parents[2]
POSTS, THREADS = "/channels/*/messages", "/channels/*/messages/*/threads"


def joined(transcript: str) -> str:
    """The words without the terminal's line breaks, bars and footnote marks."""
    return " ".join(re.sub(r"│ |[¹²³]", "", transcript).split())


@pytest.fixture(autouse=True)
def _no_pictures_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for temporary files of the process that was run."""
    return tmp_path_factory.mktemp("left")


@pytest.fixture(scope="module")
def transcript(tmp_path_factory: pytest.TempPathFactory, left: Path) -> str:
    """Of a real process, in an empty folder, with settings that it must not mind."""
    settings = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "APPLECORE_DATABASE_URL": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--script"],
        cwd=tmp_path_factory.mktemp("empty"),
        env=os.environ | settings | {"TMPDIR": str(left)},
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_excerpt_is_posted_once_on_consecutive_days_with_a_thread(transcript: str) -> None:
    reading = seeds()["deepseek-interview"]
    total = len(reading.excerpts)
    days = re.split(r"^── (?=.*#reading, day \d)", transcript, flags=re.MULTILINE)[1:]
    assert len(days) == total == 4
    dates = []
    for number, (day, source) in enumerate(zip(days, reading.excerpts, strict=True), 1):
        excerpt, _ = restored_excerpt(source, reading.workarounds)
        assert joined(transcript).count(joined(excerpt.quote)) == 1
        assert joined(excerpt.quote) in joined(day)
        assert f"day {number} of {total}" in joined(day)
        name = thread_name(excerpt, day=number, total=total, reading_title=reading.title)
        assert f"Thread “{name}”\n      " in day
        assert f"closed: “{name}”, " in transcript
        dates.append(posted_on(day))
    assert dates == [dates[0] + timedelta(days=passed) for passed in range(total)]


def posted_on(day: str) -> date:
    found = re.match(r"\w+, (\d\d \w+ \d{4}), ", day)
    assert found
    assert "\n  Applecore, 09:00\n" in day
    return datetime.strptime(found[1], "%d %B %Y").date()  # noqa: DTZ007 - a date alone


def test_the_restored_word_can_be_read_and_how_it_was_written(transcript: str) -> None:
    words = joined(transcript)
    assert words.count("hardcore innovation") >= 2
    assert '“hardcore” is written hard"apple"core in the source' in words


def test_the_end_is_announced_once_and_the_next_reading_offered(transcript: str) -> None:
    assert transcript.count("We have read to the end") == 1
    assert "    - Walden: living deliberately\n" in transcript
    assert "    [Choose the next reading]\n" in transcript


def test_the_transcript_fits_a_terminal(transcript: str, left: Path) -> None:
    assert max(len(line) for line in transcript.splitlines() if str(left) not in line) <= 100
    assert "<t:" not in transcript
    assert "<#" not in transcript
    assert "**" not in transcript
    assert "<@" not in transcript
    assert "](" not in transcript


def part(transcript: str, headline: str) -> str:
    """What stands under a headline, up to the next."""
    [found] = [each for each in transcript.split("\n── ") if headline in each.partition("\n")[0]]
    return joined(found)


def test_what_was_said_while_the_bot_was_away_is_counted(transcript: str) -> None:
    away = part(transcript, "Applecore is stopped, and the talk goes on")
    assert "Mia, 13:25 “Only making money”" in away
    assert "Ben has taken his 🍎 for the excerpt back." in away
    back = part(transcript, "Applecore is back, and reads what it missed")
    assert "Mia types /discussion digest" in back
    assert "3 people: 4 replies and 4 reactions" in back
    assert "👍 2, 😄 2" in back
    assert "🍎" not in back


def test_a_thought_is_said_in_the_thread_in_the_member_s_name(transcript: str) -> None:
    day = part(transcript, "#reading, day 3")
    assert "Applecore, 12:00 @Ada's thought Bell Labs is what I thought of, too. Where is its like today?" in day


def test_each_thread_and_the_reading_end_with_a_digest(transcript: str) -> None:
    threads = part(transcript, "the threads, each open for three days")
    assert [int(count) for count in re.findall(r"closed: “[^”]+”, (\d) repl", threads)] == [2, 4, 2, 1]
    assert "What excerpt 4 brought" in threads
    reading = part(transcript, "#reading, what the reading brought")
    assert "3 people: 9 replies and" in reading
    assert "[Picture: " in reading
    assert "So that is what hardcore innovation needs: examples to look at. @Ben, 2 reactions" in threads, (
        "he added it himself"
    )
    assert "Free-riding is a hard word" not in threads + reading, "nobody else agreed to be quoted"


def test_the_picture_is_kept_and_nothing_else(transcript: str, left: Path) -> None:
    found = re.search(r"^The picture of this digest:\n  (\S+)$", transcript, re.MULTILINE)
    assert found is not None
    picture = Path(found[1])
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    assert list(left.iterdir()) == [picture]


def forbidden(world: World) -> None:
    world.overlays.faults.fail("POST", POSTS, status=403, code=50013, times=None)


def failing(world: World) -> None:
    world.overlays.faults.fail("POST", POSTS, status=500, times=None)


def without_threads(world: World) -> None:
    world.overlays.faults.fail("POST", THREADS, status=403, code=50013, times=None)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (forbidden, "day 1: posts in #reading: 0 instead of 1"),
        (failing, "day 1: posts in #reading: 0 instead of 1"),
        (without_threads, "day 1: the post has no thread"),
    ],
)
def test_the_story_fails_where_the_bot_cannot_post(
    trouble: Callable[[World], None],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @asynccontextmanager
    async def troubled() -> AsyncIterator[World]:
        async with open_world() as world:
            trouble(world)
            yield world

    monkeypatch.setattr(script, "open_world", troubled)
    assert script.run_script() == 1
    out, err = capsys.readouterr()
    assert err == f"applecore demo: {says}\n"
    assert "day 1" not in out


def test_the_story_fails_where_what_was_missed_is_not_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Reconciler, "poke", lambda _: None)
    assert script.run_script() == 1
    says = "the digest does not say that there are 4 replies and 4 reactions"
    assert capsys.readouterr().err == f"applecore demo: {says}\n"


def test_the_story_fails_where_the_engine_never_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ClubEngine, "start", lambda _: None)
    assert script.run_script() == 1
    assert capsys.readouterr().err == "applecore demo: a server is greeted once, but there were 0 greetings\n"


def test_the_story_fails_where_an_excerpt_comes_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    next_day = World.next_day

    async def and_once_more(world: World) -> None:
        await next_day(world)
        await world.mia.slash(world.general, "club post-now")

    monkeypatch.setattr(World, "next_day", and_once_more)
    assert script.run_script() == 1
    assert capsys.readouterr().err == "applecore demo: day 1: posts in #reading: 2 instead of 1\n"


def test_the_story_fails_where_the_bot_raised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = script._closed

    async def and_a_fault(world: World, total: int) -> None:
        await closed(world, total)
        world.env._record_error(ValueError("a bug"))

    monkeypatch.setattr(script, "_closed", and_a_fault)
    assert script.run_script() == 1
    assert capsys.readouterr().err == "applecore demo: the bot raised ValueError('a bug')\n"


def test_the_story_fails_where_a_post_is_not_the_excerpt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading = seeds()["deepseek-interview"]
    other = reading.excerpts[1].model_copy(update={"quote": "Something else altogether."})
    changed = reading.model_copy(update={"excerpts": (reading.excerpts[0], other, *reading.excerpts[2:])})
    monkeypatch.setattr(script, "seeds", lambda: {script.SEED: changed})
    assert script.run_script() == 1
    out, err = capsys.readouterr()
    assert err == "applecore demo: day 2: the post does not hold the excerpt “Something else altogether.…”\n"
    assert "#reading, day 1" in out
