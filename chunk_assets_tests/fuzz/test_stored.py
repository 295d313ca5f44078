"""What is read back from S3: ledgers, documents and records; and the sensor's cursor."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from chunk_assets.defs.sensors.manifest_cursor import ManifestCursor
from chunk_assets.film.bill import film_bill
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.film.records import ClipRecord, CompositeRecord, FrameRecord
from chunk_assets.film.status import film_status, stored_film
from chunk_assets.generation.ledger_entries import Attempt, ChunkLedger, now
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.schemas import ChunkGenerationOutput, ChunkSpec
from chunk_assets.storage import keys
from chunk_assets.storage.objects import ObjectRef, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject
from chunk_assets_tests.films import put_animatic
from chunk_assets_tests.fuzz.fuzzing import fuzz, fuzzing, sentence_of
from chunk_assets_tests.fuzz.inputs import NUMBERS, TEXTS, changed, damaged, manifests, written

pytestmark = pytest.mark.slow

FIRST = Attempt(
    key="a",
    request="r",
    model="owner/name",
    seed=1,
    asked_at=now(),
    asked_by="host",
    media_url_sha256="0" * 64,
    price_usd=0.1,
    prediction_id="p1",
    status="succeeded",
    cost_usd=0.1,
)
LEDGER = ChunkLedger(
    video_id="film",
    chunk_num=0,
    attempts=(FIRST, FIRST.model_copy(update={"key": "b", "status": "asked", "cost_usd": 0.0})),
)

DIGEST = "0" * 64

HEADER = [text for text in TEXTS if text.isascii() and text.isprintable() and len(text) < 500]
"""S3 carries user metadata in HTTP headers."""

headers = (
    st.sampled_from([*HEADER, *map(str, NUMBERS), "9" * 400, "0 0 0", "1 nan 1", "1/0"])
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
).map(str.strip)

CLIP = ClipRecord(
    fingerprint="f",
    generator="preview",
    model="preview",
    seed=1,
    take=1,
    cost_usd=0.0,
    spent_usd=0.0,
    seconds=1.0,
    root_run="r",
    beat="b",
    form="48 24 128x72 36 0123456789abcdef",
    colour_shift="0.1 0.2 0.3",
    colour_drift="0.1 0.2 0.3",
).as_metadata()
COMPOSITE = CompositeRecord(fingerprint="f", pixels=DIGEST, weights="0.7 0.3 0.7").as_metadata()


@st.composite
def records(draw: st.DrawFn, record: dict[str, str]) -> dict[str, str]:
    """A record with some of its values changed or gone."""
    replaced = {
        name: draw(headers) if draw(st.integers(0, 3)) == 0 else value
        for name, value in record.items()
        if draw(st.integers(0, 15)) > 0
    }
    return {name: value for name, value in replaced.items() if value}


@pytest.fixture
def plan(store: ObjectStore) -> FilmPlan:
    """A film of three chunks."""
    put_animatic(store)
    return plan_film(store, "film")


@fuzzing(6)
def test_ledgers(seconds: float, store: ObjectStore):
    """Whatever bytes are a ledger: it is read, added up and written on, or refused."""
    document = json.loads(json_bytes(LEDGER))
    ledger, key = FilmObjects(store, "film").ledger(), f"{keys.ledgers('film')}chunk_00.json"

    def check(content: bytes) -> None:
        store.client.put_object(Bucket=store.bucket, Key=key, Body=content)
        read = sentence_of(lambda: ledger.chunk(0).committed_usd)
        if sentence_of(lambda: film_bill(store, "film", {}).total_usd):
            assert read
        sentence_of(lambda: list(ledger.film()))
        said = sentence_of(lambda: ledger.begin(0, FIRST.model_copy(update={"key": "c"})))
        assert bool(read) <= bool(said), "nothing is asked for on a ledger that cannot be read"

    fuzz(manifests([document]), check, seconds)


@fuzzing(3)
def test_documents(seconds: float, plan: FilmPlan, store: ObjectStore):
    """Whatever bytes are a chunk's spec, a film's output or the sensor's cursor."""
    spec = json.loads(json_bytes(plan.specs[1]))
    output = ChunkGenerationOutput(stitched_video_url="u", chunk_urls=["a"], total_cost=1.0)
    store.put_bytes(keys.stitched_video("film"), b"film", "video/mp4")
    cursor = ManifestCursor(waiting={"film": "key"}, tries={"film": 1}).written()
    document = json.loads(cursor)

    def check(example: tuple[bytes, bytes, bytes]) -> None:
        stored_spec, stored_output, text = example
        key = keys.chunk_spec("film", 1)
        store.client.put_object(Bucket=store.bucket, Key=key, Body=stored_spec)
        store.client.put_object(Bucket=store.bucket, Key=keys.output("film"), Body=stored_output)
        sentence_of(lambda: ObjectRef(store, key).read_json(ChunkSpec))
        sentence_of(lambda: stored_film(store, "film"))
        assert ManifestCursor.read(ManifestCursor.read(text.decode(errors="replace")).written())

    examples = st.tuples(
        manifests([spec]),
        manifests([json.loads(json_bytes(output))]),
        damaged([cursor.encode()]) | changed([document]).map(written),
    )
    fuzz(examples, check, seconds)


@fuzzing(3)
def test_records(seconds: float):
    """Whatever metadata an object has: it is a record, or not ours."""

    def check(example: tuple[dict[str, str], dict[str, str]]) -> None:
        clip, composite = (StoredObject("k", "s3://b/k", 1, "e", each) for each in example)

        def read_clip() -> None:
            record = ClipRecord.of(clip)
            StreamSignature.read(record.form)
            assert ClipRecord.of(StoredObject("k", "u", 1, "e", record.as_metadata())) == record

        sentence_of(read_clip)
        sentence_of(lambda: CompositeRecord.of(composite).used_weights)
        sentence_of(lambda: FrameRecord.of(composite))

    fuzz(st.tuples(records(CLIP), records(COMPOSITE)), check, seconds)


@fuzzing(6)
def test_films_with_foreign_records(seconds: float, plan: FilmPlan, store: ObjectStore):
    """A film whose objects have such metadata on S3 is looked at, chunk by chunk."""

    def put(key: str, record: dict[str, str]) -> None:
        store.client.put_object(Bucket=store.bucket, Key=key, Body=b"x", Metadata=record)

    def check(example: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        for number, (clip, composite) in enumerate(example):
            put(keys.chunk_video("film", number), clip)
            put(keys.composite("film", number), composite)
            put(keys.last_frame("film", number), {"pixels": DIGEST, "clip": DIGEST})
        sentence_of(lambda: list(chunk_states(plan, store)))
        sentence_of(lambda: film_status(plan, store))

    each = st.tuples(records(CLIP), records(COMPOSITE))
    fuzz(st.lists(each, min_size=3, max_size=3), check, seconds)
