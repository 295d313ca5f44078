"""The product's own code location, with a `preview` that takes its time and tells what it makes."""

import os
import socket
import time
from pathlib import Path

import dagster as dg

from chunk_assets.definitions import build_definitions
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.preview import PreviewGenerator
from chunk_assets.generation.registry import GENERATORS, Generators
from chunk_assets.generation.stopping import NEVER, StopSignal, pause


class Unhurried(PreviewGenerator):
    """The preview, done after so many seconds, as a hosted model is; a line for each clip begun.

    The line is on the disk that the test's hosts have in common: what a killed one began is there.
    """

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        began = time.monotonic()
        who = f"{socket.gethostname()} {os.getpid()}"
        self.tell(f"began {request.video_id} {request.chunk_num} {request.seed} {who}")
        clip = super().generate(request, workdir, on_progress, stop)
        while (left := began + float(os.environ["TEST_SECONDS"]) - time.monotonic()) > 0:
            pause(left, stop)
        self.tell(f"made {request.video_id} {request.chunk_num} {request.seed} {who}")
        return clip

    def tell(self, line: str) -> None:
        """Append a line, whole."""
        descriptor = os.open(os.environ["TEST_JOURNAL"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)


GENERATING: Generators = {**GENERATORS, "preview": lambda _context: Unhurried()}


def unchecked(whole: dg.Definitions) -> dg.Definitions:
    """Without the sensor that has clips checked, which takes a third of two processors."""
    sensors = [sensor for sensor in whole.sensors or () if sensor.name != "rendered_chunks"]
    return dg.Definitions(
        assets=whole.assets,
        asset_checks=whole.asset_checks,
        jobs=whole.jobs,
        sensors=sensors,
        executor=whole.executor,
        resources=whole.resources,
    )


defs = unchecked(build_definitions(GENERATING))
