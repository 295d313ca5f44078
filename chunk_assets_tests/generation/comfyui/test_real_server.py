"""The contract against a real ComfyUI, by hand: `pytest -m comfyui -n 0`.

Start one with this repository's `chunk_assets_tests/comfyui_nodes` in its `custom_nodes`, and set
COMFYUI_TEST_URL to its address and COMFYUI_TEST_OUTPUT to its output directory. Core nodes and a
CPU are enough. docs/comfyui.md says what ComfyUI is; nothing of it is in this repository.
"""

import json
import os
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from chunk_assets.generation.base import Generator
from chunk_assets.generation.comfyui.generator import build_comfyui_generator
from chunk_assets.generation.comfyui.policy import ComfyPolicy
from chunk_assets.generation.comfyui.server import FOLDER, Server
from chunk_assets.generation.comfyui.workflow import load_workflow
from chunk_assets.generation.context import GenerationContext
from chunk_assets.storage.store import ObjectStore
from chunk_assets.testing import Backend, GeneratorContract
from chunk_assets_tests.generation.comfyui.workflows import EXAMPLES, with_end

pytestmark = pytest.mark.comfyui

URL = os.environ.get("COMFYUI_TEST_URL", "")
OUTPUT = os.environ.get("COMFYUI_TEST_OUTPUT", "")


class RealBackend(Backend):
    """A real server; what goes wrong is in the workflow's nodes."""

    def __init__(self, directory: Path):
        self._workflow = directory / "workflow.json"
        self._write("OwnSlowFrames", 0.0)
        self._before = self._history()
        self._asked = 0

    def generator(self, context: GenerationContext) -> Generator:
        update = {"comfyui_urls": (SecretStr(URL),), "comfyui_workflow": self._workflow}
        settings = context.settings.model_copy(update=update)
        ours = GenerationContext(context.video_id, settings, context.ledger, log=context.log)
        policy = ComfyPolicy(first_poll_seconds=0.1, longest_poll_seconds=0.5, prompts=2)
        return build_comfyui_generator(ours, policy=policy)

    def jobs(self) -> int:
        return len(self._history() - self._before)

    def running(self) -> int:
        return int(httpx.get(f"{URL}/prompt", timeout=60).json()["exec_info"]["queue_remaining"])

    def billed_usd(self) -> float:
        return 0.0

    def requests(self) -> int:
        return 0  # not counted there

    def takes(self, seconds: float) -> None:
        self._write("OwnSlowFrames", seconds / 10)

    def fails(self, times: int) -> None:
        if times == 1:
            pytest.skip("a node of a real server cannot fail only once")
        self._write("OwnOOM", 0.0)

    def fails_for_good(self) -> None:
        self._write("OwnFails", 0.0)

    def loses_answer(self) -> None:
        pytest.skip("a real server loses no answer on demand")

    def damages_clip(self) -> None:
        pytest.skip("a real server damages no clip on demand")

    def deletes_clips(self) -> None:
        if not OUTPUT:
            pytest.skip("COMFYUI_TEST_OUTPUT is not set")
        for path in (Path(OUTPUT) / FOLDER).iterdir():
            path.unlink()

    def _write(self, sampler: str, seconds_per_step: float) -> None:
        nodes = with_end(sampler, steps=10)
        nodes["7"]["inputs"]["seconds_per_step"] = seconds_per_step
        self._workflow.write_text(json.dumps(nodes))

    def _history(self) -> set[str]:
        return set(httpx.get(f"{URL}/history", timeout=60).json())


class TestRealComfyUI(GeneratorContract):
    """The contract."""

    @pytest.fixture
    def contract_store(self, shared_store: ObjectStore) -> ObjectStore:
        """A bucket of the tests."""
        return shared_store

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        """The server that the environment names."""
        if not URL:
            pytest.skip("COMFYUI_TEST_URL is not set")
        return RealBackend(tmp_path)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_have_nodes_that_it_knows(path: Path):
    """Each input of each node, too."""
    if not URL:
        pytest.skip("COMFYUI_TEST_URL is not set")
    server = Server(URL)
    for node in load_workflow(path).nodes.values():
        about = server.node_info(node["class_type"])
        assert about, node["class_type"]
        known = {**about["input"].get("required", {}), **about["input"].get("optional", {})}
        assert set(node["inputs"]) <= set(known), node["class_type"]
        assert set(about["input"].get("required", {})) <= set(node["inputs"]), node["class_type"]
    server.close()
