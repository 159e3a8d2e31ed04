"""/reading list, show and import."""

import io

import pytest
from ebooklib import epub

from bot.reading.models import Excerpt, Reading
from cogs.reading import MOST_BYTES
from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of

FORUM = """Some excerpts with short comments.

What does he mean by following?
> "A follower waits for better hardware."

And here?
" Innovation needs confidence, and confidence needs examples."
"""


async def add(world: ClubWorld, name: str, data: bytes, **options: object) -> str:
    return answers(await world.manager.slash(world.general, "reading import", file=(name, data), **options))


def a_book(chapters: int = 2) -> bytes:
    book = epub.EpubBook()
    book.set_identifier("a-book")
    book.set_title("A printed book")
    book.add_author("A. Writer")
    items = []
    for number in range(1, chapters + 1):
        item = epub.EpubHtml(title=f"Chapter {number}", file_name=f"{number}.xhtml")
        item.content = f"<h1>Chapter {number}</h1><p>The text of chapter {number}.</p>"
        book.add_item(item)
        items.append(item)
    book.spine = items
    book.add_item(epub.EpubNcx())
    book.add_item(epub.EpubNav())
    file = io.BytesIO()
    epub.write_epub(file, book)
    return file.getvalue()


async def test_the_list_shows_seeds_and_own_readings(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = answers(await world.member.slash(world.general, "reading list"))
        assert "- **The head of DeepSeek on innovation**, Liang Wenfeng, head of DeepSeek (4 excerpts)" in said
        assert "/reading show" in said
        await world.import_reading(reading_of(1))
        said = answers(await world.member.slash(world.general, "reading list"))
        assert "- **A short reading**, An author (1 excerpt)" in said


async def test_a_long_list_fits_and_says_that_there_is_more(database_url: str) -> None:
    async with polite_world(database_url) as world:
        for number in range(40):
            await world.import_reading(reading_of(1, title=f"{number:02} {'A title that goes on ' * 9}"))
        said = answers(await world.member.slash(world.general, "reading list"))
        assert "**00 A title" in said
        assert "**39 A title" not in said
        assert "more" in said.splitlines()[-3] or "…" in said


@pytest.mark.parametrize("asked", ["deepseek", "seed:deepseek-interview", "short", "own:a-short-reading"])
async def test_a_reading_is_shown_with_a_file_that_makes_it_again(database_url: str, asked: str) -> None:
    async with polite_world(database_url) as world:
        await world.import_reading(reading_of(3))
        looked = await world.member.slash(world.general, "reading show", reading=asked)
        assert not [reply for reply in looked.followups if reply.attachments], "what is to come is not for members"
        result = await world.manager.slash(world.general, "reading show", reading=asked)
        said = answers(result)
        messages = [*([result.response] if result.response else []), *result.followups]
        [file] = {file.id: file for message in messages for file in message.attachments}.values()
        assert file.filename.endswith(".md")
        text = await file.read()
        again = await add(world, file.filename, text)
        title = "The head of DeepSeek on innovation" if "deep" in asked else "A short reading"
        assert f"## {title}" in said
        assert f"Added **{title}**" in again
        assert "revision" not in again, "the same reading again is no new one"
        if "deep" in asked:
            assert "**Author:** Liang Wenfeng, head of DeepSeek" in said
            assert "apple" in said
            assert "4. " in said


async def test_a_reading_that_is_not_there(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = one_sentence(await world.member.slash(world.general, "reading show", reading="War and Peace"))
        assert "/reading list" in said


async def test_an_introduction_of_many_words_does_not_hide_the_contents(database_url: str) -> None:
    async with polite_world(database_url) as world:
        excerpts = tuple(Excerpt(heading=f"Part {number}", quote="A passage.") for number in range(3))
        await world.import_reading(Reading(title="Long", introduction="word " * 1200, excerpts=excerpts))
        said = answers(await world.member.slash(world.general, "reading show", reading="long"))
        assert "word word" in said
        assert "3 excerpts" in said


async def test_marks_in_titles_stay_marks(database_url: str) -> None:
    async with polite_world(database_url) as world:
        title = "@everyone **bold** [link](https://example.com) <@1> `code`"
        assert "Added" in answers(await world.import_reading(reading_of(1, title=title)))
        await world.member.slash(world.general, "reading list")
        await world.member.slash(world.general, "reading show", reading="@everyone")
        await world.setup(reading="@everyone")
        await world.until(9, 1, days=1)
        assert len(world.posts()) == 1


async def test_markdown_with_front_matter(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = await add(world, "x.md", b"---\ntitle: A tale\nauthor: Me\n---\n\n## One\n\nWhy?\n\n> It was.\n")
        assert said.startswith("Added **A tale**: 1 excerpt.")
        assert "/club setup" in said


async def test_markdown_as_people_write_it(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "Added **My notes**" in await add(
            world, "my-notes.md", b"## First\n\nA paragraph.\n\n## Second\n\nMore.\n"
        )


async def test_a_forum_post(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = await add(world, "post.txt", FORUM.encode(), title="From the forum")
        assert said.startswith("Added **From the forum**: 2 excerpts.")
        await world.setup(reading="From the forum")
        await world.until(9, 1)
        assert "> A follower waits for better hardware." in world.said(world.channel)[0]


async def test_an_epub(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "Added **A printed book**: 2 excerpts." in await add(world, "book.epub", a_book())
        said = answers(await world.member.slash(world.general, "reading show", reading="printed"))
        assert "1. Chapter 1" in said
        assert "A. Writer" in said


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("book.pdf", b"%PDF", [".pdf", ".md, .txt or .epub"]),
        ("README", b"text", [".md, .txt or .epub"]),
        ("big.txt", b"a" * (MOST_BYTES + 1), ["4.0 MiB", "4 MiB"]),
        ("book.epub", b"not a zip", ["book.epub", "EPUB"]),
        ("book.epub", a_book()[:-300], ["book.epub", "EPUB"]),
        ("empty.txt", b"", ["empty.txt", "no text"]),
        ("blank.md", b" \n \n", ["blank.md", "no text"]),
        ("latin.txt", "Café".encode("latin-1"), ["latin.txt, line 1", "UTF-8"]),
        ("wide.txt", "Text".encode("utf-16"), ["UTF-16", "UTF-8"]),
        ("nul.txt", b"one\ntwo \x00 three", ["nul.txt, line 2", "control character"]),
        ("long.txt", b"word " * 250_000, ["1 MiB", "split"]),
        ("x.md", b"---\nauthor: Me\n---\n\n## One\n\n> It was.\n", ["x.md, line 3", "title"]),
        ("x.md", b"---\ntitle: T\ntitel: U\n---\n\n## One\n\n> It was.\n", ["x.md, line 3", "titel"]),
        ("x.md", b"---\ntitle: T\n---\n\n## One\n\nNo quote.\n", ["x.md, line 5", "quote", "> "]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_imported(database_url: str, name: str, data: bytes, words: list[str]) -> None:
    async with polite_world(database_url) as world:
        said = one_sentence(await world.manager.slash(world.general, "reading import", file=(name, data)))
        assert [word for word in words if word not in said] == [], said
        listed = answers(await world.member.slash(world.general, "reading list"))
        assert listed.count("- **") == 2, "the two that come with the bot"


@pytest.mark.parametrize("name", ["x.md", f"{'long-name-' * 20}.md", "@everyone.md", "`**_.md"])
async def test_two_hundred_problems_fit_into_an_answer(database_url: str, name: str) -> None:
    async with polite_world(database_url) as world:
        text = "---\ntitle: T\n---\n" + "\n## A heading\n\nNo quote.\n" * 200
        said = await add(world, name, text.encode())
        assert "line 5" in said
        assert "went wrong" not in said
        assert "more" in said


async def test_a_title_of_its_own_and_the_file_s(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "Added **The prince v2**" in await add(world, "the-prince_v2.txt", b"A text.")
        assert "Added **Mine**" in await add(world, "the-prince_v2.txt", b"A text.", title=" Mine ")
        said = await add(world, "the-prince_v2.txt", b"A text.", title="   ")
        assert "title" in said
        assert "went wrong" not in said


async def test_only_managers_import(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = one_sentence(await world.member.slash(world.general, "reading import", file=("a.txt", b"A text.")))
        assert "Manage Server" in said
