"""Translate error responses of Replicate's API into our errors."""

import json
import logging
from typing import Any

import httpx

from chunk_assets.errors import GenerationError, Rejected, TimedOut, Unavailable
from chunk_assets.generation.replicate.predictions import redacted

_IN_BETWEEN = "check for a login page or proxy between here and Replicate"
BILLING = "https://replicate.com/account/billing"


NOT_THERE = (404, 410)
"""HTTP statuses of what does not exist, or no longer exists."""


class LostAnswer(GenerationError):
    """A prediction may have been created, but the answer was lost.

    Never retried, which could pay twice: search for the prediction first
    (`ReplicateApi.created_since`).
    """


class Refusal(Exception):
    """A response with a status of 300 or above, raised so that no lower layer retries it."""

    def __init__(self, response: httpx.Response):
        super().__init__(response.status_code)
        self.status = response.status_code
        self.is_web_page = False
        try:
            content = _beginning(response)
            self.is_web_page = is_web_page(content)
            self.body: Any = json.loads(content)
        except (ValueError, httpx.HTTPError):  # a proxy's HTML page, or an incomplete body
            self.body = None
        finally:
            response.close()
        self.retry_after = _retry_after(response.headers.get("retry-after"), self.body)

    @property
    def may_have_created(self) -> bool:
        """Whether a POST with this response may still have been carried out."""
        return self.status >= 500 or self.status == 408

    @property
    def is_proxys(self) -> bool:
        """Whether a proxy or a login page sent it, by its status."""
        return self.status in (407, 511)

    @property
    def detail(self) -> str:
        """The response's own explanation, as ": …", or nothing."""
        if self.is_web_page and self.status < 500:
            return f" ({self.status}, as a web page: {_IN_BETWEEN})"
        body = self.body if isinstance(self.body, dict) else {"detail": self.body}
        said = body.get("detail") or body.get("title")
        text = " ".join(redacted(said).split())[:300] if isinstance(said, str) else ""
        return f": {text}" if text else ""


def as_error(refusal: Refusal, what: str) -> GenerationError:
    """Return our error for a refusal.

    Args:
        refusal: The response.
        what: What was requested, as in "the model 'a/b'".
    """
    status = refusal.status
    if refusal.is_proxys:
        return Unavailable(web_page(what, f" ({status})"), status=status)
    if status in (401, 403):
        return Rejected(
            "Replicate refused the API token: check REPLICATE_API_TOKEN" + refusal.detail,
            status=status,
        )
    if status == 402:
        message = f"Replicate refused {what} for lack of credit: add some at {BILLING}"
        return Rejected(message, status=status)
    if status == 404:
        return Rejected(f"Replicate does not have {what}: check its name", status=status)
    if status == 413:
        message = f"Replicate refused {what} as too large: the limit is 100 MB"
        return Rejected(message, status=status)
    if status == 422:
        fields = _invalid_fields(refusal.body)
        said = "; ".join(f"{name}: {text}" for name, text in fields.items())
        detail = f": {said}" if said else refusal.detail
        return Rejected(f"Replicate refused {what} as invalid{detail}", status=status, **fields)
    if status == 429:
        wait = {} if refusal.retry_after is None else {"retry_after": refusal.retry_after}
        message = f"Replicate accepts no more requests for now{refusal.detail}"
        return Unavailable(message, status=status, **wait)
    if status < 400:
        message = f"Replicate redirected {what} elsewhere ({status}), which is not followed: "
        hint = "check REPLICATE_BASE_URL, and for a login page or proxy in between"
        return Rejected(message + hint, status=status)
    if status >= 500 or status == 408:
        message = f"Replicate could not answer for {what} ({status}): its servers have a problem"
        return Unavailable(message, status=status)
    return Rejected(f"Replicate refused {what} ({status}){refusal.detail}", status=status)


def as_transport_error(error: httpx.HTTPError, what: str) -> GenerationError:
    """Return our error for a connection that failed."""
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"Replicate did not answer for {what} in time: check the network")
    reason = redacted(str(error)) or type(error).__name__
    if "certificate" in reason and ("expired" in reason or "not yet valid" in reason):
        reason += ": check this machine's clock"
    return Unavailable(f"Replicate cannot be reached for {what}: {reason}")


def is_web_page(content: bytes) -> bool:
    """Return whether a body, or its beginning, is HTML."""
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(b"<") and (b"<html" in start or b"<!doctype html" in start)


def web_page(what: str, detail: str = "") -> str:
    """Return the sentence for a web page in place of the requested data."""
    return f"the request for {what} was answered with a web page{detail}: {_IN_BETWEEN}"


def unreadable(what: str, content: bytes = b"") -> Unavailable:
    """Return the error for a response of 200 without the expected JSON."""
    if is_web_page(content):
        return Unavailable(web_page(what))
    return Unavailable(f"Replicate's answer for {what} cannot be read: it has an unexpected form")


def lost(what: str, why: str, *, is_page: bool = False) -> LostAnswer:
    """Return the error for a prediction that may have been created."""
    if is_page:
        why = f"a web page came instead: {_IN_BETWEEN}"
    return LostAnswer(f"Replicate's answer to the request for {what} is lost ({why})")


def was_not_sent(error: httpx.HTTPError) -> bool:
    """Return whether a request certainly did not reach the server: no connection existed."""
    early = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    return isinstance(error, early)


def _beginning(response: httpx.Response) -> bytes:
    """Return the first 64 KB of a body, enough for any explanation."""
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > 1 << 16:
            break
    return content


def _retry_after(header: str | None, body: Any) -> float | None:
    """Return the seconds in the header, or else in the body; dates are ignored."""
    for said in (header, body.get("retry_after") if isinstance(body, dict) else None):
        try:
            seconds = float(said)  # type: ignore[arg-type]  # None is caught, as text is
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _invalid_fields(body: Any) -> dict[str, str]:
    """Return the invalid fields of a 422, each with its description."""
    listed = body.get("invalid_fields") if isinstance(body, dict) else None
    found = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            name = str(one.get("field", "?")).removeprefix("input.")
            found[name] = redacted(str(one.get("description", "invalid")))[:300]
    return found


class _WithoutAddresses(logging.Filter):
    """Reduces URLs to their hosts: httpx logs the URL of each request, including outputs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{one.scheme}://{one.host}" if isinstance(one, httpx.URL) else one
                for one in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_WithoutAddresses())
# Its debug lines contain response headers, and a redirect's contains an output's URL.
logging.getLogger("httpcore").setLevel(logging.INFO)
