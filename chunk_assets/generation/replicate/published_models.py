"""Hosted models as Replicate publishes them."""

from dataclasses import dataclass
from typing import Any

from chunk_assets.errors import Declined, Rejected
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.replicate.api import ReplicateApi


@dataclass(frozen=True)
class PublishedModel:
    """A model on Replicate.

    Attributes:
        version: The version to request; None for an official model.
        openapi_schema: The version's schema, or None.
    """

    version: str | None
    openapi_schema: dict[str, Any] | None


class PublishedModels:
    """Looks up models on Replicate, each of them once."""

    def __init__(self) -> None:
        self._known: dict[str, PublishedModel] = {}

    def look_up(self, model: HostedModel, api: ReplicateApi) -> PublishedModel:
        """Return a model's version and schema.

        Raises:
            Declined: Replicate does not have the model, or no version of it.
            GenerationError: Replicate cannot be reached.
        """
        if model.name in self._known:
            return self._known[model.name]
        try:
            if model.version is not None:
                info = api.version(model.replicate, model.version)
            else:
                info = api.model(model.replicate)
        except Rejected as error:
            if error.data.get("status") == 404:
                what = f" in the version {model.version}" if model.version else ""
                raise Declined(
                    f"{model.name} cannot be had: Replicate does not have the model "
                    f"{model.replicate!r}{what}; {model.instead}",
                    model=model.name,
                ) from error
            raise
        version = model.version
        if version is None and not model.is_official:
            version = info.latest_version
            if version is None:
                raise Declined(
                    f"{model.name} cannot be had: the model {model.replicate!r} has no version on "
                    f"Replicate; {model.instead}",
                    model=model.name,
                )
        published = PublishedModel(version, info.openapi_schema)
        self._known[model.name] = published
        return published
