"""Download a prediction's output: complete, a video, and from an allowed host only."""

import base64
import binascii
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import httpx
from pydantic import SecretStr

from chunk_assets.errors import (
    GenerationError,
    MediaError,
    Rejected,
    TimedOut,
    Unavailable,
    Unsupported,
)
from chunk_assets.files.atomic import atomic_write
from chunk_assets.generation.replicate.api_errors import (
    Refusal,
    as_transport_error,
    is_web_page,
    web_page,
)
from chunk_assets.generation.replicate.hosts import LOOPBACK, check_address, origin, tls
from chunk_assets.generation.stopping import NEVER, StopSignal, pause, streamed
from chunk_assets.media.frames import probe
from chunk_assets.retry import OnRetry, RetryPolicy, ignore_retries, retry

MOST_REDIRECTS = 5
_WHAT = "a prediction's output"

_NOTICE_SECONDS = 60
"""Interval of the messages that a download is slow."""


class Gone(GenerationError):
    """The output does not exist: it was deleted, or is not on every server yet."""


def fetch(
    url: str,
    path: Path,
    *,
    api: str,
    token: SecretStr,
    max_bytes: int = 2 << 30,
    timeout: float = 60,
    total_seconds: float = 1800,
    retries: RetryPolicy | None = None,
    on_retry: OnRetry = ignore_retries,
    stop: StopSignal = NEVER,
) -> None:
    """Save an output as `path`, completely or not at all.

    An output that is not a complete video is downloaded again. One that is complete, but of an
    unsupported kind, is saved.

    Args:
        url: The output's URL, or a data URI that contains it.
        path: The new file; its directory exists.
        api: The API's base URL. The token is sent only there, and outputs may be on this machine
            only if the API is.
        token: The API token.
        max_bytes: The largest size.
        timeout: Longest wait in seconds between two bytes.
        total_seconds: Timeout of one attempt.
        retries: When to give up.
        on_retry: Called with one sentence before each retry.
        stop: Ends the download.

    Raises:
        Gone: The output does not exist.
        Rejected: It is too large, or not on an allowed host.
        Unavailable: It cannot be downloaded, or is never a complete video.
        TimedOut: It takes too long.
        MediaError: `path` cannot be written.
    """
    if url[:5].lower() == "data:":
        _save(path, iter([_decoded(url, max_bytes)]), max_bytes)
        return

    is_local = httpx.URL(api).host in LOOPBACK

    def parts() -> Generator[bytes, None, None]:
        with (
            httpx.Client(verify=tls(), timeout=timeout, trust_env=not is_local) as client,
            closing(_answer(client, url, api, token)) as response,
        ):
            yield from _chunks(response, max_bytes, total_seconds, on_retry)

    def once() -> None:
        try:
            with closing(streamed(parts, stop=stop)) as chunks:
                _save(path, chunks, max_bytes)
        except httpx.InvalidURL:
            raise Rejected("a prediction's output has an invalid URL") from None
        except httpx.HTTPError as error:
            # Not chained: its text or its request could contain the URL.
            raise as_transport_error(error, _WHAT) from None

    retry(
        once,
        retries or RetryPolicy(),
        on_retry=on_retry,
        pause=lambda seconds: pause(seconds, stop),
    )


def _answer(client: httpx.Client, url: str, api: str, token: SecretStr) -> httpx.Response:
    """Return the open response of 200, after following redirects to allowed hosts."""
    address = httpx.URL(url)
    for _ in range(MOST_REDIRECTS + 1):
        check_address(address, base_url=api)
        headers = {"Accept-Encoding": "identity"}  # so that the length can be compared
        if origin(address) == origin(httpx.URL(api)):
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        request = client.build_request("GET", address, headers=headers)
        response = client.send(request, stream=True, follow_redirects=False)
        if response.has_redirect_location:
            response.close()
            address = address.join(response.headers["location"])
        elif response.status_code == 200:
            return response
        else:
            raise _refused(Refusal(response))
    raise Rejected(f"a prediction's output is redirected more than {MOST_REDIRECTS} times")


def _refused(refusal: Refusal) -> GenerationError:
    status = refusal.status
    if refusal.is_proxys:
        return Unavailable(web_page(_WHAT, f" ({status})"), status=status)
    if status in (404, 410):
        message = f"{_WHAT} is not there ({status}): Replicate keeps it for an hour"
        return Gone(message, status=status)
    if status in (401, 403):
        message = f"{_WHAT} is refused by the server that has it ({status}){refusal.detail}"
        return Rejected(message, status=status)
    wait = {} if refusal.retry_after is None else {"retry_after": refusal.retry_after}
    return Unavailable(f"{_WHAT} cannot be fetched for now ({status})", status=status, **wait)


def _chunks(
    response: httpx.Response, max_bytes: int, total_seconds: float, log: OnRetry
) -> Iterator[bytes]:
    """Yield a response's bytes, as many as announced; log if it takes long."""
    began = logged = time.monotonic()
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    came = 0
    for chunk in response.iter_raw():
        if came == 0 and is_web_page(chunk):
            raise Unavailable(web_page(_WHAT))
        came += len(chunk)
        now = time.monotonic()
        if now > began + total_seconds:
            raise TimedOut(f"{_WHAT} is too slow: {came} bytes arrived within {total_seconds:g} s")
        if now > logged + _NOTICE_SECONDS:
            logged = now
            log(
                f"{_WHAT} is slow: {came} of {announced or 'an unknown number of'} bytes arrived "
                f"after {now - began:.0f} s of at most {total_seconds:g} s"
            )
        yield chunk
    if announced.isdecimal() and came != int(announced):
        raise Unavailable(f"{_WHAT} is incomplete: {came} of {announced} bytes")


def _save(path: Path, chunks: Iterator[bytes], max_bytes: int) -> None:
    came = 0
    with atomic_write(path, MediaError) as part:
        with part.open("wb") as file:
            for chunk in chunks:
                came += len(chunk)
                if came > max_bytes:
                    raise _too_large(max_bytes)
                file.write(chunk)
        try:
            probe(part)
        except Unsupported:
            pass  # it is complete and paid for, so it is kept; decoding it says what is wrong
        except MediaError as error:
            # Its message names a file that will not exist.
            message = f"{_WHAT} arrived as {came} bytes that are not a complete video"
            raise Unavailable(message, bytes=came) from error


def _too_large(max_bytes: int) -> Rejected:
    message = f"{_WHAT} is too large: the limit is {max_bytes} bytes"
    return Rejected(message, allowed=max_bytes)


def _decoded(url: str, max_bytes: int) -> bytes:
    """Return the content of a base64 data URI."""
    head, _, data = url.partition(",")
    if len(data) > max_bytes * 4 // 3 + 4:
        raise _too_large(max_bytes)
    try:
        if not head.lower().endswith(";base64"):
            raise ValueError
        return base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        raise Rejected(f"{_WHAT} is a data URI that cannot be decoded") from None
