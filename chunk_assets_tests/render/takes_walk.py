"""A film and a model of its takes, changed together by processes that may die at any write."""

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from chunk_assets.film.choices import change_choices
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.prune import prunable_takes, prune
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.take_list import list_takes
from chunk_assets.film.take_records import CLIP, FRAME, ORIGINAL, TAKE
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.images import open_picture, pixel_digest
from chunk_assets.render.context import RenderContext
from chunk_assets.render.request import RenderRequest
from chunk_assets.render.walk import walk
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.defs.staleness.model import Beat, Film, FilmModel
from chunk_assets_tests.defs.staleness.walk import ShadingGenerator, put_film
from chunk_assets_tests.killed_writes import Killed, killed_after

CHUNKS = 3
LOST_SHADE = 12
"""Takes with this shade are in no ledger."""
FILM = Film((Beat("at rest", 2, 1), Beat("moves", 1, 2)))


class PayingGenerator(ShadingGenerator):
    """Delivers files that are not in the film's format, as a hosted model does.

    A request that was paid for is delivered again at no cost until its original is stored. The
    ledger has each one, except those with the shade that `LOST_SHADE` says.

    Args:
        ledger: The film's.

    Attributes:
        paid: The requests that were paid for, by clip fingerprint and seed.
        stored: The digests of the originals that are stored.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger
        self.paid: dict[tuple[object, ...], str] = {}
        self.stored: set[str] = set()

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        pixels = pixel_digest(open_picture(request.conditioning_image))
        key = (request.chunk_num, request.prompt, pixels, self.model, request.seed)
        clip = super().generate(request, workdir, on_progress, stop)
        digest = hashlib.sha256(f"{key}".encode()).hexdigest()
        assert digest not in self.stored, f"{key} is stored, and asked for again"
        if self.shade != LOST_SHADE:
            self._ledger.begin(request.chunk_num, _attempt(digest, request.seed))
        self.paid[key] = digest
        return replace(clip, is_normalised=False, prediction_id=digest)

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:
        self.stored.add(clip.prediction_id)


def _attempt(prediction_id: str, seed: int) -> Attempt:
    """Return a ledger's entry of a clip that was paid for."""
    return Attempt(
        key=prediction_id,
        request=prediction_id,
        model="a/model",
        seed=seed,
        asked_at=now(),
        asked_by="a test",
        media_url_sha256="",
        price_usd=0.1,
        prediction_id=prediction_id,
        status="succeeded",
        cost_usd=0.1,
    )


class TakesWalk:
    """Applies each change to a film on S3 and to its model, and compares the two.

    Args:
        store: The bucket.
        video_id: The film, one that the bucket does not have.
        workdir: An empty directory.
    """

    def __init__(self, store: ObjectStore, video_id: str, workdir: Path):
        self.store, self._film, self._workdir = store, video_id, workdir
        self.objects = FilmObjects(store, video_id)
        self.generator = PayingGenerator(self.objects.ledger())
        self.model = FilmModel(CHUNKS)
        self._seen: dict[str, str] = {}
        self._lost: dict[int, set[int]] = {n: set() for n in range(CHUNKS)}
        self._pruned_originals = 0
        self._contents: dict[int, str] = {}
        self._runs = 0
        self.submit(FILM)

    def submit(self, film: Film) -> None:
        """Hand in another version of the film."""
        put_film(self.store, self._film, film)
        self.model.submit(film)

    def render(self, kill: int | None = None) -> list[int]:
        """Bring the film up to date; return the chunks that were rendered."""
        before = {n: self.model.takes(n) for n in range(CHUNKS)}
        self._run(RenderRequest(by="a test"), range(CHUNKS), kill)
        rendered = self.model.render(
            range(CHUNKS), is_matching=True, shade=self.generator.shade, chosen=self._chosen()
        )
        self._note_lost(before)
        return rendered

    def new_take(self, n: int, shade: int, kill: int | None = None) -> bool:
        """Render a new take of one chunk, behind one that is rendered; return whether it died."""
        self.generator.shade = shade
        self._runs += 1
        request = RenderRequest(reuse="this_run", root_run=f"run {self._runs}")
        before = {n: self.model.takes(n)}
        has_died = self._run(request, [n], kill)
        assert self.model.render([n], shade=shade) == [n]
        self._note_lost(before)
        return has_died

    def choose(self, n: int, number: int, kill: int | None = None) -> bool:
        """Choose a take; return whether the process died."""
        stages = frozenset({"chunk_videos", "last_frames"})
        request = RenderRequest(stages=stages, take=number, by="a test")
        has_died = self._run(request, [n], kill)
        self.model.choose(n, number)
        return has_died

    def accept(self, n: int, kill: int | None = None) -> None:
        """Accept a chunk's clip as it is."""
        self._run(RenderRequest(accepts=True, by="a test"), [n], kill)
        self.model.render([n], accepts=True)

    def take_back(self, n: int) -> None:
        """Take an acceptance back."""
        change_choices(self.objects, n, lambda made: made.model_copy(update={"accepted": None}))
        self.model.take_back(n)

    def prune(self, kill: int | None = None) -> None:
        """Prune all takes that are not chosen and whose payment the ledger has."""
        self._check_takes()
        chosen = self._chosen()
        expected = {
            (n, number)
            for n in chosen
            for number, content in self.model.stored_takes(n).items()
            if number not in {*self._lost[n], chosen[n]} and content != self.model.clip(n)
        }
        with killed_after(self.store, kill), suppress(Killed):
            self._prune()
        self._prune()
        gone = {key for key in self._seen if _chunk_and_take(key) in expected}
        self._pruned_originals += sum(ORIGINAL in key for key in gone)
        self._seen = {key: etag for key, etag in self._seen.items() if key not in gone}
        self._check_takes()
        names = {key.split()[-1] for key in self._seen if _chunk_and_take(key) in expected}
        assert names <= {TAKE}  # only its record is left
        for n, number in expected:
            self.model.prune(n, number)

    def _prune(self) -> None:
        takes = list(list_takes(self.objects, range(CHUNKS)))
        for take in prunable_takes(self.objects, takes):
            prune(self.objects, take)

    def _note_lost(self, before: Mapping[int, int]) -> None:
        """Note which takes are new and have no entry in the ledger."""
        if self.generator.shade == LOST_SHADE:
            for n, takes in before.items():
                self._lost[n] |= set(range(takes + 1, self.model.takes(n) + 1))

    def check(self) -> None:
        """Assert that nothing is lost or paid twice, and that the film is what the model says."""
        self._check_takes()
        originals = sum(ORIGINAL in key for key in self._seen)
        assert originals + self._pruned_originals == len(self.generator.paid)
        plan = plan_film(self.store, self._film)
        states = [chunk.state for chunk in chunk_states(plan, self.store)]
        assert states == self.model.status()
        for n in range(CHUNKS):
            clip = self.objects.clip(n).head()
            version = self.model.clip(n)
            assert (clip is None) == (version is None)
            if clip is None or version is None:
                continue
            assert self._contents.setdefault(version, clip.sha256) == clip.sha256
            self.check_pair(n)
            assert len(self.objects.list_takes(n)) == self.model.takes(n)

    def check_pair(self, n: int) -> int:
        """Assert that a chunk's clip and last frame are those of one take; return its number."""
        clip, frame = self.objects.clip(n).find(), self.objects.last_frame(n).find()
        number = ClipRecord.of(clip).take
        assert frame.record["clip"] == clip.sha256
        assert self.objects.take(n, number, CLIP).find().sha256 == clip.sha256
        assert self.objects.take(n, number, FRAME).find().sha256 == frame.sha256
        return number

    def _check_takes(self) -> None:
        """Assert that each object of a take that ever was there is there, and unchanged."""
        now = {
            f"{n} {number} {name}": listed.etag
            for n in range(CHUNKS)
            for number, found in self.objects.list_takes(n).items()
            for name, listed in found.items()
        }
        assert {key: now.get(key) for key in self._seen} == self._seen
        self._seen = now

    def _chosen(self) -> dict[int, int]:
        clips = {n: self.objects.clip(n).head() for n in range(CHUNKS)}
        return {n: ClipRecord.of(clip).take for n, clip in clips.items() if clip is not None}

    def _run(self, request: RenderRequest, numbers: Iterable[int], kill: int | None) -> bool:
        """Run a request; if its process dies, run it again. Return whether it died."""
        if kill is not None and self.dies(request, numbers, kill):
            self.run(request, numbers)
            return True
        if kill is None:
            self.run(request, numbers)
        return False

    def dies(self, request: RenderRequest, numbers: Iterable[int], kill: int) -> bool:
        """Run a request whose process dies after some writes; return whether it did."""
        with killed_after(self.store, kill) as writes, suppress(Killed):
            self.run(request, numbers)
        self._check_takes()
        return writes.is_dead

    def run(self, request: RenderRequest, numbers: Iterable[int]) -> None:
        """Run a request in a new process."""
        self._runs += 1
        directory = self._workdir / f"walk-{self._runs}"
        directory.mkdir()
        context = RenderContext(
            plan=plan_film(self.store, self._film),
            store=self.store,
            generator=self.generator,
            workdir=directory,
            request=request,
        )
        list(walk(context, list(numbers)))


def _chunk_and_take(seen: str) -> tuple[int, int]:
    n, number, _ = seen.split()
    return int(n), int(number)
