"""The film page: one HTML file with everything a director wants to see of a film.

It contains its pictures and videos. Only links to the full film and to takes lead outside.
"""

import base64
import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib import resources
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from markupsafe import Markup

from chunk_assets.errors import StorageError
from chunk_assets.files.atomic import atomic_write
from chunk_assets.files.locks import FileLock
from chunk_assets.files.private_home import private_home
from chunk_assets.files.workdirs import film_workdir
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.report.chunks import STATE_NAMES, ChunkView, ChunkViews, chunk_state
from chunk_assets.report.film import film_facts, film_label, film_note, moments, poster_time
from chunk_assets.report.media import film as film_medium
from chunk_assets.report.words import cut, moment
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

if TYPE_CHECKING:
    from jinja2 import Template

HTML = "text/html; charset=utf-8"

AUTOPLAY_CHUNKS = 60
"""Clips of longer films wait for a click: no phone decodes hundreds of videos at once."""

_AT_ONCE = max(2, min(4, os.cpu_count() or 1))
_AHEAD = 12
"""How many chunks are made in advance; bounds memory."""


def write_page(home: Path, store: ObjectStore, plan: FilmPlan) -> StoredObject:
    """Make a film's page from its stored objects, and store the page.

    Two processes of one machine take turns, so the stored page is the one made last.

    Raises:
        StorageError, MediaError: The disk or S3 refuses it.
    """
    private_home(home)
    with (
        FileLock(home / "locks" / "pages" / f"{plan.video_id}.lock"),
        film_workdir(home) as workdir,
    ):
        page = make_page(plan, store, workdir)
        return store.put_file(FilmObjects(store, plan.video_id).page().key, page, HTML)


def make_page(plan: FilmPlan, store: ObjectStore, workdir: Path) -> Path:
    """Make a film's page from its stored objects.

    Pictures and videos are reduced, so that the page has at most `media.MAX_PAGE_BYTES`. Each
    missing or damaged object is replaced by a sentence. Memory use is bounded for films of any
    length.

    Args:
        plan: The film.
        store: The bucket.
        workdir: An existing directory; only the page is left in it.

    Returns:
        The page's path.

    Raises:
        StorageError, MediaError: The disk refuses it.
    """
    page = workdir / "report.html"
    try:
        with (
            TemporaryDirectory(prefix="page-", dir=workdir) as scratch,
            atomic_write(page) as part,
            closing(_page(plan, store, Path(scratch))) as text,
            # A manifest may contain lone surrogates, which UTF-8 cannot encode.
            part.open("w", encoding="utf-8", errors="replace", newline="\n") as file,
        ):
            file.writelines(text)
    except OSError as error:
        message = f"this machine's disk refused a file in {str(workdir)!r}: {error}"
        raise StorageError(message, path=str(workdir)) from error
    return page


def _page(plan: FilmPlan, store: ObjectStore, scratch: Path) -> Generator[str, None, None]:
    """Generate the page's text in parts."""
    now = datetime.now(UTC)
    film = FilmObjects(store, plan.video_id).film()
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="film page")
    try:
        states = list(pool.map(partial(chunk_state, plan, store), plan.specs))
        medium = pool.submit(
            film_medium,
            film,
            scratch / "film.mp4",
            poster_time(plan),
            moments(plan),
            "not stitched yet",
        )
        facts, bill = film_facts(plan, store, states)
        chunks = _view_all(pool, ChunkViews(plan, store, scratch, bill), states)
        yield from _template().generate(
            title=cut(plan.animatic.product.name or plan.video_id, 200),
            plan=plan,
            states=states,
            state_names=STATE_NAMES,
            facts=facts,
            film=medium.result(),
            film_label=film_label(plan),
            film_link=film.link(),
            link_ends=moment(now + timedelta(seconds=store.link_seconds)),
            film_uri=film.uri,
            film_note=film_note(plan, store, states),
            chunks=chunks,
            clips_play=len(states) <= AUTOPLAY_CHUNKS,
            generated_at=moment(now),
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _view_all(
    pool: Executor, views: ChunkViews, states: Sequence[ChunkState]
) -> Iterator[ChunkView]:
    """Start making the chunks' views; return them in order."""
    waiting = iter(states)
    made = deque(pool.submit(views.view, state) for state in islice(waiting, _AHEAD))

    def results() -> Iterator[ChunkView]:
        while made:
            yield made.popleft().result()
            made.extend(pool.submit(views.view, state) for state in islice(waiting, 1))

    return results()


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # would add 0.1 s to the start of every run

    files = resources.files("chunk_assets.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # Only these texts, files of this package, are not escaped.
    css = files.joinpath("page.css").read_text(encoding="utf-8")
    environment.globals["css"] = Markup(css)  # noqa: S704 - a file of this package
    script = files.joinpath("page.js").read_text(encoding="utf-8")
    environment.globals["script"] = Markup(script)  # noqa: S704 - a file of this package
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals["script_hash"] = Markup(f"sha256-{digest}")  # noqa: S704 - of that file
    return environment.from_string(files.joinpath("page.html.j2").read_text(encoding="utf-8"))
