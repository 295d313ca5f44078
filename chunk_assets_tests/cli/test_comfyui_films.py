"""`render --generator comfyui`: whole films, what is kept of them, and bad settings."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from chunk_assets.film.records import ClipRecord
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, sentence
from chunk_assets_tests.cli.conftest import Animatics
from chunk_assets_tests.fake_comfyui import FakeComfyUI
from chunk_assets_tests.fake_faults import MODERATED, Answers, Fails, WebPage
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.comfyui.workflows import still

pytestmark = pytest.mark.slow

RENDER = ("render", "film", "--generator", "comfyui")


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The deployment's workflow."""
    path = tmp_path / "still.json"
    path.write_text(json.dumps(still()))
    monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_WORKFLOW", str(path))
    return path


@pytest.fixture
def fake(workflow: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeComfyUI]:
    """The deployment's server."""
    with FakeComfyUI() as running:
        monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_URLS", running.url.replace("//", "//me:hush@"))
        yield running


def test_a_film_is_rendered_and_nothing_of_the_graph_is_public(
    animatic: Animatics, store: ObjectStore, fake: FakeComfyUI, settings: Settings
):
    """Chunk by chunk, at no cost; clips and film have no metadata; no password is kept."""
    animatic()
    document = done(*RENDER, "--json").document
    assert document["total_cost"] == 0.0
    assert len(fake.done) == 3
    for key in [
        *(keys.chunk_video("film", number) for number in range(3)),
        keys.stitched_video("film"),
    ]:
        content, stored = store.get_bytes(key)
        with av.open(io.BytesIO(content), "r") as container:
            assert not {"prompt", "workflow"} & set(container.metadata)
        assert b"class_type" not in content
        if "chunks" in key:
            record = ClipRecord.of(stored)
            assert record.generator == "comfyui"
            assert record.model.startswith("comfyui/still:")
    kept = {key: store.get_bytes(key)[0] for key in store.keys("")}
    kept |= {str(path): path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}
    assert not [where for where, content in kept.items() if b"hush" in content]
    again = done(*RENDER).stdout
    assert len(fake.prompts) == 3, again


def test_a_film_survives_an_outage_of_replicate(
    animatic: Animatics, fake: FakeComfyUI, monkeypatch: pytest.MonkeyPatch
):
    """ComfyUI renders what Replicate cannot, `takes` says so, and nothing is rendered again."""
    with FakeReplicate() as account:
        monkeypatch.setenv("REPLICATE_API_TOKEN", account.token or "")
        monkeypatch.setenv("REPLICATE_BASE_URL", account.base_url)
        animatic(fallback_model="comfyui")
        account.next("prediction", None, Fails(MODERATED[1]), None)
        document = done("render", "film", "--generator", "replicate", "--json").document
        assert (len(account.created), len(fake.done)) == (3, 1)
        takes = done("takes", "film", "--json").document["takes"]
        assert [take["made_by"] for take in takes] == ["", "comfyui", ""]
        assert "comfyui" in done("takes", "film", "1").stdout
        assert document["total_cost"] == pytest.approx(account.billed_usd)
        again = done("render", "film", "--generator", "replicate", "--json").document
        assert again["total_cost"] == document["total_cost"]
        assert (len(account.created), len(fake.done)) == (3, 1)


def test_a_changed_workflow_makes_the_chunks_out_of_date(
    animatic: Animatics, store: ObjectStore, fake: FakeComfyUI, workflow: Path
):
    """A dry run says so, and asks the server nothing."""
    animatic()
    done(*RENDER)
    assert "0 of 3 chunks would be rendered on ComfyUI (still)" in done(*RENDER, "--dry-run").stdout
    changed = still()
    changed["6"]["inputs"]["upscale_method"] = "bicubic"
    workflow.write_text(json.dumps(changed))
    asked = len(fake.requests)
    assert "3 of 3 chunks would be rendered on ComfyUI" in done(*RENDER, "--dry-run").stdout
    assert len(fake.requests) == asked


def test_each_bad_setting_gets_one_sentence(
    animatic: Animatics,
    store: ObjectStore,
    fake: FakeComfyUI,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Before anything is queued."""
    animatic()
    fake.always("GET /system_stats", WebPage())
    assert "is not ComfyUI" in sentence(*RENDER)
    fake.always("GET /system_stats", Answers(401))
    assert "refuses access (401): check the user and the password" in sentence(*RENDER)
    monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_URLS", "ftp://me:hush@gpu")
    said = sentence(*RENDER)
    assert "CHUNK_ASSETS_COMFYUI_URLS cannot be read as addresses" in said
    assert "hush" not in said
    monkeypatch.delenv("CHUNK_ASSETS_COMFYUI_URLS")
    assert "needs a server: set CHUNK_ASSETS_COMFYUI_URLS" in sentence(*RENDER)
    workflow.write_text(json.dumps(still(**{"11": None})))
    assert "has no node with the title 'clip'" in sentence(*RENDER)
    monkeypatch.delenv("CHUNK_ASSETS_COMFYUI_WORKFLOW")
    monkeypatch.setenv("CHUNK_ASSETS_COMFYUI_URLS", fake.url)
    assert "needs a workflow: export one in ComfyUI" in sentence(*RENDER)
    assert fake.prompts == []
