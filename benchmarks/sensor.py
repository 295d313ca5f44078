"""One tick of the sensor of animatics over very many manifests.

Run by hand: `python -m benchmarks.sensor`.

Measured on two cores, 10,000 manifests with a picture each, all known to the sensor, on the local
server; a tick with nothing new and one with three new films of 15 chunks:

=====================================  ==========  ==========  =============
one tick                                   median        most  own processor
=====================================  ==========  ==========  =============
nothing new                                0.80 s      0.92 s    0.6 s
three new films: three requests            1.04 s      1.08 s    0.8 s
=====================================  ==========  ==========  =============

Before the times of a listing were parsed as what they are, not as any text that may be a time,
these were 2.0 and 3.0 s. The cursor has 1,059 bytes for any number of films.
"""

import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import click
import dagster as dg

from benchmarks.workbench import deployment, read_example
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions import observations
from chunk_assets.defs.resources import connect
from chunk_assets.defs.sensors.manifest_cursor import ListedManifest, ManifestCursor, bucket_digest
from chunk_assets.film.submission import submit
from chunk_assets.settings import load_settings
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON
from chunk_assets.storage.store import ObjectStore

NEW = 3


@click.command()
@click.option("--films", default=10_000, show_default=True, help="Manifests that are known.")
@click.option("--frames", default=10_000, show_default=True, help="More pictures, at the end.")
@click.option("--repeat", default=5, show_default=True, help="Ticks for each figure.")
def main(films: int, frames: int, repeat: int) -> None:
    """Measure a tick with nothing new, one with three new films, and both with more frames."""
    with deployment():
        store = connect(load_settings())
        with open_instance(load_settings()) as instance:
            began = time.monotonic()
            _put(store, films)
            click.echo(f"{films} manifests, each with a picture: put in {_since(began)}")
            began = time.monotonic()
            cursor = _know(store, instance)
            click.echo(f"recorded in Dagster in {_since(began)}; cursor {len(cursor)} bytes")
            for more in (0, frames):
                _put_frames(store, films, more)
                found = _measure(instance, cursor, repeat, 0)
                click.echo(f"nothing new, {more} more frames: {found}")
            directory = read_example()
            for number in range(NEW):
                submit(store, f"new-{number}", directory)
            click.echo(f"{NEW} new films: {_measure(instance, cursor, repeat, NEW)}")


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


def _put(store: ObjectStore, films: int) -> None:
    def put(number: int) -> None:
        name = f"film-{number:05d}"
        store.put_bytes(keys.animatic_file(name, "one.png"), b"a picture", "image/png")
        store.put_bytes(keys.manifest(name), b'{"film": "%d"}' % number, JSON)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(put, range(films)))


def _put_frames(store: ObjectStore, films: int, frames: int) -> None:
    def put(number: int) -> None:
        name = f"film-{number % min(films, 100):05d}"
        key = keys.animatic_file(name, f"frames/{number}.png")
        store.put_bytes(key, b"a picture", "image/png")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(put, range(frames)))


def _know(store: ObjectStore, instance: dg.DagsterInstance) -> str:
    """Have all manifests dealt with, as if the sensor had done it: events and cursor."""
    cursor = ManifestCursor()
    for listed in store.listing(keys.ANIMATICS, ".json"):
        manifest = ListedManifest(listed)
        observations.record_settled(
            instance, store, manifest.name, "sha256:1", manifest.stamp, "benchmark"
        )
        cursor.buckets[manifest.bucket] ^= bucket_digest([manifest])
    return cursor.written()


def _measure(instance: dg.DagsterInstance, cursor: str, repeat: int, expected: int) -> str:
    definitions = build_definitions()
    sensor = definitions.get_repository_def().get_sensor_def("new_animatics")
    every = definitions.resources or {}
    seconds, own = [], []
    for _ in range(repeat):
        with dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            definitions=definitions,
            sensor_name=sensor.name,
            resources={key: every[key] for key in sensor.required_resource_keys},
        ) as context:
            began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
            tick = sensor.evaluate_tick(context)
            seconds.append(time.monotonic() - began)
            own.append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - used)
        assert len(tick.run_requests or []) == expected, tick.skip_message
    return (
        f"median {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s, "
        f"of it processor {statistics.median(own):.2f} s; {expected} requests"
    )


if __name__ == "__main__":
    main()
