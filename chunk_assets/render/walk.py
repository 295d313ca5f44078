"""The walk along a film's chain: it makes the chunks in order and yields what is stored on S3.

A chunk's clip ends in the frame that conditions the next one, so chunks are rendered in order.
Three threads share the work, so that the chain waits for nothing but its generator:

- the chain takes a clip's last frame, blends the next composite and requests the next clip;
- the finishing queue normalises clips and stores objects, in order;
- the caller is given each object once it is on S3, and records it. The walk is free of Dagster.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import zip_longest

from chunk_assets.errors import Stopped, StorageError
from chunk_assets.render.context import RenderContext
from chunk_assets.render.finishing_queue import ChunkDone, FinishingQueue
from chunk_assets.render.request import ChunkObject
from chunk_assets.render.stages import Stages

_LOOK_SECONDS = 0.25

CHUNKS_AT_ONCE = 3
"""How many chunks may be started and not yet recorded: bounds memory and disk."""


def walk(context: RenderContext, chunk_nums: Sequence[int]) -> Generator[ChunkObject, None, None]:
    """Make chunks in the order of their numbers, and yield each object once it is on S3.

    If a chunk fails, earlier objects are finished and yielded first. If the caller stops
    (closes the iterator or is interrupted), the generator is stopped and uploads are completed.
    Waits for a chunk that another run has locked, and for the chunk before the first one while
    another run renders it. When the process shuts down, the chunk in flight is the last.

    Raises:
        SpecError: The film has no such chunk.
        NotStored: Something that the requested stages are made from is not stored.
        MediaError, GenerationError, StorageError: A chunk could not be made.
        HandedOff: This process shuts down; what was made is stored.
    """
    numbers = sorted(set(chunk_nums))
    finishing, room = FinishingQueue(), threading.Semaphore(CHUNKS_AT_ONCE)
    chain = threading.Thread(
        target=_make_chunks, args=(context, numbers, finishing, room), name="chain"
    )
    try:
        chain.start()
        for result in finishing.results():
            if isinstance(result, ChunkDone):
                context.files.remove_before(result.chunk_num)
                context.locks.release(result.chunk_num)
                room.release()
            else:
                yield result
    except OSError as error:
        path = str(context.workdir)
        message = f"this machine's disk refused a file in {path!r}: {error}"
        raise StorageError(message, path=path) from error
    finally:
        context.stop.close()
        if chain.ident is not None:
            chain.join()
        finishing.close()
        for number in numbers:
            context.locks.release(number)


def _make_chunks(
    context: RenderContext,
    numbers: list[int],
    finishing: FinishingQueue,
    room: threading.Semaphore,
) -> None:
    """Make one chunk after another, a little ahead of what is recorded."""
    error = None
    try:
        with closing(Stages(context, finishing)) as stages:
            for number, following in zip_longest(numbers, numbers[1:]):
                while not room.acquire(timeout=_LOOK_SECONDS):
                    context.stop.raise_if_set()
                    # An interrupt may even prevent the stop: the chain must not outlive its reader.
                    if not threading.main_thread().is_alive():
                        raise Stopped
                stages.make(number, following)
                finishing.finish_chunk(number)
    except BaseException as raised:  # raised again where the results are read
        error = raised
    finishing.end(error)
