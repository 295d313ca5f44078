"""Frame rates: exact arithmetic, whole numbers in JSON."""

import copy
import pickle
from fractions import Fraction

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.schemas import ChunkSpec


def test_times_and_frame_counts_are_exact():
    """A third of a second at 24 fps is 8 frames, and 8 frames last exactly a third of a second."""
    rate = FrameRate(24)
    assert rate.seconds(8) == Fraction(1, 3)
    assert rate.frames_in(1 / 3) == rate.frames_in(Fraction(1, 3)) == 8
    assert rate.frames_in(0.99) == 24


def test_a_rate_is_written_as_a_whole_number():
    """Filter graphs, records and pages show "25"; copies and pickles are equal rates."""
    rate = FrameRate(25)
    assert str(rate) == f"{rate}" == "25"
    for same in (copy.deepcopy(rate), pickle.loads(pickle.dumps(rate))):  # noqa: S301 - our own
        assert (type(same), same) == (FrameRate, rate)


@pytest.mark.parametrize("rate", [0, -1, Fraction(1, 2), Fraction(30000, 1001)])
def test_other_rates_are_refused(rate: int | Fraction):
    """Rates such as 29.97 fps are not supported yet."""
    with pytest.raises(SpecError) as caught:
        FrameRate(rate)
    allowed = "only whole numbers of 1 or more are supported"
    assert str(caught.value) == f"the frame rate is {rate}: {allowed}"


def test_a_chunk_spec_keeps_its_json():
    """The rate stays a plain integer, and the start frame is computed, not stored."""
    spec = ChunkSpec(
        video_id="spot",
        chunk_num=1,
        start_time=float(Fraction(50, 24)),
        duration=2.0,
        beat={},
        animatic_frame_url="s3://bucket/a.png",
        prompt="A logo.",
        fps=FrameRate(24),
    )
    document = spec.model_dump_json()
    assert '"fps":24,' in document
    assert "start_frame" not in document
    assert ChunkSpec.model_validate_json(document) == spec
    assert spec.start_frame == 50


def test_every_start_frame_is_found_again():
    """A start time is stored as a float; up to an hour at 120 fps it gives back its frame."""
    for number in (1, 24, 25, 30, 60, 120):
        rate = FrameRate(number)
        for frame in range(0, 3600 * number, 997):
            assert rate.frames_in(float(rate.seconds(frame))) == frame
