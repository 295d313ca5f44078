"""Translate boto3's errors to ours: one sentence says what failed, and what to do about it.

Only this module knows S3's error codes. The answer to a HEAD request has no body, so its code is
the bare HTTP status.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from chunk_assets.errors import Changed, CutOff, NotAnswering, NotStored, StorageError
from chunk_assets.sentences import shown
from chunk_assets.storage.web_pages import WebPage

MAX_SKEW_SECONDS = 15 * 60
"""S3 refuses requests whose signature differs from its own time by more than this."""

_LONGEST_REASON = 300
"""Limit in characters on the text of a server or a library."""


FOREIGN = (BotoCoreError, Boto3Error, ClientError, ResponseParserError, WebPage)
"""Everything that boto3 may raise."""


@dataclass(frozen=True)
class Asked:
    """The request to S3 that failed.

    Attributes:
        action: A verb with its preposition, as in "could not {action} {uri}".
        uri: The object, or the bucket.
        bucket: The bucket's name.
        server: The server's URL, without secrets.
    """

    action: str
    uri: str
    bucket: str
    server: str


_ABSENT = {"404", "NoSuchKey", "NotFound"}
_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict"}

_BUSY = "it received too many requests; try again in a minute"
_BROKEN = "it reports an internal error; try again in a minute"
_FULL = "it has no space left: free space, or raise the quota"
_TOO_LARGE = "the object exceeds the size limit of the server or of a proxy before it"
_UNKNOWN = "it does not support this operation: use an S3 server that does"
_KEY = "the access key is unknown: check AWS_ACCESS_KEY_ID and the endpoint"
_SECRET = "the signature does not match: check AWS_SECRET_ACCESS_KEY"  # noqa: S105 - no secret
_SESSION = "the session's credentials have expired: log in again, or renew AWS_SESSION_TOKEN"
_DENIED = "check the AWS credentials and their permissions"
_REGION = "the bucket is in another region or at another endpoint: set AWS_DEFAULT_REGION"
_CLOCK = "its clock and this machine's differ by more than 15 minutes: set the clock"

_LATER: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException"),
            *("RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "429"),
            *("ServiceUnavailable", "Busy", "503", "BandwidthLimitExceeded", "509"),
        ),
        _BUSY,
    ),
    **dict.fromkeys(("InternalError", "InternalFailure", "500", "502"), _BROKEN),
    **dict.fromkeys(("504", "RequestTimeout", "408"), "it took too long; try again in a minute"),
}
"""Errors for which a retry may help."""

_FINAL: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("QuotaExceeded", "QuotaExceededException", "StorageQuotaExceeded", "507"),
            *("InsufficientStorage", "XMinioStorageFull", "NoSpace", "NoSpaceLeft"),
            *("NoSpaceLeftOnDevice", "XMinioAdminBucketQuotaExceeded"),
        ),
        _FULL,
    ),
    **dict.fromkeys(("EntityTooLarge", "413", "EntityTooSmall"), _TOO_LARGE),
    **dict.fromkeys(("NotImplemented", "501", "MethodNotAllowed", "405"), _UNKNOWN),
    **dict.fromkeys(
        (
            *("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"),
            *("IllegalLocationConstraintException", "301", "307"),
        ),
        _REGION,
    ),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired"), _CLOCK),
    "InvalidObjectState": "the object is archived: restore it first",
    **dict.fromkeys(
        ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"),
        "the content was corrupted in transit; try again",
    ),
    "XAmzContentChecksumMismatch": "the content was corrupted in transit; try again",
}
"""Errors that last until a person acts."""

_REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("InvalidAccessKeyId", "InvalidClientTokenId"), _KEY),
    "SignatureDoesNotMatch": _SECRET,
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"), _SESSION
    ),
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "Forbidden", "403", "401", "Unauthorized"),
        _DENIED,
    ),
    **dict.fromkeys(
        ("AllAccessDisabled", "AccountProblem"), "the account is blocked: ask its owner"
    ),
}


def translated(error: Exception, asked: Asked) -> StorageError:
    """Return our error for one of `FOREIGN`."""
    if isinstance(error, Boto3Error) and isinstance(error.__context__, FOREIGN):
        error = error.__context__  # `upload_file` wraps S3's answer in its own error
    could_not = f"S3 at {asked.server} could not {asked.action} {asked.uri}"
    if isinstance(error, ClientError):
        return _of_answer(error, asked, could_not)
    if isinstance(error, WebPage):
        return _web_page(error.status, asked)
    if isinstance(error, ResponseParserError):
        return StorageError(
            f"{could_not}: its answer is not from S3 ({_shortened(error)}); check that "
            f"{asked.server} is an S3 server, and that no proxy or login page answers instead",
            uri=asked.uri,
        )
    if isinstance(error, NoCredentialsError):
        message = f"there are no credentials for S3 at {asked.server}: set AWS_ACCESS_KEY_ID"
        return StorageError(f"{message} and AWS_SECRET_ACCESS_KEY, or a profile")
    if isinstance(error, PartialCredentialsError | CredentialRetrievalError):
        return StorageError(f"{could_not}: {_shortened(error)}; check the AWS variables and files")
    if isinstance(error, SSLError) and (said := _of_certificate(str(error), asked)):
        return StorageError(f"{could_not}: {said}", uri=asked.uri)
    if isinstance(error, IncompleteReadError | ResponseStreamingError | FlexibleChecksumError):
        return CutOff(f"{could_not}: its answer was cut off; try again in a minute", uri=asked.uri)
    away = (ConnectionError, HTTPClientError)
    kind = NotAnswering if isinstance(error, away) else StorageError
    return kind(f"{could_not}: {_shortened(error)}", uri=asked.uri)


def _of_answer(error: ClientError, asked: Asked, could_not: str) -> StorageError:
    answer: Mapping[str, Any] = error.response
    about = answer.get("Error", {})
    metadata = answer.get("ResponseMetadata", {})
    status, code = int(metadata.get("HTTPStatusCode", 0)), str(about.get("Code") or "?")
    headers = metadata.get("HTTPHeaders", {})
    if code in _ABSENT:
        return NotStored(f"nothing is stored at {asked.uri}", uri=asked.uri)
    if code in _CHANGED:
        return Changed(f"another process has changed {asked.uri}", uri=asked.uri)
    if code == "NoSuchBucket":
        absent = f"there is no bucket {asked.bucket!r} at {asked.server}: create it first"
        return StorageError(absent, bucket=asked.bucket)
    data = {"uri": asked.uri, "code": code}
    if status in (401, 403) and (apart := _seconds_apart(headers)) > MAX_SKEW_SECONDS:
        return StorageError(f"{could_not}: {_CLOCK} ({apart:.0f} s)", **data)
    if code in _REFUSED:
        refused = f"S3 at {asked.server} refused to {asked.action} {asked.uri} ({code})"
        return StorageError(f"{refused}: {_REFUSED[code]}", **data)
    if code in _FINAL:
        region = headers.get("x-amz-bucket-region")
        where = f" to {region}" if region and _FINAL[code] == _REGION else ""
        return StorageError(f"{could_not}: {_FINAL[code]}{where} ({code})", **data)
    if code == "511":  # network authentication required
        return _web_page(511, asked)
    if code in _LATER:
        return NotAnswering(f"{could_not}: {_LATER[code]} ({code})", **data)
    said = _one_line(str(about.get("Message") or ""))
    reason = f"{said} ({code})" if said and said != code else f"it answered {code}"
    return (NotAnswering if status >= 500 else StorageError)(f"{could_not}: {reason}", **data)


def _web_page(status: int, asked: Asked) -> StorageError:
    kind = NotAnswering if status >= 500 else StorageError
    return kind(
        f"a web page (HTTP status {status}) was returned instead of S3's answer when asked to "
        f"{asked.action} {asked.uri} at {asked.server}: log in to this network if it has a login "
        "page, otherwise check that the endpoint is an S3 server and its proxy forwards requests",
        uri=asked.uri,
        status=status,
    )


def _of_certificate(said: str, asked: Asked) -> str:
    """Describe what is wrong with a server's certificate; empty for any other error."""
    now = datetime.now(UTC)
    if "not yet valid" in said:
        return (
            "its certificate is not valid yet by this machine's clock, which says "
            f"{now:%Y-%m-%d %H:%M} UTC: set the clock"
        )
    if "has expired" in said:
        return (
            "its certificate has expired by this machine's clock, which says "
            f"{now:%Y-%m-%d %H:%M} UTC: set the clock, or renew the certificate"
        )
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = re.search(r"certificate verify failed: ([^(\n]+)", said)
        reason = f" ({why[1].strip()})" if why else ""
        return (
            f"its certificate cannot be verified{reason}: set AWS_CA_BUNDLE to the certificate "
            "authority's file, and check that no login page of this network answers instead"
        )
    if "WRONG_VERSION_NUMBER" in said or "wrong version number" in said:
        return f"it does not speak TLS: start the endpoint with http:// if {asked.server} is right"
    return ""


def _seconds_apart(headers: Mapping[str, Any]) -> float:
    """Return how far this machine's clock is from the answer's `Date`; 0 without one."""
    try:
        there = parsedate_to_datetime(str(headers.get("date", "")))
    except ValueError:
        return 0.0
    if there.tzinfo is None:
        there = there.replace(tzinfo=UTC)
    return abs((datetime.now(UTC) - there).total_seconds())


def _shortened(error: Exception) -> str:
    """Return a library's message, on one line and without secrets."""
    return _one_line(str(error)) or type(error).__name__


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()).rstrip("."), _LONGEST_REASON)
