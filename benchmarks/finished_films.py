"""Very many films as S3 lists them and as Dagster has recorded them: names, dates and no pictures.

What it costs to retire them, and to show what is left, depends on nothing else.
"""

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import dagster as dg
import sqlalchemy

from chunk_assets.defs.assets.lineage import chunk_partition
from chunk_assets.defs.partitions import observations
from chunk_assets.defs.partitions.definitions import CHUNK_NUM, VIDEO_ID
from chunk_assets.defs.sensors.manifest_cursor import ListedManifest
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore

CHUNKS = 15
CLIPS = 5
"""On S3, of the fifteen: to put those of 10,000 films would take longer than all the rest, and a
film's are listed by one request either way."""

_TEMPLATE, _STAMP = "template-film", "template-stamp"
_THREADS = 8


def put_on_s3(store: ObjectStore, names: Sequence[str]) -> None:
    """Put the objects of finished films that are not there: manifest, clips, film, output."""
    there = store.listing(keys.FILMS, "/output.json", deep=True)
    stored = {each.name for each in there}
    new = [name for name in names if name not in stored]
    _put_all(store, [key for name in new for key in _objects(name)])
    time.sleep(1.1)  # S3's times are whole seconds: a film is younger than its clips
    _put_all(store, [keys.output(name) for name in new])


def _put_all(store: ObjectStore, names: Sequence[str]) -> None:
    waiting = iter(names)
    lock = threading.Lock()
    faults: list[BaseException] = []

    def put() -> None:
        # Presigned, through one connection a thread: boto3 takes thrice the processor for it.
        connection = http.client.HTTPConnection(urlsplit(store.endpoint).netloc)
        while not faults:
            with lock:
                key = next(waiting, None)
            if key is None:
                return
            where = {"Bucket": store.bucket, "Key": key}
            url = urlsplit(store.client.generate_presigned_url("put_object", Params=where))
            connection.request("PUT", f"{url.path}?{url.query}", b"content")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                faults.append(OSError(f"S3 answers {answer.status} to {key}"))

    threads = [threading.Thread(target=put) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def _objects(name: str) -> Iterator[str]:
    yield keys.manifest(name)
    yield from (keys.chunk_video(name, number) for number in range(CLIPS))
    yield keys.stitched_video(name)


def record(
    instance: dg.DagsterInstance, names: Sequence[str], stamps: dict[str, str] | None = None
) -> None:
    """Have Dagster know films with their animatic, clips and stitched film.

    Real events of one film are copied to the others below Dagster, which takes 20 ms for each.

    Args:
        instance: Kept in a database of its own.
        names: The films.
        stamps: Which writing of each manifest the sensor has dealt with.
    """
    instance.add_dynamic_partitions(CHUNK_NUM, [f"{number:02d}" for number in range(CHUNKS)])
    instance.add_dynamic_partitions(VIDEO_ID, list(names))
    known = instance.get_materialized_partitions(observations.ANIMATICS)
    if _TEMPLATE not in known:
        _record_template(instance)
    text = (
        "INSERT INTO event_logs"
        " (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)"
        " SELECT run_id, replace(replace(event, :template, :name), :old, :stamp),"
        " dagster_event_type, timestamp, step_key, asset_key,"
        " replace(partition, :template, :name)"
        " FROM event_logs WHERE id <= :last"  # nothing is older than the template
    )
    rows = [
        {
            "template": _TEMPLATE,
            "name": name,
            "old": _STAMP,
            "stamp": (stamps or {}).get(name, _STAMP),
            "last": CHUNKS + 3,
        }
        for name in names
    ]
    with instance.event_log_storage.index_transaction() as connection:  # pyright: ignore
        connection.execute(sqlalchemy.text(text), rows)


def manifest_stamps(store: ObjectStore) -> dict[str, str]:
    """The stamp of each manifest, as the sensor has it."""
    listed = store.listing(keys.ANIMATICS, ".json")
    return {each.name: ListedManifest(each).stamp for each in listed}


def _record_template(instance: dg.DagsterInstance) -> None:
    tags = {
        "dagster/data_version": "1",
        observations.STAMP: _STAMP,
        observations.OUTCOME: observations.SETTLED,
    }
    for event in (dg.AssetMaterialization, dg.AssetObservation):
        made = event(observations.ANIMATICS, partition=_TEMPLATE, tags=tags)
        instance.report_runless_asset_event(made)
    for number in range(CHUNKS):
        partition = chunk_partition(_TEMPLATE, number)
        instance.report_runless_asset_event(
            dg.AssetMaterialization("chunk_videos", partition=partition)
        )
    instance.report_runless_asset_event(
        dg.AssetMaterialization("stitched_videos", partition=_TEMPLATE)
    )
