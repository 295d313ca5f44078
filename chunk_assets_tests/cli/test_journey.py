"""A person's way through the commands: render, render again, change something, look."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from chunk_assets.chain.records import ClipRecord
from chunk_assets.cli.main import main
from chunk_assets.instance import open_instance
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets.video.frames import probe
from chunk_assets_tests.manifests import small_manifest, write_animatic


def run(*arguments: object) -> Result:
    """One call of `chunk-assets` that must end well."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def rendered(result: Result) -> list[int]:
    """Which chunks a `render --json` rendered."""
    chunks: list[dict[str, Any]] = json.loads(result.stdout)["chunks"]
    return [chunk["chunk_num"] for chunk in chunks if chunk["is_rendered_now"]]


def takes(store: ObjectStore) -> list[int]:
    """The take of each stored chunk."""
    stored = [store.head(keys.chunk_video("film", number)) for number in range(3)]
    return [ClipRecord.of(clip).take for clip in stored if clip is not None]


@pytest.fixture
def film(store: ObjectStore, tmp_path: Path) -> Path:
    """An animatic's directory."""
    return write_animatic(tmp_path / "film", small_manifest())


def test_a_film_is_rendered_kept_and_changed(film: Path, store: ObjectStore, tmp_path: Path):
    """Rendered once, kept by the second call, rendered from a changed beat's first chunk on."""
    target = tmp_path / "film.mp4"
    result = run("render", film, "-o", target, "--json")
    assert rendered(result) == [0, 1, 2]
    document = json.loads(result.stdout)
    assert (document["frames"], document["path"]) == (48, str(target))
    assert probe(target).frames == 48

    again = run("render", film, "-o", target)
    assert "nothing was rendered again" in again.stdout

    manifest = small_manifest()
    manifest["beats"][1]["prompt_template"] = "{product_name} leaps"
    write_animatic(film, manifest)
    assert rendered(run("render", film, "-o", target, "--json")) == [2]


def test_chunks_are_rendered_again_alone_or_with_what_follows(
    film: Path, store: ObjectStore, tmp_path: Path
):
    """`--chunks 1 --only` makes one new take; without `--only` the chunk behind it follows."""
    target = tmp_path / "film.mp4"
    run("render", film, "-o", target)
    run("render", film, "-o", target, "--chunks", "1", "--only")
    assert takes(store) == [1, 2, 1]
    status = json.loads(run("status", "film", "--json").stdout)
    assert [chunk["state"] for chunk in status["chunks"]] == ["fresh", "fresh", "stale"]
    run("render", film, "-o", target, "--chunks", "1-1")
    assert takes(store) == [1, 3, 2]


def test_submit_then_status(film: Path, store: ObjectStore):
    """A submitted film is listed with its chunks missing, and submitting again changes nothing."""
    run("submit", film)
    before = {key: store.head(key) for key in store.keys("")}
    run("submit", film)
    assert {key: store.head(key) for key in store.keys("")} == before
    films = json.loads(run("status", "--json").stdout)["films"]
    assert [(row["video_id"], row["chunks"], row["missing"]) for row in films] == [("film", 3, 3)]


def test_a_killed_render_goes_on_where_it_stopped(
    film: Path, store: ObjectStore, settings: Settings, tmp_path: Path
):
    """After SIGKILL, stored chunks stay as they are, the film is whole, and its run has ended."""
    target = tmp_path / "film.mp4"
    command = [str(Path(sys.executable).with_name("chunk-assets")), "render", str(film), "-o"]
    # Larger than the other tests' films, so that there is time to be killed in.
    manifest = small_manifest(resolution="640x360", fps=24)
    write_animatic(film, manifest)
    process = subprocess.Popen([*command, str(target)], env=os.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while store.head(keys.chunk_video("film", 0)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = store.head(keys.chunk_video("film", 0))
    assert kept is not None
    assert not target.exists()

    result = run("render", film, "-o", target, "--json")
    assert 0 not in rendered(result)
    assert store.head(keys.chunk_video("film", 0)) == kept
    assert probe(target).frames == 144
    with open_instance(settings) as instance:
        unfinished = [run for run in instance.get_runs() if not run.is_finished]
        statuses = {run.status for run in instance.get_runs()}
    assert unfinished == []
    assert dg.DagsterRunStatus.FAILURE in statuses
