"""Draws the README's picture: one frame from the middle of each chunk of a film.

`python docs/draw_film.py film.mp4`
"""

import sys
from pathlib import Path

from PIL import Image

from chunk_assets.media.frames import read_frames
from chunk_assets.media.images import contact_sheet

SLOT = 48
"""Frames of a chunk at 24 fps."""


def main(film: str) -> None:
    """Write docs/film.jpg."""
    frames = [
        Image.fromarray(rgb)
        for number, rgb in enumerate(read_frames(film))
        if number % SLOT == SLOT // 2
    ]
    target = Path(__file__).with_name("film.jpg")
    contact_sheet(frames, width=1200).save(target, quality=88)


if __name__ == "__main__":
    main(sys.argv[1])
