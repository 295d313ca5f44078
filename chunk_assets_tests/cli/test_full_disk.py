"""A disk without space: one sentence, exit code 2, no partial film; with space it resumes.

The kernel refuses what would make a file larger than is allowed to the command: a refusal in the
middle of a file, as a full disk's is.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chunk_assets.media.frames import probe
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import COMMAND, Running, done, rendered
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

LARGEST = 1_200_000
"""More than what Dagster writes of one render, less than a clip of noise."""


def noise(animatic: Animatics) -> Path:
    """An animatic of one chunk that no codec makes small."""
    width, height = 640, 360
    film = animatic(
        duration=2,
        fps=24,
        resolution=f"{width}x{height}",
        beats=[{"name": "all", "duration": 2, "prompt_template": "x"}],
        transitions=None,
        frames=["one.png"],
    )
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(film / "one.png")
    return film


def refused(*arguments: object, largest_file: int = LARGEST) -> str:
    """The one sentence of a command whose files may have that many bytes."""
    with Running.start(*arguments, largest_file=largest_file) as running:
        ended = running.ended()
    assert (ended.code, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    (said,) = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    return said.removeprefix("Error: ")


def test_no_space_for_a_clip_and_then_none_for_the_film(
    animatic: Animatics, store: ObjectStore, desk: Path
):
    """Each is said by name; what was there stays, and a render with space resumes from there."""
    film = noise(animatic)
    assert "chunk_00" in refused("render", film)
    assert store.head(keys.chunk_video("film", 0)) is None
    assert not (desk / "film.mp4").exists()
    done("render", film)

    whole = (desk / "film.mp4").read_bytes()
    assert len(whole) > LARGEST
    before = set(desk.iterdir())
    assert "film.mp4' cannot be written" in refused("render", film)
    assert set(desk.iterdir()) == before
    assert (desk / "film.mp4").read_bytes() == whole
    assert rendered(done("render", film, "--json")) == []
    assert probe(desk / "film.mp4").frames == 48


def test_no_space_for_the_local_s3_server(animatic: Animatics, own_server: Path):
    """What it cannot keep is named, and kept once there is space."""
    names = [f"{number}.png" for number in range(12)]
    film = animatic(
        duration=12,
        beats=[{"name": name, "duration": 1, "prompt_template": "x"} for name in names],
        transitions=None,
        frames=names,
    )
    random = np.random.default_rng(1)
    for name in names:  # 1 MB each: a file of the server's holds several, the command's copies one
        pixels = random.integers(0, 256, (576, 576, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(film / name)
    assert "could not write s3://chunk-assets/animatics/film/" in refused("submit", film)
    with Running.start("submit", film) as running:
        assert running.ended().stdout == "film: submitted; 6 chunks, 12 s.\n"


def test_no_space_for_what_is_printed(animatic: Animatics):
    """Standard output on a full device is an error like any other."""
    film = animatic()
    for arguments in (["--help"], ["submit", "--dry-run", str(film)]):
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                [COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert ended.returncode == 2
        assert ended.stderr == "Error: operating system error: No space left on device\n"
