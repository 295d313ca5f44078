"""Where every object lives. Keys are built here and nowhere else.

::

    animatics/{video}.json                              the manifest; written last, it commits
    animatics/{video}/{file}                            frames, style guide, product picture
    chunks/{video}/specs/chunk_{nn}.json                ChunkSpec
    chunks/{video}/composites/chunk_{nn}.png            conditioning image
    chunks/{video}/chunk_{nn}.mp4                       clip
    chunks/{video}/frames/chunk_{n}_last_frame.png      last frame (its number is not padded)
    chunks/{video}/seams/seam_{nn}.mp4                  blend of a clip with the one before
    chunks/{video}/predictions/chunk_{nn}.json          ledger: what was asked of a hosted model
    chunks/{video}/checks/chunk_{nn}.json               results of its checks
    videos/{video}/stitched.mp4                         the film
    videos/{video}/output.json                          ChunkGenerationOutput
    videos/{video}/report.html                          the film's page
    spending/{day}.json                                 what the sensor's paid films cost that day
"""

import posixpath

ANIMATICS = "animatics/"
CHUNKS = "chunks/"
FILMS = "videos/"


def manifest(video_id: str) -> str:
    """The animatic's manifest."""
    return f"{ANIMATICS}{video_id}.json"


def animatic_files(video_id: str) -> str:
    """The folder of the pictures that the manifest names."""
    return f"{ANIMATICS}{video_id}/"


def animatic_file(video_id: str, name: str) -> str:
    """A picture the manifest names; `name` has been checked to stay inside (schemas.Animatic).

    `./a.png` and `b//a.png` are names of files, but S3 servers refuse or change such keys.
    """
    return f"{animatic_files(video_id)}{posixpath.normpath(name)}"


def chunk_spec(video_id: str, chunk_num: int) -> str:
    """What one chunk is to be."""
    return f"{CHUNKS}{video_id}/specs/chunk_{chunk_num:02d}.json"


def composite(video_id: str, chunk_num: int) -> str:
    """What one chunk is conditioned on."""
    return f"{CHUNKS}{video_id}/composites/chunk_{chunk_num:02d}.png"


def chunk_video(video_id: str, chunk_num: int) -> str:
    """One chunk's clip."""
    return f"{CHUNKS}{video_id}/chunk_{chunk_num:02d}.mp4"


def last_frame(video_id: str, chunk_num: int) -> str:
    """What one chunk hands to the next."""
    return f"{CHUNKS}{video_id}/frames/chunk_{chunk_num}_last_frame.png"


def seam(video_id: str, chunk_num: int) -> str:
    """The blend of the clip before with one chunk's, prepared for stitching; made again at need."""
    return f"{CHUNKS}{video_id}/seams/seam_{chunk_num:02d}.mp4"


def ledgers(video_id: str) -> str:
    """The folder of the film's ledgers, one a chunk (`generation.ledger`)."""
    return f"{CHUNKS}{video_id}/predictions/"


def check_results(video_id: str, chunk_num: int) -> str:
    """The results of the checks of a chunk's clip."""
    return f"{CHUNKS}{video_id}/checks/chunk_{chunk_num:02d}.json"


def clips(video_id: str) -> str:
    """Where the film's clips are, beside folders of everything else there is of its chunks."""
    return f"{CHUNKS}{video_id}/"


def film(video_id: str) -> str:
    """Where the stitched film and what is told of it are."""
    return f"{FILMS}{video_id}/"


def stitched_video(video_id: str) -> str:
    """The film."""
    return f"{film(video_id)}stitched.mp4"


def output(video_id: str) -> str:
    """The film's ChunkGenerationOutput."""
    return f"{film(video_id)}output.json"


def page(video_id: str) -> str:
    """The film page."""
    return f"{film(video_id)}report.html"


def day_spending(day: str) -> str:
    """The account of what films started by the sensor cost on a day, such as "2026-11-28"."""
    return f"spending/{day}.json"
