"""What the bot counts, read as Prometheus reads it."""

from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import __version__
from bot.metrics import Metrics

NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)


def series(metrics: Metrics) -> dict[str, float]:
    """Every series by its name and labels, such as ``applecore_gateway_connected{shard=0}``."""
    found = {}
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def ours(metrics: Metrics) -> dict[str, float]:
    """What was counted, without the process and what stands at 0."""
    return {
        name: value
        for name, value in series(metrics).items()
        if name.startswith("applecore_") and value and not name.startswith("applecore_info")
    }


def test_every_metric_explains_itself_to_an_operator() -> None:
    metrics = Metrics()
    metrics.shard(0, connected=True)
    text, content_type = metrics.render()
    families = list(text_string_to_metric_families(text.decode()))
    assert {family.name for family in families if family.name.startswith("applecore")} == {
        "applecore_info",
        "applecore_last_tick_timestamp_seconds",
        "applecore_next_look_timestamp_seconds",
        "applecore_gateway_connected",
        "applecore_posts_sent",
        "applecore_posts_late",
        "applecore_posts_failed",
        "applecore_duplicates_avoided",
        "applecore_http_responses",
        "applecore_http_refusals",
        "applecore_invalid_requests",
        "applecore_interaction_seconds",
        "applecore_slow_interactions",
    }
    for family in families:
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert family.documentation.endswith("."), family.name
        assert family.samples, family.name
    assert content_type.startswith("text/plain; version=0.0.4")


def test_posts_are_counted() -> None:
    metrics = Metrics()
    metrics.post_sent(late=False)
    metrics.post_sent(late=True)
    metrics.post_failed()
    metrics.duplicate_avoided()
    assert ours(metrics) == {
        "applecore_posts_sent_total": 2,
        "applecore_posts_late_total": 1,
        "applecore_posts_failed_total": 1,
        "applecore_duplicates_avoided_total": 1,
    }


def test_answers_are_counted_by_class_and_usual_refusals_by_status() -> None:
    metrics = Metrics()
    for status in (200, 204, 304, 400, 401, 403, 403, 404, 429, 500, 503):
        metrics.response(status)
    metrics.invalid_requests(lambda: 7)
    assert ours(metrics) == {
        "applecore_http_responses_total{class=2xx}": 2,
        "applecore_http_responses_total{class=3xx}": 1,
        "applecore_http_responses_total{class=4xx}": 6,
        "applecore_http_responses_total{class=5xx}": 2,
        "applecore_http_refusals_total{status=401}": 1,
        "applecore_http_refusals_total{status=403}": 2,
        "applecore_http_refusals_total{status=404}": 1,
        "applecore_http_refusals_total{status=429}": 1,
        "applecore_invalid_requests": 7,
    }


def test_counters_stand_at_nought_before_anything_happened() -> None:
    found = series(Metrics())
    for name in (
        "applecore_posts_failed_total",
        "applecore_http_responses_total{class=5xx}",
        "applecore_http_refusals_total{status=429}",
        "applecore_slow_interactions_total",
        "applecore_last_tick_timestamp_seconds",
    ):
        assert found[name] == 0
    assert not [name for name in found if name.endswith("_created")]


def test_an_answer_after_more_than_two_seconds_is_slow() -> None:
    metrics = Metrics()
    for seconds in (0.2, 2.0, 2.1, 4.0):
        metrics.interaction_answered(seconds)
    found = series(metrics)
    assert found["applecore_slow_interactions_total"] == 2
    assert found["applecore_interaction_seconds_bucket{le=0.25}"] == 1
    assert found["applecore_interaction_seconds_bucket{le=2.0}"] == 2
    assert found["applecore_interaction_seconds_bucket{le=+Inf}"] == found["applecore_interaction_seconds_count"] == 4
    assert found["applecore_interaction_seconds_sum"] == pytest.approx(8.3)


def test_the_last_look_and_the_next_are_times() -> None:
    metrics = Metrics()
    metrics.ticked(NOON, NOON.replace(hour=18))
    found = series(metrics)
    assert found["applecore_last_tick_timestamp_seconds"] == NOON.timestamp()
    assert found["applecore_next_look_timestamp_seconds"] == NOON.timestamp() + 6 * 3600
    metrics.ticked(NOON, None)
    assert series(metrics)["applecore_next_look_timestamp_seconds"] == 0


def test_a_shard_is_connected_or_not() -> None:
    metrics = Metrics()
    metrics.shard(0, connected=True)
    metrics.shard(3, connected=True)
    metrics.shard(0, connected=False)
    found = series(metrics)
    assert found["applecore_gateway_connected{shard=0}"] == 0
    assert found["applecore_gateway_connected{shard=3}"] == 1


def test_the_version_and_the_process_are_there() -> None:
    found = series(Metrics())
    assert found[f"applecore_info{{version={__version__}}}"] == 1
    assert "process_start_time_seconds" in found


def test_two_bots_in_one_process_do_not_count_into_each_other() -> None:
    one, other = Metrics(), Metrics()
    one.post_sent(late=False)
    assert ours(one) == {"applecore_posts_sent_total": 1}
    assert ours(other) == {}
