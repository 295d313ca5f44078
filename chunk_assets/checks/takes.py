"""Judges takes that were rendered side by side, by the checks of clips."""

from pathlib import Path

from PIL import Image

from chunk_assets.checks.clip import ClipChecker
from chunk_assets.checks.results import StoredResults
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.take_records import CHECKS
from chunk_assets.film.takes import StoredTake
from chunk_assets.quality import Quality
from chunk_assets.render.hooks import Judge
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore


class CheckingJudge(Judge):
    """Checks each take, and stores the results beside it.

    Args:
        store: The bucket.
        workdir: An existing directory.
        quality: The limits.
        temporal: The share of the previous last frame in composites.
    """

    def __init__(self, store: ObjectStore, workdir: Path, quality: Quality, temporal: float):
        self._store, self._temporal = store, temporal
        self._checker = ClipChecker(store, workdir, quality)

    def faults(
        self, spec: ChunkSpec, take: StoredTake, clip: Path, composite: Image.Image
    ) -> list[str]:
        """Check a take, and return the sentences of the checks that failed."""
        temporal = 0.0 if spec.starts_chain else self._temporal
        results = self._checker.check_take(spec, clip, composite, temporal)
        stored = StoredResults(clip=take.clip.version, verdicts=results)
        objects = FilmObjects(self._store, spec.video_id)
        objects.take(spec.chunk_num, take.number, CHECKS).write_json(stored)
        return [result.sentence for result in results if not result.passed]
