"""The composite: shares to the level, sizes without distortion, errors by name."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.errors import MediaError, SpecError
from chunk_assets.media.compositing import blend, create_reference_composite

_count = itertools.count()


def plain(directory: Path, level: int, size: tuple[int, int] = (64, 36)) -> str:
    """A picture of one grey."""
    path = directory / f"plain_{next(_count)}.png"
    Image.new("RGB", size, (level, level, level)).save(path)
    return str(path)


def level(path: str) -> float:
    """The mean grey of a picture."""
    with Image.open(path) as image:
        return float(np.asarray(image.convert("RGB")).mean())


def test_the_task_lists_call_works(tmp_path: Path):
    """The call under "Test Commands" of the task list gives the path of a picture."""
    composite = create_reference_composite(
        animatic_path=plain(tmp_path, 100),
        style_guide_path=plain(tmp_path, 200),
        animatic_weight=0.7,
        style_weight=0.3,
    )
    assert level(composite) == 130
    Path(composite).unlink()


def composite(directory: Path, *paths: str | None, **options: object) -> str:
    """A composite in the test's own directory."""
    target = str(directory / f"composite_{next(_count)}.png")
    return create_reference_composite(*paths, output_path=target, **options)  # type: ignore[arg-type] - options are the function's own


def test_chunk_0_is_70_percent_animatic_and_30_percent_style_guide(tmp_path: Path):
    """0.7 · 100 + 0.3 · 200 = 130."""
    assert level(composite(tmp_path, plain(tmp_path, 100), plain(tmp_path, 200))) == 130


def test_later_chunks_are_70_percent_previous_frame_and_30_percent_animatic(tmp_path: Path):
    """0.7 · 200 + 0.3 · 100 = 170, with or without a style guide beside."""
    animatic, style, previous = (plain(tmp_path, n) for n in (100, 0, 200))
    assert level(composite(tmp_path, animatic, None, previous)) == 170
    assert level(composite(tmp_path, animatic, style, previous)) == 170


def test_without_references_the_composite_is_the_animatic(tmp_path: Path):
    """No style guide and no previous frame: the animatic alone."""
    assert level(composite(tmp_path, plain(tmp_path, 123))) == 123


def test_the_animatics_and_styles_weights_are_shares_of_their_sum(tmp_path: Path):
    """Weights 0.2 and 0.2 mean half and half."""
    pair = plain(tmp_path, 100), plain(tmp_path, 200)
    assert level(composite(tmp_path, *pair, animatic_weight=0.2, style_weight=0.2)) == 150


def test_the_temporal_weight_counts_alone(tmp_path: Path):
    """With a previous frame the animatic has what the temporal weight leaves."""
    pictures = plain(tmp_path, 100), None, plain(tmp_path, 200)
    assert level(composite(tmp_path, *pictures, temporal_weight=1.0)) == 200
    assert level(composite(tmp_path, *pictures, temporal_weight=0.0)) == 100
    assert level(composite(tmp_path, *pictures, temporal_weight=0.25, animatic_weight=0)) == 125


@pytest.mark.parametrize("name", ["animatic_weight", "style_weight", "temporal_weight"])
@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_weight_outside_0_to_1_is_named(tmp_path: Path, name: str, value: float):
    """The sentence has the weight's name and value."""
    with pytest.raises(SpecError, match=f"{name} is {value!r}: a weight lies between 0 and 1"):
        composite(tmp_path, plain(tmp_path, 1), **{name: value})


def test_two_weights_of_zero_have_no_shares(tmp_path: Path):
    """Nothing of the animatic and nothing of the style guide is no picture."""
    pair = plain(tmp_path, 100), plain(tmp_path, 200)
    with pytest.raises(SpecError, match="are both 0"):
        composite(tmp_path, *pair, animatic_weight=0, style_weight=0)


def test_everything_is_brought_to_the_animatics_size_without_distortion(tmp_path: Path):
    """A square in the middle of a portrait style guide stays a square; what hangs over is cut."""
    style = Image.new("RGB", (200, 600), "black")
    style.paste("white", (80, 280, 120, 320))
    style.save(tmp_path / "portrait.png")
    animatic = plain(tmp_path, 0, (200, 100))
    options = {"animatic_weight": 0.0, "style_weight": 1.0}
    with Image.open(
        composite(tmp_path, animatic, str(tmp_path / "portrait.png"), **options)
    ) as image:
        assert image.size == (200, 100)
        rows, columns = np.nonzero(np.asarray(image.convert("L")) > 128)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)
    assert np.ptp(columns) == pytest.approx(39, abs=1)


def test_the_size_can_be_the_models(tmp_path: Path):
    """With `size` the composite is what the model is given, whatever the animatic is."""
    path = composite(tmp_path, plain(tmp_path, 9, (300, 300)), size=(128, 72))
    with Image.open(path) as image:
        assert image.size == (128, 72)


def test_a_chain_of_blends_does_not_darken():
    """Fifteen blends of a picture with itself and its neighbour's noise keep the mean level."""
    rng = np.random.default_rng(5)
    base = Image.fromarray(rng.integers(0, 256, (72, 128, 3), dtype=np.uint8))
    other = Image.fromarray(rng.integers(0, 256, (72, 128, 3), dtype=np.uint8))
    exact = np.asarray(base, dtype=np.float64)
    picture = base
    for _ in range(15):
        picture = blend(other, picture, 0.7)
        exact = 0.7 * exact + 0.3 * np.asarray(other, dtype=np.float64)
    difference = np.asarray(picture, dtype=np.float64) - exact
    assert abs(difference.mean()) < 0.02
    assert np.abs(difference).max() < 2


def test_a_picture_that_cannot_be_read_is_named_and_nothing_is_left(tmp_path: Path):
    """A missing or broken reference is one sentence, and no half composite stays behind."""
    good, target = plain(tmp_path, 1), tmp_path / "out" / "c.png"
    target.parent.mkdir()
    (tmp_path / "text.png").write_text("no picture")
    for bad in (str(tmp_path / "absent.png"), str(tmp_path / "text.png")):
        with pytest.raises(MediaError, match=r"absent|text"):
            create_reference_composite(good, bad, output_path=str(target))
    assert list(target.parent.iterdir()) == []


def test_a_directory_that_is_not_there_is_named(tmp_path: Path):
    """An output in a directory that does not exist is one sentence."""
    output = str(tmp_path / "no" / "c.png")
    with pytest.raises(MediaError, match="cannot be written"):
        create_reference_composite(plain(tmp_path, 1), output_path=output)
