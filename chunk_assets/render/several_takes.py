"""Renders several takes of a chunk side by side, and picks the first whose checks pass."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from chunk_assets.errors import GenerationError, MediaError
from chunk_assets.film.takes import StoredTake, Takes
from chunk_assets.render.context import RenderContext
from chunk_assets.render.made import ChosenClip, ClipInputs, Rendered
from chunk_assets.render.new_take import TakeRenderer
from chunk_assets.render.takes import keep_take


class SeveralTakes:
    """Makes several takes of one chunk after another; the chain waits for all of them."""

    def __init__(self, context: RenderContext, renderer: TakeRenderer):
        self._context, self._renderer = context, renderer

    def make(
        self,
        inputs: ClipInputs,
        model: str,
        takes: Takes,
        there: list[StoredTake],
        chosen: ChosenClip | None,
    ) -> StoredTake:
        """Render the takes that are missing, store them, and return the one to choose.

        That is the take with the lowest number whose checks pass; if none passes, the lowest. A
        take that fails is left out, unless all fail.

        Args:
            inputs: What the clips are made from.
            model: The generator's model and its version.
            takes: The chunk's takes.
            there: Takes that an interrupted run has made for the same request.
            chosen: The clip that the chunk has so far, if it is intact and has a record.

        Raises:
            GenerationError: The generator delivered no clip.
            MediaError: No clip can be decoded.
        """
        context, spec = self._context, inputs.spec
        record = chosen.record if chosen is not None else None
        if chosen is not None:
            takes.adopt(chosen.stored, chosen.record)  # first: it is older than the new takes
        missing = max(0, context.request.takes - len(there))
        numbers = takes.new_numbers(missing, record)
        progress = dict.fromkeys(numbers, 0.0)

        def progressed(number: int, fraction: float) -> None:
            progress[number] = fraction
            context.listener.progressed(spec, sum(progress.values()) / len(progress))

        def generate(number: int) -> Rendered | GenerationError:
            try:
                return self._renderer.generate(
                    inputs, model, number, chosen, partial(progressed, number)
                )
            except GenerationError as error:
                return error

        made, failures = list(there), []
        if numbers:
            context.listener.started(spec)
            with ThreadPoolExecutor(len(numbers), thread_name_prefix="take") as pool:
                results = list(pool.map(generate, numbers))
            seconds = [each.seconds for each in results if isinstance(each, Rendered)]
            context.listener.rendered(spec, max(seconds, default=0.0))
            for number, result in zip(numbers, results, strict=True):
                try:
                    if isinstance(result, GenerationError):
                        raise result
                    made.append(keep_take(context, self._renderer.decode(result)).take)
                except (GenerationError, MediaError) as error:
                    failures.append(error)
                    context.listener.noticed(f"take {number} of chunk {spec.chunk_num}: {error}")
        if not made:
            raise failures[0]
        return self._first_good(inputs, sorted(made, key=lambda take: take.number))

    def _first_good(self, inputs: ClipInputs, made: list[StoredTake]) -> StoredTake:
        """Check all takes, so that people can compare them; return the first that passes.

        If none does, the first one.
        """
        context, number, good = self._context, inputs.spec.chunk_num, []
        for take in made:
            path = context.files.stored_file(number, take.clip).fetch()
            faults = context.judge.faults(inputs.spec, take, path, inputs.composite.load())
            path.unlink()
            if faults:
                context.listener.noticed(f"take {take.number} of chunk {number}: {faults[0]}")
            else:
                good.append(take)
        return good[0] if good else made[0]
