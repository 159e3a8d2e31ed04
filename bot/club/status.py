"""How a club stands, in words."""

from datetime import datetime, timedelta

import discord

from bot.club import wording
from bot.club.permissions import DELETED, NOTICES, channel_fault, remedy, silent_ping
from bot.reading.schedule import Action, decide
from bot.reading.wording import describe_weekdays
from bot.storage.records import Club, ClubState, StoredReading

POLICIES = {
    "one": "one late excerpt after downtime",
    "shift": "nothing late after downtime",
    "skip": "missed days are skipped",
}


def next_post_at(club: Club, now: datetime) -> datetime | None:
    """When the next excerpt comes, in UTC; None where none will come by itself."""
    if club.state is not ClubState.ACTIVE or club.progress.position >= club.progress.total:
        return None
    decision = decide(club.schedule, club.progress, now)
    if decision.position >= club.progress.total:
        return None
    return now if decision.action is Action.POST else decision.next.at


def what_comes(club: Club, now: datetime) -> str:
    """A sentence for members about when the next excerpt comes; empty where there is nothing to say."""
    coming = next_post_at(club, now)
    if coming is not None and coming > now + timedelta(seconds=1):
        return f"The next comes {wording.when_and_how_soon(coming)}."
    if club.state is ClubState.PAUSED:
        return "The club is paused."
    return ""


def faults(guild: discord.Guild | None, club: Club) -> list[str]:
    """What is wrong right now, each with what to do about it."""
    found = []
    here = channel_fault(guild, club.channel_id)
    if club.state is ClubState.BROKEN:
        said = here or club.fault or "Discord refused what I had to do."
        found.append(f"{said} {remedy(said)}")
    elif here == DELETED:
        found.append(f"{here} Choose another with `/club edit channel:`.")
    elif here:
        found.append(f"{here} Grant it in the channel's settings.")
    if club.notices_channel_id is not None and (fault := channel_fault(guild, club.notices_channel_id, NOTICES)):
        found.append(f"Notices: {fault} Choose another channel with `/club edit notices:`.")
    if club.ping_role_id is not None and (silent := silent_ping(guild, club.ping_role_id)):
        found.append(silent)
    return found


def describe(club: Club, reading: StoredReading | None, guild: discord.Guild | None, now: datetime) -> str:
    """Everything a manager asks about one club, in a few lines of Markdown."""
    title = wording.plain(reading.title) if reading else "a reading that is gone"
    schedule = club.schedule
    lines = [
        f"### <#{club.channel_id}> · {title}",
        f"{_state(club, now)}",
        f"-# {describe_weekdays(schedule.weekdays)} at {schedule.time:%H:%M}, {schedule.zone} · "
        f"{POLICIES[schedule.catch_up]} · threads stay open for {club.thread_days} "
        f"{'day' if club.thread_days == 1 else 'days'}"
        + (f" · notices in <#{club.notices_channel_id}>" if club.notices_channel_id else "")
        + (f" · pings <@&{club.ping_role_id}>" if club.ping_role_id else ""),
    ]
    lines += [f"⚠️ {fault}" for fault in faults(guild, club)]
    return "\n".join(lines)


def _state(club: Club, now: datetime) -> str:
    done, total = club.progress.position, club.progress.total
    stand = f"{done} of {total} done"
    if club.state is ClubState.PAUSED:
        return f"**Paused**, {stand}. `/club resume` goes on."
    if club.state is ClubState.BROKEN:
        return f"**Stopped**, {stand}."
    if club.state is ClubState.ENDED:
        return f"**Read to the end**, {stand}. `/club edit reading:` begins another."
    coming = next_post_at(club, now)
    if coming is None:
        return f"{stand}; the end is announced at the next slot."
    if coming <= now + timedelta(seconds=1):
        return f"{stand}; number {done + 1} is on its way."
    return f"{stand}; number {min(done + 1, total)} comes {wording.when_and_how_soon(coming)}."
