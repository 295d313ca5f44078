"""Retiring ten thousand finished films with one command, and Dagit's partition page around it.

It runs with the storage of one machine, and with a PostgreSQL with defaults, as in a cluster.

The page has an aim except at the first look after the grid has changed, for which Dagster reads all
events of an asset again (ADR 14).

The films' objects are put on S3 first, in three minutes, unless CHUNK_ASSETS_BUCKET names a bucket
that has them from an earlier run. BENCHMARK_LIVE and BENCHMARK_FINISHED set the numbers of films.
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import click
import dagster as dg
import dagster_webserver
import pytest
import yaml
from dagster_graphql import DagsterGraphQLClient

from benchmarks import finished_films
from benchmarks.table import Row
from benchmarks.workbench import ROOT, new_home
from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.partitions.definitions import VIDEO_ID
from chunk_assets.defs.partitions.registry import register
from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cluster.servers import postgres_server

LIVE = 5000
FINISHED = 10_000
PAGE_SECONDS, RETIRE_SECONDS = 2.0, 120.0

COMMAND = str(Path(sys.executable).with_name("chunk-assets"))


def measure(
    store: ObjectStore,
    instance: dg.DagsterInstance,
    live: int = int(os.environ.get("BENCHMARK_LIVE", LIVE)),
    finished: int = int(os.environ.get("BENCHMARK_FINISHED", FINISHED)),
) -> list[Row]:
    """Time the page with live films, with finished ones beside them, and after retiring those."""
    old = [f"old-{number:05d}" for number in range(finished)]
    _say("putting what is missing on S3")
    finished_films.put_on_s3(store, old)
    stamps = finished_films.manifest_stamps(store)
    rows = _measure(instance, live, old, stamps)
    with _on_postgresql() as other:
        in_cluster = _measure(other, live, old, stamps)
    return [*rows, *(replace(row, what=f"PostgreSQL: {row.what}") for row in in_cluster)]


@contextmanager
def _on_postgresql() -> Iterator[dg.DagsterInstance]:
    """Open an instance on PostgreSQL, which child processes use, too, while the block runs."""
    storage = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())["storage"]
    with new_home() as home, pytest.MonkeyPatch.context() as patch:
        (home / "dagster").mkdir()
        config = {"telemetry": {"enabled": False}, "storage": storage}
        (home / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(config))
        with postgres_server("127.0.0.1", home) as url:
            patch.setenv("CHUNK_ASSETS_POSTGRES_URL", url)
            patch.setenv("CHUNK_ASSETS_HOME", str(home))
            patch.setenv("DAGSTER_HOME", str(home / "dagster"))
            with open_instance(load_settings()) as instance:
                yield instance


def _measure(
    instance: dg.DagsterInstance, live: int, old: list[str], stamps: dict[str, str]
) -> list[Row]:
    finished = len(old)
    _say("recording the live films")
    finished_films.record(instance, [f"live-{number:04d}" for number in range(live)])
    with _dagit() as client:
        _say("asking Dagit")
        ever = _page(client)
        register(instance, "one-more", finished_films.CHUNKS)
        before = _page(client)
        _say("recording the finished films")
        finished_films.record(instance, old, stamps)
        _say("asking Dagit")
        crowded = _page(client)
        _say("retiring")
        began = time.monotonic()
        ended = subprocess.run(
            [COMMAND, "retire", "--older-than", "0h", "--json"],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
        assert ended.returncode == 0, ended.stderr
        left = instance.get_dynamic_partitions(VIDEO_ID)
        assert len(left) == live + 1, (len(left), ended.stdout[-500:])
        _say(f"asking Dagit; retired in {seconds:.1f} s")
        after = _page(client)
    return [
        *_rows(f"{live:,} live films, recorded below Dagster", ever, None),
        *_rows(f"{live:,} live films and a new one", before, PAGE_SECONDS),
        *_rows(f"{live:,} live and {finished:,} finished", crowded, None),
        Row(
            f"chunk-assets retire, {finished:,} films",
            seconds,
            aim=f"≤ {RETIRE_SECONDS:g}",
            is_met=seconds <= RETIRE_SECONDS,
        ),
        *_rows(f"{live:,} live, {finished:,} retired", after, PAGE_SECONDS),
    ]


def _say(what: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {what}", err=True)


def _rows(what: str, seconds: dict[str, list[float]], aim: float | None) -> list[Row]:
    rows = []
    for asset, (first, *others) in seconds.items():
        later = statistics.median(others)
        is_met = None if aim is None else later <= aim
        text = "" if aim is None else f"≤ {aim:g}"
        rows.append(Row(f"{what}: {asset}, first look after the change", first))
        rows.append(Row(f"{what}: {asset}, later looks", later, aim=text, is_met=is_met))
    return rows


def _page(client: DagsterGraphQLClient, repeat: int = 4) -> dict[str, list[float]]:
    """Time the query that the page sends, by asset."""
    found: dict[str, list[float]] = {}
    for asset in ("chunk_videos", "stitched_videos"):
        for _ in range(repeat):
            began = time.monotonic()
            answer = client._execute(_question(), {"assetKey": {"path": [asset]}})
            found.setdefault(asset, []).append(time.monotonic() - began)
            assert answer["assetNodeOrError"]["assetPartitionStatuses"], answer
    return found


def _question() -> str:
    """Return the query `PartitionHealthQuery` from the JavaScript of the installed Dagit."""
    chunks = Path(dagster_webserver.__file__).parent / "webapp/build/_next/static/chunks"
    for path in sorted(chunks.glob("*.js")):
        found = re.search(r'query PartitionHealthQuery\(.*?(?="\]\))', path.read_text())
        if found:
            return found[0].replace("\\n", "\n")
    raise AssertionError("this Dagit has no query named PartitionHealthQuery")


@contextmanager
def _dagit() -> Iterator[DagsterGraphQLClient]:
    """Serve this instance with the product's code location."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-m", "chunk_assets.definitions"]
    server = subprocess.Popen(
        [*command, "-h", "127.0.0.1", "-p", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and server.poll() is None:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/server_info"):
                break
            time.sleep(0.5)
        yield DagsterGraphQLClient("127.0.0.1", port_number=port, timeout=600)
    finally:
        server.terminate()
        server.wait(timeout=30)
