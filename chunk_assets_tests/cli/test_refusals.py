"""Bad input: one sentence, exit code 2, and nothing half-written."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import sentence
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.manifests import picture

pytestmark = pytest.mark.slow


@pytest.fixture
def refused(desk: Path, store: ObjectStore) -> Callable[..., str]:
    """Render and see that it is refused, with nothing on S3 and no film."""

    def render(*arguments: object) -> str:
        said = sentence("render", *arguments)
        assert list(store.keys("")) == []
        assert list(desk.glob("*.mp4")) == []
        return said

    return render


BEAT = {"name": "b", "duration": 6, "prompt_template": "x"}
ONE_BEAT: dict[str, Any] = {"transitions": None, "frames": ["one.png"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beats": []}, "beats is empty"),
        ({**ONE_BEAT, "beats": [{**BEAT, "start": 1}]}, "leaves a gap after the film's start"),
        ({"beats": "none"}, "beats is 'none'"),
        ({"duration": 0}, "duration is 0"),
        ({"duration": -6}, "duration is -6"),
        ({"duration": float("inf")}, "duration is inf"),
        ({"duration": float("nan")}, "duration is nan"),
        ({"duration": 3601}, "duration is 3601"),
        ({"fps": 0}, "fps is 0"),
        ({"fps": 121}, "fps is 121"),
        ({"frames": ["one.png"] * 7}, "7 animatic frames for 2 beats and 3 chunks"),
        ({"transitions": [{"type": "wipe"}]}, "transitions.0.type is 'wipe'"),
        ({**ONE_BEAT, "beats": [{**BEAT, "prompt_template": "{oops}"}]}, "placeholder '{oops}'"),
    ],
)
def test_a_manifest_that_cannot_be_used(
    animatic: Animatics, refused: Callable[..., str], changes: dict[str, Any], said: str
):
    """Each fault of the manifest is named with its value."""
    assert said in refused(animatic(**changes))


def test_a_manifest_that_is_not_there_or_not_json(
    animatic: Animatics, refused: Callable[..., str], desk: Path
):
    """A missing directory, a missing manifest, a text that is no JSON."""
    assert "is not a directory" in refused("nowhere")
    (desk / "empty").mkdir()
    assert "there is no manifest 'empty/animatic.json'" in refused("empty")
    film = animatic()
    (film / "animatic.json").write_text("{beats: no}")
    assert "this is not JSON" in refused(film)


def bomb() -> bytes:
    """A PNG whose header promises 60,000 × 60,000 pixels."""

    def part(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IEND", b"")


def test_pictures_that_cannot_be_used(
    animatic: Animatics, refused: Callable[..., str], tmp_path: Path
):
    """Missing, no picture, truncated, a bomb, a link that leads out of the directory."""
    film = animatic()
    frame = film / "two.png"
    whole = frame.read_bytes()
    contents = {
        "is not a picture": b"hello",
        "truncated or damaged": whole[: len(whole) // 2],
        "too large": bomb(),
    }
    for said, content in contents.items():
        frame.write_bytes(content)
        assert said in refused(film)
    frame.unlink()
    assert "names 'two.png', but there is no file" in refused(film)
    picture(1).save(tmp_path / "outside.png")
    frame.symlink_to(tmp_path / "outside.png")
    assert "leads out of" in refused(film)


@pytest.mark.parametrize("name", ["../x.png", "/etc/hostname", "a/../../x.png"])
def test_a_file_name_that_leaves_the_directory(
    animatic: Animatics, refused: Callable[..., str], name: str
):
    """A path upwards or an absolute one is refused before it is looked at."""
    film = animatic()
    document = json.loads((film / "animatic.json").read_text())
    document["frames"] = [name, "two.png"]
    (film / "animatic.json").write_text(json.dumps(document))
    assert f"the file name {name!r} cannot be used" in refused(film)


@pytest.mark.parametrize("name", ["a/b", "a|b", "..", "x" * 65])
def test_a_video_id_that_cannot_be_used(
    animatic: Animatics, refused: Callable[..., str], name: str
):
    """Names that would leave their key or split a partition's."""
    assert "cannot be used" in refused(animatic(), "--video-id", name)


def test_choices_that_do_not_exist(animatic: Animatics, refused: Callable[..., str]):
    """An unknown generator; a chunk, or a range of chunks, that the film does not have."""
    film = animatic()
    assert "there is no generator 'cinema'" in refused(film, "--generator", "cinema")
    assert "has no chunk 3" in refused(film, "--chunks", "3")
    assert "has no chunk 9" in refused(film, "--chunks", "1-9")


def test_an_output_that_cannot_be_written(
    animatic: Animatics, refused: Callable[..., str], desk: Path
):
    """A directory, a path below a file, a directory that is not there: before anything is made."""
    film = animatic()
    (desk / "file").write_text("")
    for target in (desk, desk / "file" / "film.mp4", desk / "no" / "film.mp4"):
        refused(film, "-o", target)


def test_a_chunk_whose_predecessor_was_not_rendered(animatic: Animatics, store: ObjectStore):
    """Chunk 2 alone of a new film says which chunks come first."""
    said = sentence("render", animatic(), "--chunks", "2", "--only")
    assert "chunks 0, 1 are not rendered yet" in said
    assert list(store.keys("chunks/film/chunk_")) == []


def test_a_directory_without_an_animatic_starts_nothing(own_server: Path, desk: Path):
    """No local server, though it is the first thing that a render starts; and no file."""
    (desk / "empty").mkdir()
    before = sorted(own_server.iterdir())
    assert "there is no manifest 'empty/animatic.json'" in sentence("render", "empty")
    assert sorted(own_server.iterdir()) == before


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "127.0.0.1:9"),
        ("CHUNK_ASSETS_BUCKET", "no-such-bucket", "there is no bucket 'no-such-bucket'"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "refused"),
        ("CHUNK_ASSETS_LINK_SECONDS", "soon", "CHUNK_ASSETS_LINK_SECONDS is 'soon'"),
    ],
)
def test_a_deployment_that_cannot_be_used(
    animatic: Animatics, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
):
    """S3 that does not answer, an absent bucket, wrong credentials, a setting that is no number."""
    from chunk_assets.defs import resources

    film = animatic()
    monkeypatch.setenv(variable, value)
    resources._store.cache_clear()
    assert said in sentence("render", film)
    resources._store.cache_clear()


def test_a_home_that_cannot_be_written(
    animatic: Animatics, monkeypatch: pytest.MonkeyPatch, desk: Path
):
    """A home below a file is named."""
    (desk / "file").write_text("")
    monkeypatch.setenv("CHUNK_ASSETS_HOME", str(desk / "file" / "home"))
    assert "cannot be written" in sentence("render", animatic())
