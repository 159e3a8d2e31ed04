"""The launcher's HTML."""

from collections.abc import Iterable, Sequence
from html import escape

import discord
import simcord

from bot.demo.overlays import Blocked
from bot.demo.transcript import plain, text_of
from bot.demo.world import World

THINGS_TO_TRY = {
    "Let a day pass": "Press <b>Next day</b>: an excerpt appears in #reading, with a thread under it.",
    "Read what a filter had refused": (
        'On day 4 the poster had to write <code>hard"apple"core</code>; members read it restored.'
    ),
    "Talk": (
        "Open the thread of a post and write something, as Ada or Ben (switch the viewer on its page), or press "
        "<b>My thought</b> under the post. React with the lists above."
    ),
    "See what it brought": (
        "Type <code>/discussion digest</code> in a thread, or let three days pass: each thread ends with its digest, "
        "and the reading with one of its own."
    ),
    "Find it again": (
        "Try <code>/find text:hardcore</code>, <code>/excerpt</code> and, in a thread, <code>/bookmark</code>."
    ),
    "Run the club": (
        "Open #general as Mia and type <code>/club status</code>, <code>/club preview</code> or "
        "<code>/club post-now</code>; Enter chooses the command, the arrow sends it."
    ),
    "Break something": "As Ada, try <code>/club pause</code>: only moderators may.",
    "Bring your own text": (
        "As Mia, use <code>/reading import</code> with a file, then <code>/club edit reading:</code>."
    ),
    "Read to the end": "After the last excerpt the club says so, once, and offers the next reading.",
}

STYLE = """
:root { color-scheme: light dark; --ink: #22201d; --soft: #6b655d; --paper: #faf7f2; --card: #fff; --line: #e4ddd2;
  --apple: #8a2b3c; --on-apple: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee8df; --soft: #a59d92; --paper: #1b1917; --card: #262320;
  --line: #3b362f; --apple: #e0788a; --on-apple: #1b1917; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; justify-content: space-between; }
header div { flex: 1 1 18rem; } header b { flex: 1 0 100%; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.01em; } h1 span { color: var(--apple); }
h2 { margin: 0 0 .75rem; font-size: 1.05rem; }
p { margin: .25rem 0 0; color: var(--soft); }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.grid { align-items: start; margin-top: 1.5rem; } .column { display: grid; gap: 1rem; min-width: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem;
  min-width: 0; }
ul, ol { margin: 0; padding: 0; list-style: none; } li + li { margin-top: .5rem; }
ol { counter-reset: step; } ol li { padding-left: 1.75rem; position: relative; counter-increment: step; }
ol li::before { content: counter(step); position: absolute; left: 0; color: var(--apple); font-weight: 700; }
a { color: var(--apple); font-weight: 600; text-decoration: none; } a:hover { text-decoration: underline; }
small { color: var(--soft); display: block; }
.thread { margin-left: .2rem; padding-left: .9rem; border-left: 2px solid var(--line); }
.new { border-color: var(--apple); }
.new b { margin-left: .4rem; padding: 0 .45rem; border-radius: 1em; background: var(--apple); color: var(--on-apple);
  font-size: .75rem; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
button, select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: 8px; padding: .45rem .8rem; max-width: 100%; }
select[name=message] { flex: 1 1 100%; min-width: 0; }
button { cursor: pointer; font-weight: 600; } button:disabled { opacity: .5; cursor: default; }
button.main { background: var(--apple); border-color: var(--apple); color: var(--on-apple); }
code { font-size: .92em; overflow-wrap: anywhere; }
.said { margin-top: 1rem; padding: .6rem 1rem; border-left: 4px solid var(--apple); background: var(--card); }
"""

SCRIPT = """
const main = document.querySelector("main");
let shown = main.innerHTML, busy = false;
document.addEventListener("submit", (event) => {
  busy = true;
  setTimeout(() => { for (const button of event.target.querySelectorAll("button")) button.disabled = true; });
});
async function refresh() {
  if (busy || document.hidden || (document.hasFocus() && document.activeElement.matches("select"))) return;
  let fresh;
  try {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    fresh = page.querySelector("main").innerHTML;
  } catch {
    fresh = '<div class="said">The demo has ended. Start it again in the terminal.</div>';
  }
  if (fresh === shown || busy) return;
  const chosen = [...main.querySelectorAll("select")].map((select) => [select.name, select.value]);
  main.innerHTML = fresh;
  shown = main.innerHTML;
  for (const [name, value] of chosen) {
    const select = main.querySelector(`select[name=${name}]`);
    if (select && [...select.options].some((option) => option.value === value)) select.value = value;
  }
}
setInterval(refresh, 1500);
document.addEventListener("visibilitychange", refresh);
"""
"""Shows what has happened meanwhile without a reload, which would lose what is chosen in the lists."""


def launcher_page(world: World, emoji: Sequence[str], said: str) -> str:
    """The whole page; ``said`` is a line about what the last button did, or empty."""
    notices = [said] if said else []
    notices += [_kept_back(world, blocked) for blocked in world.overlays.blocked[-3:]]
    body = "".join(
        (
            _header(world),
            *(f'<div class="said">{escape(notice)}</div>' for notice in notices),
            f'<div class="grid">{_channels(world)}<div class="column">{_react(world, emoji)}{_guide()}</div></div>',
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Applecore demo</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{body}</main><script>{SCRIPT}</script></body></html>"
    )


def _kept_back(world: World, blocked: Blocked) -> str:
    names = {member.id: member.name.capitalize() for member in world.members}
    place = world.env.backend.channels.get(blocked.channel_id)
    return (
        f"AutoMod kept back what {names.get(blocked.author_id, 'somebody')} wrote in "
        f"#{(place.name if place else None) or 'a deleted channel'}: “{_gist(world, blocked.content)}”"
    )


def _header(world: World) -> str:
    now = world.today()
    return (
        "<header><div><h1>Apple<span>core</span> demo</h1><p>The real bot on a simulated Discord. "
        "Nothing leaves this machine, and nothing is kept.</p></div>"
        f'<form method="post" action="/pass"><b>{now:%A, %d %B %Y, %H:%M}</b>'
        '<button class="main" name="step" value="day">Next day</button>'
        '<button name="step" value="hour">An hour later</button></form></header>'
    )


def _channels(world: World) -> str:
    rows = []
    for channel, about in (
        (world.reading, "one excerpt a day, at nine"),
        (world.general, "where Mia steers the club"),
        (world.moderators, "what is wrong, if anything; only Mia sees it"),
    ):
        rows.append(f"<li>{_link(channel, f'#{channel.name}')}<small>{_count(channel)} · {about}</small></li>")
        newest_first = sorted(channel.threads, key=lambda thread: thread.id, reverse=True)
        rows += [_thread(world, thread) for thread in newest_first]
    return (
        f"<section><h2>Channels and threads</h2><ul>{''.join(rows)}</ul><p><small>Each opens in a tab of its own, "
        "where you choose as whom you look. Open threads here: on a channel's page they are no links."
        "</small></p></section>"
    )


def _thread(world: World, thread: simcord.ChannelHandle) -> str:
    metadata = world.env.backend.channels[thread.id].thread_metadata
    state = "closed" if metadata is not None and metadata.archived else "open"
    opened = discord.utils.snowflake_time(thread.id).astimezone(world.today().tzinfo).date()
    new = opened == world.today().date()
    return (
        f'<li class="thread{" new" if new else ""}">{_link(thread, thread.name or "thread")}'
        f"{'<b>today</b>' if new else ''}<small>{state} · {_count(thread)}</small></li>"
    )


def _link(channel: simcord.ChannelHandle, name: str) -> str:
    return f'<a href="/open/{channel.id}" target="_blank" rel="noopener">{escape(name)}</a>'


def _count(channel: simcord.ChannelHandle) -> str:
    count = len(_written(channel))
    return {0: "no messages", 1: "1 message"}.get(count, f"{count} messages")


def _written(channel: simcord.ChannelHandle) -> list[discord.Message]:
    """What somebody wrote, without the messages that Discord adds of itself."""
    return [
        message
        for message in channel.history()
        if message.type in (discord.MessageType.default, discord.MessageType.reply)
    ]


def _react(world: World, emoji: Sequence[str]) -> str:
    members = _options((str(member.id), member.name.capitalize()) for member in world.members)
    faces = _options((face, face) for face in emoji)
    places = (world.reading, *world.reading.threads)
    messages = [(place, message) for place in places for message in _written(place)]
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
        "<p><small>A channel's page shows reactions, but only here can a new one be added.</small></p></section>"
    )


def _options(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<option value='{escape(value, quote=True)}'>{escape(label)}</option>" for value, label in pairs)


def _gist(world: World, markdown: str) -> str:
    text = " ".join(plain(world, markdown).replace("│", " ").split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _guide() -> str:
    steps = "".join(f"<li><b>{title}.</b> {text}</li>" for title, text in THINGS_TO_TRY.items())
    return f"<section><h2>Things to try</h2><ol>{steps}</ol></section>"
