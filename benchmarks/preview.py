"""How long the preview generator takes for a clip of 60 frames at 24 fps, encoding and all.

Run by hand::

    python benchmarks/preview.py

Measured on two cores, Pillow 13, FFmpeg 9: seconds from call to clip with both cores free (best
of 3), and CPU seconds, the encoder's among them (best of 5), which other work hardly changes:

=========  ==========================================  =======  ====
size       movement                                    seconds  CPU
=========  ==========================================  =======  ====
1024×576   static                                         0.25  0.45
1024×576   dolly in, pan (upright framings)               0.67  1.4
1024×576   dolly out, orbit, crane, handheld (warped)     0.92  1.7
1920×1080  static                                           --  1.5
1920×1080  dolly in, pan                                    --  4.5
1920×1080  dolly out, orbit, crane, handheld                --  5.4
=========  ==========================================  =======  ====
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import skimage.data
from PIL import Image

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.preview import PreviewGenerator
from chunk_assets.media.images import cover

MOVEMENTS = ("static", "dolly in", "pan left", "dolly out", "orbit", "crane up", "handheld")
SIZES = ((1024, 576), (1920, 1080))
REPEATS = 5


def seconds_taken(
    picture: Path, size: tuple[int, int], movement: str, workdir: Path
) -> tuple[float, float]:
    """Render one clip; return how long it took, and for how long it kept one core busy."""
    request = GenerationRequest(
        video_id="benchmark",
        chunk_num=1,
        prompt="",
        conditioning_image=picture,
        num_frames=60,
        fps=FrameRate(24),
        size=size,
        seed=1,
        camera_movement=movement,
        keyframes=(12, 48),
    )
    start, busy = time.perf_counter(), sum(os.times()[:4])  # the encoder's process, too
    PreviewGenerator().generate(request, workdir)
    return time.perf_counter() - start, sum(os.times()[:4]) - busy


def main() -> None:
    """Print a row for each size and movement."""
    print(f"{'size':<10} {'movement':<10} {'best':>5} {'median':>6} {'cpu':>5}")
    with tempfile.TemporaryDirectory() as directory:
        workdir = Path(directory)
        for size in SIZES:
            picture = workdir / "picture.png"
            cover(Image.fromarray(skimage.data.coffee()), size).save(picture, compress_level=1)
            for movement in MOVEMENTS:
                runs = [seconds_taken(picture, size, movement, workdir) for _ in range(REPEATS)]
                taken, busy = zip(*runs, strict=True)
                row = f"{min(taken):5.2f} {statistics.median(taken):6.2f} {min(busy):5.2f}"
                print(f"{'{}x{}'.format(*size):<10} {movement:<10} {row}")


if __name__ == "__main__":
    main()
