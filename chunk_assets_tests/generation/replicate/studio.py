"""A studio with an account at the fake Replicate, whose processes come and go."""

import socket
from pathlib import Path

from pydantic import SecretStr

from chunk_assets.files.digests import file_digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import GenerationRequest, Generator
from chunk_assets.generation.catalog import Catalog, load_catalog
from chunk_assets.generation.fallback import WithFallback
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt, ChunkLedger
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.attempts import Attempts
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.download import fetch
from chunk_assets.generation.replicate.generator import ReplicateGenerator
from chunk_assets.generation.stopping import StopSignal
from chunk_assets.retry import RetryPolicy
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_replicate import FakeReplicate

FAST = RetryPolicy(attempts=4, seconds=20, wait_initial=0.01, wait_max=0.05)
"""Retries with short waits."""

DEAD = f"{socket.gethostname()}:4194304:x"
"""A process on this host that has ended."""

POLICY = PredictionPolicy(
    max_seconds=20,
    first_poll_seconds=0.02,
    longest_poll_seconds=0.1,
    settle_seconds=0.6,
    foreign_seconds=1.2,
    fetch_seconds=0.4,
)


class ReplicateStudio:
    """Makes generators as several processes would, which share only S3 and Replicate."""

    def __init__(self, fake: FakeReplicate, store: ObjectStore, still: Path, workdir: Path):
        self.fake, self.store, self.still, self.workdir = fake, store, still, workdir
        self.log: list[str] = []
        self.policy = POLICY
        self.max_cost_usd: float | None = None
        self._open: list[ReplicateApi] = []

    def generator(
        self,
        model: str = "wan-2.2-i2v-fast",
        retries: RetryPolicy = FAST,
        catalog: Catalog | None = None,
    ) -> ReplicateGenerator:
        """A new process's generator."""
        token, catalog = SecretStr(self.fake.token or ""), catalog or load_catalog()
        api = ReplicateApi(
            token,
            self.fake.base_url,
            cancel_after=600,
            timeout=2,
            retries=retries,
            on_retry=self.log.append,
        )
        self._open.append(api)

        def download(url: str, path: Path, stop: StopSignal) -> None:
            fetch(
                url,
                path,
                api=api.base_url,
                token=token,
                retries=FAST,
                on_retry=self.log.append,
                stop=stop,
            )

        attempts = Attempts(
            api,
            self.ledger,
            download,
            policy=self.policy,
            max_cost_usd=self.max_cost_usd,
            log=self.log.append,
        )
        return ReplicateGenerator(
            api,
            catalog.find(model),
            attempts,
            log=self.log.append,
        )

    def with_fallback(self, fallback: str = "seedance-1-pro-fast") -> WithFallback:
        """A new process's generator, with another hosted model as its fallback."""
        ledger, log = self.ledger, self.log.append
        return WithFallback(self.generator(), self.generator(fallback), ledger, log)

    @property
    def ledger(self) -> Ledger:
        return FilmObjects(self.store, "film").ledger()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts of chunk 3."""
        return self.ledger.chunk(3).attempts

    def request(self, *, seed: int = 7, num_frames: int = 60) -> GenerationRequest:
        """Chunk 3 of a film of 128×72."""
        return GenerationRequest(
            video_id="film",
            chunk_num=3,
            prompt="a lamp at dawn",
            conditioning_image=self.still,
            num_frames=num_frames,
            fps=FrameRate(24),
            size=(128, 72),
            seed=seed,
        )

    def clip(self, generator: Generator | None = None, *, seed: int = 7):
        """Chunk 3's clip, which is then kept."""
        generator = generator or self.generator()
        clip = generator.generate(self.request(seed=seed), self.workdir)
        generator.original_stored(3, clip, file_digest(clip.path))
        return clip

    def leave(self, *attempts: Attempt) -> None:
        """Write these attempts for chunk 3, as a process that died would have left them."""
        ledger = ChunkLedger(video_id="film", chunk_num=3, attempts=attempts)
        self.store.put_bytes(f"{keys.ledgers('film')}chunk_03.json", json_bytes(ledger), JSON)

    def close(self) -> None:
        for api in self._open:
            api.close()
