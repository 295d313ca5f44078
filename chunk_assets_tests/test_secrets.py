"""What may stand in no log, event, metadata, error or stored object, looked for in all of them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chunk_assets.dagster_internals.instance import dagster_home, open_instance
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import plan_film
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import Ended, done, sentence
from chunk_assets_tests.cli.conftest import _loggers  # noqa: F401 - a fixture, used by itself
from chunk_assets_tests.fake_faults import (
    TRANSIENT,
    Fails,
    Lost,
    Redirects,
    Reset,
    ServerError,
    TooMany,
    Truncated,
)
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow

TOKEN = "r8_TheTokenOfThisTestAlone0123456789"  # noqa: S105 - of no worth anywhere
CREATE, GET, DELIVERY = "POST /v1/predictions", "GET /v1/predictions/{id}", "GET /delivery"
CHUNKS = 3

PICTURE = re.compile(rb"data:(?!image/(?:jpeg|webp))image", re.IGNORECASE)
"""A conditioning image as it was sent; the small previews in Dagit's metadata are no secret."""

ADDRESS = re.compile(rb"/v1/files/|/delivery/|%2Fdelivery%2F|%2Ffiles%2F", re.IGNORECASE)


def dagster_run(settings: Settings) -> Ended:
    """Render the film in a process of Dagster's own, which keeps what its steps print."""
    config = settings.home / "run.json"
    chosen = {"generator": "replicate", "reuse": "matching"}
    config.write_text(json.dumps({"ops": {"film_chunks": {"config": chosen}}}))
    tags = json.dumps(range_tags("film", range(CHUNKS)))
    command = [sys.executable, "-m", "dagster", "job", "execute", "-j", "render_chunks"]
    command += ["-m", "chunk_assets.definitions", "--tags", tags, "-c", str(config)]
    ended = subprocess.run(
        command,
        env={**os.environ, "DAGSTER_HOME": str(dagster_home(settings))},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def everything(settings: Settings, store: ObjectStore) -> Iterator[tuple[str, bytes]]:
    """All that is kept, and where: the home's files as they are, objects and their metadata."""
    for path in sorted(settings.home.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(settings.home)), path.read_bytes()
    for key in store.keys(""):
        content, stored = store.get_bytes(key)
        yield f"s3:{key}", content
        yield f"s3:{key} (metadata)", json.dumps(dict(stored.record)).encode()


def test_no_secret_is_kept_or_said_anywhere(
    settings: Settings, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Neither token, nor AWS secret, nor the address or content of a picture or clip.

    All of it is looked through that three runs leave, in which whatever can go wrong does, and in
    which a model's errors quote addresses.
    """
    monkeypatch.chdir(tmp_path)
    document = small_manifest(model="seedance-1-pro-fast")  # takes the picture itself
    put_animatic(store, "film", document)
    write_animatic(tmp_path / "film", document)
    with open_instance(settings) as instance:
        announce(instance, store, plan_film(store, "film"))
    with FakeReplicate(token=TOKEN) as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
        monkeypatch.setenv("REPLICATE_BASE_URL", fake.base_url)
        fake.next(CREATE, Lost(), TooMany())
        fake.next(GET, ServerError(), Reset())
        fake.next(DELIVERY, Truncated(), Redirects())
        places = (
            f"{fake.base_url}/v1/files/abc, {fake.delivery}/abc/o.mp4, data:image/png;base64,AA"
        )
        fake.next(
            "prediction", Fails(f"{TRANSIENT[0]} at {places}"), None, Fails(f"NSFW: {places}")
        )
        failed = dagster_run(settings)
        assert failed.code != 0
        fake.next(DELIVERY, Redirects("http://example.com/delivery/abc/output.mp4"))
        refused = sentence("render", "film", "--generator", "replicate")
        ended = done("render", "film", "--generator", "replicate", "--json")
    assert [made.status for made in fake.created].count("succeeded") == CHUNKS
    assert fake.received("POST /v1/files")
    said = [failed.stdout, failed.stderr, refused, ended.stdout, ended.stderr]
    found = dict(everything(settings, store))
    found |= {f"said {number}": text.encode() for number, text in enumerate(said)}
    # What may be found there is: the search looks where things are.
    chosen = fake.created[-1].id.encode()
    places_of_id = {where for where, content in found.items() if chosen in content}
    assert any(where.endswith(".db") for where in places_of_id)
    assert "s3:chunks/film/predictions/chunk_02.json" in places_of_id
    assert any("NSFW: " in text for text in said)
    assert any("compute_logs" in where and b"STEP" in content for where, content in found.items())

    secrets = [TOKEN.encode(), os.environ["AWS_SECRET_ACCESS_KEY"].encode()]
    for where, content in found.items():
        assert not [secret for secret in secrets if secret in content], where
        for pattern in (ADDRESS, PICTURE):
            leak = pattern.search(content)
            assert leak is None, (where, content[max(0, leak.start() - 200) : leak.end() + 100])
