"""A render that is stopped or killed: what stays, what Dagster knows, and how it resumes."""

import signal
import time
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from chunk_assets.cli.render import STOPPED
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.frames import read_frames
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import (
    Running,
    done,
    rendered,
    s3_is_open,
    sentence,
    wait_for,
)
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.conftest import emptied

pytestmark = pytest.mark.slow

CHUNKS = 6


def six_chunks(animatic: Animatics) -> Path:
    """An animatic that takes a few seconds to render."""
    beats = [{"name": name, "duration": 6, "prompt_template": "x"} for name in ("one", "two")]
    return animatic(duration=12, beats=beats)


def clips(store: ObjectStore) -> dict[int, tuple[str, object]]:
    """ETag and time of writing of each stored clip of `film`, by number."""
    found = {}
    for number in range(CHUNKS):
        key = keys.chunk_video("film", number)
        if store.head(key) is not None:
            answer = store.client.head_object(Bucket=store.bucket, Key=key)
            found[number] = (answer["ETag"], answer["LastModified"])
    return found


def statuses(settings: Settings, job: str = "render_chunks") -> list[dg.DagsterRunStatus]:
    """What became of a job's runs, the oldest first."""
    with open_instance(settings) as instance:
        runs = instance.get_runs(dg.RunsFilter(job_name=job))
    return [run.status for run in reversed(runs)]


def test_a_killed_render_goes_on_where_it_was(
    animatic: Animatics, store: ObjectStore, settings: Settings, desk: Path
):
    """After SIGKILL no stored chunk is rendered again, and the film is that of an unbroken render.

    Dagster shows the killed run as going on until the next render of the film says otherwise.
    """
    six_chunks(animatic)
    with Running.start("render", "film") as killed:
        killed.until("chunk 04 (5 of 6)")  # chunk 3 is being stored from here on
        killed.process.kill()
        assert killed.ended().code == -signal.SIGKILL
    before = clips(store)
    assert before.keys() >= {0, 1}  # three chunks at most are in flight
    assert 5 not in before
    assert not (desk / "film.mp4").exists()
    assert statuses(settings) == [dg.DagsterRunStatus.STARTED]

    ended = done("render", "film", "--json")
    assert rendered(ended) == sorted(set(range(CHUNKS)) - before.keys())
    after = clips(store)
    assert {number: after[number] for number in before} == before
    stored = [store.head(keys.chunk_video("film", number)) for number in range(CHUNKS)]
    assert [ClipRecord.of(clip).take for clip in stored if clip is not None] == [1] * CHUNKS
    assert statuses(settings) == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]

    emptied(settings)
    done("render", "film", "-o", "unbroken.mp4")
    broken, unbroken = (list(read_frames(name)) for name in ("film.mp4", "unbroken.mp4"))
    assert len(broken) == len(unbroken) == 96
    assert all(np.array_equal(one, other) for one, other in zip(broken, unbroken, strict=True))


def test_ctrl_c_ends_everything_and_the_next_render_goes_on(
    animatic: Animatics, own_server: Path, desk: Path
):
    """Three seconds after Ctrl-C there is neither a command nor a local server; no traceback."""
    six_chunks(animatic)
    with Running.start("render", "film") as running:
        running.until("chunk 02 (3 of 6)")
        assert s3_is_open(own_server)
        began = time.monotonic()
        running.interrupt()
        ended = running.ended()
        wait_for(lambda: not s3_is_open(own_server))
        assert time.monotonic() - began < 3
    assert (ended.code, ended.stdout) == (130, "")
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == STOPPED
    assert not (desk / "film.mp4").exists()
    assert statuses(load_settings()) == [dg.DagsterRunStatus.CANCELED]

    with Running.start("render", "film", "--json") as running:
        again = running.ended()
    assert again.code == 0
    assert {4, 5} <= set(rendered(again)) <= {2, 3, 4, 5}


def test_ctrl_c_twice_is_for_the_impatient(
    animatic: Animatics, settings: Settings, store: ObjectStore
):
    """The second one cuts the tidying up short: the end comes at once, and as quietly."""
    six_chunks(animatic)
    with Running.start("render", "film") as running:
        running.until("chunk 00 (1 of 6)")
        running.interrupt()
        running.interrupt()
        began = time.monotonic()
        ended = running.ended()
        assert time.monotonic() - began < 3
    assert ended.code == 130
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == STOPPED


def test_a_render_that_is_told_to_end_does_so_tidily(
    animatic: Animatics, settings: Settings, store: ObjectStore
):
    """SIGTERM, as a service manager sends it, is Ctrl-C by another name.

    Meanwhile another render of the film is refused, and one of another film is not.
    """
    six_chunks(animatic)
    with Running.start("render", "film") as running:
        running.until("chunk 00 (1 of 6)")
        assert "film 'film' is being rendered by another" in sentence("render", "film")
        done("submit", animatic("other"))
        running.process.terminate()
        ended = running.ended()
    assert ended.code == 130
    assert "Traceback" not in ended.stderr
    assert statuses(settings) == [dg.DagsterRunStatus.CANCELED]
