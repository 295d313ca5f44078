"""An S3 without conditional writes is recognised before anything is paid for."""

from pathlib import Path

import pytest

from chunk_assets.defs.resources import connect
from chunk_assets.errors import StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.settings import load_settings
from chunk_assets.storage.conditional_writes import (
    conditional_write_faults,
    require_conditional_writes,
)
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.careless_s3 import CONDITIONS, careless
from chunk_assets_tests.cli.commands import done, run, sentence
from chunk_assets_tests.cli.conftest import _loggers  # noqa: F401 - a fixture, used by itself
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.manifests import small_manifest, write_animatic

pytestmark = pytest.mark.slow

RENDER = ("render", "film", "--generator", "replicate")


def test_a_server_that_honours_them_is_asked_once_a_process(store: ObjectStore):
    """SeaweedFS does; nothing stays behind, and the second question costs no request."""
    assert conditional_write_faults(store) == []
    require_conditional_writes(store)
    asked: list[str] = []

    def note(model: object, **_others: object) -> None:
        asked.append(str(model))

    store.client.meta.events.register("before-call.s3", note)
    require_conditional_writes(store)
    store.client.meta.events.unregister("before-call.s3", note)
    assert asked == []
    assert list(store.keys("")) == []


@pytest.mark.parametrize("ignored", [{"If-None-Match"}, {"If-Match"}, CONDITIONS])
def test_a_server_that_ignores_one_condition_is_refused(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, ignored: frozenset[str]
):
    """Both are needed: one creates a ledger, the other changes it; `doctor` says the same."""
    with careless(store, frozenset(ignored)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        other = connect(load_settings())
        named = " and ".join(name for name in ("If-None-Match", "If-Match") if name in ignored)
        [fault] = conditional_write_faults(other)
        assert fault == f"the second write was accepted ({named} is ignored)"
        with pytest.raises(StorageError, match="does not support conditional writes"):
            require_conditional_writes(other)
        told = next(line for line in run("doctor").stdout.splitlines() if "s3_cond" in line)
        assert told.startswith(f"FAILS s3_conditional_write  {fault}")
    assert list(store.keys("")) == []


def test_a_server_that_does_not_know_the_header_is_refused(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    """Its error is told, and the request is not repeated as if it might succeed later."""
    with careless(store, refuses_with="NotImplemented") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        faults = conditional_write_faults(connect(load_settings()))
    assert faults == ["If-None-Match: * is answered with NotImplemented"]


def test_no_paid_prediction_is_asked_for_on_such_a_server(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`render` names the feature and what to do, pays nothing, and renders a preview all the same.

    No ledger is written either, and with a proper server the same command succeeds.
    """
    write_animatic(tmp_path / "film", small_manifest())
    monkeypatch.chdir(tmp_path)
    proper = store.endpoint
    with FakeReplicate() as account, careless(store) as url:
        monkeypatch.setenv("REPLICATE_API_TOKEN", account.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", account.base_url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        said = sentence(*RENDER)
        assert said.startswith(
            f"the bucket 'tests' at {url} does not support conditional writes (If-None-Match, "
            "If-Match): "
        )
        assert "two runs may pay for one clip, so paid generators are refused: use S3" in said
        assert account.created == []
        assert list(FilmObjects(store, "film").ledger().film()) == []
        done("render", "film")
        monkeypatch.setenv("AWS_ENDPOINT_URL", proper)
        done(*RENDER)
        assert len(account.created) == 3
