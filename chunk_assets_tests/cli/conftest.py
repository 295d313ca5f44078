"""What tests of the command line share: a deployment, and a directory to work in."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.settings import load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.manifests import small_manifest, write_animatic

Animatics = Callable[..., Path]


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """A command silences the loggers of libraries; other tests read them."""
    loggers = [logging.getLogger(name) for name in ("dagster", "sqlalchemy")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def desk(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which commands are typed, with an empty bucket behind them."""
    directory = tmp_path / "desk"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def own_server(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home whose commands start a local S3 server, which they alone use."""
    for name in ("CHUNK_ASSETS_BUCKET", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    return load_settings().home


@pytest.fixture
def animatic(desk: Path) -> Animatics:
    """Write a small animatic into `desk/film`; arguments replace fields of its manifest."""

    def write(name: str = "film", **changes: Any) -> Path:
        return write_animatic(desk / name, small_manifest(**changes))

    return write
