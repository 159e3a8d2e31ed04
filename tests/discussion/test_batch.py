"""A batch leaves what its events would have left one by one, wherever they were cut into batches."""

from hypothesis import given, settings

from bot.discussion.batch import TEXT_WEIGHS, Batch
from bot.storage.records import BURST, NORMAL, Said
from tests.discussion.one_by_one import CUTS, EVENTS, START, Event, Known, both_kinds, cut


def batch_of(events: list[Event]) -> Batch:
    batch = Batch()
    for what, arguments in events:
        getattr(batch, what)(*arguments)
    return batch


def written(known: Known, batch: Batch) -> None:
    """The order that ``bot.discussion.batch`` promises."""
    for thread, now in batch.threads.items():
        if now.name is not None and not now.there:
            known.thread_changed(thread, now.name, now.archived, now.locked)
        if now.deleted_at is not None:
            known.thread_deleted(thread, now.deleted_at)
        if now.name is not None and now.there:
            known.thread_changed(thread, now.name, now.archived, now.locked)
    for said in batch.replies.values():
        known.said(said)
    for message, cleared in batch.cleared.items():
        for emoji in [None] if cleared.emoji is None else cleared.emoji:
            known.clear(cleared.thread_id, message, emoji)
    rows = [
        (on.thread_id, message, *key, *of) for message, on in batch.reactions.items() for key, of in on.given.items()
    ]
    for thread, message, emoji, user, removed, *_ in rows:
        known.unreact(thread, message, emoji, user, removed)
    for thread, message, emoji, user, _, added, name, at in rows:
        if added:
            assert at is not None
            known.react(thread, message, emoji, user, added, name, at)
    for message, thread in batch.deleted.items():
        known.delete(thread, message)
    for channel, at in batch.channels.items():
        known.channel_deleted(channel, at)


@settings(max_examples=500)
@given(EVENTS, CUTS)
def test_batches_leave_what_the_events_leave(events: list[Event], cuts: list[int]) -> None:
    one_by_one, in_batches = Known(), Known()
    for what, arguments in events:
        getattr(one_by_one, what)(*arguments)
    for some in cut(events, cuts):
        written(in_batches, batch_of(some))
    assert in_batches.replies == one_by_one.replies
    assert (in_batches.deleted, in_batches.names) == (one_by_one.deleted, one_by_one.names)
    murky = both_kinds(events)
    assert in_batches.reactions.keys() == one_by_one.reactions.keys()
    for key, (kinds, name, at) in one_by_one.reactions.items():
        assert in_batches.reactions[key][:2] == (kinds, name)
        if key not in murky:
            assert in_batches.reactions[key][2] == at


@settings(max_examples=100)
@given(EVENTS)
def test_the_size_is_what_there_is(events: list[Event]) -> None:
    batch = batch_of(events)
    texts = sum(1 + len(said.text or "") // TEXT_WEIGHS for said in batch.replies.values())
    given = sum(len(on.given) for on in batch.reactions.values())
    others = len(batch.cleared) + len(batch.deleted) + len(batch.threads) + len(batch.channels)
    assert batch.size == texts + given + others
    assert bool(batch) is (batch.size > 0)
    assert all(on.given for on in batch.reactions.values())


def test_what_goes_to_and_fro_stays_one_entry() -> None:
    batch = Batch()
    for _ in range(1000):
        batch.react(1, 2, "🍎", 3, NORMAL, None, START)
        batch.unreact(1, 2, "🍎", 3, NORMAL)
        batch.react(1, 2, "🍎", 3, BURST, None, START)
    assert batch.size == 1
    assert batch.reactions[2].given == {("🍎", 3): (NORMAL, BURST, None, START)}


def test_both_kinds_are_taken_back() -> None:
    batch = Batch()
    batch.unreact(1, 2, "🍎", 3, NORMAL)
    batch.unreact(1, 2, "🍎", 3, BURST)
    assert batch.reactions[2].given == {("🍎", 3): (NORMAL | BURST, 0, None, None)}


def test_a_long_text_weighs_more() -> None:
    batch = Batch()
    batch.said(Said(1, 2, 3, START, None, None, 4000, "x" * 4000, thought=False))
    assert batch.size == 41
    batch.delete(1, 2)
    assert batch.size == 1
    assert batch.thread_ids() == {1}
