import re
from pathlib import Path

import pytest

from bot.filters import restore_declared
from bot.reading import library
from bot.reading.importers import import_file
from bot.reading.markdown import render
from bot.reading.models import Reading
from bot.reading.text import ReadingError

POST = Path(__file__).parents[2].parent / "shared" / "interview-post.txt"
needs_post = pytest.mark.skipif(not POST.is_file(), reason="the post lies outside this repository")


def words(text: str) -> list[str]:
    return re.findall(r"[\w’]+", text)


def texts(reading: Reading) -> str:
    parts = [reading.introduction]
    for excerpt in reading.excerpts:
        parts += [excerpt.comment, excerpt.quote, excerpt.remark]
    return " ".join(parts)


def test_the_interview_is_ready_to_be_read() -> None:
    reading = library.seeds()["deepseek-interview"]
    assert reading.title == "The head of DeepSeek on innovation"
    assert reading.author == "Liang Wenfeng, head of DeepSeek"
    assert reading.workarounds == ("apple",)
    assert reading.workaround_reason == "had to insert “apple” because of TMF censor"
    assert len(reading.excerpts) == 4
    assert all(excerpt.heading and excerpt.comment for excerpt in reading.excerpts)
    restored = restore_declared(reading.excerpts[3].quote, reading.workarounds)
    assert [(one.written, one.word) for one in restored.restorations] == [('hard"apple"core', "hardcore")] * 2
    assert "dedicated to hardcore innovation" in restored.text


def test_walden_has_a_question_a_day() -> None:
    reading = library.seeds()["walden"]
    assert reading.licence == "public domain"
    assert 5 <= len(reading.excerpts) <= 7
    assert all("?" in excerpt.comment and excerpt.heading for excerpt in reading.excerpts)


@pytest.mark.parametrize("slug", sorted(library.seeds()))
def test_a_seed_is_written_as_it_would_be_rendered(slug: str) -> None:
    file = Path(__file__).parents[2] / "seeds" / f"{slug}.md"
    assert file.read_text(encoding="utf-8") == render(library.seeds()[slug])


def test_changing_the_answer_changes_no_other() -> None:
    library.seeds().clear()
    assert library.seeds()


def test_a_broken_seed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.md").write_text("---\ntitle: x\n---\n")
    (tmp_path / "README.txt").write_text("not a seed")
    monkeypatch.setattr(library, "_folder", lambda: tmp_path)
    with pytest.raises(ReadingError, match=r"broken\.md, line 3: excerpts"):
        library._seeds.__wrapped__()


@needs_post
def test_the_interview_says_what_the_post_says() -> None:
    post = POST.read_text(encoding="utf-8")
    reading = library.seeds()["deepseek-interview"]
    for excerpt in reading.excerpts:
        assert excerpt.quote in post
    assert words(texts(reading)) == words(post)


@needs_post
def test_the_post_is_imported_as_the_seed_tells_it() -> None:
    imported = import_file(POST.read_bytes(), POST.name)
    seed = library.seeds()["deepseek-interview"]
    assert imported.introduction == seed.introduction
    assert (imported.workarounds, imported.workaround_reason) == (seed.workarounds, seed.workaround_reason)
    for ours, theirs in zip(imported.excerpts, seed.excerpts, strict=True):
        assert (ours.comment, ours.quote, ours.remark) == (theirs.comment, theirs.quote, theirs.remark)
    assert [excerpt.heading for excerpt in imported.excerpts] == [
        "China has been an AI follower than a leader",
        "China’s deficiency in innovation",
        "",
        "Finally, Wenfeng gets to the core of how to create an innovative society",
    ]
