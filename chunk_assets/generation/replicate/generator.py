"""The generator `replicate`: a hosted model on Replicate; no clip is paid for twice."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from chunk_assets.errors import Declined, SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import (
    Abilities,
    GeneratedClip,
    GenerationRequest,
    Generator,
    Offer,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.catalog import DEFAULT_MODEL, load_catalog
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.model_inputs import output_field
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.attempts import Attempts
from chunk_assets.generation.replicate.clip_request import ClipRequest, PredictionPolicy
from chunk_assets.generation.replicate.conditioning import conditioning_files
from chunk_assets.generation.replicate.download import fetch
from chunk_assets.generation.replicate.inputs import (
    MediaUrls,
    build_inputs,
    request_fingerprint,
    shortened_prompt,
)
from chunk_assets.generation.replicate.published_models import PublishedModels
from chunk_assets.generation.replicate.published_schema import check_inputs, unusable_output
from chunk_assets.generation.replicate.uploads import Uploads
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.images import open_picture, pixel_digest
from chunk_assets.retry import RetryPolicy

NO_TOKEN = SecretStr("unset")
"""Prices need no account; `check_ready` requires a token before rendering."""

MEDIA = "https://replicate.delivery/"
"""A placeholder for the URLs of pictures before the upload."""


def build_replicate_generator(
    context: GenerationContext,
    *,
    policy: PredictionPolicy | None = None,
    retries: RetryPolicy | None = None,
) -> "ReplicateGenerator":
    """Build the generator for one film.

    Args:
        context: The film and the deployment.
        policy: Timeouts of predictions; the deployment's by default.
        retries: When to give up requests.

    Raises:
        SpecError: The model does not exist.
    """
    settings = context.settings
    token = settings.replicate_api_token or NO_TOKEN
    catalog = load_catalog(settings.models)
    policy = policy or PredictionPolicy(settings.replicate_max_seconds)
    api = ReplicateApi(
        token,
        settings.replicate_base_url,
        cancel_after=policy.max_seconds,
        retries=retries,
        on_retry=context.log,
    )

    def download(url: str, path: Path, stop: StopSignal) -> None:
        on_retry = context.log
        fetch(
            url, path, api=api.base_url, token=token, retries=retries, on_retry=on_retry, stop=stop
        )

    return ReplicateGenerator(
        api,
        catalog.find(context.model or DEFAULT_MODEL),
        Attempts(
            api,
            context.ledger,
            download,
            policy=policy,
            max_cost_usd=context.max_cost_usd,
            log=context.log,
        ),
        log=context.log,
        has_token=token is not NO_TOKEN,
    )


class ReplicateGenerator(Generator):
    """Renders on a hosted model."""

    name = "replicate"
    pool = "replicate"
    keeps_ledger = True

    def __init__(
        self,
        api: ReplicateApi,
        model: HostedModel,
        attempts: Attempts,
        *,
        log: Callable[[str], None] = lambda _sentence: None,
        has_token: bool = True,
    ):
        self._has_token = has_token
        self._api, self._model = api, model
        self._attempts, self._log = attempts, log
        self._published = PublishedModels()

    @property
    def model(self) -> str:
        """`owner/name`, followed by `:version` unless Replicate chooses the version.

        Raises:
            GenerationError: Replicate does not have the model, or cannot be reached.
        """
        version = self._model.version
        if version is None and not self._model.is_official:
            version = self._published.look_up(self._model, self._api).version
        return f"{self._model.replicate}:{version}" if version else self._model.replicate

    @property
    def offer(self) -> Offer:
        """The model in the catalog."""
        model = self._model
        return Offer(model.name, f"{model.name} ({model.replicate})", model.price.is_estimate)

    @property
    def abilities(self) -> Abilities:
        """Those of the model."""
        return self._model.abilities

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        """Return the catalog's price of a clip."""
        return self._model.price_usd(self._model.clip_length(num_frames, fps), size)

    def has_made(self, model: str) -> bool:
        """Return whether the clip is by this model, in any version."""
        return model.partition(":")[0] == self._model.replicate

    def check_ready(self) -> None:
        """Check that there is a token.

        Raises:
            SpecError: There is none.
        """
        if not self._has_token:
            raise SpecError(
                "the generator 'replicate' needs an API token: set REPLICATE_API_TOKEN "
                "(https://replicate.com/account/api-tokens)"
            )

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip, or download the one that is already paid for.

        Raises:
            Declined: The model declines the request.
            OverBudget: The clip would exceed the film's cost limit.
            GenerationError: There is no clip; the ledger has the predictions.
        """
        model = self._model
        api = self._api.stopped_by(stop)
        published = self._published.look_up(model, api)
        inputs = build_inputs(model, request, _placeholders(request))
        if not check_inputs(inputs, published.openapi_schema, model.name):
            self._log(f"{model.name} publishes no readable schema: its inputs are not checked")
        if form := unusable_output(published.openapi_schema, output_field(model.output)):
            raise Declined(
                f"{model.name} publishes an output of an unknown form, {form}: expected a URL or "
                f"a list of URLs; chunk {request.chunk_num} of film {request.video_id!r} was not "
                "requested from it, choose another model",
                model=model.name,
            )
        if len(prompt := shortened_prompt(model, request.prompt)) < len(request.prompt):
            self._log(
                f"the prompt of chunk {request.chunk_num} has {len(request.prompt)} characters; "
                f"{model.name} accepts {model.prompt_characters}, and gets the first {len(prompt)}"
            )
        uploads = Uploads(api, conditioning_files(model, request, workdir))
        clip_request = ClipRequest(
            chunk_num=request.chunk_num,
            where=request.where,
            fingerprint=self._fingerprint(request, published.version, inputs),
            model=model,
            version=published.version,
            seed=request.seed,
            prompt=request.prompt,
            price_usd=model.price_usd(
                model.clip_length(request.num_frames, request.fps), request.size
            ),
            upload=uploads.upload,
            inputs=lambda url: build_inputs(model, request, uploads.urls(url)),
            on_progress=on_progress,
            stop=stop,
        )
        path = workdir / "prediction.mp4"
        done = self._attempts.clip(clip_request, path)
        return GeneratedClip(
            path,
            cost_usd=done.attempt.cost_usd,
            spent_usd=done.spent_usd,
            request=clip_request.fingerprint,
            prediction_id=done.attempt.prediction_id or "",
            details={
                "prediction_id": done.attempt.prediction_id or "",
                "prediction": f"https://replicate.com/p/{done.attempt.prediction_id}",
                "replicate_model": model.replicate,
                "replicate_version": published.version or "",
                "predict_seconds": done.predict_seconds,
                "attempts": done.attempts,
            },
        )

    def request_of(self, request: GenerationRequest) -> str:
        """Return the fingerprint of the model's inputs."""
        published = self._published.look_up(self._model, self._api)
        inputs = build_inputs(self._model, request, _placeholders(request))
        return self._fingerprint(request, published.version, inputs)

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:
        """Record in the ledger that the clip is fetched."""
        self._attempts.fetched(chunk_num, clip.prediction_id, sha256)

    def close(self) -> None:
        """Close the connections to Replicate."""
        self._api.close()

    def _fingerprint(
        self, request: GenerationRequest, version: str | None, inputs: Mapping[str, Any]
    ) -> str:
        # Pictures count by their pixels: the same composite may have different bytes on S3.
        end_image = request.end_image
        fingerprint = request_fingerprint(
            self._model,
            version,
            inputs,
            _pixels(request.conditioning_image),
            end_image_sha256=None if end_image is None else _pixels(end_image),
            reference_sha256s=[_pixels(path) for path in request.references],
        )
        # The seed is added because models without one get the same inputs for every take.
        return hashlib.sha256(f"{fingerprint} {request.seed}".encode()).hexdigest()


def _placeholders(request: GenerationRequest) -> MediaUrls:
    """Return what stands for the pictures' URLs in a fingerprint."""
    end = None if request.end_image is None else MEDIA
    return MediaUrls(MEDIA, end, (MEDIA,) * len(request.references))


def _pixels(picture: Path) -> str:
    return pixel_digest(open_picture(picture))
