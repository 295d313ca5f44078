"""What outlives a command: a submitted film, and a render that was killed."""

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


@pytest.fixture
def film(store: ObjectStore, tmp_path: Path) -> Path:
    """An animatic's directory."""
    return write_animatic(tmp_path / "film", small_manifest())


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
