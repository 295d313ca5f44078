"""The deployment's spending limits for films that the sensor starts."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

import dagster as dg

from chunk_assets.dagster_internals.tag_names import WILL_RETRY
from chunk_assets.defs.runs.active_runs import ACTIVE
from chunk_assets.errors import NotAllowed
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.day_spending import reserve
from chunk_assets.film.forecast import forecast
from chunk_assets.film.plan import FilmPlan, generation_context
from chunk_assets.film.quotes import chunk_price
from chunk_assets.generation.registry import DEFAULT_GENERATOR, Generators, build_generator
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore

RESERVATION, PAID_BY = "chunk_assets/reservation", "chunk_assets/paid_by"
"""Tags of the sensor's paid runs: the key of its entry in the day's account, and `SENSOR`."""

SENSOR = "sensor"

_PER_FILM = "CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM"
_PER_DAY = "CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY"


@dataclass(frozen=True)
class SensorLimits:
    """The deployment's limits, and how much of them is used."""

    settings: Settings
    store: ObjectStore
    instance: dg.DagsterInstance
    generators: Generators

    def token(self) -> str:
        """Return a text that changes whenever a film refused for a limit may be allowed."""
        settings = self.settings
        allowed = sorted(settings.paid_sensor_generators)
        if not allowed:
            return "free"
        wanted = dg.RunsFilter(tags={PAID_BY: SENSOR}, statuses=[*ACTIVE])
        active = sorted(run.run_id for run in self.instance.get_runs(wanted))
        limits = (settings.sensor_max_cost_per_film, settings.sensor_max_cost_per_day)
        return blake2b(
            repr((_today(), allowed, limits, active)).encode(), digest_size=6
        ).hexdigest()

    def reserved(self, plan: FilmPlan, run_key: str) -> float | None:
        """Reserve the cost of a film's run; return what the film may cost in all, None if free.

        Raises:
            NotAllowed: The deployment does not allow the run.
            SpecError: The generator cannot make the film's clips.
            StorageError: The day's account cannot be read or written.
        """
        name = plan.animatic.generator or DEFAULT_GENERATOR
        generator_context = generation_context(
            plan.video_id, plan.animatic, self.store, self.settings
        )
        with closing(build_generator(name, generator_context, self.generators)) as generator:
            if not generator.is_paid:
                return None
            self._check_allowed(name)
            if generator.fallback is not None and generator.fallback.is_paid:
                self._check_allowed(generator.fallback.name)
            steps = forecast(list(chunk_states(plan, self.store)), self.store, generator)
            rendered = {step.chunk_num for step in steps if step.what == "rendered"}
            price = sum(chunk_price(generator, s) for s in plan.specs if s.chunk_num in rendered)
        limits = (self.settings.sensor_max_cost_per_film, plan.animatic.max_cost_usd)
        return reserve(
            self.store,
            _today(),
            plan.video_id,
            run_key,
            price_usd=round(price, 6),
            film_limit_usd=min(limit for limit in limits if limit is not None),
            day_limit_usd=self.settings.sensor_max_cost_per_day,
            has_ended=self._has_ended,
        )

    def _check_allowed(self, name: str) -> None:
        settings, missing = self.settings, []
        if name not in settings.paid_sensor_generators:
            others = ",".join(sorted({*settings.paid_sensor_generators, name}))
            missing.append(f"CHUNK_ASSETS_SENSOR_GENERATORS={others}")
        if not settings.sensor_max_cost_per_film:
            missing.append(f"{_PER_FILM} (US dollars)")
        if not settings.sensor_max_cost_per_day:
            missing.append(f"{_PER_DAY} (US dollars)")
        if missing:
            raise NotAllowed(
                f"its manifest names the paid generator {name!r}, which the sensor may not start "
                f"in this deployment: set {' and '.join(missing)} to allow it, or render it "
                "yourself",
                generator=name,
            )

    def _has_ended(self, run_key: str) -> bool:
        """Return whether a run has ended; an unknown run may be about to start."""
        runs = self.instance.get_runs(dg.RunsFilter(tags={RESERVATION: run_key}))
        if not runs or any(run.status in ACTIVE for run in runs):
            return False
        newest = runs[0]
        return newest.status != dg.DagsterRunStatus.FAILURE or (
            newest.tags.get(WILL_RETRY) != "true"
        )


def reservation_tags(run_key: str, max_cost_usd: float) -> dict[str, str]:
    """Return the tags of a paid run, which its retries have, too."""
    return {RESERVATION: run_key, PAID_BY: SENSOR, "max_cost_usd": f"{max_cost_usd:.2f}"}


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
