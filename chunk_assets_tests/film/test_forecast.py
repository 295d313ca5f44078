"""The forecast of a render says what `render` then really does."""

import dagster as dg
import pytest

from chunk_assets.film.bill import film_bill
from chunk_assets.film.chunk_states import chunk_states, clip_records
from chunk_assets.film.forecast import forecast
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.take_list import chunk_takes
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow

CHUNKS = range(3)


class Comparison:
    """A paid film of three chunks, whose renders are compared with their forecasts."""

    def __init__(self, store: ObjectStore, instance: dg.DagsterInstance):
        self.store = store
        self.generator = HoldingGenerator(pays=0.1)
        self.studio = Studio(store, instance, self.generator)

    def forecast(self, chosen: dict[int, int] | None = None) -> list[str]:
        """What would happen to each chunk: `kept 1`, `chosen 1` or `rendered`."""
        states = list(chunk_states(plan_film(self.store, "film"), self.store))
        steps = forecast(states, self.store, self.generator, chosen)
        return [f"{step.what} {step.take or ''}".strip() for step in steps]

    def render(self) -> list[str]:
        """Bring the film up to date, and return what happened to each chunk."""
        before, asked = self.takes(), len(self.generator.requests)
        assert self.studio.render(CHUNKS, reuse="matching").success
        rendered = self.generator.chunks[asked:]
        return [
            "rendered" if chunk in rendered else f"{'kept' if was == take else 'chosen'} {take}"
            for chunk, (was, take) in enumerate(zip(before, self.takes(), strict=True))
        ]

    def takes(self) -> list[int]:
        """The chosen take of each chunk; 0 where there is none."""
        objects = FilmObjects(self.store, "film")
        return [
            next((one.take for one in chunk_takes(objects, number) if one.is_chosen), 0)
            for number in CHUNKS
        ]


def test_a_render_does_what_was_forecast(store: ObjectStore, instance: dg.DagsterInstance):
    """Also after takes were chosen, changed and changed back; nothing is paid for twice."""
    film = Comparison(store, instance)
    document = small_manifest()
    film.studio.submit(document=document)
    everything = ["rendered"] * 3
    assert film.forecast() == everything == film.render()
    assert film.forecast() == ["kept 1"] * 3 == film.render()
    film.studio.render([0])
    later = ["kept 2", "rendered", "rendered"]
    assert film.forecast() == later == film.render()
    back = ["chosen 1"] * 3
    assert film.forecast({0: 1}) == back
    assert film.takes() == [2, 2, 2]
    film.studio.render([0], stages=["chunk_videos", "last_frames"], take=1, by="anna")
    assert film.forecast() == ["kept 1", "chosen 1", "chosen 1"] == film.render()
    assert len(film.generator.requests) == 6
    changed = small_manifest()
    changed["beats"][1]["prompt_template"] = "{product_name} leaps"
    film.studio.submit(document=changed)
    assert film.forecast() == ["kept 1", "kept 1", "rendered"] == film.render()
    film.studio.submit(document=document)
    assert film.forecast() == ["kept 1", "kept 1", "chosen 1"] == film.render()
    store.delete(keys.chunk_video("film", 1))
    assert film.forecast()[1:] == ["chosen 1", "kept 1"]
    assert film.render()[1:] == ["chosen 1", "kept 1"]
    assert len(film.generator.requests) == 7
    states = chunk_states(plan_film(store, "film"), store)
    assert film_bill(store, "film", clip_records(states)).total_usd == pytest.approx(0.7)
