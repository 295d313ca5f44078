"""What a clip cost, from what Replicate metered, or else its expected price."""

from typing import Any

import pytest

from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.prices import Usage
from chunk_assets.generation.replicate.predictions import Prediction
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import ReplicateStudio

pytestmark = pytest.mark.slow

KLING, VEO = "kwaivgi/kling-v3-video", "google/veo-3.1-fast"


def test_a_clip_costs_what_was_metered(studio: ReplicateStudio, fake: FakeReplicate):
    """Its seconds and its variant decide; the ledger says so, and keeps the expected price."""
    fake.metrics[KLING] = {"video_output_duration_seconds": 3.04, "model_variant": "pro"}
    clip = studio.clip(studio.generator("kling-v3"))
    [attempt] = studio.attempts
    assert clip.cost_usd == attempt.cost_usd == pytest.approx(3.04 * 0.224)
    assert clip.spent_usd == attempt.cost_usd
    assert (attempt.price_usd, attempt.cost_from) == (pytest.approx(0.504), "metrics")
    assert attempt.is_estimate is True


def test_without_metrics_a_clip_costs_its_price(studio: ReplicateStudio, fake: FakeReplicate):
    """As it does if they do not say which of the model's prices applies."""
    for metrics in ({}, {"video_output_duration_seconds": 3.04, "resolution_target": "8k"}):
        fake.metrics[KLING] = metrics
        seed = 7 + len(metrics)
        assert studio.clip(studio.generator("kling-v3"), seed=seed).cost_usd == pytest.approx(0.504)
    assert {attempt.cost_from for attempt in studio.attempts} == {"price"}


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        ("veo-3.1-fast", Usage(4.0), 0.40),
        ("veo-3.1-fast", Usage(4.0, ("720p",), with_sound=True), 0.60),
        ("kling-v3", Usage(5.0, ("1080p", "pro"), with_sound=True), 5 * 0.336),
        ("wan-2.7-i2v", Usage(5.0, ("1080p",)), 0.75),
        ("wan-2.7-i2v", Usage(5.0), None),
        ("veo-3.1-fast", Usage(7200.0), None),
        ("veo-3.1-fast", Usage(float("inf")), None),
        ("ltx-video", Usage(4.0), None),
    ],
)
def test_the_price_of_what_was_metered(model: str, usage: Usage, usd: float | None):
    """None if the model has one price a clip, or what was metered decides no price."""
    settled = load_catalog()[model].price.settled(usage)
    assert settled == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("metrics", "usage"),
    [
        (
            {"video_output_duration_seconds": 5, "resolution_target": "720p", "with_audio": True},
            Usage(5.0, ("720p",), with_sound=True),
        ),
        ({"video_output_duration_seconds": 5, "resolution_target": 720}, Usage(5.0)),
        ({"video_output_duration_seconds": True}, None),
        ({"video_output_duration_seconds": "5"}, None),
        ({"video_output_duration_seconds": -5}, None),
        ({"video_output_duration_seconds": float("nan")}, None),
        ({}, None),
        (None, None),
        ("5", None),
    ],
)
def test_metrics_are_read_tolerantly(metrics: Any, usage: Usage | None):
    """What is malformed counts as missing."""
    assert Prediction.model_validate({"id": "p", "metrics": metrics}).usage == usage
