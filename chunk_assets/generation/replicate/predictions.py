"""Predictions and models as Replicate's API returns them, parsed tolerantly."""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from chunk_assets.generation.prices import Usage

OVER = frozenset({"succeeded", "failed", "canceled", "aborted"})
"""The final statuses; "aborted" means that the deadline passed in the queue."""

_URL = re.compile(r"(?:https?://[^/\s]|data:)\S*", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://|data:)[^\s\"'<>]+", re.IGNORECASE)
_LONGEST = 2000  # characters of an error; some models include their whole log

# The last match in the logs is the progress: tqdm's bar, a percentage, "12/50".
_PROGRESS = (
    re.compile(r"(?<![\d.])(\d{1,3})%\|"),
    re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?\s?%"),
    re.compile(r"(?<![\d/.:])(\d{1,6})/(\d{1,6})(?![\d/.])"),
)
_DATE = TypeAdapter(datetime)


def redacted(text: str) -> str:
    """Return `text` without URLs and data URIs.

    The URL of an uploaded file or of an output gives access to it, and belongs in no log or error.
    """
    return _ADDRESS.sub("(address)", text)


class Prediction(BaseModel):
    """One prediction in its last known state.

    Built with `model_validate` from the API's JSON. Null and malformed fields, except the id, count
    as missing. `repr`, `error` and `logs` contain no URLs.

    Attributes:
        id: Replicate's id.
        model: "owner/name" as returned, which may differ from the request.
        version: As returned; "hidden" for some official models.
        status: As returned; an unknown status means that it is not finished.
        input: As sent, without keys that the model's schema lacks; empty once data is removed.
        output: A URL or a list of URLs; None before success and once data is removed.
        error: Why it failed.
        logs: The model's log.
        created_at: When it was created.
        started_at: When it left the queue.
        completed_at: When it finished.
        predict_time: Seconds it ran, which are billed.
        data_removed: Whether input, output and logs are deleted.
        usage: What was metered of its clip; None if that was not reported.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    model: str = ""
    version: str = ""
    status: str = "starting"
    input: dict[str, Any] = Field(default={}, repr=False)
    output: Any = Field(default=None, repr=False)
    error: str | None = None
    logs: str = Field(default="", repr=False)
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    predict_time: float = 0.0
    data_removed: bool = False
    usage: Usage | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        read = {name: given.get(name) for name in ("id", "output", "error")}
        kinds = {"model": str, "version": str, "status": str, "input": dict, "logs": str}
        for name, kind in kinds.items():
            if isinstance(given.get(name), kind):
                read[name] = given[name]
        for name in ("created_at", "started_at", "completed_at"):
            read[name] = _moment(given.get(name))
        metrics = given.get("metrics")
        ran = metrics.get("predict_time") if isinstance(metrics, dict) else None
        ran = given.get("predict_time") if ran is None else ran
        read["predict_time"] = ran if isinstance(ran, int | float) and ran > 0 else 0.0
        read["usage"] = _usage(metrics if isinstance(metrics, dict) else {})
        read["data_removed"] = given.get("data_removed") is True
        if read["error"] is not None:
            read["error"] = redacted(str(read["error"]))[:_LONGEST]
        read["logs"] = redacted(str(read.get("logs", "")))
        return read

    @property
    def output_url(self) -> str | None:
        """The output's URL: the only one, or the first of a list."""
        return self.url_in(None)

    def url_in(self, field: str | None) -> str | None:
        """Return the output's URL: the only one, or the first of a list.

        If `field` is given and the output is an object, the URL is in that field of it.
        """
        output = _first(self.output)
        if isinstance(output, dict) and field is not None:
            output = _first(output.get(field))
        return output if isinstance(output, str) and _URL.fullmatch(output) else None

    @property
    def has_no_output(self) -> bool:
        """Whether there is no output, because it is not ready or was removed."""
        return self.output is None or self.output in ("", [], {})

    @property
    def output_form(self) -> str:
        """The kind of its output, in words that reveal none of its content."""
        return _form(self.output)

    @property
    def is_over(self) -> bool:
        """Whether it is finished, successfully or not."""
        return self.status in OVER

    @property
    def has_succeeded(self) -> bool:
        """Whether it succeeded."""
        return self.status == "succeeded"

    @property
    def has_run(self) -> bool:
        """Whether it started: then it is billed, even if it failed or was cancelled."""
        return self.predict_time > 0 or self.started_at is not None

    @property
    def progress(self) -> float | None:
        """Its progress from 0.0 to 1.0, read from its logs, or None if they show none."""
        for pattern in _PROGRESS:
            found = pattern.findall(self.logs)
            if not found:
                continue
            part, whole = found[-1] if isinstance(found[-1], tuple) else (found[-1], 100)
            if int(part) <= int(whole) > 0:
                return int(part) / int(whole)
        return None


class ModelInfo(NamedTuple):
    """A model as Replicate publishes it.

    Attributes:
        name: "owner/name".
        latest_version: The version's id, 64 hex digits; None if it has none or hides it.
        openapi_schema: That version's schema, or None.
        is_official: Whether it runs without a version; None if unknown.
    """

    name: str
    latest_version: str | None
    openapi_schema: dict[str, Any] | None
    is_official: bool | None

    @classmethod
    def read(cls, name: str, version: Any, model: dict[str, Any]) -> Self:
        """Parse the JSON of a version and its model; malformed fields count as missing."""
        about = version if isinstance(version, dict) else {}
        identity, schema = about.get("id"), about.get("openapi_schema")
        official = model.get("is_official")
        return cls(
            name=name,
            latest_version=identity if isinstance(identity, str) else None,
            openapi_schema=schema if isinstance(schema, dict) else None,
            is_official=official if isinstance(official, bool) else None,
        )


def _usage(metrics: dict[str, Any]) -> Usage | None:
    """Read the names under which Replicate's models meter their clips."""
    seconds = metrics.get("video_output_duration_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        return None
    named = [metrics.get(name) for name in ("resolution_target", "model_variant", "motion_mode")]
    variants = tuple(name for name in named if isinstance(name, str))
    return Usage(float(seconds), variants, metrics.get("with_audio") is True)


def _first(output: Any) -> Any:
    if isinstance(output, list):
        return output[0] if output else None
    return output


def _form(output: Any) -> str:
    if isinstance(output, dict) and output:
        names = ", ".join(repr(redacted(str(name))[:40]) for name in sorted(output, key=str)[:5])
        return f"an object with {names}"
    if isinstance(output, list) and output:
        return f"a list that begins with {_form(output[0])}"
    if isinstance(output, str) and output:
        return "a web address" if _URL.fullmatch(output) else "text that is no web address"
    if isinstance(output, bool | int | float):
        return "a number" if not isinstance(output, bool) else "true or false"
    return {dict: "an empty object", list: "an empty list", str: "empty text"}.get(
        type(output), "null"
    )


def _moment(given: Any) -> datetime | None:
    """Return a date with its time zone, or None."""
    try:
        moment = _DATE.validate_python(given)
    except ValidationError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
