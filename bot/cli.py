"""The ``applecore`` command. A handler imports what it needs itself, so that ``--help`` is instant."""

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from bot import __version__
from bot.errors import ApplecoreError, ConfigurationError

if TYPE_CHECKING:
    from bot.reading.models import Reading

DEMO_PORT = 8700
DEMO_NEEDS = ("simcord", "aiohttp", "PIL", "markdown_it", "linkify_it")
"""What the ``demo`` extra brings."""

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of a reading's file: more than any book of text, little enough for any machine's memory."""

HOW_TO_LOG_IN = """\
no token is set, so there is no bot to log in as. To get one:
  1. Open https://discord.com/developers/applications, choose New Application and give it a name.
  2. Choose Bot on its page, then Reset Token, and copy what it shows.
  3. Set it as APPLECORE_TOKEN, or write APPLECORE_TOKEN=<what you copied> into the file .env in this folder.
To see the bot at work without any of this: applecore demo"""

HOW_TO_GET_THE_DEMO = """\
the demo needs packages that are not installed ({}). Install them with:
  pip install 'applecore[demo]'"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; answers its exit code.

    0 done, 1 not possible, 2 wrongly asked, 78 not before something is set up differently, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console's encoding may lack letters that readings have
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone, as in `applecore … | head`; Python's own flush would fail next.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as exit_:  # argparse has said why
        return exit_.code if isinstance(exit_.code, int) else 2
    handler: Callable[[argparse.Namespace], int] = args.handler
    try:
        return handler(args)
    except ApplecoreError as error:
        complain(str(error))
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(_says(error))
    return 1


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """Says on stderr what is wrong, with our name before each line that does not go on with the one above."""
    for line in text.splitlines():
        sys.stderr.write(line + "\n" if line.startswith(" ") else f"applecore: {line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="applecore",
        description="A Discord bot for communities that read together.",
        epilog="New here? `applecore demo` shows everything without a Discord account.",
    )
    parser.add_argument("--version", action="version", version=f"applecore {__version__}")
    _needs_subcommand(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = commands.add_parser(
        "run", help="run the bot until it is stopped", description="Runs the bot until it is stopped."
    )
    run.set_defaults(handler=_run_bot)

    demo = commands.add_parser(
        "demo",
        help="try the bot here, without Discord",
        description="Runs the real bot against a Discord that exists only in this process.",
    )
    way = demo.add_mutually_exclusive_group()
    way.add_argument(
        "--port",
        type=_port,
        default=DEMO_PORT,
        help="port of the page on 127.0.0.1 (default: %(default)s; 0: any free one)",
    )
    way.add_argument("--script", action="store_true", help="play the story in the terminal, without a browser")
    demo.set_defaults(handler=_demo)

    doctor = commands.add_parser(
        "doctor",
        help="say what is wrong and what to do, and print the invite link",
        description="Checks settings, database and, with a token, the login; prints the bot's invite link.",
    )
    doctor.set_defaults(handler=_doctor)

    reading = commands.add_parser("reading", help="make and check readings", description="Makes and checks readings.")
    _needs_subcommand(reading)
    _add_reading_commands(reading.add_subparsers(title="commands", metavar="COMMAND"))
    _add_backup_commands(commands)

    forget = commands.add_parser(
        "forget",
        help="delete what is stored about a member or a server",
        description="Deletes at once what is stored about a member or a server, for whoever asks you to. "
        "The bot may run meanwhile.",
    )
    _needs_subcommand(forget)
    _add_forget_commands(forget.add_subparsers(title="commands", metavar="COMMAND"))
    return parser


def _add_reading_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    make = commands.add_parser(
        "import",
        help="make a reading from a forum post, Markdown, plain text or EPUB",
        description="Makes a reading in Markdown from a forum post, Markdown, plain text or EPUB.",
    )
    make.add_argument("file", type=Path, metavar="FILE")
    make.add_argument("-o", "--output", type=Path, metavar="OUT.md", help="where to write it (default: to stdout)")
    make.add_argument("--title", help="the reading's title, where the file's own is not the right one")
    make.add_argument("--force", action="store_true", help="overwrite OUT.md")
    make.set_defaults(handler=_import_reading)

    check = commands.add_parser(
        "check",
        help="say what is in readings, and what is wrong with them",
        description="Says what is in readings in Markdown, and what is wrong with them.",
    )
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.set_defaults(handler=_check_readings)


def _add_backup_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    backup = commands.add_parser(
        "backup",
        help="save the database in a file",
        description="Saves the database, SQLite or PostgreSQL, in one file. The bot may run meanwhile. The file "
        "holds what members and moderators gave the bot: keep it where nobody else reads it.",
    )
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--force", action="store_true", help="replace FILE, once the new backup is whole")
    backup.set_defaults(handler=_backup)

    restore = commands.add_parser(
        "restore-backup",
        help="put a backup in the place of what is in the database",
        description="Puts a backup in the place of what is in the database. Stop the bot first. What was there is "
        "saved in a backup of its own, and who was deleted since FILE was written stays deleted.",
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument(
        "--deletions",
        action="append",
        default=[],
        metavar="URL_OR_FILE",
        help="another database or later backup, whose deletions are to be applied as well; may be repeated",
    )
    restore.set_defaults(handler=_restore_backup)


def _add_forget_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for kind, whom, how in (
        ("member", "a member", "Copy User ID"),
        ("guild", "a server", "Copy Server ID"),
    ):
        forget = commands.add_parser(
            kind,
            help=f"delete what is stored about {whom}",
            description=f"Deletes what is stored about {whom}, for good: no backup brings it back.",
        )
        forget.add_argument("id", type=_snowflake, metavar="ID", help=f"what Discord's developer mode gives as {how}")
        forget.set_defaults(handler=_forget, kind=kind)


def _needs_subcommand(parser: argparse.ArgumentParser) -> None:
    """Shows the help, as an error, to someone who names no subcommand."""

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(handler=show_help)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number: a whole number from 0 to 65535")
    return int(text)


def _snowflake(text: str) -> int:
    # The 22 lowest bits count within a millisecond, and the database's numbers end at 2**63.
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and 2**22 <= int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"{text!r} is not an id of Discord: a number of 17 to 19 digits")
    return int(text)


def _run_bot(_: argparse.Namespace) -> int:
    from bot.settings import load_settings

    settings = load_settings()
    if settings.token is None:
        raise ConfigurationError(HOW_TO_LOG_IN)
    from bot import runner

    return runner.run(settings)


def _demo(args: argparse.Namespace) -> int:
    missing = [name for name in DEMO_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        complain(HOW_TO_GET_THE_DEMO.format(", ".join(missing)))
        return 2
    from bot import logs

    logs.set_up("error", "text")  # discord.py's advice about voice and members would only puzzle a newcomer
    if args.script:
        from bot.demo.script import run_script

        return run_script()
    from bot.demo.server import serve

    return serve(args.port)


def _doctor(_: argparse.Namespace) -> int:
    from bot.settings import load_settings

    settings = load_settings()
    from bot import doctor, logs

    logs.set_up("warning", settings.log_format, secrets=settings.secrets())
    return doctor.run(settings)


def _backup(args: argparse.Namespace) -> int:
    from bot.settings import load_settings

    settings = load_settings()
    from bot import keeping

    return keeping.back_up(settings, args.file, force=args.force)


def _restore_backup(args: argparse.Namespace) -> int:
    from bot.settings import load_settings

    settings = load_settings()
    from bot import keeping

    return keeping.restore(settings, args.file, ask=args.deletions)


def _forget(args: argparse.Namespace) -> int:
    from bot.settings import load_settings

    settings = load_settings()
    from bot import keeping

    return keeping.forget(settings, args.kind, args.id)


def _import_reading(args: argparse.Namespace) -> int:
    from bot.reading.importers import import_file
    from bot.reading.markdown import render

    if args.output and args.output.exists() and not args.force:
        raise ApplecoreError(f"{args.output} exists already; choose another name or add --force.")
    reading = import_file(_read(args.file), args.file.name, title=args.title)
    text = render(reading)
    if args.output is None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # a reading is UTF-8 wherever it goes
        sys.stdout.write(text)
        return 0
    try:
        with args.output.open("w" if args.force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise ApplecoreError(_says(error)) from None
    sys.stderr.write(f"{_count(len(reading.excerpts), 'excerpt')} written to {args.output}\n")
    return 0


def _check_readings(args: argparse.Namespace) -> int:
    from bot.reading.markdown import parse

    bad = 0
    for path in args.files:
        try:
            reading = parse(_decoded(path), str(path))
        except ApplecoreError as error:
            bad += 1
            complain(str(error))
        else:
            say(f"{path}: {_summary(reading)}")
            for line in _paged(reading):
                say(f"  {line}")
    return 1 if bad else 0


def _summary(reading: "Reading") -> str:
    lengths = [
        len(excerpt.heading) + len(excerpt.comment) + len(excerpt.quote) + len(excerpt.remark)
        for excerpt in reading.excerpts
    ]
    return f"{_count(len(lengths), 'excerpt')}, {_count(sum(lengths), 'character')}, longest {max(lengths):,}"


def _paged(reading: "Reading") -> list[str]:
    """Which excerpts need more than one page, laid out exactly as they will be posted."""
    from bot.club.excerpts import pages_of

    lines = []
    for position, excerpt in enumerate(reading.excerpts):
        shown, pages = pages_of(reading, excerpt, position, len(reading.excerpts))
        if len(pages) > 1:
            heading = f" ({shown.heading})" if shown.heading else ""
            lines.append(f"excerpt {position + 1}{heading} will be shown in {len(pages)} pages")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _decoded(path: Path) -> str:
    try:
        return _read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApplecoreError(f"{path}: byte {error.start + 1} is not UTF-8 text; save the file as UTF-8.") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise ApplecoreError(_says(error)) from None
    if len(data) > LARGEST_FILE:
        raise ApplecoreError(f"{path} is larger than {LARGEST_FILE // 1024**2} MiB; import it in parts.")
    return data


def _says(error: OSError | ValueError) -> str:
    """What the system says, in one line: ``seeds/x.md: No such file or directory``."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__
