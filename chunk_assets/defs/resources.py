"""What the assets work with: the film store on S3, the generators, the listener."""

import os
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from botocore.utils import parse_timestamp
from dagster_aws.s3 import S3Resource

from chunk_assets.errors import StorageError
from chunk_assets.film.objects import remedy
from chunk_assets.settings import LOCAL_BUCKET, Settings, load_settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.video_cache import VideoCache

LOOPBACK = "http://127.0.0.1:"
_WITHOUT_CHECKSUMS: dict[str, Any] = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
    "s3": {"payload_signing_enabled": False},
}
"""Within this machine nothing is lost on the way: boto3 would digest each file twice more, beside
the sha256 that we keep, and that is compared whenever the file is read."""
DEFAULT_REGION = "us-east-1"
"""What an S3 server that knows no regions is told."""


class FilmS3(S3Resource):
    """dagster-aws's S3 resource, whose client gives up on a server that does not answer.

    boto3 waits a minute to connect, five times; a person at a terminal should not. Links are signed
    with version 4, which every region accepts.
    """

    max_attempts: int = 3

    def get_client(self) -> Any:
        """A boto3 S3 client; may be used from several threads."""
        is_here = (self.endpoint_url or "").startswith(LOOPBACK)
        core = Session(profile=self.profile_name)
        parsers = core.get_component("response_parser_factory")
        parsers.set_parser_defaults(timestamp_parser=_moment)
        session = boto3.Session(botocore_session=core)
        return session.client(
            "s3",
            region_name=self.region_name or session.region_name or DEFAULT_REGION,
            endpoint_url=self.endpoint_url,
            use_ssl=self.use_ssl,
            verify=self.verify,
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            aws_session_token=self.aws_session_token,
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": self.max_attempts},
                # boto3 would ask HTTP_PROXY for this machine's own server, too.
                proxies={} if is_here else None,
                **(_WITHOUT_CHECKSUMS if is_here else {}),
            ),
        )


def _moment(value: str | float) -> datetime:
    """A time as S3 writes it; boto3's own way, for any format, is half of a listing's work."""
    if isinstance(value, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment
    return parse_timestamp(value)


class FilmStore(dg.ConfigurableResource):
    """The bucket that films are kept in.

    Which one the environment says (`Settings`): a bucket of your own, or the local server of this
    machine's home, started when it is first needed and held for as long as this process lives. No
    credential is ever part of a run's config.
    """

    def store(self) -> ObjectStore:
        """The bucket, checked once a process.

        Raises:
            StorageError: S3 cannot be reached, started or used.
        """
        return connect(load_settings())

    def home(self) -> Path:
        """Where this machine keeps what it works with."""
        return load_settings().home


def connect(settings: Settings) -> ObjectStore:
    """The settings' bucket; one client for the whole process, and another one for its forks.

    Raises:
        StorageError: S3 cannot be reached, started or used.
    """
    if settings.bucket is None:
        return _local_store(settings.home.resolve(), settings.link_seconds)
    home = settings.home.resolve()
    return _own_store(
        settings.bucket,
        settings.endpoint_url,
        home,
        settings.link_seconds,
        settings.s3_retry_seconds,
    )


_leases: list[Any] = []
"""Held until the process ends: the local server lives as long as somebody uses it."""


@cache
def _local_store(home: Path, link_seconds: int) -> ObjectStore:
    from chunk_assets.storage.local.lease import lease  # of no use with a bucket of your own

    held = lease(home, LOCAL_BUCKET)
    _leases.append(held)
    endpoint = held.endpoint
    resource = FilmS3(
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key,
    )
    store = _store(resource.get_client(), LOCAL_BUCKET, home, link_seconds)
    store.check(create=True)
    return store


@cache
def _own_store(
    bucket: str, endpoint_url: str | None, home: Path, link_seconds: int, retry_seconds: float
) -> ObjectStore:
    try:
        client = FilmS3(endpoint_url=endpoint_url).get_client()
    except (BotoCoreError, ValueError) as error:  # a profile, a half credential, a URL
        message = f"the AWS settings cannot be used: {error}; see the AWS_ variables and files"
        raise StorageError(message) from error
    store = _store(client, bucket, home, link_seconds, retry_seconds)
    store.check()
    return store


def _store(
    client: Any, bucket: str, home: Path, link_seconds: int, retry_seconds: float = 0.0
) -> ObjectStore:
    video_cache = VideoCache(home / "nearby")
    return ObjectStore(
        client,
        bucket,
        link_seconds=link_seconds,
        video_cache=video_cache,
        retry_seconds=retry_seconds,
        remedy=remedy,
    )


def _forget_clients() -> None:
    _local_store.cache_clear()
    _own_store.cache_clear()


# A worker's slots and a code server's runs are forks: with the client they would share its open
# connections, and one would be given the other's answer.
os.register_at_fork(after_in_child=_forget_clients)
