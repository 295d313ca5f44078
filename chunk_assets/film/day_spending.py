"""The cost of films that the sensor starts, in one account per day on S3.

A run is entered before it is requested, at its maximum cost; its actual cost replaces that when it
has ended. The account is on S3 and updated by conditional writes, so it survives restarts and the
loss of Dagster's storage, and deployments that share a bucket share it.
"""

from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from chunk_assets.errors import Changed, NotAllowed, NotStored, StorageError
from chunk_assets.film.objects import FilmObjects, day_spending_object
from chunk_assets.storage.conditional_writes import require_conditional_writes
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject
from chunk_assets.usd import StrictUsd

_ATTEMPTS = 20

_CENT = 0.0001
"""Sums of floats are not exact: a hundredth of a cent."""


class FilmDay(BaseModel):
    """One film's entry.

    Attributes:
        run_key: The film's last run requested on that day.
        base_usd: What the film had cost before its first run of that day.
        limit_usd: Limit on the film's total cost when that run ends.
        spent_usd: What the film had cost when that run ended; None while it may be running.
    """

    model_config = ConfigDict(frozen=True)

    run_key: str
    base_usd: StrictUsd
    limit_usd: StrictUsd
    spent_usd: StrictUsd | None = None

    @property
    def counted_usd(self) -> float:
        """The amount that counts for the day: the maximum cost, or the actual cost."""
        reached = self.limit_usd if self.spent_usd is None else self.spent_usd
        return max(0.0, reached - self.base_usd)


class DaySpending(BaseModel):
    """The account of one day (UTC)."""

    model_config = ConfigDict(frozen=True)

    day: str
    films: Mapping[str, FilmDay] = {}

    @property
    def counted_usd(self) -> float:
        """The amount spent, plus what unfinished runs have reserved."""
        return sum(film.counted_usd for film in self.films.values())

    @property
    def reserved_usd(self) -> float:
        """The amount that unfinished runs have reserved."""
        return sum(film.counted_usd for film in self.films.values() if film.spent_usd is None)


def day_spending(store: ObjectStore, day: str) -> DaySpending:
    """Return the account of a day such as "2026-11-28".

    Raises:
        StorageError: It cannot be read.
    """
    return _read(store, day)[0]


def reserve(
    store: ObjectStore,
    day: str,
    video_id: str,
    run_key: str,
    *,
    price_usd: float,
    film_limit_usd: float,
    day_limit_usd: float,
    has_ended: Callable[[str], bool],
) -> float:
    """Enter a film's run before it is requested; return the resulting limit on the film's cost.

    Args:
        store: The bucket.
        day: The day on which the run is requested.
        video_id: The film.
        run_key: The run; a second entry replaces the first.
        price_usd: What the run will probably cost.
        film_limit_usd: What the film may cost in all.
        day_limit_usd: What all films of the day may cost.
        has_ended: Returns whether the run with a key has ended.

    Raises:
        NotAllowed: A limit would be exceeded.
        StorageError: The account cannot be read or written, so nothing may be started.
    """
    require_conditional_writes(store)
    for _ in range(_ATTEMPTS):
        account, stored = _read(store, day)
        films = {
            name: _settled(store, name, film, has_ended) for name, film in account.films.items()
        }
        committed = _committed(store, video_id)
        before = films.pop(video_id, None)
        base = before.base_usd if before else committed
        others = DaySpending(day=day, films=films)
        left = day_limit_usd - others.counted_usd - max(0.0, committed - base)
        _check(price_usd, committed, film_limit_usd, left, day_limit_usd, others)
        limit = round(min(film_limit_usd, committed + left), 6)
        films[video_id] = FilmDay(run_key=run_key, base_usd=base, limit_usd=limit)
        try:
            key = day_spending_object(store, day).key
            after = json_bytes(DaySpending(day=day, films=films))
            store.replace_bytes(key, after, JSON, before=stored)
        except Changed:
            continue
        return limit
    uri = day_spending_object(store, day).uri
    raise StorageError(f"{uri} was changed by another process during each of {_ATTEMPTS} attempts")


def _check(
    price: float,
    committed: float,
    film_limit: float,
    left: float,
    day_limit: float,
    others: DaySpending,
) -> None:
    if price > film_limit - committed + _CENT:
        raise NotAllowed(
            f"rendering it costs about ${price:.2f}, it has already cost ${committed:.2f}, and the "
            f"limit for a film started by the sensor is ${film_limit:.2f}: raise "
            "CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM and the manifest's max_cost_usd, if it has one, "
            "or render it yourself",
            price_usd=price,
            limit_usd=film_limit,
        )
    if price > left + _CENT:
        reserved = (
            f", ${others.reserved_usd:.2f} of it by films that are being rendered"
            if others.reserved_usd
            else ""
        )
        raise NotAllowed(
            f"rendering it costs about ${price:.2f}, and of the sensor's limit of "
            f"${day_limit:.2f} a day ${day_limit - left:.2f} are spent or reserved{reserved}: "
            "raise CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY or render it yourself; the sensor tries "
            "again when a run ends or a limit changes, and tomorrow (UTC)",
            price_usd=price,
            limit_usd=day_limit,
        )


def _settled(
    store: ObjectStore, video_id: str, film: FilmDay, has_ended: Callable[[str], bool]
) -> FilmDay:
    if film.spent_usd is not None or not has_ended(film.run_key):
        return film
    return film.model_copy(update={"spent_usd": _committed(store, video_id)})


def _committed(store: ObjectStore, video_id: str) -> float:
    ledger = FilmObjects(store, video_id).ledger()
    return round(sum(chunk.committed_usd for chunk in ledger.film()), 6)


def _read(store: ObjectStore, day: str) -> tuple[DaySpending, StoredObject | None]:
    try:
        content, stored = store.get_bytes(day_spending_object(store, day).key)
    except NotStored:
        return DaySpending(day=day), None
    try:
        return DaySpending.model_validate_json(content), stored
    except ValidationError:
        raise StorageError(
            f"{stored.uri}, the account of what the sensor's films cost that day, is damaged, so "
            "no paid film is started: move it away to begin the account again",
            uri=stored.uri,
        ) from None
