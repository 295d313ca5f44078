"""Orphaned predictions are cancelled, and their cost is counted."""

import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chunk_assets.film.objects import FilmObjects
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.clip_request import PredictionPolicy
from chunk_assets.generation.replicate.lost_predictions import url_digest
from chunk_assets.generation.replicate.orphaned_predictions import OrphanedPredictions
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.fake_faults import NEVER, ServerError, Takes
from chunk_assets_tests.fake_models import MODELS
from chunk_assets_tests.fake_replicate import FakeReplicate
from chunk_assets_tests.generation.replicate.studio import DEAD

pytestmark = pytest.mark.slow

MODEL = next(model for model in MODELS if model.name == "bytedance/seedance-1-pro-fast")
ALIVE = f"{socket.gethostname()}:{os.getpid()}:another"
ELSEWHERE = "another-host:1:x"
CANCEL = "POST /v1/predictions/{id}/cancel"


class Chunk:
    """One chunk's ledger, and its predictions."""

    def __init__(self, api: ReplicateApi, ledger: Ledger):
        self.api, self.ledger = api, ledger
        self.log: list[str] = []

    def left(self, image: str = "https://example.com/1.png", **changes: Any) -> Attempt:
        """Request a prediction, and leave an attempt from ten minutes ago."""
        given = {"prompt": "x", "image": image, "resolution": "480p"}
        asked = self.api.create(model=MODEL.name, version=None, inputs=given)
        fields = {
            **{"key": image, "request": "old", "model": MODEL.name, "seed": 1},
            **{"asked_at": now() - timedelta(minutes=10), "clock": "server", "asked_by": DEAD},
            **{"media_url_sha256": url_digest(image), "price_usd": 0.25},
            **{"prediction_id": asked.id, "status": "asked"},
        }
        attempt = Attempt.model_validate({**fields, **changes})
        self.ledger.update(0, attempt)
        return attempt

    def settled(self) -> Attempt:
        """The attempt after another request was settled."""
        orphans = OrphanedPredictions(
            self.api, self.ledger, process="me", policy=PredictionPolicy(), log=self.log.append
        )
        orphans.settle(0, "new")
        return self.ledger.chunk(0).attempts[-1]


@pytest.fixture
def chunk(api: ReplicateApi, fake: FakeReplicate, store: ObjectStore) -> Chunk:
    """A chunk whose first prediction runs until it is cancelled."""
    fake.next("prediction", Takes(0, NEVER))
    return Chunk(api, FilmObjects(store, "film").ledger())


def test_a_running_orphan_is_cancelled_and_counted(chunk: Chunk, fake: FakeReplicate):
    """Its process is dead, and no run will download its clip."""
    chunk.left()
    ended = chunk.settled()
    assert (ended.status, ended.cost_usd) == ("canceled", 0.25)
    assert fake.created[0].status == "canceled"
    assert "another request for chunk 0 has ended (canceled), and cost $0.25" in chunk.log[0]


def test_a_finished_orphan_is_counted(chunk: Chunk, fake: FakeReplicate, still: Path):
    """It succeeded after its process had died."""
    fake.calm()
    chunk.left(chunk.api.upload(still, "image/png"))
    ended = chunk.settled()
    assert (ended.status, ended.cost_usd) == ("succeeded", 0.25)


def test_a_queued_orphan_costs_nothing(chunk: Chunk, fake: FakeReplicate):
    """It never ran."""
    fake.calm()
    fake.next("prediction", Takes(NEVER, 1))
    chunk.left()
    ended = chunk.settled()
    assert (ended.status, ended.cost_usd) == ("canceled", 0.0)


def test_an_orphan_without_an_id_is_found_in_the_list(chunk: Chunk, fake: FakeReplicate):
    """The URL of its picture identifies it."""
    chunk.left(prediction_id=None, status="intended")
    ended = chunk.settled()
    assert (ended.status, ended.prediction_id) == ("canceled", fake.created[0].id)


@pytest.mark.parametrize(
    ("minutes", "status"), [(21, "void"), (19, "unknown"), (2, "unknown"), (1, "intended")]
)
def test_an_unlisted_orphan_is_void_only_once_the_list_is_complete(
    chunk: Chunk, minutes: float, status: str
):
    """Before that it may exist; for its first seconds its state does not change."""
    asked = now() - timedelta(minutes=minutes)
    chunk.left(prediction_id=None, status="intended", media_url_sha256="0" * 64, asked_at=asked)
    assert chunk.settled().status == status


@pytest.mark.parametrize("by", [ALIVE, ELSEWHERE], ids=["here", "elsewhere"])
def test_a_running_processs_prediction_is_left_alone(chunk: Chunk, fake: FakeReplicate, by: str):
    """Another run may be rendering the film with another prompt."""
    left = chunk.left(asked_by=by)
    assert chunk.settled() == left
    assert fake.created[0].status == "processing"


def test_a_prediction_past_its_timeout_is_orphaned(chunk: Chunk):
    """After that, a process on another host counts as dead."""
    chunk.left(asked_by=ELSEWHERE, asked_at=now() - timedelta(minutes=31))
    assert chunk.settled().status == "canceled"


def test_an_orphan_that_replicate_does_not_have_is_unknown(chunk: Chunk):
    """It was created and may be billed: it counts at its price until it is found."""
    chunk.left(prediction_id="gone")
    ended = chunk.settled()
    assert (ended.status, ended.cost_usd, ended.committed_usd) == ("unknown", 0.0, 0.25)


def test_an_orphan_that_cannot_be_settled_stays_open(chunk: Chunk, fake: FakeReplicate):
    """The film continues, and the next prediction tries again."""
    left = chunk.left()
    fake.next(CANCEL, *[ServerError()] * 4)
    assert chunk.settled() == left
    assert "cannot be settled" in chunk.log[0]
    assert chunk.settled().status == "canceled"


def test_an_attempt_of_the_wanted_request_is_kept(chunk: Chunk, fake: FakeReplicate):
    """The run continues with it."""
    left = chunk.left(request="new")
    assert chunk.settled() == left
    assert fake.created[0].status == "processing"
