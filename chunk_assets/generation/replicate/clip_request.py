"""A request for one hosted clip, its timeouts, and its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chunk_assets.generation.base import ProgressCallback
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.stopping import StopSignal

OUTPUT_KEPT_SECONDS = 3600.0
"""How long Replicate keeps the inputs and outputs of a finished prediction."""


@dataclass(frozen=True)
class PredictionPolicy:
    """Timeouts, polling intervals and the number of predictions for a clip.

    Attributes:
        max_seconds: Timeout of a prediction, including its time in the queue; Replicate itself ends
            a prediction after 30 minutes.
        predictions: Predictions for one clip before giving up.
        first_poll_seconds: Seconds before the second poll; each following wait is 1.5 times longer.
        longest_poll_seconds: Longest wait between two polls.
        settle_seconds: How long to search Replicate's list for a prediction whose answer was lost
            before requesting another; three times the longest lag seen, 30 s.
        foreign_seconds: The same for the intent of another process that may still be running;
            longer than a POST and its retries may take.
        void_seconds: A prediction that is missing in the list this long after its request was never
            created; longer than `foreign_seconds`, and many times the longest lag.
        fetch_seconds: How long to retry an output or a prediction that should exist but is missing;
            caches between Replicate's servers settle in seconds.
        silent_seconds: How long Replicate may not respond about a running prediction.
        notice_seconds: Interval of the messages that a wait continues.
    """

    max_seconds: float = 30 * 60
    predictions: int = 3
    first_poll_seconds: float = 0.5
    longest_poll_seconds: float = 3.0
    settle_seconds: float = 90.0
    foreign_seconds: float = 360.0
    void_seconds: float = 1200.0
    fetch_seconds: float = 60.0
    silent_seconds: float = 300.0
    notice_seconds: float = 60.0


@dataclass(frozen=True)
class ClipRequest:
    """A request for one clip to one model.

    Attributes:
        where: The chunk and its film, for messages.
        fingerprint: SHA-256 of the whole request, including seed and conditioning image.
        price_usd: The expected price.
        upload: Uploads the conditioning image and returns its URL.
        inputs: Returns the prediction's inputs with that URL.
        on_progress: Called with the fraction done.
        stop: Set when the clip is no longer wanted.
    """

    chunk_num: int
    where: str
    fingerprint: str
    model: HostedModel
    version: str | None
    seed: int
    prompt: str
    price_usd: float
    upload: Callable[[], str]
    inputs: Callable[[str], dict[str, Any]]
    on_progress: ProgressCallback
    stop: StopSignal


@dataclass(frozen=True)
class FetchedClip:
    """A downloaded clip.

    Attributes:
        attempt: The attempt that made it.
        spent_usd: What the chunk has cost so far, all attempts and takes together.
        predict_seconds: How long the model ran.
        attempts: How many predictions were needed.
    """

    attempt: Attempt
    spent_usd: float
    predict_seconds: float
    attempts: int
