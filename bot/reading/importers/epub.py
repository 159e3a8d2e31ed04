"""EPUB books: chapters become headings, their paragraphs excerpts of about one length."""

import html
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator

from ebooklib import ITEM_DOCUMENT, epub
from lxml import etree
from lxml import html as lxml_html

from bot.reading.importers.blocks import Section, chapters
from bot.reading.models import Reading
from bot.reading.splitting import shorten
from bot.reading.text import CONTROL, Problem, ReadingError, escape_markdown

MOST_UNPACKED = 50 * 1024 * 1024
MOST_ENTRIES = 5000
_TOO_LONG = "is longer than 50 MiB when unpacked; take its pictures out"
_BROKEN = (
    epub.EpubException,
    etree.LxmlError,
    zipfile.BadZipFile,
    zlib.error,
    AttributeError,  # ebooklib looks things up in what the book lacks
    EOFError,
    IndexError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

_BREAK = "\x1e"  # stands for <br>: no character of a text
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SKIPPED = frozenset({"script", "style", "head", "nav", "template", "svg", "math", "iframe", "object"})
_INLINE = frozenset(
    {
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
    }
    | {"kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"}
    | {"time", "tt", "u", "var", "wbr"}
)


def read(data: bytes, name: str, title: str, target_length: int) -> Reading:
    _guard(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = _BoundedReader(io.BytesIO(data), name).load()
        sections = [section for content in _documents(book) for section in _sections(content)]
        return _reading(book, sections, name, title, target_length)
    except _BROKEN as error:
        raise _error(name, "is a broken EPUB; open it in a reader and save it again") from error


def _error(name: str, message: str) -> ReadingError:
    return ReadingError(name, [Problem(None, "", message)])


def _guard(data: bytes, name: str) -> None:
    """Look at what the archive says before any of it is unpacked; zipfile unpacks no more than that."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                raise _error(name, f"holds {len(entries)} files; at most {MOST_ENTRIES} are allowed")
            if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
                raise _error(name, _TOO_LONG)
    except _BROKEN as error:
        raise _error(name, "is not an EPUB, or a broken or protected one") from error


class _BoundedReader(epub.EpubReader):  # type: ignore[misc]  # ebooklib has no types
    """Counts what it unpacks, since a book's manifest may name one big file many times."""

    def __init__(self, file: io.BytesIO, name: str) -> None:
        super().__init__(file, {"ignore_ncx": True})
        self.name, self.unpacked = name, 0

    def read_file(self, name: str) -> bytes:
        data: bytes = super().read_file(name)
        self.unpacked += len(data)
        if self.unpacked > MOST_UNPACKED:
            raise _error(self.name, _TOO_LONG)
        return data


def _documents(book: epub.EpubBook) -> Iterator[bytes]:
    """The texts in reading order, without navigation."""
    guide = {str(entry.get("href", "")).partition("#")[0] for entry in book.guide if entry.get("type") == "toc"}
    for identifier in dict.fromkeys(identifier for identifier, _linear in book.spine):
        item = book.get_item_with_id(identifier)
        if item is None or item.get_type() != ITEM_DOCUMENT or isinstance(item, epub.EpubNav):
            continue
        if item.get_name() not in guide:
            yield item.content


def _tree(content: bytes) -> "etree._Element | None":
    """XHTML as it should be, or else as a browser would read it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        if not content.strip():
            return None
        return lxml_html.document_fromstring(content, parser=lxml_html.HTMLParser(encoding="utf-8"))


def _sections(content: bytes) -> list[Section]:
    """Headings, each with the paragraphs below it."""
    tree = _tree(content)
    sections: list[Section] = [("", [])]
    for tag, text in _paragraphs(tree) if tree is not None else ():
        if tag in _HEADINGS:
            sections.append((" ".join(text.split()), []))
        else:
            sections[-1][1].append(text)
    return sections


def _paragraphs(tree: "etree._Element") -> Iterator[tuple[str, str]]:
    """The text of each block element, with the tag of the innermost one."""
    words: list[str] = []
    blocks = ["body"]
    walk = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if node.tag is etree.Entity:
            words.append(html.unescape(node.text or "") if event == "start" else node.tail or "")
            continue
        tag = etree.QName(node).localname.lower() if isinstance(node.tag, str) else ""
        if not tag or tag in _SKIPPED:
            if event == "start":
                walk.skip_subtree()
            if event != "start":
                words.append(node.tail or "")
            continue
        block = tag not in _INLINE and tag != "br"
        if block:
            yield from _flush(blocks[-1], words)
        if event == "start":
            blocks.extend([tag] if block else [])
            words.append(_BREAK if tag == "br" else "")
            words.append(node.text or "")
        else:
            blocks[-1:] = [] if block else blocks[-1:]
            words.append(node.tail or "")
    yield from _flush("body", words)


def _flush(tag: str, words: list[str]) -> Iterator[tuple[str, str]]:
    lines = [" ".join(CONTROL.sub(" ", line).split()) for line in "".join(words).split(_BREAK)]
    words.clear()
    if shown := "\n".join(line for line in lines if line):
        yield tag, shown


def _reading(book: epub.EpubBook, sections: list[Section], name: str, title: str, target: int) -> Reading:
    excerpts = chapters([(escape_markdown(heading), texts) for heading, texts in sections], target)
    if not excerpts:
        raise _error(name, "has no text")
    return Reading(
        title=_metadata(book, "title") or title,
        author=_metadata(book, "creator"),
        source=_metadata(book, "source"),
        translator=_metadata(book, "contributor", role="trl"),
        licence=_metadata(book, "rights"),
        excerpts=tuple(excerpt.model_copy(update={"quote": escape_markdown(excerpt.quote)}) for excerpt in excerpts),
    )


def _metadata(book: epub.EpubBook, field: str, role: str | None = None) -> str | None:
    found = [
        " ".join(CONTROL.sub(" ", value or "").split())
        for value, extra in book.get_metadata("DC", field)
        if role is None or role in (extra or {}).values()
    ]
    joined = ", ".join(dict.fromkeys(value for value in found if value))
    return shorten(joined, 300) or None
