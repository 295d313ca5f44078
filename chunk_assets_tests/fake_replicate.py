"""A Replicate on loopback: its HTTP API with its faults, which renders real clips and bills.

::

    python -m chunk_assets_tests.fake_replicate --port 0 --seconds 0.5 --faults 429=0.1,5xx=0.05

Like the real one it drops inputs that a model's schema does not have without a word, bills a
prediction that ran even if it failed or was cancelled, bills none whose deadline passed in the
queue, and deletes outputs after an hour. Its models are in `fake_models`, what can go wrong in
`fake_faults`.
"""

import argparse
import base64
import functools
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

import av.error

from chunk_assets_tests.fake_fault_queue import FaultQueue
from chunk_assets_tests.fake_faults import (
    Answers,
    Fails,
    Faults,
    Takes,
)
from chunk_assets_tests.fake_http import (
    Handler,
    Received,
    Refused,
    Route,
    Server,
    not_found,
    problem,
)
from chunk_assets_tests.fake_models import MODELS, Model, invalid_inputs
from chunk_assets_tests.fake_predictions import BillLine, Made, film, iso, picture, shown

_ID = r"([^/]+)"
_MODEL = f"/v1/models/{_ID}/{_ID}"
_PREDICTIONS = "/v1/predictions"
_CREATE = f"POST {_PREDICTIONS}"


class FakeReplicate(FaultQueue):
    """The server; use it as a context manager.

    Attributes:
        seconds: How long a prediction runs; it waits in the queue for a fifth of that.
        models: By "owner/name".
        prices: USD a clip, by "owner/name"; others cost `price`.
        width: Of the clips of models that are not asked for a size, in pixels.
        page_size: Predictions a page.
        output_seconds: How long outputs are kept.
        clock: How far its clock is ahead of this machine's; it shows in every date it tells.
        list_lag: For so many seconds a new prediction is not in the list.
        outputs: By "owner/name", what a model's output is, made from its clip's address.
        output_schemas: By "owner/name", what its schema says of that.
        metrics: By "owner/name", what its successful predictions meter besides their time.
        deadline_scale: What a second of a `Cancel-After` lasts.
        delivery: Where outputs are fetched from; this server's own `/delivery` at first.
        without_schema: Models ("owner/name") whose version has no schema.
        without_version: Models that have no latest version.
        requests: Everything that came, in order.
        created: Every prediction, in order.
        files: Uploaded content by id.
    """

    public = frozenset({"GET /delivery"})

    def __init__(
        self,
        *,
        token: str | None = "r8_fake",  # noqa: S107 - the test's own, of no worth anywhere
        port: int = 0,
        host: str = "127.0.0.1",
        seconds: float = 0.0,
        faults: Faults | None = None,
        log: Callable[[str], None] = lambda line: None,
    ):
        self.token, self.seconds, self.log = token, seconds, log
        super().__init__(faults)
        self.models = {model.name: model for model in MODELS}
        self.prices: dict[str, float] = {}
        self.price = 0.10
        self.width = 128
        self.page_size = 100
        self.output_seconds = 3600.0
        self.clock = timedelta()
        self.list_lag = 0.0
        self.outputs: dict[str, Callable[[str], Any]] = {}
        self.output_schemas: dict[str, Any] = {}
        self.metrics: dict[str, dict[str, Any]] = {}
        self.deadline_scale = 1.0
        self.without_schema: set[str] = set()
        self.without_version: set[str] = set()
        self.requests: list[Received] = []
        self.created: list[Made] = []
        self.files: dict[str, tuple[str, str, bytes]] = {}
        self._server = Server((host, port), Handler)
        self._server.fake = self
        # On another address, `cluster/relay.py` makes it look so.
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.delivery = f"{self.base_url}/delivery"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and close every connection."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def bill(self) -> list[BillLine]:
        """All finished predictions, including free ones."""
        return [made.line for made in list(self.created) if made.is_over]

    @property
    def billed_usd(self) -> float:
        """The sum of the bill."""
        return round(sum(line.usd for line in self.bill), 6)

    def succeeded(self, **inputs: Any) -> list[Made]:
        """Return the successful predictions with these inputs."""
        return [
            made
            for made in list(self.created)
            if made.status == "succeeded"
            and all(made.input.get(name) == value for name, value in inputs.items())
        ]

    def received(self, route: str) -> list[Received]:
        """Return the requests for a route, in order."""
        return [request for request in list(self.requests) if request.route == route]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that no log, error or stored object may contain."""
        return (self.token or "", "/delivery/", "/v1/files/", "data:image", "data:video")

    def clip(self, made: Made) -> bytes:
        """Return the clip that a prediction makes, an MP4."""
        given = {n: p["default"] for n, p in made.model.inputs.items() if "default" in p}
        given |= made.input
        height, width = picture(made.media).shape[:2]
        shrunk = round(self.width * height / width / 2) * 2
        size = (given.get("width", self.width), given.get("height", shrunk))
        frames, fps = made.model.length(given)
        return film(made.media, frames, fps, size, made.end)

    @property
    def routes(self) -> Sequence[Route]:
        """The routes and their handlers."""
        return (
            ("GET", "/v1/account", "GET /v1/account", self.get_account),
            ("GET", _MODEL, "GET /v1/models", self.get_model),
            ("GET", f"{_MODEL}/versions/{_ID}", "GET /v1/versions", self.get_version),
            ("POST", _PREDICTIONS, _CREATE, self.create),
            ("POST", f"{_MODEL}/predictions", _CREATE, self.create_official),
            ("GET", _PREDICTIONS, f"GET {_PREDICTIONS}", self.list_predictions),
            ("GET", f"{_PREDICTIONS}/{_ID}", f"GET {_PREDICTIONS}/{{id}}", self.get),
            ("POST", f"{_PREDICTIONS}/{_ID}/cancel", f"{_CREATE}/{{id}}/cancel", self.cancel),
            ("POST", "/v1/files", "POST /v1/files", self.upload),
            ("GET", f"/v1/files/{_ID}", "GET /v1/files", self.get_file),
            ("DELETE", f"/v1/files/{_ID}", "DELETE /v1/files", self.delete_file),
            ("GET", f"/delivery/{_ID}/output.mp4", "GET /delivery", self.deliver),
        )

    def get_account(self, _request: Received) -> Answers:
        about = {"type": "organization", "username": "studio", "name": "A studio"}
        return Answers(200, {**about, "github_url": None})

    def get_model(self, _request: Received, owner: str, name: str) -> Answers:
        model = self._find(f"{owner}/{name}")
        latest = None if model.name in self.without_version else self._version(model)
        about = {"url": f"https://replicate.com/{model.name}", "owner": owner, "name": name}
        about |= {"visibility": "public", "run_count": 1, "is_official": model.is_official}
        return Answers(200, {**about, "latest_version": latest, "description": None})

    def get_version(self, _request: Received, owner: str, name: str, version: str) -> Answers:
        model = self._find(f"{owner}/{name}")
        return Answers(200, self._version(model)) if version == model.version else not_found()

    def create_official(self, request: Received, owner: str, name: str) -> Answers:
        model = self._find(f"{owner}/{name}")
        return self._create(request, model) if model.is_official else not_found()

    def create(self, request: Received) -> Answers:
        body = request.body if isinstance(request.body, dict) else {}
        if "model" in body:
            raise Refused(problem(422, "Unprocessable", "Additional property model is not allowed"))
        name, _, version = str(body.get("version")).rpartition(":")
        for model in self.models.values():
            is_bare = model.is_official and body.get("version") == model.name
            if is_bare or (version == model.version and name in ("", model.name)):
                return self._create(request, model)
        detail = (
            "The specified version does not exist (or perhaps you don't have permission to use it?)"
        )
        return problem(422, "Invalid version or not permitted", detail)

    def list_predictions(self, request: Received) -> Answers:
        query = request.query
        # A "+" of an offset that was not quoted comes as a space, as on other servers.
        after, before = (
            datetime.fromisoformat(query[key].replace(" ", "+")) if key in query else None
            for key in ("created_after", "created_before")
        )
        found = [
            made
            for made in reversed(list(self.created))
            if made.born <= time.monotonic() - self.list_lag
            and (after is None or made.created_at >= after)
            and (before is None or made.created_at < before)
        ]
        start = int(query.get("cursor", 0))
        page = [self._shown(made) for made in found[start : start + self.page_size]]

        def link(cursor: int) -> str | None:
            if not 0 <= cursor < len(found):
                return None
            return f"{self.base_url}/v1/predictions?" + urlencode({**query, "cursor": cursor})

        links = {"next": link(start + self.page_size), "previous": link(start - self.page_size)}
        return Answers(200, {**links, "results": page})

    def get(self, _request: Received, prediction: str) -> Answers:
        return Answers(200, self._shown(self._made(prediction)))

    def cancel(self, _request: Received, prediction: str) -> Answers:
        made = self._made(prediction)
        if not made.is_over:
            made.cancelled = time.monotonic()
        return Answers(200, self._shown(made))

    def upload(self, request: Received) -> Answers:
        content = request.body.pop("bytes")
        if len(content) > 100 << 20:
            return problem(413, "Content too large", "Files may have 100 MB.")
        with self.lock:
            identity = secrets.token_urlsafe(12)
            self.files[identity] = (request.body["filename"], request.body["type"], content)
        return Answers(201, self._file(identity))

    def get_file(self, _request: Received, identity: str) -> Answers:
        return Answers(200, self._file(identity)) if identity in self.files else not_found()

    def delete_file(self, _request: Received, identity: str) -> Answers:
        return Answers(204) if self.files.pop(identity, None) else not_found()

    def deliver(self, _request: Received, prediction: str) -> Answers:
        made = self._made(prediction)
        if made.status != "succeeded" or self._is_gone(made):
            return not_found()
        return Answers(200, self.clip(made), {"Content-Type": "video/mp4"})

    def _find(self, name: str) -> Model:
        if name not in self.models:
            raise Refused(not_found())
        return self.models[name]

    def _made(self, identity: str) -> Made:
        found = [made for made in list(self.created) if made.id == identity]
        if not found:
            raise Refused(not_found())
        return found[0]

    def _version(self, model: Model) -> dict[str, Any]:
        schema = None if model.name in self.without_schema else model.schema
        if schema is not None and model.name in self.output_schemas:
            schema["components"]["schemas"]["Output"] = self.output_schemas[model.name]
        when = "2026-01-05T10:00:00.000Z"
        about = {"id": model.version, "created_at": when, "cog_version": "0.16.8"}
        return {**about, "openapi_schema": schema}

    def _file(self, identity: str) -> dict[str, Any]:
        name, kind, content = self.files[identity]
        digest = hashlib.sha256(content).hexdigest()
        now = self._now()
        about = {"id": identity, "name": name, "content_type": kind, "size": len(content)}
        about |= {"etag": digest[:32], "checksums": {"sha256": digest}, "metadata": {}}
        about |= {"created_at": iso(now), "expires_at": iso(now + timedelta(days=1))}
        return {**about, "urls": {"get": f"{self.base_url}/v1/files/{identity}"}}

    def _create(self, request: Received, model: Model) -> Answers:
        body = request.body if isinstance(request.body, dict) else {}
        given = body.get("input")
        if not isinstance(given, dict):
            return problem(422, "Input validation failed", "- input is required\n")
        invalid = list(invalid_inputs(model, given))
        if invalid:
            lines = "".join(f"- {one['field']}: {one['description']}\n" for one in invalid)
            return problem(422, "Input validation failed", lines, invalid_fields=invalid)
        wanted = request.headers.get("cancel-after")
        deadline = None if wanted is None else _duration(wanted)
        if wanted is not None and (deadline is None or deadline < 5):
            return problem(422, "Invalid Cancel-After", f"{wanted!r} is not 5 seconds or more")
        fate, fails = self.take("prediction"), None
        takes = Takes(self.seconds / 5, self.seconds)
        if isinstance(fate, Takes):
            takes = fate
        elif isinstance(fate, Fails):
            fails = fate
        media = self._media(given.get(model.media))
        try:
            picture(media)
        except (OSError, av.error.FFmpegError):
            fails = fails or Fails(f"cannot identify the file of {model.media}", has_run=True)
        made = Made(
            id=secrets.token_hex(13),
            model=model,
            version="hidden" if model.is_official else model.version,
            input={name: value for name, value in given.items() if name in model.inputs},
            dropped={name: value for name, value in given.items() if name not in model.inputs},
            media=media,
            end=self._media(given.get(model.end_image)) if model.end_image else b"",
            takes=takes,
            fails=fails,
            usd=self.prices.get(model.name, self.price),
            cancel_after=None if deadline is None else deadline * self.deadline_scale,
            created_at=self._now(),
        )
        with self.lock:
            self.created.append(made)
        shown = self._shown(made) | {"status": "starting", "output": None, "logs": ""}
        return Answers(201, shown | {"metrics": None, "started_at": None, "completed_at": None})

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.clock

    def _media(self, given: Any) -> bytes:
        if isinstance(given, str) and given.startswith("data:"):
            return base64.b64decode(given.partition(",")[2])
        identity = str(given).removeprefix(f"{self.base_url}/v1/files/")
        return self.files[identity][2] if identity in self.files else b""

    def _is_gone(self, made: Made) -> bool:
        return time.monotonic() > made.ended + self.output_seconds

    def _shown(self, made: Made) -> dict[str, Any]:
        output: Any = f"{self.delivery}/{made.id}/output.mp4"
        if made.model.name in self.outputs:
            output = self.outputs[made.model.name](output)
        elif made.model.has_list_output:
            output = [output]
        url = f"{self.base_url}/v1/predictions/{made.id}"
        document = shown(made, url, output, is_gone=self._is_gone(made))
        if made.status == "succeeded":
            document["metrics"] |= self.metrics.get(made.model.name, {})
        return document


def _duration(text: str) -> float | None:
    """Return the seconds of "90s", "5m" or "1h30m", or None."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if not text or found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="fake_replicate", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long a prediction runs")
    parser.add_argument("--token", help="the only right one; without it any is right")
    parser.add_argument("--faults", default="", help="429=0.1,5xx=0.05,reset=0.05,failed=0.03")
    given = parser.parse_args()
    names = {"429": "too_many", "5xx": "html_5xx"}
    pairs = (pair.partition("=") for pair in given.faults.split(",") if pair)
    try:
        faults = Faults(**{names.get(name, name): float(rate) for name, _, rate in pairs})  # type: ignore[arg-type]  # `seed` may be a float
    except (TypeError, ValueError) as error:
        parser.error(f"--faults {given.faults!r}: {error}")
    say = functools.partial(print, flush=True)
    with FakeReplicate(
        token=given.token, port=given.port, seconds=given.seconds, faults=faults, log=say
    ) as fake:
        say(fake.base_url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say(f"{len(fake.created)} predictions, {fake.billed_usd:.2f} USD")


if __name__ == "__main__":
    main()
