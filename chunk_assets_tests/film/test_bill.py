"""A film's bill: its ledgers are the only account, except for films older than the ledgers."""

import pytest

from chunk_assets.film.bill import film_bill
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.storage.store import ObjectStore


def record(spent_usd: float) -> ClipRecord:
    """The record of a clip whose chunk had cost this much."""
    return ClipRecord(
        fingerprint="f",
        generator="g",
        model="m",
        seed=1,
        take=1,
        cost_usd=spent_usd,
        spent_usd=spent_usd,
        seconds=1.0,
    )


def test_a_ledger_overrules_the_record_of_a_clip(store: ObjectStore):
    """The record may be older, or have been edited."""
    attempt = Attempt(
        key="k",
        request="r",
        model="m",
        seed=1,
        asked_at=now(),
        asked_by="here:1:a",
        media_url_sha256="",
        price_usd=0.10,
        status="succeeded",
        cost_usd=0.10,
    )
    FilmObjects(store, "film").ledger().update(0, attempt)
    for spent in (0.0, 0.05, 3.0):
        bill = film_bill(store, "film", {0: record(spent)})
        assert bill.chunk(0).spent_usd == bill.total_usd == pytest.approx(0.10)


def test_a_film_without_ledgers_shows_its_records(store: ObjectStore):
    """Films that were rendered before there were ledgers cost what they did; free ones nothing."""
    bill = film_bill(store, "film", {0: record(0.25), 1: record(0.5), 2: record(0.0)})
    assert bill.total_usd == pytest.approx(0.75)
    assert bill.chunk(1).spent_usd == 0.5
    assert bill.chunk(2).total_usd == 0.0


def test_a_ledger_begins_with_what_the_chunk_had_cost(store: ObjectStore):
    """A damaged ledger that was moved away loses no cost, even if the next request is void."""
    objects = FilmObjects(store, "film")
    store.put_bytes(objects.clip(0).key, b"clip", "video/mp4", record(5.0).as_metadata())
    attempt = Attempt(
        key="k",
        request="r",
        model="m",
        seed=1,
        asked_at=now(),
        asked_by="here:1:a",
        media_url_sha256="",
        price_usd=0.10,
    )
    ledger = objects.ledger()
    ledger.begin(0, attempt)
    assert ledger.chunk(0).committed_usd == pytest.approx(5.10)
    ledger.update(0, attempt.as_void("it was never sent"))
    bill = film_bill(store, "film", {0: record(5.0)})
    assert bill.chunk(0).spent_usd == bill.total_usd == pytest.approx(5.0)
    ledger.begin(0, attempt.model_copy(update={"key": "another", "request": "s"}))
    assert ledger.chunk(0).committed_usd == pytest.approx(5.10)
