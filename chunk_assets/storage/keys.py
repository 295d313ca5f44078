"""The key of every object. Only `film.objects` uses these.

::

    animatics/{video}.json                              the manifest; written last, it commits
    animatics/{video}/{file}                            frames, style guide, product picture
    chunks/{video}/specs/chunk_{nn}.json                ChunkSpec
    chunks/{video}/composites/chunk_{nn}.png            composite
    chunks/{video}/chunk_{nn}.mp4                       clip of the chosen take
    chunks/{video}/frames/chunk_{n}_last_frame.png      its last frame (its number is not padded)
    chunks/{video}/seams/seam_{nn}.mp4                  blend of a clip with the previous one
    chunks/{video}/takes/chunk_{nn}/take_{nn}/          one take: take.json, original.*, clip.mp4,
                                                        last_frame.png, moving.webp, checks.json
    chunks/{video}/takes/chunk_{nn}/choices.json        choices among the takes, and an acceptance
    chunks/{video}/predictions/chunk_{nn}.json          ledger: requests to paid generators
    chunks/{video}/checks/chunk_{nn}.json               results of the checks of that clip
    videos/{video}/stitched.mp4                         the film
    videos/{video}/output.json                          ChunkGenerationOutput
    videos/{video}/report.html                          the film page
    spending/{day}.json                                 account of the sensor's paid films
"""

import posixpath

ANIMATICS = "animatics/"
CHUNKS = "chunks/"
FILMS = "videos/"
STITCHED, OUTPUT = "stitched.mp4", "output.json"


def manifest(video_id: str) -> str:
    """The animatic's manifest."""
    return f"{ANIMATICS}{video_id}.json"


def animatic_files(video_id: str) -> str:
    """The folder of the pictures that the manifest names."""
    return f"{ANIMATICS}{video_id}/"


def animatic_file(video_id: str, name: str) -> str:
    """A picture that the manifest names; `schemas.Animatic` has checked that it stays inside.

    The name is normalised: S3 servers refuse or change keys such as `./a.png` and `b//a.png`.
    """
    return f"{animatic_files(video_id)}{posixpath.normpath(name)}"


def chunk_spec(video_id: str, chunk_num: int) -> str:
    """One chunk's spec."""
    return f"{CHUNKS}{video_id}/specs/chunk_{chunk_num:02d}.json"


def composite(video_id: str, chunk_num: int) -> str:
    """One chunk's composite."""
    return f"{CHUNKS}{video_id}/composites/chunk_{chunk_num:02d}.png"


def chunk_video(video_id: str, chunk_num: int) -> str:
    """One chunk's clip."""
    return f"{CHUNKS}{video_id}/chunk_{chunk_num:02d}.mp4"


def last_frame(video_id: str, chunk_num: int) -> str:
    """One chunk's last frame."""
    return f"{CHUNKS}{video_id}/frames/chunk_{chunk_num}_last_frame.png"


def seam(video_id: str, chunk_num: int) -> str:
    """The blend of one chunk's clip with the previous one; made again if it is missing."""
    return f"{CHUNKS}{video_id}/seams/seam_{chunk_num:02d}.mp4"


def takes(video_id: str, chunk_num: int) -> str:
    """The folder of a chunk's takes."""
    return f"{CHUNKS}{video_id}/takes/chunk_{chunk_num:02d}/"


def take(video_id: str, chunk_num: int, number: int) -> str:
    """The folder of one take's objects, which are never overwritten while they are intact."""
    return f"{takes(video_id, chunk_num)}take_{number:02d}/"


def choices(video_id: str, chunk_num: int) -> str:
    """What people chose among a chunk's takes, and whether they accepted a stale clip."""
    return f"{takes(video_id, chunk_num)}choices.json"


def ledgers(video_id: str) -> str:
    """The folder of the film's ledgers, one a chunk (`generation.ledger`)."""
    return f"{CHUNKS}{video_id}/predictions/"


def check_results(video_id: str, chunk_num: int) -> str:
    """The results of the checks of a chunk's clip."""
    return f"{CHUNKS}{video_id}/checks/chunk_{chunk_num:02d}.json"


def clips(video_id: str) -> str:
    """The folder of the film's clips, and of the folders of its chunks' other objects."""
    return f"{CHUNKS}{video_id}/"


def film(video_id: str) -> str:
    """The folder of the stitched film, its output and its page."""
    return f"{FILMS}{video_id}/"


def stitched_video(video_id: str) -> str:
    """The film."""
    return f"{film(video_id)}{STITCHED}"


def output(video_id: str) -> str:
    """The film's ChunkGenerationOutput."""
    return f"{film(video_id)}{OUTPUT}"


def page(video_id: str) -> str:
    """The film page."""
    return f"{film(video_id)}report.html"


def day_spending(day: str) -> str:
    """The account of what films started by the sensor cost on a day such as "2026-11-28"."""
    return f"spending/{day}.json"
