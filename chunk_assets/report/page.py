"""The film's page: one HTML file with all that a director wants to see, and nothing outside it.

Only a link to the full film leads out of it.
"""

import base64
import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache, partial
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from chunk_assets.errors import StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.film.bill import film_bill
from chunk_assets.film.chunk_states import ChunkState, clip_records
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.status import film_state, stored_film
from chunk_assets.report.chunks import ChunkView, ChunkViews, cut, label, money, state_of
from chunk_assets.report.media import MAX_THUMBNAILS, Moment, Shares
from chunk_assets.report.media import film as reduced_film
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

HTML = "text/html; charset=utf-8"

AUTOPLAY_CHUNKS = 60
"""Clips of longer films wait for a click: no phone decodes hundreds of videos at once."""

_AT_ONCE = max(2, min(4, os.cpu_count() or 1))
_AHEAD = 12
"""Chunks that are made while the film, which stands before them, is: bounds memory."""


def film_report(plan: FilmPlan, store: ObjectStore, workdir: Path) -> Path:
    """Make a film's page from what is stored of it.

    It carries its pictures and videos within itself, reduced, in at most
    `report_media.MAX_PAGE_BYTES`, and refers to nothing outside. What is missing or damaged is said
    in its place. Memory does not grow with the film's length.

    Args:
        plan: The film.
        store: Where its objects are.
        workdir: An existing directory; the page is made there, and nothing else is left.

    Returns:
        The page's path.

    Raises:
        StorageError, MediaError: The disk refuses it.
    """
    page = workdir / "report.html"
    try:
        with (
            TemporaryDirectory(prefix="report-", dir=workdir) as scratch,
            atomic_write(page) as part,
            closing(_page(plan, store, Path(scratch))) as text,
            # A manifest may hold halves of characters that UTF-8 has no bytes for.
            part.open("w", encoding="utf-8", errors="replace", newline="\n") as file,
        ):
            file.writelines(text)
    except OSError as error:
        message = f"this machine's disk refused a file in {str(workdir)!r}: {error}"
        raise StorageError(message, path=str(workdir)) from error
    return page


def write_report(plan: FilmPlan, store: ObjectStore, workdir: Path) -> StoredObject:
    """Make a film's page and store it.

    Raises:
        StorageError, MediaError: The disk or S3 refuses it.
    """
    page = film_report(plan, store, workdir)
    return store.put_file(FilmObjects(store, plan.video_id).page().key, page, HTML)


def _page(plan: FilmPlan, store: ObjectStore, scratch: Path) -> Generator[str, None, None]:
    """The page's text, piece by piece."""
    now = datetime.now(UTC)
    stored_film_ref = FilmObjects(store, plan.video_id).film()
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="report")
    try:
        states = list(pool.map(partial(state_of, plan, store), plan.specs))
        film = pool.submit(
            reduced_film,
            store,
            stored_film_ref.key,
            scratch / "film.mp4",
            _poster_at(plan),
            _moments(plan),
            "not stitched yet",
        )
        chunks = _Ahead(pool, ChunkViews(plan, store, scratch), states)
        yield from _template().generate(
            title=cut(plan.animatic.product.name or plan.video_id, 200),
            plan=plan,
            states=states,
            facts=_facts(plan, store, states),
            film=film.result(),
            film_label=_film_label(plan),
            film_link=stored_film_ref.link(),
            link_ends=f"{now + timedelta(seconds=store.link_seconds):%Y-%m-%d %H:%M} UTC",
            film_uri=stored_film_ref.uri,
            film_said=_film_said(plan, store, states),
            chunks=chunks,
            clips_play=len(states) <= AUTOPLAY_CHUNKS,
            seen_at=f"{now:%Y-%m-%d %H:%M} UTC",
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _poster_at(plan: FilmPlan) -> Fraction:
    """The middle of the last slot, in seconds: where an advertisement shows its product."""
    last = plan.specs[-1]
    return Fraction(last.start_time + last.duration / 2).limit_denominator(1000)


def _moments(plan: FilmPlan) -> list[Moment]:
    """Where the timeline's thumbnails lead: to each chunk, of a long film to every so many."""
    step = -(-len(plan.specs) // MAX_THUMBNAILS)
    characters = Shares(len(plan.specs)).label
    return [
        Moment(
            number=f"{spec.chunk_num:02d}",
            label=f"{spec.start_time:g} s: {label(spec, characters)}",
            at=f"{spec.start_time:.3f}",
            middle=Fraction(spec.start_time + spec.duration / 2).limit_denominator(1000),
        )
        for spec in plan.specs[::step]
    ]


def _film_label(plan: FilmPlan) -> str:
    """What the film shows, for who cannot see it."""
    beats = ", ".join(str(beat.name) for beat in plan.animatic.beats)
    title = plan.animatic.product.name or plan.video_id
    return cut(f"The film {title}: {beats}", 600)


class _Ahead:
    """The chunks' views in order, some of them made before they are asked for."""

    def __init__(self, pool: Executor, views: ChunkViews, states: Sequence[ChunkState]):
        self._pool, self._views = pool, views
        self._coming = deque(states)
        self._made: deque[Future[ChunkView]] = deque()
        for _ in range(_AHEAD):
            self._begin_one()

    def __iter__(self) -> Iterator[ChunkView]:
        while self._made:
            yield self._made.popleft().result()
            self._begin_one()

    def _begin_one(self) -> None:
        if self._coming:
            self._made.append(self._pool.submit(self._views.view, self._coming.popleft()))


def _facts(plan: FilmPlan, store: ObjectStore, states: list[ChunkState]) -> dict[str, str]:
    animatic = plan.animatic
    width, height = animatic.resolution
    clips = clip_records(states)
    models = list(dict.fromkeys(clip.model for clip in clips.values()))
    try:
        bill = film_bill(store, plan.video_id, clips)
        cost = cut(" ".join([money(bill.total_usd), *bill.notes]), 600)
    except StorageError as error:
        cost = cut(f"cannot be told: {error}", 300)
    seconds = float(animatic.fps.seconds(animatic.num_frames))
    return {
        "Length": f"{seconds:g} s, {animatic.num_frames} frames",
        "Picture": f"{width} × {height} at {animatic.fps} fps",
        "Chunks": _counted(states),
        "Cost so far": cost,
        "Models" if len(models) > 1 else "Model": cut(", ".join(models) or "none yet", 300),
    }


def _counted(states: list[ChunkState]) -> str:
    """How many chunks there are, and how many of them are not what they should be."""
    off = {name: sum(s.state == name for s in states) for name in ("stale", "missing")}
    told = ", ".join(f"{count} {name}" for name, count in off.items() if count)
    return f"{len(states)}: {told}" if told else f"{len(states)}, all up to date"


def _film_said(plan: FilmPlan, store: ObjectStore, states: list[ChunkState]) -> str:
    """What the film does not show, in words; empty where it is made of the clips below."""
    try:
        made = stored_film(store, plan.video_id)
    except StorageError as error:
        return cut(str(error), 300)
    if film_state(plan, [state.stored for state in states], made) != "out of date":
        return ""
    off = [state for state in states if state.state != "fresh"]
    if off:
        first = off[0].spec.chunk_num
        todo = f"chunk {first:02d} is {off[0].state}, and the film is stitched when none is"
    else:
        todo = "it is to be stitched again"
    return f"This film was stitched from other clips than those below: {todo}."


@cache
def _template() -> Template:
    files = resources.files("chunk_assets.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # Ours, and the only text of the page that is not escaped.
    css = files.joinpath("page.css").read_text(encoding="utf-8")
    environment.globals["css"] = Markup(css)  # noqa: S704 - a file of this package
    script = files.joinpath("page.js").read_text(encoding="utf-8")
    environment.globals["script"] = Markup(script)  # noqa: S704 - a file of this package
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals["script_hash"] = Markup(f"sha256-{digest}")  # noqa: S704 - of that file
    return environment.from_string(files.joinpath("page.html.j2").read_text(encoding="utf-8"))
