"""Amounts of money and other numbers: finite, sensible, and of a number's type, wherever read."""

from pathlib import Path
from typing import Any

import click
import pytest

from chunk_assets.cli.options import UsdAmount
from chunk_assets.defs.runs.config import ChunkConfig
from chunk_assets.errors import SpecError
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.schemas import read_animatic
from chunk_assets.settings import load_settings
from chunk_assets.usd import MAX_USD, checked_usd
from chunk_assets_tests.manifests import small_manifest

NO_AMOUNTS: list[Any] = [True, False, 1e308, 10**400, -0.01, float("nan"), float("inf"), "5", [5]]


@pytest.mark.parametrize("value", NO_AMOUNTS, ids=lambda value: repr(value)[:12])
def test_what_is_no_amount_is_refused(value: Any):
    """By the manifest and by a run's config, in one sentence with the value."""
    with pytest.raises(SpecError, match=r"^the amount is .*: it must be 0 to 1,000,000 US"):
        checked_usd(value, "the amount")
    with pytest.raises(SpecError, match=r"^max_cost_usd is "):
        ChunkConfig(max_cost_usd=value)
    with pytest.raises(SpecError, match="max_cost_usd is "):
        read_animatic(small_manifest(max_cost_usd=value))


@pytest.mark.parametrize("value", [0, 5, 2.5, MAX_USD])
def test_an_amount_is_taken(value: float):
    """Whole numbers as well."""
    assert checked_usd(value, "it") == value
    assert ChunkConfig(max_cost_usd=value).max_cost_usd == value
    assert read_animatic(small_manifest(max_cost_usd=value)).max_cost_usd == value


@pytest.mark.parametrize("text", ["true", "1e308", "nan", "inf", "-1", "", "5 USD"])
def test_the_command_lines_amount(text: str):
    """`--max-cost` refuses the same, and says what to write."""
    with pytest.raises(click.UsageError, match="US dollars"):
        UsdAmount().convert(text, None, None)
    assert UsdAmount().convert("2.50", None, None) == 2.5


@pytest.mark.parametrize("value", ["true", "1e308", "nan", "inf", "-1"])
@pytest.mark.parametrize(
    "name",
    [
        "SENSOR_MAX_COST_PER_FILM",
        "SENSOR_MAX_COST_PER_DAY",
        "S3_PATIENCE",
        "SENSOR_PATIENCE",
        "REPLICATE_MAX_SECONDS",
        "LINK_SECONDS",
    ],
)
def test_the_settings_numbers(name: str, value: str, monkeypatch: pytest.MonkeyPatch):
    """Each refusal names the variable and its value."""
    monkeypatch.setenv(f"CHUNK_ASSETS_{name}", value)
    with pytest.raises(SpecError, match=f"^the environment variable CHUNK_ASSETS_{name} is "):
        load_settings()


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_checks_limit_is_a_number(value: str, monkeypatch: pytest.MonkeyPatch):
    """Neither a limit that nothing passes nor one that nothing meets."""
    monkeypatch.setenv("CHUNK_ASSETS_QUALITY__COLOUR_DRIFT", value)
    with pytest.raises(SpecError, match="CHUNK_ASSETS_QUALITY__COLOUR_DRIFT is "):
        load_settings()


@pytest.mark.parametrize(
    "text",
    [
        "price = { usd = true }",
        "price = { usd = 1e308 }",
        "price = { usd = nan }",
        'price = { usd = "0.1" }',
        "length = { kind = 'fixed', seconds = true, fps = 24 }",
    ],
)
def test_a_models_file_has_numbers(text: str, tmp_path: Path):
    """A price or length of another type is refused with table and field."""
    path = tmp_path / "models.toml"
    path.write_text(f"[zeroscope-v2-xl]\n{text}\n")
    with pytest.raises(SpecError, match=r"table \[zeroscope-v2-xl\]: (price\.usd|length\.sec)"):
        load_catalog(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_parallel_scenes", 0),
        ("max_parallel_scenes", 10**9),
        ("takes", 0),
        ("takes", 9),
        ("animatic_weight", True),
        ("temporal_weight", float("nan")),
        ("style_weight", 1e308),
    ],
)
def test_a_runs_other_numbers(name: str, value: Any):
    """A run's config has sensible ones."""
    with pytest.raises(SpecError, match="expected "):
        ChunkConfig(**{name: value})


def test_a_seed_for_the_whole_film_has_one_take():
    """Several takes of one seed would be the same clip, paid for several times."""
    with pytest.raises(SpecError, match="set only one of seed and takes"):
        ChunkConfig(takes=2, seed=7)
