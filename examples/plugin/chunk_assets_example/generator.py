"""The generator `example`: five requests to a service that renders clips for money."""

import base64
import os
from pathlib import Path
from typing import Any

import httpx

from chunk_assets.errors import GenerationError, Rejected, SpecError, Unavailable
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import Abilities, GenerationRequest, Offer
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.job_policy import JobPolicy
from chunk_assets.generation.jobs import ClipGone, JobGenerator, JobState, LostAnswer

USD_PER_SECOND = 0.02
LONGEST_SECONDS = 10.0


def build(context: GenerationContext) -> "ExampleGenerator":
    """Build the generator for one film: what the entry point names."""
    url = os.environ.get("EXAMPLE_URL", "")
    return ExampleGenerator(context, url, os.environ.get("EXAMPLE_TOKEN", ""))


class ExampleGenerator(JobGenerator):
    """Renders on the example's service.

    Args:
        context: The film and the run's choices.
        url: The service's address.
        token: The token of an account there.
        policy: Timeouts; the usual ones by default.
    """

    name = "example"
    pool = "example"
    can_find_jobs = True

    def __init__(
        self, context: GenerationContext, url: str, token: str, policy: JobPolicy | None = None
    ):
        super().__init__(context, policy)
        self._url, self._token = url, token
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False
        )

    @property
    def model(self) -> str:
        """The service's only model."""
        return "example/still-1"

    @property
    def offer(self) -> Offer:
        """Its name for people."""
        return Offer(label="the example's service")

    @property
    def abilities(self) -> Abilities:
        """It holds a picture, for a while."""
        return Abilities(longest_seconds=LONGEST_SECONDS)

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        """Return what a clip costs, by the second."""
        return round(USD_PER_SECOND * float(fps.seconds(num_frames)), 6)

    def check_ready(self) -> None:
        """Check that there is a token.

        Raises:
            SpecError: There is none.
        """
        if not self._url or not self._token:
            raise SpecError("the generator 'example' needs EXAMPLE_URL and EXAMPLE_TOKEN")

    def submit(self, request: GenerationRequest, workdir: Path, key: str) -> str:
        """Ask for a job."""
        body = {
            "key": key,
            "prompt": request.prompt,
            "picture": base64.b64encode(request.conditioning_image.read_bytes()).decode(),
            "frames": request.num_frames,
            "fps": int(request.fps),
            "seed": request.seed,
        }
        try:
            response = self._http.post("/jobs", json=body)
        except httpx.ConnectError:
            raise Unavailable("the example's service cannot be reached") from None
        except httpx.HTTPError as error:
            raise LostAnswer(
                f"the answer of the service is lost ({type(error).__name__})"
            ) from None
        if response.status_code >= 500:
            raise LostAnswer(f"the answer of the service is lost ({response.status_code})")
        return str(_read(response)["id"])

    def job(self, job_id: str) -> JobState:
        """Return the state of a job; the service says what it charged."""
        said = _read(self._get(f"/jobs/{job_id}"))
        return JobState(
            status=said["status"],
            progress=said["progress"],
            error=said["error"],
            kind="transient" if said["may_retry"] else "final",
            cost_usd=said["charged_usd"],
        )

    def save_clip(self, job_id: str, path: Path) -> None:
        """Download the clip."""
        response = self._get(f"/jobs/{job_id}/clip")
        if response.status_code == 404:
            raise ClipGone("the service no longer has the clip")
        if response.status_code != 200:
            raise Unavailable(f"the clip cannot be fetched ({response.status_code})")
        path.write_bytes(response.content)

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        try:
            _read(self._http.post(f"/jobs/{job_id}/cancel"))
        except httpx.HTTPError:
            raise Unavailable("the example's service does not answer") from None

    def find_job(self, key: str) -> str | None:
        """Return the id of the job with our name: the service lists a job as soon as it has it."""
        found = _read(self._get(f"/jobs?key={key}"))["jobs"]
        return str(found[0]) if found else None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(self, path: str) -> httpx.Response:
        try:
            return self._http.get(path)
        except httpx.HTTPError:
            raise Unavailable("the example's service does not answer") from None


def _read(response: httpx.Response) -> Any:
    """Return the JSON of an answer."""
    if response.status_code in (401, 403):
        raise Rejected("the example's service refuses the token: check EXAMPLE_TOKEN")
    if response.status_code >= 500:
        raise Unavailable(f"the example's service has a problem ({response.status_code})")
    if response.status_code != 200:
        raise Rejected(f"the example's service refuses the request ({response.status_code})")
    try:
        return response.json()
    except ValueError:
        raise GenerationError("the answer of the example's service cannot be read") from None
