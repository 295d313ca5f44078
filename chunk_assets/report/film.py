"""The contents of the film page for the whole film."""

from collections.abc import Sequence
from fractions import Fraction

from chunk_assets.errors import StorageError
from chunk_assets.film.bill import Bill, film_bill
from chunk_assets.film.chunk_states import ChunkState, clip_records
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.status import film_state, stored_film
from chunk_assets.report.chunks import STATE_NAMES, label
from chunk_assets.report.media import MAX_THUMBNAILS, Moment, Shares
from chunk_assets.report.words import cut, money
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore


def film_facts(
    plan: FilmPlan, store: ObjectStore, states: Sequence[ChunkState]
) -> tuple[dict[str, str], Bill]:
    """Return the film's facts by name, and its bill; the bill is empty if it cannot be read."""
    animatic = plan.animatic
    width, height = animatic.resolution
    clips = clip_records(states)
    models = list(dict.fromkeys(clip.made_by or clip.model for clip in clips.values()))
    try:
        bill = film_bill(store, plan.video_id, clips)
        cost = cut(" ".join([money(bill.total_usd), *bill.notes]), 600)
    except StorageError as error:
        bill, cost = Bill(), cut(f"unknown: {error}", 300)
    seconds = float(animatic.fps.seconds(animatic.num_frames))
    facts = {
        "Length": f"{seconds:g} s, {animatic.num_frames} frames",
        "Picture": f"{width} × {height} at {animatic.fps} fps",
        "Chunks": _chunk_counts(states),
        "Cost so far": cost,
        **_cost_per_second(states, bill),
        "Models" if len(models) > 1 else "Model": cut(", ".join(models) or "none yet", 300),
    }
    return facts, bill


def _cost_per_second(states: Sequence[ChunkState], bill: Bill) -> dict[str, str]:
    """Return all that was spent, over the seconds of film that are rendered; empty if unknown."""
    rendered = [state.spec for state in states if state.stored]
    seconds = sum(float(spec.fps.seconds(spec.slot_frames)) for spec in rendered)
    if not seconds or not bill.chunks:
        return {}
    cost = money(bill.total_usd / seconds)
    if len(rendered) < len(states):
        cost += f" for {seconds:g} s rendered so far"
    return {"Cost per second of film": cost}


def film_label(plan: FilmPlan) -> str:
    """Return a text alternative for the film."""
    beats = ", ".join(str(beat.name) for beat in plan.animatic.beats)
    title = plan.animatic.product.name or plan.video_id
    return cut(f"The film {title}: {beats}", 600)


def film_note(plan: FilmPlan, store: ObjectStore, states: Sequence[ChunkState]) -> str:
    """Return why the film does not show the clips below it; empty if it does."""
    try:
        output = stored_film(store, plan.video_id)
    except StorageError as error:
        return cut(str(error), 300)
    if film_state(plan, [state.stored for state in states], output) != "out of date":
        return ""
    not_fresh = [state for state in states if state.state != "fresh"]
    if not not_fresh:
        return "This film was stitched from other clips than those below: stitch it again."
    first = not_fresh[0]
    return (
        "This film was stitched from other clips than those below: chunk "
        f"{first.spec.chunk_num:02d} is {STATE_NAMES[first.state]}. "
        "It can be stitched again once every chunk is up to date."
    )


def poster_time(plan: FilmPlan) -> Fraction:
    """Return the middle of the last slot, in seconds: an advertisement shows its product there."""
    return _middle(plan.specs[-1])


def moments(plan: FilmPlan) -> list[Moment]:
    """Return the chunks of the timeline's thumbnails: all of them, or some of a long film."""
    step = -(-len(plan.specs) // MAX_THUMBNAILS)
    characters = Shares(len(plan.specs)).label
    return [
        Moment(
            number=f"{spec.chunk_num:02d}",
            label=f"{spec.start_time:g} s: {label(spec, characters)}",
            at=f"{spec.start_time:.3f}",
            middle=_middle(spec),
        )
        for spec in plan.specs[::step]
    ]


def _middle(spec: ChunkSpec) -> Fraction:
    return Fraction(spec.start_time + spec.duration / 2).limit_denominator(1000)


def _chunk_counts(states: Sequence[ChunkState]) -> str:
    """How many chunks there are, and how many are out of date or missing."""
    counts = {name: sum(state.state == name for state in states) for name in ("stale", "missing")}
    parts = ", ".join(f"{count} {STATE_NAMES[name]}" for name, count in counts.items() if count)
    return f"{len(states)}: {parts}" if parts else f"{len(states)}, all up to date"
