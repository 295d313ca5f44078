"""Download a clip from a server's `/view`: complete, bounded, and a video."""

import time
from pathlib import Path

import httpx

from chunk_assets.deployment import deployment
from chunk_assets.errors import GenerationError, MediaError, Rejected, Unavailable, Unsupported
from chunk_assets.files.atomic import atomic_write
from chunk_assets.generation.comfyui.outcome import OutputFile
from chunk_assets.generation.comfyui.server import Server
from chunk_assets.media.frames import VideoInfo, probe

MOST_BYTES = 2 << 30
TOTAL_SECONDS = 1800.0


class Gone(GenerationError):
    """The server does not have the file."""


class Broken(Unavailable):
    """The file came as a whole, and is not a complete video."""


def download(server: Server, file: OutputFile, path: Path) -> VideoInfo:
    """Save a server's file as `path`, completely or not at all, and return what is in it.

    Raises:
        Gone: The server does not have it.
        Rejected: It is too large, or of an unsupported kind.
        Broken: It is not a complete video.
        Unavailable: It cannot be downloaded now.
        MediaError: `path` cannot be written.
    """
    what = f"the clip {file.filename!r} of ComfyUI at {server.label}"
    most = min(MOST_BYTES, deployment().limits.clip_file_bytes)
    began, came, announced = time.monotonic(), 0, None
    with atomic_write(path, MediaError) as part:
        try:
            with part.open("wb") as target:
                for status, announced, block in server.file(file):
                    if status in (404, 410):
                        raise Gone(f"{what} is not there ({status})")
                    if status != 200:
                        raise Unavailable(f"{what} cannot be fetched ({status})", status=status)
                    came += len(block)
                    if came > most or (announced or 0) > most:
                        raise Rejected(f"{what} is too large: the limit is {most} bytes")
                    if time.monotonic() - began > TOTAL_SECONDS:
                        raise Unavailable(
                            f"{what} is too slow: {came} bytes arrived within {TOTAL_SECONDS:g} s"
                        )
                    target.write(block)
        except httpx.HTTPError as error:
            raise server.connection.transport_error(error, "a request for a clip") from None
        if announced is not None and came != announced:
            raise Unavailable(f"{what} is incomplete: {came} of {announced} bytes")
        try:
            return probe(part)
        except Unsupported as error:
            sentence = str(error).replace(repr(str(part)), what)
            raise Rejected(f"{sentence}; save it as MP4 in the workflow") from error
        except MediaError as error:
            message = f"{what} arrived as {came} bytes that are not a complete video"
            raise Broken(message, bytes=came) from error
