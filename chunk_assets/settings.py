"""The deployment's settings: the only place that reads the environment."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from chunk_assets.deployment import Deployment
from chunk_assets.errors import SpecError
from chunk_assets.limits import Limits
from chunk_assets.quality import Quality
from chunk_assets.usd import Usd

LOCAL_BUCKET = "chunk-assets"
SEVEN_DAYS = 7 * 24 * 3600
MAX_SERVERS = 64
"""Limit on the servers of one generator."""

_UNREADABLE_URL = "unreadable_url"

_LIMITS = {"quality": "COLOUR_DRIFT=4", "limits": "CLIP_SIDE=4096"}
"""The settings that are groups of limits, each with an example."""


def _readable(url: SecretStr) -> SecretStr:
    """Refuse a URL that libraries parse differently; the error message contains no part of it."""
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = None
    # The only @ ends user and password; an @ after the host means that they contain /, ? or #.
    if parts is None or text.count("@") != parts.netloc.count("@") or text.count("@") > 1:
        raise PydanticCustomError(
            _UNREADABLE_URL,
            "cannot be read as scheme://user:password@host:port/name: a port is a number up to "
            "65535, and in a password every character but letters, digits and -._~ is written by "
            "its code, such as %40 for @, %2F for / and %23 for #",
        )
    return url


SecretUrl = Annotated[SecretStr, AfterValidator(_readable)]
"""A server's URL that contains a password."""


_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:]+")


def _host_names(value: object) -> object:
    """Read host names separated by commas."""
    if not isinstance(value, str):
        return value
    names = [name.strip().lower().strip("[]") for name in value.split(",") if name.strip()]
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise PydanticCustomError(
                "host_name",
                "expected host names without scheme and port, such as films.example",
            )
    return tuple(names)


def _server_urls(value: object) -> object:
    """Read the addresses of servers, separated by commas; the error message contains none."""
    if not isinstance(value, str):
        return value
    urls = dict.fromkeys(text.strip().rstrip("/") for text in value.split(",") if text.strip())
    for url in urls:
        try:
            parts = urlsplit(_readable(SecretStr(url)).get_secret_value())
        except PydanticCustomError:
            parts = None
        is_address = parts is not None and parts.scheme in ("http", "https") and parts.hostname
        if not is_address or not url.isprintable() or "?" in url or "#" in url or " " in url:
            raise PydanticCustomError(
                _UNREADABLE_URL,
                "cannot be read as addresses separated by commas: expected http or https with a "
                "host, such as http://127.0.0.1:8188; a user and a password in front of the host "
                "write every character but letters, digits and -._~ by its code, such as %40 for @",
            )
    if len(urls) > MAX_SERVERS:
        message = f"has {len(urls)} addresses: at most {MAX_SERVERS} are allowed"
        raise PydanticCustomError(_UNREADABLE_URL, message)  # type: ignore[arg-type]  # digits only
    return tuple(urls)


def _without_secrets(url: str | None) -> str | None:
    """Return an S3 server's URL without user, password and query.

    S3 has no use for them, and they would appear in every link, message and event.
    """
    if url is None:
        return None
    parts = urlsplit(_readable(SecretStr(url)).get_secret_value())
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Settings(BaseSettings):
    """The deployment's settings; every field is one environment variable.

    A film's own settings are in its manifest, a run's in its run config.
    """

    model_config = SettingsConfigDict(
        env_prefix="CHUNK_ASSETS_",
        env_ignore_empty=True,
        env_nested_delimiter="__",
        extra="ignore",
        populate_by_name=True,
        allow_inf_nan=False,
    )

    home: Path = Field(
        default=Path(".chunk_assets"),
        description="The directory of Dagster's storage and the local S3 server's data.",
    )
    bucket: str | None = Field(
        default=None,
        description="Your own S3 bucket; by default a local server is started for this home.",
    )
    endpoint_url: Annotated[str | None, AfterValidator(_without_secrets)] = Field(
        default=None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        description="Your own S3 server if it is not AWS; only with `bucket`.",
    )
    s3_retry_seconds: float = Field(
        default=0.0,
        validation_alias="CHUNK_ASSETS_S3_PATIENCE",
        ge=0,
        le=86400,
        description="How long to retry an unresponsive S3 endpoint of your own, in seconds; 180 "
        "by default under `worker`.",
    )
    ffmpeg: str | None = Field(
        default=None, description="An FFmpeg binary to use instead of imageio-ffmpeg's."
    )
    link_seconds: int = Field(
        default=SEVEN_DAYS,
        ge=60,
        le=SEVEN_DAYS,
        description="Lifetime of a play link in seconds; S3's limit is seven days.",
    )
    dagster_home: Path | None = Field(
        default=None,
        validation_alias="DAGSTER_HOME",
        description="Your own Dagster instance; by default one in `home`.",
    )
    fork_server: Path | None = Field(
        default=None,
        description="The socket of the process that forks runs; `chunk-assets dev` sets it for "
        "the processes it starts.",
    )
    models: Path | None = Field(
        default=None, description="A TOML file with your own models and prices."
    )
    replicate_api_token: SecretStr | None = Field(
        default=None, validation_alias="REPLICATE_API_TOKEN", description="Replicate's token."
    )
    replicate_base_url: str | None = Field(
        default=None,
        validation_alias="REPLICATE_BASE_URL",
        description="Another address of Replicate's API; https, or this machine's loopback.",
    )
    replicate_max_seconds: float = Field(
        default=1800,
        ge=5,
        le=86400,
        description="Timeout of one prediction in seconds, including Replicate's queue.",
    )
    comfyui_urls: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_server_urls)] = Field(
        default=(),
        description="Your ComfyUI servers, separated by commas, such as http://127.0.0.1:8188; "
        "clips are shared out among them.",
    )
    comfyui_workflow: Path | None = Field(
        default=None,
        description="The workflow that makes the clips: a JSON file that ComfyUI exported in its "
        "API format.",
    )
    comfyui_max_seconds: float = Field(
        default=3600,
        ge=5,
        le=SEVEN_DAYS,
        description="Timeout of one clip on ComfyUI in seconds, without its time in the queue.",
    )
    worker_wait_seconds: float = Field(
        default=900,
        ge=5,
        le=SEVEN_DAYS,
        description="How long a film may hold a worker's slot while its clips only wait for their "
        "turn, in seconds; then it goes back to the end of Dagster's queue.",
    )
    sensor_poll_seconds: float = Field(
        default=4.0,
        validation_alias="CHUNK_ASSETS_SENSOR_PATIENCE",
        ge=0,
        le=30,
        description="How long a sensor tick keeps looking when there is nothing new, in seconds; "
        "Dagster's daemon begins a tick every 5 s.",
    )
    sensor_generators: str = Field(
        default="",
        description="Names of the paid generators that a manifest on S3 may start, separated by "
        "commas, such as 'replicate'; free generators are always allowed.",
    )
    sensor_max_cost_per_film: Usd = Field(
        default=0.0,
        description="Limit in US dollars on the cost of a film started by the sensor, including "
        "what it has already cost; 0 starts no paid film.",
    )
    sensor_max_cost_per_day: Usd = Field(
        default=0.0,
        description="Limit in US dollars on the cost of all films started by the sensor on one "
        "day (UTC); 0 starts no paid film.",
    )
    broker_url: SecretUrl | None = Field(
        default=None,
        description="The Redis that takes runs to the workers, redis://:password@host:6379/0; "
        "only where there is more than one machine.",
    )
    result_url: SecretUrl | None = Field(
        default=None,
        description="Another Redis for the workers' results; by default the broker's.",
    )
    postgres_url: SecretUrl | None = Field(
        default=None,
        description="Dagster's database where there is more than one machine, "
        "postgresql+psycopg2://user:password@host:5432/name; read by deploy/dagster.yaml.",
    )

    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_host_names)] = Field(
        default=(),
        description="Host names, besides localhost, under which people open Dagit, separated by "
        "commas; Dagit refuses requests for other names, and from pages of other sites.",
    )
    quality: Quality = Field(
        default=Quality(),
        description="Limits of the asset checks, each a separate variable, such as "
        "CHUNK_ASSETS_QUALITY__COLOUR_DRIFT=4.",
    )

    limits: Limits = Field(
        default=Limits(),
        description="Limits on clips and pictures, each a separate variable, such as "
        "CHUNK_ASSETS_LIMITS__CLIP_SIDE=4096.",
    )

    @property
    def paid_sensor_generators(self) -> frozenset[str]:
        """`sensor_generators` as names."""
        return frozenset(name.strip() for name in self.sensor_generators.split(",")) - {""}

    @property
    def deployment(self) -> Deployment:
        """The settings for `deployment.configure`."""
        return Deployment(self.limits, self.ffmpeg, self.models)

    @property
    def is_local(self) -> bool:
        """Whether this machine starts its own S3 server."""
        return self.bucket is None


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SpecError: A variable has an invalid value; the sentence names the variable.
    """
    try:
        return Settings()
    except SettingsError as error:
        field, example = next(item for item in _LIMITS.items() if f'"{item[0]}"' in str(error))
        name = f"CHUNK_ASSETS_{field.upper()}"
        message = f"the environment variable {name} is not JSON: set the limits one by one"
        raise SpecError(f"{message}, such as {name}__{example}") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = "__".join(map(str, first["loc"]))
        if not name.isupper():  # the others are named by their alias, such as REPLICATE_BASE_URL
            name = f"CHUNK_ASSETS_{name.upper()}"
        if first["type"] == _UNREADABLE_URL:  # its value is a secret
            raise SpecError(f"the environment variable {name} {first['msg']}") from None
        message = f"the environment variable {name} is {first['input']!r}: {first['msg']}"
        raise SpecError(message) from None
