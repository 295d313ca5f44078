"""Seams encoded while rendering: the film is the same with and without them."""

import dagster as dg
import pytest

from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow

CHUNKS = 5


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A film of five chunks, rendered."""
    studio = Studio(store, instance, HoldingGenerator())
    beats = [{"name": "one", "duration": 10, "prompt_template": "{product_name}"}]
    document = small_manifest(duration=10, beats=beats, transitions=None, frames=["one.png"])
    studio.submit(document=document)
    for number in range(CHUNKS):
        assert studio.render([number]).success
    return studio


def seams(studio: Studio) -> dict[int, StoredObject | None]:
    """Return the stored seams by the later of their chunks."""
    return {n: studio.store.head(keys.seam("film", n)) for n in range(1, CHUNKS)}


def film(studio: Studio) -> str:
    """Stitch the film and return its digest."""
    assert studio.stitch().success
    stored = studio.store.head(keys.stitched_video("film"))
    assert stored is not None
    return stored.sha256


def test_every_seam_is_stored_with_the_last_chunk(studio: Studio):
    """Stitching writes none, and the film is byte for byte the same as without prepared seams."""
    before = seams(studio)
    assert all(before.values())
    prepared = film(studio)
    assert seams(studio) == before
    for number in range(1, CHUNKS):
        studio.store.client.delete_object(Bucket=studio.store.bucket, Key=keys.seam("film", number))
    assert film(studio) == prepared
    # Stitching has stored the seams that it made.
    assert {n: seam.sha256 for n, seam in seams(studio).items() if seam} == {
        n: seam.sha256 for n, seam in before.items() if seam
    }


def test_rendering_a_chunk_again_changes_only_its_two_seams(studio: Studio):
    """Of the film's four seams, those before and after chunk 2 are made again."""
    first, before = film(studio), seams(studio)
    assert studio.render([2]).success
    assert film(studio) != first
    after = seams(studio)
    assert [n for n in before if before[n] != after[n]] == [2, 3]


def test_a_damaged_seam_is_made_again(studio: Studio):
    """The film is complete and the same, whatever is stored in the seam's place."""
    whole = film(studio)
    key, record = keys.seam("film", 2), dict((seams(studio)[2] or pytest.fail("none")).record)
    record.pop("sha256", None)
    studio.store.put_bytes(key, b"no video", "video/mp4", record)
    assert film(studio) == whole
    seam, _ = studio.store.get_bytes(keys.seam("film", 1))
    studio.store.put_bytes(key, seam[: len(seam) // 2], "video/mp4", record)
    assert film(studio) == whole


def test_no_seam_is_prepared_for_a_cut(store: ObjectStore, instance: dg.DagsterInstance):
    """A cut blends nothing; the film's only seam is stored."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit(document=small_manifest(transitions=[{"type": "cut"}]))
    assert studio.render(range(3)).success
    assert studio.stitch().success
    assert store.head(keys.seam("film", 1)) is not None
    assert store.head(keys.seam("film", 2)) is None
