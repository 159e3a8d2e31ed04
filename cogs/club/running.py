"""/club status, preview, pause, resume, skip and post-now."""

from discord import app_commands
from discord.ext import commands

from bot.club import wording
from bot.club.excerpts import lay_out_excerpt
from bot.club.layout import excerpt_layout, gathered, notice_layout
from bot.club.permissions import channel_fault
from bot.club.planner import new_post
from bot.club.status import describe, next_post_at
from bot.errors import ApplecoreError
from bot.reading.schedule import Action, decide
from bot.storage import clubs, outgoing, readings
from bot.storage.database import Connection
from bot.storage.records import Club, ClubState
from cogs.club.choosing import WHICH, Interaction, club_choices, guild_of, pick, require_manager, visible_clubs


class Running(commands.Cog):
    """Commands for a club that is set up."""

    @app_commands.command(description="How the clubs stand: the next post, where they are, what is wrong")
    @app_commands.describe(club="One club only")
    @app_commands.autocomplete(club=club_choices)
    async def status(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        guild, now = guild_of(interaction), interaction.client.clock()
        async with interaction.client.database.read() as conn:
            chosen = [await pick(interaction, conn, club)] if club else await visible_clubs(interaction, conn)
            described = [
                describe(each, await readings.get(conn, guild.id, each.reading_id), guild, now) for each in chosen
            ]
        if not described:
            raise ApplecoreError("There is no club here yet. `/club setup` makes one.")
        for text in gathered(described):
            await interaction.followup.send(view=notice_layout(text), ephemeral=True)

    @app_commands.command(description="See the next excerpt as it will be posted; only you see it")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def preview(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        now = interaction.client.clock()
        async with interaction.client.database.read() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            reading = await readings.get(conn, chosen.guild_id, chosen.reading_id)
            laid_out = await lay_out_excerpt(conn, reading, chosen.progress.position) if reading else None
        if laid_out is None:
            raise ApplecoreError("Every excerpt is posted. `/club edit reading:` begins another reading.")
        await interaction.followup.send(view=excerpt_layout(laid_out, 0), ephemeral=True)
        coming = next_post_at(chosen, now)
        text = (
            f"It comes {wording.when_and_how_soon(coming)}"
            if coming
            else "No date is set, since the club is not active:"
        )
        rest = f" in <#{chosen.channel_id}>" if coming else " `/club status` says why"
        await interaction.followup.send(
            f"{text}{rest}. The thread will be named “{laid_out.thread_name}”.", ephemeral=True
        )

    @app_commands.command(description="Stop posting for a while")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def pause(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.write() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            if chosen.state is ClubState.PAUSED:
                raise ApplecoreError("The club is paused already. `/club resume` goes on.")
            if chosen.state is ClubState.ENDED:
                raise ApplecoreError("The reading has ended, so there is nothing to pause.")
            await clubs.set_state(conn, chosen.id, ClubState.PAUSED)
            row = await outgoing.unfinished_post(conn, chosen.id)
            if row is not None and row.day is None:  # asked for by /club post-now, and not to be sent days later
                await outgoing.forget(conn, row.id)
        interaction.client.engine.poke()
        await interaction.followup.send(
            f"Paused: nothing is posted in <#{chosen.channel_id}> until `/club resume`. No excerpt is lost.",
            ephemeral=True,
        )

    @app_commands.command(description="Go on posting, after a pause or when what was wrong is mended")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def resume(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        now = interaction.client.clock()
        async with interaction.client.database.write() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            if chosen.state is ClubState.ACTIVE:
                raise ApplecoreError("The club is running already. `/club status` says when the next excerpt comes.")
            if chosen.state is ClubState.ENDED:
                raise ApplecoreError("The reading has ended. `/club edit reading:` begins another.")
            if fault := channel_fault(guild_of(interaction), chosen.channel_id):
                raise ApplecoreError(
                    f"{fault} Put that right first, or choose another channel with `/club edit channel:`."
                )
            # Days of a pause do not count as missed; those of a fault do, since nobody wished for them.
            since = now if chosen.state is ClubState.PAUSED else None
            await clubs.set_state(conn, chosen.id, ClubState.ACTIVE, since=since)
            resumed = await clubs.by_id(conn, chosen.id)
        interaction.client.engine.poke()
        coming = next_post_at(resumed, now) if resumed else None
        tail = f" The next excerpt comes {wording.when_and_how_soon(coming)}." if coming else ""
        await interaction.followup.send(f"The club goes on.{tail}", ephemeral=True)

    @app_commands.command(description="Leave out the next excerpt, or the next day")
    @app_commands.describe(what="What to leave out (default: the next excerpt)", club=WHICH)
    @app_commands.choices(
        what=[
            app_commands.Choice(name="the next excerpt: it is never posted", value="excerpt"),
            app_commands.Choice(name="the next day: its excerpt waits for the day after", value="day"),
        ]
    )
    @app_commands.autocomplete(club=club_choices)
    async def skip(self, interaction: Interaction, what: str = "excerpt", club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        now = interaction.client.clock()
        async with interaction.client.database.write() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            if what == "day":
                text = await _skip_day(conn, chosen, interaction)
            else:
                text = await _skip_excerpt(conn, chosen, interaction)
            skipped = await clubs.by_id(conn, chosen.id)
        interaction.client.engine.poke()
        coming = next_post_at(skipped, now) if skipped else None
        tail = f" The next excerpt comes {wording.when_and_how_soon(coming)}." if coming else ""
        await interaction.followup.send(f"{text}{tail}", ephemeral=True)

    @app_commands.command(name="post-now", description="Post the next excerpt at once, besides the schedule")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def post_now(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        now = interaction.client.clock()
        async with interaction.client.database.write() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            if chosen.state is not ClubState.ACTIVE:
                raise ApplecoreError("The club is not running. `/club status` says why and what to do.")
            if fault := channel_fault(guild_of(interaction), chosen.channel_id):
                raise ApplecoreError(f"{fault} `/club status` says what to do.")
            position = chosen.progress.position
            if position >= chosen.progress.total:
                raise ApplecoreError("Every excerpt is posted. `/club edit reading:` begins another reading.")
            planned = await outgoing.plan(conn, new_post(chosen, position, now, day=None))
        if planned is None:
            raise ApplecoreError(f"Number {position + 1} is on its way already; look into <#{chosen.channel_id}>.")
        interaction.client.engine.poke()
        await interaction.followup.send(
            f"Number {position + 1} of {chosen.progress.total} comes now in <#{chosen.channel_id}>. "
            "The schedule stays as it is.",
            ephemeral=True,
        )


async def _skip_excerpt(conn: Connection, club: Club, interaction: Interaction) -> str:
    position = club.progress.position
    if position >= club.progress.total:
        raise ApplecoreError("Every excerpt is posted, so there is none to leave out.")
    await _refuse_in_flight(conn, club, interaction)
    await clubs.advance(conn, club.id, run=club.run, position=position + 1, day=None, post_at=None)
    if position + 1 == club.progress.total:
        return f"Number {position + 1}, the last, is left out; the end is announced at the next slot."
    return f"Number {position + 1} is left out; number {position + 2} takes its place."


async def _refuse_in_flight(conn: Connection, club: Club, interaction: Interaction) -> None:
    """A post that is under way cannot be stopped. One that waits to be tried again settles by itself: the courier
    looks whether it was posted after all, and lets it go where it was not."""
    row = await outgoing.unfinished_post(conn, club.id)
    if row is not None and row.lease_until is not None and row.lease_until > interaction.client.clock():
        raise ApplecoreError("A post is on its way this very moment. Try again in a minute.")


async def _skip_day(conn: Connection, club: Club, interaction: Interaction) -> str:
    if club.state is not ClubState.ACTIVE:
        raise ApplecoreError("The club is not running, so there is no day to leave out.")
    await _refuse_in_flight(conn, club, interaction)
    decision = decide(club.schedule, club.progress, interaction.client.clock())
    due = decision.action is Action.POST
    day = decision.day if due else decision.next.day
    await clubs.advance(conn, club.id, run=club.run, position=club.progress.position, day=day, post_at=None)
    when = "today" if due else f"at {wording.when(decision.next.at)}"
    return f"Nothing is posted {when}; no excerpt is lost."
