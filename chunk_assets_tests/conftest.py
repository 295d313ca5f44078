"""What tests share: a real S3 server, and for each test an empty bucket and a Dagster instance."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dagster as dg
import pytest

from chunk_assets.dagster_internals.instance import open_instance
from chunk_assets.defs.resources import connect
from chunk_assets.deployment import Deployment, configure
from chunk_assets.settings import Settings, load_settings
from chunk_assets.storage.local.lease import lease
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.store import ObjectStore

for _name in ("COLUMNS", "LINES"):  # pytest-xdist sets them; a command that is piped has no width
    os.environ.pop(_name, None)


pytest_plugins = ["chunk_assets_tests.installing"]


LEFT_OUT = frozenset({"live", "endurance", "night", "cluster", "fuzz", "comfyui"})
"""Marks of the tests that a plain `pytest` does not run."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those tests as slow, too, so that `-m "not slow"` leaves them out."""
    for item in items:
        if any(mark.name in LEFT_OUT for mark in item.iter_markers()):
            item.add_marker(pytest.mark.slow)


_BUCKET = "tests"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A SeaweedFS server that ends with the tests."""
    with lease(tmp_path_factory.mktemp("s3-home"), _BUCKET) as held:
        yield held.endpoint


@cache
def _new_dagster_home() -> Path:
    """An unused instance: Dagster takes 0.2 s to create its tables each time."""
    directory = tempfile.mkdtemp(prefix="chunk_assets-tests-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    home = Path(directory) / "dagster"
    with open_instance(Settings(dagster_home=home)) as made:
        # Each of its three databases makes its tables when it is first asked.
        made.get_runs()
        made.get_latest_materialization_event(dg.AssetKey("nothing"))
        made.all_instigator_state()
    return home


def deploy(server: Server, home: Path, patch: pytest.MonkeyPatch) -> Settings:
    """Set up a deployment: the server's bucket by the AWS variables, and an empty home."""
    for name in ("DAGSTER_HOME", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_ENDPOINT_URL", server.url)
    patch.setenv("AWS_ACCESS_KEY_ID", server.access_key_id)
    patch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_access_key)
    patch.setenv("CHUNK_ASSETS_BUCKET", _BUCKET)
    patch.setenv("CHUNK_ASSETS_HOME", str(home))
    patch.setenv("CHUNK_ASSETS_SENSOR_PATIENCE", "0")  # a test's tick says what is now
    shutil.copytree(_new_dagster_home(), home / "dagster")
    return load_settings()


def emptied(settings: Settings) -> ObjectStore:
    """The deployment's bucket, empty.

    Emptied rather than created: a new bucket costs the server a second.
    """
    opened = connect(settings)
    for key in opened.keys(""):
        opened.client.delete_object(Bucket=opened.bucket, Key=key)
    return opened


@pytest.fixture
def settings(s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A deployment: the server's bucket by the AWS variables, and an empty home."""
    return deploy(s3_server, tmp_path / "home", monkeypatch)


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    """The deployment's bucket, empty."""
    return emptied(settings)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The deployment's Dagster instance, on disk, empty."""
    with open_instance(settings) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _default_deployment() -> Iterator[None]:
    """Restore the defaults that a test, or a command it ran in this process, has replaced."""
    yield
    configure(Deployment())
