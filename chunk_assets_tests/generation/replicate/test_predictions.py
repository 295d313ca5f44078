"""Predictions are parsed tolerantly."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chunk_assets.generation.replicate.api import (
    Prediction,
)


class TestPrediction:
    def test_nulls_and_nonsense_are_tolerated(self):
        """Null, missing and malformed fields have their defaults."""
        nulls = dict.fromkeys(Prediction.model_fields, None) | {"metrics": None, "id": "a"}
        assert Prediction.model_validate(nulls) == Prediction(id="a")
        odd = {"id": "a", "status": "paused", "error": {"code": 7}, "logs": 3, "input": []}
        odd |= {"metrics": {"predict_time": "long"}, "created_at": "once", "more": 1}
        read = Prediction.model_validate(odd)
        assert (read.status, read.is_over, read.error) == ("paused", False, "{'code': 7}")
        assert (read.predict_time, read.created_at, read.has_run) == (0, None, False)
        assert Prediction.model_validate(read.model_dump(mode="json")) == read

    def test_dates_have_a_time_zone(self):
        """Every date can be compared with an aware one."""
        read = Prediction.model_validate({"id": "a", "created_at": "2026-01-05T10:00:00"})
        assert read.created_at == datetime(2026, 1, 5, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("output", "url"),
        [
            ("https://a.test/b", "https://a.test/b"),
            (["https://a.test/b", "c"], "https://a.test/b"),
            ([], None),
            (None, None),
            ({"video": 1}, None),
            ("", None),
        ],
    )
    def test_the_output_is_one_address(self, output: Any, url: str | None):
        """The output is a string or the first of a list."""
        assert Prediction(id="a", output=output).output_url == url

    @pytest.mark.parametrize(
        ("logs", "progress"),
        [
            ("", None),
            ("Using seed: 1234/abc", None),
            ("  0%|   | 0/50 [00:00]\r 40%|██ | 20/50 [00:02<00:03, 9.8it/s]", 0.4),
            ("100%|█████| 50/50 [00:02]\n", 1.0),
            ("loading\nstep 3%\nstep 12.5 %\n", 0.12),
            ("step 12/50, 3 left", 0.24),
            ("date 2026/11/22 at 9/3", None),
        ],
    )
    def test_progress_is_read_from_logs(self, logs: str, progress: float | None):
        """The last bar, percentage or fraction is the progress."""
        assert Prediction(id="a", logs=logs).progress == progress
