"""What a server's AutoMod rules say to a member's words, as far as they can be told."""

from typing import Any, cast

import discord
import pytest

from bot.discussion.rules import Decision, Passes, Refused, Speaker, Unreadable, decide

THREAD, CHANNEL, ROLE = 11, 12, 21
KEYWORD, LINK, SPAM, PRESET, MENTIONS, PROFILE, UNKNOWN = 1, 2, 3, 4, 5, 6, 7
READER = Speaker(manages=False, role_ids=frozenset({1, ROLE}), place_ids=frozenset({THREAD, CHANNEL}))


def rule(trigger: int = KEYWORD, /, **changes: Any) -> discord.AutoModRule:
    """A rule as Discord answers it."""
    metadata = {name: changes.pop(name) for name in list(changes) if name in METADATA}
    data = {
        "id": "5",
        "guild_id": "1",
        "name": "House rules",
        "creator_id": "2",
        "event_type": 1,
        "trigger_type": trigger,
        "trigger_metadata": metadata,
        "actions": [{"type": 1, "metadata": {}}],
        "enabled": True,
        "exempt_roles": [],
        "exempt_channels": [],
        **changes,
    }
    # The rule only keeps both; nothing of them is asked here.
    return discord.AutoModRule(data=cast("Any", data), guild=cast("Any", None), state=cast("Any", None))


METADATA = ("keyword_filter", "regex_patterns", "allow_list", "presets", "mention_total_limit")


def said(text: str, *rules: discord.AutoModRule, speaker: Speaker = READER, readable_only: bool = False) -> Decision:
    return decide(rules, speaker, text, readable_only=readable_only)


def test_a_keyword_refuses_and_says_which_rule_and_word() -> None:
    decision = said("So HARDCORE!", rule(keyword_filter=["apple", "hardcore"]))
    assert isinstance(decision, Refused)
    assert "**House rules**" in decision.reason
    assert "“hardcore”" in decision.reason
    assert said("So hard to the core!", rule(keyword_filter=["hardcore"])) == Passes()
    assert said("so hardcore", rule(keyword_filter=["hardcore"], allow_list=["hardcore in*"])) != Passes()
    assert said("hardcore innovation", rule(keyword_filter=["hardcore"], allow_list=["hardcore in*"])) == Passes()


@pytest.mark.parametrize("action", [1, 2, 3], ids=["block", "alert", "timeout"])
def test_whatever_the_rule_would_do(action: int) -> None:
    metadata = {"channel_id": "3", "duration_seconds": 60}
    against = rule(keyword_filter=["hardcore"], actions=[{"type": action, "metadata": metadata}])
    assert isinstance(said("hardcore", against), Refused)


def test_names_and_words_are_shown_as_they_are() -> None:
    decision = said("so *bad* it is", rule(keyword_filter=["**bad**"], name="**No** @everyone"))
    assert isinstance(decision, Refused)
    assert r"**\*\*No\*\* @everyone**" in decision.reason
    assert r"“\*bad\*”" in decision.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"exempt_roles": [str(ROLE)]},
        {"exempt_roles": ["1"]},
        {"exempt_channels": [str(THREAD)]},
        {"exempt_channels": [str(CHANNEL)]},
    ],
    ids=["disabled", "role", "everyone", "thread", "channel"],
)
def test_a_rule_that_does_not_look_at_the_member_is_as_none(changes: dict[str, Any]) -> None:
    assert said("hardcore", rule(keyword_filter=["hardcore"], **changes)) == Passes()
    assert said("hardcore", rule(PRESET, presets=[1], **changes)) == Passes()


def test_other_roles_and_channels_change_nothing() -> None:
    assert isinstance(said("hardcore", rule(keyword_filter=["hardcore"], exempt_roles=["22"])), Refused)
    assert isinstance(said("hardcore", rule(keyword_filter=["hardcore"], exempt_channels=["13"])), Refused)


def test_who_manages_the_server_is_never_looked_at() -> None:
    manager = Speaker(manages=True, role_ids=frozenset(), place_ids=frozenset({THREAD}))
    assert said("hardcore", rule(keyword_filter=["hardcore"]), rule(SPAM), speaker=manager) == Passes()
    assert decide(None, manager, "hardcore", readable_only=False) == Passes()


UNREADABLE = [
    rule(PRESET, presets=[1, 2, 3]),
    rule(SPAM),
    rule(SPAM, trigger_metadata=None),
    rule(LINK),
    rule(UNKNOWN),
    rule(keyword_filter=["hardcore"], regex_patterns=["h.rdcore"]),
    rule(keyword_filter=["hardcore"], event_type=3),
]
UNREADABLE_IDS = [
    "presets",
    "spam",
    "spam without metadata",
    "links",
    "unknown",
    "regular expressions",
    "unknown event",
]


@pytest.mark.parametrize("unread", UNREADABLE, ids=UNREADABLE_IDS)
def test_a_rule_that_cannot_be_read_stops_it_unless_only_the_readable_count(unread: discord.AutoModRule) -> None:
    decision = said("A fine day.", rule(keyword_filter=["hardcore"]), unread)
    assert isinstance(decision, Unreadable)
    assert "**House rules**" in decision.reason
    assert said("A fine day.", unread, readable_only=True) == Passes()


def test_with_only_the_readable_the_keywords_still_refuse() -> None:
    rules = [rule(SPAM), rule(keyword_filter=["hardcore"], regex_patterns=["x"]), rule(PRESET, presets=[1])]
    assert isinstance(said("hardcore", *rules, readable_only=True), Refused)
    assert isinstance(said("hardcore", *rules), Refused), "what can be told comes first"


def test_rules_about_names_do_not_matter() -> None:
    assert said("hardcore", rule(PROFILE, keyword_filter=["hardcore"], event_type=2)) == Passes()


def test_where_no_rule_may_be_read() -> None:
    assert isinstance(decide(None, READER, "A fine day.", readable_only=False), Unreadable)
    assert decide(None, READER, "A fine day.", readable_only=True) == Passes()
    assert said("A fine day.") == Passes()


@pytest.mark.parametrize(("count", "passes"), [(2, True), (3, False)])
def test_mentions_at_the_limit_and_one_past(count: int, passes: bool) -> None:
    text = " ".join([*["<@1>", "<@&2>", "<@!3>"][:count], "<@1>", "<@!1>", "<#9>"])
    decision = said(text, rule(MENTIONS, mention_total_limit=2))
    assert isinstance(decision, Passes) is passes
    if isinstance(decision, Refused):
        assert "more than 2 mentions" in decision.reason
