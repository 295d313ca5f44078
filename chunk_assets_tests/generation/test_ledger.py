"""The ledger: a damaged one stops all payments, and older versions can be read."""

import json
from typing import Any

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.generation.ledger import DamagedLedger
from chunk_assets.generation.ledger_entries import Attempt, ChunkLedger, now
from chunk_assets.storage import keys
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore

KEY = f"{keys.ledgers('film')}chunk_03.json"


def attempt(**changes: Any) -> Attempt:
    fields = {"key": "a", "request": "r", "model": "o/m", "seed": 1, "asked_at": now()}
    more = {"asked_by": "h:1:x", "media_url_sha256": "0" * 64, "price_usd": 0.25}
    return Attempt.model_validate({**fields, **more, **changes})


def written(**changes: Any) -> str:
    one = attempt().model_dump(mode="json") | changes
    return json.dumps({"video_id": "film", "chunk_num": 3, "attempts": [one]})


DAMAGED = {
    "empty": "",
    "garbage": "\x00\x01\x02",
    "truncated": written()[:200],
    "a web page": "<html></html>",
    "null": "null",
    "a list": "[]",
    "an empty object": "{}",
    "without attempts": json.dumps({"video_id": "film", "chunk_num": 3}),
    "a chunk's spec": json.dumps({"video_id": "film", "chunk_num": 3, "prompt": "x"}),
    "another film's": written().replace('"film"', '"other"'),
    "another chunk's": written().replace('"chunk_num": 3', '"chunk_num": 4'),
    "a negative price": written(price_usd=-1),
    "an infinite price": written(price_usd=1).replace('"price_usd": 1', '"price_usd": Infinity'),
    "a status of another world": written(status="paused"),
    "a date that is none": written(asked_at="once"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_ledger_refuses_everything_and_is_not_written(store: ObjectStore, content: str):
    """The error names the object and what to do with it."""
    store.put_bytes(KEY, content.encode(), JSON)
    ledger = FilmObjects(store, "film").ledger()
    for call in (
        lambda: ledger.chunk(3),
        lambda: ledger.begin(3, attempt()),
        lambda: ledger.update(3, attempt()),
        lambda: list(ledger.film()),
    ):
        with pytest.raises(DamagedLedger) as caught:
            call()
        said = str(caught.value)
        assert said.startswith(f"{store.uri(KEY)} is damaged (")
        assert "move that object away and render again" in said
        assert "\n" not in said
    assert store.get_bytes(KEY)[0] == content.encode()


def test_other_objects_in_the_folder_are_ignored(store: ObjectStore):
    """Only objects named after chunks are ledgers."""
    for name in ("chunk_03.old.json", "notes.json", "chunk_3x.json"):
        store.put_bytes(f"{keys.ledgers('film')}{name}", b"{}", JSON)
    ledger = FilmObjects(store, "film").ledger()
    ledger.begin(3, attempt())
    assert [one.chunk_num for one in ledger.film()] == [3]


def test_a_ledger_of_an_older_version_is_read(store: ObjectStore):
    """Its attempts have local times and older statuses."""
    fields = attempt(status="void").model_dump(mode="json")
    del fields["clock"]
    content = {"video_id": "film", "chunk_num": 3, "attempts": [fields]}
    store.put_bytes(KEY, json.dumps(content).encode(), JSON)
    [one] = FilmObjects(store, "film").ledger().chunk(3).attempts
    assert (one.clock, one.status) == ("local", "void")


def test_an_intent_whose_answer_from_s3_is_lost_is_its_own(store: ObjectStore):
    """Writing it again does not conflict with itself."""
    ledger, mine = FilmObjects(store, "film").ledger(), attempt()
    ledger.begin(3, mine)
    ledger.begin(3, mine)
    assert ledger.chunk(3).attempts == (mine,)


@pytest.mark.parametrize("status", ["unknown", "void"])
def test_a_prediction_that_is_found_opens_its_attempt_again(store: ObjectStore, status: str):
    """A process that seemed dead may still record its answer."""
    ledger = FilmObjects(store, "film").ledger()
    doubted = attempt(status=status)
    stored = ChunkLedger(video_id="film", chunk_num=3, attempts=(doubted,))
    store.put_bytes(KEY, json_bytes(stored), JSON)
    found = {"status": "asked", "prediction_id": "p"}
    assert ledger.update(3, doubted.model_copy(update=found)).attempts[0].is_open


def test_what_is_unknown_is_committed_and_not_spent(store: ObjectStore):
    """It may have cost its price."""
    attempts = (attempt(status="unknown"), attempt(key="b", status="succeeded", cost_usd=0.25))
    ledger = ChunkLedger(video_id="film", chunk_num=3, attempts=attempts)
    assert (ledger.cost_usd, ledger.unknown_usd, ledger.committed_usd) == (0.25, 0.25, 0.5)
