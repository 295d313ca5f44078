"""A studio with ComfyUI servers, whose processes come and go."""

import json
import socket
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from chunk_assets.files.digests import file_digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import GeneratedClip, GenerationRequest
from chunk_assets.generation.comfyui.generator import ComfyUIGenerator, build_comfyui_generator
from chunk_assets.generation.comfyui.policy import ComfyPolicy
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt, ChunkLedger
from chunk_assets.retry import RetryPolicy
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.generation.comfyui.workflows import still

FAST = RetryPolicy(attempts=3, seconds=5, wait_initial=0.01, wait_max=0.05)
DEAD = f"{socket.gethostname()}:4194304:x"
"""A process on this host that has ended."""

POLICY = ComfyPolicy(
    max_seconds=20,
    first_poll_seconds=0.02,
    longest_poll_seconds=0.1,
    settle_seconds=0.3,
    foreign_seconds=1.0,
    silent_seconds=2.0,
    rest_seconds=1.0,
    fetch_seconds=0.4,
    connect_seconds=1.0,
)


class ComfyStudio:
    """Makes generators as several processes would, which share only S3 and the servers."""

    def __init__(self, urls: list[str], store: ObjectStore, settings: Settings, pictures: Path):
        self.urls, self.store, self.settings = urls, store, settings
        self.directory = pictures
        self.log: list[str] = []
        self.policy = POLICY
        self.nodes: dict[str, Any] = still()
        self.still, self.end = pictures / "still.png", pictures / "end.png"
        self.workdir = pictures / "work"
        self.workdir.mkdir()
        self._open: list[ComfyUIGenerator] = []

    def generator(self) -> ComfyUIGenerator:
        """A new process's generator."""
        path = self.directory / "workflow.json"
        path.write_text(json.dumps(self.nodes))
        settings = self.settings.model_copy(
            update={
                "comfyui_urls": tuple(map(SecretStr, self.urls)),
                "comfyui_workflow": path,
            }
        )
        context = GenerationContext("film", settings, self.ledger, log=self.log.append)
        made = build_comfyui_generator(context, policy=self.policy, retries=FAST, timeout=5)
        self._open.append(made)
        return made

    @property
    def ledger(self) -> Ledger:
        return FilmObjects(self.store, "film").ledger()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts of chunk 3."""
        return self.ledger.chunk(3).attempts

    def request(self, **changes: Any) -> GenerationRequest:
        """Chunk 3 of a film of 128×72."""
        fields: dict[str, Any] = {
            "video_id": "film",
            "chunk_num": 3,
            "prompt": "a lamp at dawn",
            "conditioning_image": self.still,
            "num_frames": 10,
            "fps": FrameRate(12),
            "size": (128, 72),
            "seed": 7,
        }
        return GenerationRequest(**(fields | changes))

    def clip(self, generator: ComfyUIGenerator | None = None, **changes: Any) -> GeneratedClip:
        """Chunk 3's clip, which is kept on S3."""
        made = generator or self.generator()
        clip = made.generate(self.request(**changes), self.workdir)
        made.original_stored(3, clip, file_digest(clip.path))
        return clip

    def leave(self, *attempts: Attempt) -> None:
        """Write these attempts for chunk 3, as a process that died would have left them."""
        ledger = ChunkLedger(video_id="film", chunk_num=3, attempts=attempts)
        self.store.put_bytes(f"{keys.ledgers('film')}chunk_03.json", json_bytes(ledger), JSON)

    def close(self) -> None:
        for made in self._open:
            made.close()
