"""Names that macOS, phones and people give to pictures, from a directory to a film."""

import unicodedata
from pathlib import Path

import pytest

from chunk_assets.media.frames import probe
from chunk_assets_tests.cli.commands import done, rendered
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

SCREENSHOT = "Screenshot 2024-05-01 at 3.45.12\u202fPM.png"
FAMILY = "famille \U0001f468\u200d\U0001f469\u200d\U0001f467 à\u00a0table.png"


def test_a_film_of_odd_names(animatic: Animatics, desk: Path):
    """It is rendered, kept and shown, also with names as the disk of a Mac has them."""
    film = animatic(frames=[SCREENSHOT, FAMILY])
    decomposed = unicodedata.normalize("NFD", FAMILY)
    (film / FAMILY).rename(film / decomposed)
    manifest = film / "animatic.json"
    manifest.write_text(manifest.read_text(), encoding="utf-8-sig")
    assert rendered(done("render", film, "--json")) == [0, 1, 2]
    assert probe(desk / "film.mp4").frames == 48
    assert rendered(done("render", film, "--json")) == []
    done("status", "film")
    done("page", "film")
    assert rendered(done("render", film, "--json", "--chunks", "2")) == [2]
