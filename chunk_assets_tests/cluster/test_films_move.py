"""Twenty films on two hosts, one of which loses its power halfway."""

import time
from collections import Counter

import dagster as dg
import pytest

from chunk_assets.chain.film_plan import plan_film
from chunk_assets.chain.records import ClipRecord
from chunk_assets.cluster.broker import connect
from chunk_assets.cluster.workers import code_version, live_workers
from chunk_assets.defs.partitions import split_chunk_key
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.video.frames import probe
from chunk_assets_tests.cluster.clusters import Cluster, cluster
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

FILMS = [f"film-{number:02d}" for number in range(20)]
CHUNKS = 3
SLOTS = 2


def is_stitched(running: Cluster, film: str) -> bool:
    """Whether a film is there; its output is written last."""
    return running.store.head(keys.output(film)) is not None


def test_twenty_films_survive_the_death_of_a_host(tmp_path, monkeypatch):
    """All are stitched; only chunks that the dead host had in flight were begun a second time."""
    with cluster(tmp_path, monkeypatch, "render-1", "render-2", seconds=1.5) as running:
        first, second = running.studio.hosts
        running.work(first, SLOTS)
        running.work(second, SLOTS)
        with connect(load_settings()) as redis:
            workers = live_workers(redis)
        assert [worker.slots for worker in workers] == [SLOTS, SLOTS]
        assert {worker.code for worker in workers} == {code_version()}
        for film in FILMS:
            put_animatic(running.store, film, small_manifest())
        half = len(FILMS) * CHUNKS // 2
        running.until(lambda: len(running.begun) >= half, 240)
        first.kill()
        killed = time.monotonic()
        in_flight = lost(running)
        running.until(lambda: all(is_stitched(running, film) for film in FILMS), 400)
        print(f"all films {time.monotonic() - killed:.0f} s after the host was killed")

        begun = Counter(running.begun)
        assert set(begun) == {(film, n) for film in FILMS for n in range(CHUNKS)}
        assert 0 < len(in_flight) <= SLOTS
        again = {chunk for chunk, times in begun.items() if times > 1}
        assert again <= in_flight
        assert max(begun.values()) <= 2
        for film in FILMS:
            plan = plan_film(running.store, film)
            clips = [running.store.head(keys.chunk_video(film, n)) for n in range(CHUNKS)]
            assert len(plan.specs) == CHUNKS
            assert [clip is not None and ClipRecord.of(clip).take for clip in clips] == [1] * CHUNKS
            running.store.download(keys.stitched_video(film), tmp_path / "film.mp4")
            assert probe(tmp_path / "film.mp4").frames == 48
        assert recorded(running) == {film: list(range(CHUNKS)) for film in FILMS}


def lost(running: Cluster) -> set[tuple[str, int]]:
    """The chunks that a killed host had begun and not made."""
    made = {(line[1], line[2]) for line in running.journal if line[0] == "made"}
    return {
        (line[1], int(line[2]))
        for line in running.journal
        if line[0] == "began" and (line[1], line[2]) not in made and line[4] == "render-1"
    }


def recorded(running: Cluster) -> dict[str, list[int]]:
    """The order in which each film's clips were recorded first."""
    found: dict[str, list[int]] = {}
    clips = dg.AssetKey("chunk_videos")
    for event in running.instance.fetch_materializations(clips, 1000, ascending=True).records:
        film, number = split_chunk_key(str(event.partition_key))
        if number not in found.setdefault(film, []):
            found[film].append(number)
    return found
