"""The catalog of hosted models, as data in `models.toml`.

A user's own file in the same format adds models and overrides fields.
"""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.model_files import merged, read_tables, validated
from chunk_assets.generation.retired_models import RetiredModel

DEFAULT_MODEL = "zeroscope-v2-xl"


class Catalog(dict[str, HostedModel]):
    """Models by their short names, in order.

    Attributes:
        retired: Models that no longer exist, by their short names.
    """

    def __init__(
        self, models: dict[str, HostedModel], retired: dict[str, RetiredModel] | None = None
    ):
        super().__init__(models)
        self.retired = retired or {}

    def find(self, name: str) -> HostedModel:
        """Return the model that a user names.

        Args:
            name: `model` or `owner/model`, optionally followed by `:latest` or `:version-id`,
                which replaces the catalog's version.

        Raises:
            SpecError: The model does not exist or is retired, or the version is malformed.
        """
        wanted, colon, version = name.strip().partition(":")
        model = self.get(wanted) or next(
            (model for model in self.values() if model.replicate == wanted), None
        )
        if model is None:
            for gone in self.retired.values():
                if wanted in (gone.name, gone.replicate):
                    raise gone.refusal
            known = ", ".join(self)
            raise SpecError(f"there is no model {name!r}: choose one of {known}", model=name)
        if not colon:
            return model
        is_id = len(version) == 64 and not set(version) - set("0123456789abcdef")
        if not is_id and version != "latest":
            allowed = "'latest' or a version's id of 64 hexadecimal digits"
            message = f"the model {name!r} has the version {version!r}: expected {allowed}"
            raise SpecError(message, model=name)
        return model.model_copy(update={"version": version if is_id else None})


def load_catalog(extra: Path | None = None) -> Catalog:
    """Return the built-in models and those of a user's file.

    Args:
        extra: A TOML file in the format of `models.toml`. For a known model, it replaces only the
            fields that it has; a price with its own `usd` keeps only the unit of the old one.

    Raises:
        SpecError: The file is unreadable or invalid; the message names it, the table and the field.
    """
    if extra is None:
        return _built_in()
    return _catalog(merged(_built_in_tables(), read_tables(extra), where=extra), extra)


@cache
def _built_in() -> Catalog:
    return _catalog(_built_in_tables())


def _catalog(tables: dict[str, Any], extra: Path | None = None) -> Catalog:
    models: dict[str, HostedModel] = {}
    retired: dict[str, RetiredModel] = {}
    for name, table in tables.items():
        # `retired = false` in a user's file brings a model back.
        if table.get("retired", False) is not False:
            retired[name] = validated(RetiredModel, name, table, extra)
        else:
            fields = {field: value for field, value in table.items() if field != "retired"}
            models[name] = validated(HostedModel, name, fields, extra)
    return Catalog(models, retired)


@cache
def _built_in_tables() -> dict[str, Any]:
    with resources.as_file(resources.files("chunk_assets.generation") / "models.toml") as path:
        return read_tables(path)


COST_ZEROSCOPE_VIDEO: float = load_catalog()[DEFAULT_MODEL].price.range[1]
"""The price of a Zeroscope clip in US dollars, from the catalog."""
