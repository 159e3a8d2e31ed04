"""The launcher's HTML."""

from collections.abc import Iterable, Sequence
from html import escape

import simcord

from bot.demo.transcript import plain, text_of
from bot.demo.world import World

THINGS_TO_TRY = (
    ("Let a day pass", "Press <b>Next day</b>: an excerpt appears in #reading, with a thread under it."),
    (
        "Read what a filter had refused",
        'On day 4 the poster had to write <code>hard"apple"core</code>; members read it restored.',
    ),
    ("Talk", "Open the thread of a post and write something, as Ada or Ben (switch the viewer on its page)."),
    (
        "Run the club",
        "Open #general as Mia and type <code>/club status</code>, <code>/club preview</code> or <code>/club post-now</code>.",
    ),
    ("Break something", "As Ada, try <code>/club pause</code>: only moderators may."),
    (
        "Bring your own text",
        "As Mia, use <code>/reading import</code> with a file, then <code>/club edit reading:</code>.",
    ),
    ("Read to the end", "After the last excerpt the club says so, once, and offers the next reading."),
)

STYLE = """
:root { color-scheme: light dark; --ink: #22201d; --soft: #6b655d; --paper: #faf7f2; --card: #fff; --line: #e4ddd2; --apple: #8a2b3c; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee8df; --soft: #a59d92; --paper: #1b1917; --card: #262320; --line: #3b362f; --apple: #e0788a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; justify-content: space-between; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.01em; } h1 span { color: var(--apple); }
h2 { margin: 0 0 .75rem; font-size: 1.05rem; }
p { margin: .25rem 0 0; color: var(--soft); }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); margin-top: 1.5rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem; }
ul, ol { margin: 0; padding: 0; list-style: none; } li + li { margin-top: .5rem; }
ol { counter-reset: step; } ol li { padding-left: 2rem; position: relative; counter-increment: step; }
ol li::before { content: counter(step); position: absolute; left: 0; color: var(--apple); font-weight: 700; }
a { color: var(--apple); font-weight: 600; text-decoration: none; } a:hover { text-decoration: underline; }
small { color: var(--soft); display: block; }
.thread { padding-left: 1.1rem; border-left: 2px solid var(--line); }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
button, select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .45rem .8rem; max-width: 100%; }
button { cursor: pointer; font-weight: 600; } button.main { background: var(--apple); border-color: var(--apple); color: #fff; }
@media (prefers-color-scheme: dark) { button.main { color: #1b1917; } }
button:disabled { opacity: .5; } code { font-size: .92em; }
.said { margin-top: 1rem; padding: .6rem 1rem; border-left: 4px solid var(--apple); background: var(--card); }
"""

SCRIPT = """
const seen = document.body.dataset.happened;
for (const form of document.forms) form.addEventListener("submit", () => { for (const b of form.querySelectorAll("button")) setTimeout(() => b.disabled = true); });
setInterval(async () => {
  try { if (String((await (await fetch("/state")).json()).happened) !== seen && !document.activeElement.matches("select")) location.reload(); } catch { }
}, 1500);
"""


def launcher_page(world: World, emoji: Sequence[str], said: str, happened: int = 0) -> str:
    """The whole page; ``said`` is a line about what the last button did, or empty."""
    body = "".join(
        (
            _header(world),
            f'<div class="said">{escape(said)}</div>' if said else "",
            f'<div class="grid">{_channels(world)}{_react(world, emoji)}{_guide()}</div>',
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Applecore demo</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body data-happened="{happened}"><main>{body}</main><script>{SCRIPT}</script></body></html>'
    )


def _header(world: World) -> str:
    now = world.today()
    return (
        "<header><div><h1>Apple<span>core</span> demo</h1><p>The real bot on a simulated Discord. "
        "Nothing leaves this machine, and nothing is kept.</p></div>"
        f'<form method="post" action="/pass"><b>{now:%A, %d %B %Y, %H:%M}</b>'
        '<button class="main" name="step" value="day">Next day</button>'
        '<button name="step" value="hour">In an hour</button></form></header>'
    )


def _channels(world: World) -> str:
    rows = []
    for channel, about in (
        (world.reading, "one excerpt a day, at nine"),
        (world.general, "where Mia steers the club"),
        (world.moderators, "what is wrong, if anything; only Mia sees it"),
    ):
        rows.append(f"<li>{_link(channel, f'#{channel.name}')}<small>{_count(channel)} · {about}</small></li>")
        rows += [
            f'<li class="thread">{_link(thread, thread.name or "thread")}'
            f"<small>{'closed' if _archived(world, thread) else 'open'} · {_count(thread)}</small></li>"
            for thread in channel.threads
        ]
    return f"<section><h2>Channels and threads</h2><ul>{''.join(rows)}</ul><p><small>Each opens in a tab of its own; on the page, choose who you are.</small></p></section>"


def _link(channel: simcord.ChannelHandle, name: str) -> str:
    return f'<a href="/open/{channel.id}" target="_blank" rel="noopener">{escape(name)}</a>'


def _count(channel: simcord.ChannelHandle) -> str:
    count = len(channel.history())
    return "1 message" if count == 1 else f"{count} messages"


def _archived(world: World, thread: simcord.ChannelHandle) -> bool:
    metadata = world.env.backend.channels[thread.id].thread_metadata
    return metadata is not None and metadata.archived


def _react(world: World, emoji: Sequence[str]) -> str:
    members = _options((str(member.id), member.name.capitalize()) for member in world.members)
    faces = _options((face, face) for face in emoji)
    places = [world.reading, *world.reading.threads]
    messages = [(place, message) for place in places for message in place.history() if text_of(message).strip()]
    latest = sorted(messages, key=lambda found: found[1].id, reverse=True)[:15]
    targets = _options(
        (f"{place.id}/{message.id}", f"{message.author.display_name}: {_gist(world, text_of(message))}")
        for place, message in latest
    )
    return (
        "<section><h2>React as …</h2><form method='post' action='/react'>"
        f"<select name='member' aria-label='Member'>{members}</select>"
        f"<select name='emoji' aria-label='Emoji'>{faces}</select>"
        f"<select name='message' aria-label='Message'>{targets}</select><button>React</button></form>"
        "<p><small>simcord's pages show reactions, but nobody can add a new emoji there; so it is done here.</small></p></section>"
    )


def _options(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<option value='{escape(value, quote=True)}'>{escape(label)}</option>" for value, label in pairs)


def _gist(world: World, markdown: str) -> str:
    words = plain(world, markdown).replace("│", " ").split()
    text = " ".join(words)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _guide() -> str:
    steps = "".join(f"<li><b>{title}.</b> {text}</li>" for title, text in THINGS_TO_TRY)
    return f"<section><h2>Things to try</h2><ol>{steps}</ol></section>"
