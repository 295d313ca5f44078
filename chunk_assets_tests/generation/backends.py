"""The providers of our own generators, as `chunk_assets.testing` wants them."""

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from chunk_assets.generation.base import Generator
from chunk_assets.generation.comfyui.generator import build_comfyui_generator
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.replicate.generator import build_replicate_generator
from chunk_assets.testing import Backend
from chunk_assets_tests.fake_comfyui import OOM, FakeComfyUI
from chunk_assets_tests.fake_faults import TRANSIENT, Fails, Lost, Takes, Truncated
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.comfyui.studio import POLICY as COMFYUI_POLICY
from chunk_assets_tests.generation.comfyui.workflows import with_end
from chunk_assets_tests.generation.replicate.studio import FAST
from chunk_assets_tests.generation.replicate.studio import POLICY as REPLICATE_POLICY


class ReplicateBackend(Backend):
    """A fake Replicate."""

    def __init__(self, fake: FakeReplicate):
        self._fake = fake
        self.secrets = fake.secrets
        # What the catalog's model costs, so that the bill can be compared.
        fake.price = 81 / 16 * 0.012

    def generator(self, context: GenerationContext) -> Generator:
        update = {
            "replicate_api_token": SecretStr(self._fake.token or ""),
            "replicate_base_url": self._fake.base_url,
        }
        settings = context.settings.model_copy(update=update)
        model = "wan-2.2-i2v-fast"
        ours = GenerationContext(
            context.video_id,
            settings,
            context.ledger,
            model=model,
            max_cost_usd=context.max_cost_usd,
            log=context.log,
        )
        return build_replicate_generator(ours, policy=REPLICATE_POLICY, retries=FAST)

    def jobs(self) -> int:
        return len(self._fake.created)

    def running(self) -> int:
        return sum(not made.is_over for made in list(self._fake.created))

    def billed_usd(self) -> float:
        return self._fake.billed_usd

    def requests(self) -> int:
        return len(self._fake.requests)

    def takes(self, seconds: float) -> None:
        self._fake.next("prediction", Takes(seconds=seconds))

    def fails(self, times: int) -> None:
        self._fake.next("prediction", *[Fails(TRANSIENT[0])] * times)

    def fails_for_good(self) -> None:
        self._fake.next("prediction", Fails("ValueError: image has 2 channels"))

    def loses_answer(self) -> None:
        self._fake.next("POST /v1/predictions", Lost())

    def damages_clip(self) -> None:
        self._fake.next("GET /delivery", Truncated())

    def deletes_clips(self) -> None:
        for made in self._fake.created:
            made.born -= 2 * self._fake.output_seconds  # they are old, and their data is removed


class ComfyUIBackend(Backend):
    """A fake ComfyUI."""

    def __init__(self, fake: FakeComfyUI, directory: Path):
        self._fake, self._workflow = fake, directory / "workflow.json"
        self._workflow.write_text(json.dumps(with_end()))

    def generator(self, context: GenerationContext) -> Generator:
        update: dict[str, Any] = {
            "comfyui_urls": (SecretStr(self._fake.url),),
            "comfyui_workflow": self._workflow,
        }
        settings = context.settings.model_copy(update=update)
        ours = GenerationContext(
            context.video_id,
            settings,
            context.ledger,
            max_cost_usd=context.max_cost_usd,
            log=context.log,
        )
        return build_comfyui_generator(ours, policy=COMFYUI_POLICY, retries=FAST, timeout=5)

    def jobs(self) -> int:
        return len(self._fake.prompts)

    def running(self) -> int:
        return sum(one.status in ("pending", "running") for one in self._fake.prompts)

    def billed_usd(self) -> float:
        return 0.0

    def requests(self) -> int:
        return len(self._fake.requests)

    def takes(self, seconds: float) -> None:
        self._fake.next("prediction", Takes(seconds=seconds))

    def fails(self, times: int) -> None:
        self._fake.next("prediction", *[Fails(OOM)] * times)

    def fails_for_good(self) -> None:
        self._fake.next("prediction", Fails("ValueError: it broke"))

    def loses_answer(self) -> None:
        self._fake.next("POST /prompt", Lost())

    def damages_clip(self) -> None:
        self._fake.next("GET /view", Truncated())

    def deletes_clips(self) -> None:
        self._fake.files.clear()
