"""Draws the README's picture: one frame from the middle of each chunk of a film.

`python docs/draw_film.py film.mp4`
"""

import sys
from fractions import Fraction
from pathlib import Path

from chunk_assets.media.frames import probe
from chunk_assets.media.images import contact_sheet
from chunk_assets.media.sampling import frames_at

SLOT, FPS = 48, 24
"""Frames of a chunk, and frames per second."""

WIDTH = 640


def main(film: str) -> None:
    """Write docs/film.jpg."""
    middles = range(SLOT // 2, probe(film).frames, SLOT)
    frames = frames_at(film, [Fraction(frame, FPS) for frame in middles], WIDTH)
    target = Path(__file__).with_name("film.jpg")
    contact_sheet(frames, width=1200).save(target, quality=88)


if __name__ == "__main__":
    main(sys.argv[1])
