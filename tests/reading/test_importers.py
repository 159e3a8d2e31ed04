import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ebooklib import epub
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.reading import markdown
from bot.reading.importers import epub as epub_importer
from bot.reading.importers import import_file, readable
from bot.reading.importers.forum import is_forum_post, unquoted
from bot.reading.models import Reading
from bot.reading.text import MOST_EXCERPTS, ReadingError, strip_markdown

POST = """Here is an interview.

Some excerpts follow:
> “One.”
> Two.
On the second, with *stars*.
Finally: (had to add [pear] to get past the filter).
" In the future, hard[pear]core innovation."
The end. See https://x.org/a_b_.
"""


def text_reading(text: str, name: str = "a-book.txt", **options: Any) -> Reading:
    return import_file(text.encode(), name, **options)


def bare(text: str) -> str:
    return "".join(text.split())


def test_a_forum_post_becomes_quotes_with_comments_and_remarks() -> None:
    reading = text_reading(POST)
    assert reading.title == "A book"
    assert reading.introduction == "Here is an interview."
    assert reading.workarounds == ("pear",)
    assert reading.workaround_reason == "had to add [pear] to get past the filter"
    first, second = reading.excerpts
    assert (first.heading, first.comment) == ("Some excerpts follow", "Some excerpts follow:")
    assert first.quote == "One.\n\nTwo."
    assert first.remark == "On the second, with \\*stars\\*."
    assert (second.heading, second.quote) == ("Finally", "In the future, hard[pear]core innovation.")
    assert second.comment == "Finally: (had to add [pear] to get past the filter)."
    assert second.remark == "The end. See https://x.org/a_b_."


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        ("(had to insert “apple” because of TMF censor).", "had to insert “apple” because of TMF censor"),
        ("(inserted [Apple] because of the censor)", "inserted [Apple] because of the censor"),
        ('I had to add "apple" to get past the filter.', 'I had to add "apple" to get past the filter'),
        (
            "I put *apple* in because the word is blocked here.",
            "I put *apple* in because the word is blocked here",
        ),
    ],
)
def test_a_declared_workaround_is_found(declaration: str, reason: str) -> None:
    reading = text_reading(f'A comment. {declaration}\n> hard"apple"core and more')
    assert [word.lower() for word in reading.workarounds] == ["apple"]
    assert reading.workaround_reason == reason


@pytest.mark.parametrize(
    "text",
    [
        '(had to insert "pear" because of the censor)\n> hard"apple"core',
        '(had to insert "apple" because of the censor)\n> hard "apple" core',
        '(he likes "apple" pie)\n> hard"apple"core',
        '(we used "apple" for lunch)\n> hard"apple"core',
    ],
)
def test_what_declares_nothing_is_left_alone(text: str) -> None:
    assert text_reading(text).workarounds == ()


@pytest.mark.parametrize(
    ("paragraph", "inside"),
    [
        ('" What we lack."', "What we lack."),
        ("“What we lack.”", "What we lack."),
        ("„Was fehlt.“", "Was fehlt."),
        ("«Ce qui manque»", "Ce qui manque"),
        ('"hard"apple"core innovation."', 'hard"apple"core innovation.'),
        ('"He said "yes" to me."', 'He said "yes" to me.'),
        ("“He said “yes” to me.”", "He said “yes” to me."),
        ("‘It’s ours.’", "It’s ours."),
        ('"One" is not "two"', None),
        ('"Unclosed', None),
        ('"Said," he said.', None),
        ('""', None),
        ("no quote", None),
    ],
)
def test_a_quote_stands_in_one_pair_of_marks(paragraph: str, inside: str | None) -> None:
    assert unquoted(paragraph) == inside


def test_a_story_in_which_people_talk_is_not_a_post() -> None:
    story = 'It was late.\n\n"Hello."\n\n"Good evening," he said.\n\n' + "Then they walked on for a while.\n\n" * 20
    assert not is_forum_post(story)
    assert not is_forum_post("Look:\n>")
    assert text_reading(">>>").excerpts[0].quote == "\\>>>"
    assert is_forum_post("Look:\n> this")
    assert is_forum_post("Look:\n“this is what he says”")


def test_plain_text_is_divided_at_paragraphs_and_sentences() -> None:
    text = "One two three. Four five six. Seven eight nine.\n\nTen.\n\nEleven."
    quotes = [excerpt.quote for excerpt in text_reading(text, target_length=20).excerpts]
    assert quotes == ["One two three.", "Four five six.", "Seven eight nine.", "Ten.\n\nEleven."]


def test_wrapped_prose_is_joined_and_verse_is_not() -> None:
    prose = "A line of prose that was broken at some column or other by\nan editor.\n\nEnd."
    assert (
        text_reading(prose)
        .excerpts[0]
        .quote.startswith("A line of prose that was broken at some column or other by an")
    )
    verse = "Tyger Tyger, burning bright,\nIn the forests of the night;\n\nEnd."
    assert text_reading(verse).excerpts[0].quote.startswith(verse[:-6])


def test_plain_text_is_shown_literally() -> None:
    assert text_reading("# *a*\n\nb").excerpts[0].quote == "\\# \\*a\\*\n\nb"


@settings(deadline=None)
@example("。 1", 1)
@example(" - 1", 1)
@given(st.text(st.sampled_from("ab .!?\n*_>#-1🍎e\u0301\u200d。"), max_size=200), st.integers(1, 60))
def test_nothing_of_a_plain_text_is_lost(text: str, target: int) -> None:
    try:
        reading = text_reading(f"x{text}", target_length=target)
    except ReadingError:
        return
    if not is_forum_post(f"x{text}"):
        assert bare(strip_markdown("\n".join(excerpt.quote for excerpt in reading.excerpts))) == bare(f"x{text}")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["> a", '"b b"', "c:", "d. e", "*f*", ""]), min_size=1, max_size=12))
def test_nothing_of_a_post_is_lost(lines: list[str]) -> None:
    reading = text_reading("\n".join(["> first", *lines]))
    texts = [reading.introduction]
    for excerpt in reading.excerpts:
        texts += [excerpt.comment, excerpt.quote, excerpt.remark]
    expected = "first" + "".join(line.strip('>" ') for line in lines)
    assert bare(strip_markdown("\n".join(texts))) == bare(expected)


def test_markdown_with_front_matter_is_a_seed() -> None:
    seed = "---\ntitle: T\n---\n## H\n\n> *q*\n"
    assert text_reading(seed, "x.MD") == markdown.parse(seed)
    assert text_reading(seed, "x.markdown", title="Mine").title == "Mine"
    with pytest.raises(ReadingError, match="line 2: titel"):
        text_reading(seed.replace("title", "titel"), "x.md")


def test_markdown_without_front_matter_is_read_as_well_as_it_goes() -> None:
    text = "# The *title*\n\nIntro.\n\n## One\nA comment.\n\n> Quote *one*.\n\nRemark.\n"
    text += "\n## Two\n\n> Quote two.\n"
    reading = text_reading(text, "x.md")
    assert (reading.title, reading.introduction) == ("The title", "Intro.")
    assert [excerpt.heading for excerpt in reading.excerpts] == ["One", "Two"]
    assert [excerpt.quote for excerpt in reading.excerpts] == ["Quote *one*.", "Quote two."]
    assert (reading.excerpts[0].comment, reading.excerpts[0].remark) == ("A comment.", "Remark.")


def test_markdown_of_headings_and_paragraphs_becomes_chapters() -> None:
    text = "Before.\n\n# Part\n\n## One\n\nFirst. Second.\n\nThird.\n\n## Two\n\nFourth."
    reading = text_reading(text, "notes.md", target_length=14)
    assert [(excerpt.heading, excerpt.quote) for excerpt in reading.excerpts] == [
        ("", "Before."),
        ("Part: One", "First. Second."),
        ("Part: One (2)", "Third."),
        ("Two", "Fourth."),
    ]
    assert text_reading("# \n>", "x.md").excerpts[0].quote == "# \n>"
    assert text_reading("# Only a title", "x.md").excerpts[0].quote == "Only a title"


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"x", "x.pdf", "x.pdf: is of a type that can't be read; send one of .md, .markdown, .txt, .epub"),
        (b"x", "noextension", "send one of"),
        (b" \n ", "x.txt", "x.txt: has no text"),
        (b"", "x.md", "has no text"),
        (b"a\n\x00b", "x.txt", "x.txt, line 2: holds the control character U\\+0000"),
        (b"\xff\xfea", "x.txt", "UTF-16"),
        (b"word " * 3000, "x.txt", f"makes 3000 excerpts; a reading has at most {MOST_EXCERPTS}"),
        (b"x", "x.epub", "is not an EPUB"),
        (b"", "x.epub", "is not an EPUB"),
    ],
)
def test_what_cannot_be_read_is_told(data: bytes, name: str, told: str) -> None:
    with pytest.raises(ReadingError, match=told):
        import_file(data, name, target_length=5)


def test_a_title_that_is_given_goes_first() -> None:
    assert text_reading("a", title="Mine").title == "Mine"
    for wrong in ("", "a\nb", "x" * 301):
        with pytest.raises(ReadingError, match="title: must be one line"):
            text_reading("a", title=wrong)
    assert readable("the-prince_v2.txt") == "The prince v2"
    assert readable("---.txt") == "Untitled"


def book(*chapters: str, title: str = "A book", **metadata: str) -> bytes:
    made = epub.EpubBook()
    made.set_identifier("x")
    made.set_language("en")
    made.set_title(title)
    for name, value in metadata.items():
        made.add_metadata("DC", name, value)
    items = [epub.EpubHtml(title=f"c{n}", file_name=f"c{n}.xhtml", content=text) for n, text in enumerate(chapters)]
    for item in items:
        made.add_item(item)
    made.toc = items
    made.add_item(epub.EpubNcx())
    made.add_item(epub.EpubNav())
    made.spine = ["nav", *items]
    out = io.BytesIO()
    epub.write_epub(out, made)
    return out.getvalue()


def rewritten(data: bytes, changes: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, changes.pop(entry.filename, old.read(entry)))
        for name, content in changes.items():
            new.writestr(name, content)
    return out.getvalue()


def test_a_book_becomes_chapters() -> None:
    data = book(
        "<h1>One</h1><p>A <b>bold</b>\n *word*.</p><script>x</script><p>Next<br/>line&nbsp;&amp; more.</p>",
        "<h2>Part</h2><h3>Two</h3><style>p{}</style><div>Bare <p>inner</p> tail</div><nav>skip</nav>",
        creator="Somebody",
        rights="CC BY",
    )
    reading = import_file(data, "x.epub", target_length=18)
    assert (reading.title, reading.author, reading.licence) == ("A book", "Somebody", "CC BY")
    assert [(excerpt.heading, excerpt.quote) for excerpt in reading.excerpts] == [
        ("One", "A bold \\*word\\*."),
        ("One (2)", "Next\nline & more."),
        ("Part: Two", "Bare\n\ninner\n\ntail"),
    ]
    assert import_file(data, "x.epub", title="Mine").title == "Mine"


def test_named_entities_are_read_as_their_characters() -> None:
    old = b"""<?xml version="1.0" encoding="utf-8"?>
    <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
    <html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>
    <body><p>Caf&eacute;&nbsp;one &mdash; <i>two</i>&hellip; &lt;end&gt;</p></body></html>"""
    reading = import_file(rewritten(book("<p>x</p>"), {"EPUB/c0.xhtml": old.strip()}), "x.epub")
    assert strip_markdown(reading.excerpts[0].quote) == "Café one — two… <end>"


def test_html_that_is_not_xml_is_read_too() -> None:
    broken = b"<html><body><h1>One<p>First&nbsp;&mdash;line<p>Second</body></html>"
    reading = import_file(rewritten(book("<p>x</p>"), {"EPUB/c0.xhtml": broken}), "x.epub")
    assert reading.excerpts[0].quote == "First —line\n\nSecond"


def test_entities_of_a_book_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    evil = f"""<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "ha"><!ENTITY z "&y;&y;">]>
    <html xmlns="http://www.w3.org/1999/xhtml"><body><p>Words &x; &z;.</p></body></html>"""
    reading = import_file(rewritten(book("<p>x</p>"), {"EPUB/c0.xhtml": evil.encode()}), "x.epub")
    assert reading.excerpts[0].quote == "Words &x; &z;."


def test_a_broken_or_empty_book_is_told() -> None:
    good = book("<p>x</p>")
    for changes in (
        {"EPUB/content.opf": b"<nothing/>"},
        {"META-INF/container.xml": b"<x/>"},
        {"EPUB/nav.xhtml": b"<p/>"},
    ):
        with pytest.raises(ReadingError, match="is a broken EPUB"):
            import_file(rewritten(good, dict(changes)), "x.epub")
    with pytest.raises(ReadingError, match="EPUB"):
        import_file(good[: len(good) // 2], "x.epub")
    with pytest.raises(ReadingError, match="has no text"):
        import_file(book("<p> </p>"), "x.epub")


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = rewritten(book("<p>x</p>"), {"EPUB/big.bin": bytes(51 * 1024 * 1024)})
    assert len(bomb) < 100_000
    with pytest.raises(ReadingError, match="longer than 50 MiB"):
        import_file(bomb, "x.epub")
    many = rewritten(book("<p>x</p>"), {f"EPUB/{number}": b"" for number in range(5001)})
    with pytest.raises(ReadingError, match="files; at most 5000"):
        import_file(many, "x.epub")
    data = book("<p>x</p>")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = archive.read("EPUB/content.opf").decode()
    item = '<item href="c0.xhtml" id="again{}" media-type="application/xhtml+xml"/>'
    again = "".join(item.format(number) for number in range(50))
    repeated = rewritten(data, {"EPUB/content.opf": manifest.replace("</manifest>", again + "</manifest>").encode()})
    monkeypatch.setattr(epub_importer, "MOST_UNPACKED", 12_000)
    assert import_file(data, "x.epub")
    with pytest.raises(ReadingError, match="longer than 50 MiB"):
        import_file(repeated, "x.epub")
