"""What is asked of a hosted model for one clip, how patiently, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chunk_assets.generation.base import ProgressCallback
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.ledger import Attempt
from chunk_assets.generation.stopping import StopSignal

OUTPUT_KEPT_SECONDS = 3600.0
"""How long Replicate keeps inputs and outputs once a prediction is over."""


@dataclass(frozen=True)
class PredictionPolicy:
    """How long and how often.

    Attributes:
        max_seconds: How long a prediction may take, queue and all; Replicate ends one after 30
            minutes of its own accord.
        predictions: How many are asked for one clip before it is given up.
        poll_first: Seconds before the first look at a prediction; they grow by half each time.
        poll_most: Seconds between two looks at most.
        settle_seconds: How long a prediction whose answer is lost is looked for in Replicate's list
            before another is asked for: three times the longest lag seen, of 30 s.
        foreign_seconds: The same for the intent of a process that may live and never wrote an id:
            longer than a POST and its repetitions may take.
        void_seconds: So long after it was asked for, a prediction that is not in the list was never
            created: `foreign_seconds`, and many times the longest lag.
        fetch_seconds: How long an output, or a prediction, that is not there is asked for again,
            though it should be: caches between Replicate's servers settle in seconds.
        silent_seconds: How long Replicate may not answer for a prediction that was begun.
        notice_seconds: After so long a wait is said, and then each time this has passed.
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
    """One clip that is asked of one model.

    Attributes:
        where: The chunk and its film, for sentences.
        fingerprint: SHA-256 of the whole request, seed and picture among it.
        price_usd: What it is expected to cost.
        upload: Uploads the conditioning picture and gives its URL.
        inputs: The prediction's inputs with that URL in them.
        on_progress: Told how much is done.
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
    """A clip that came.

    Attributes:
        attempt: The one that made it.
        spent_usd: What the chunk has cost so far, all attempts and takes together.
        predict_seconds: How long the model ran.
        attempts: How many predictions it took.
    """

    attempt: Attempt
    spent_usd: float
    predict_seconds: float
    attempts: int
