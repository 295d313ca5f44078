"""The resource of the assets: the bucket that films are stored in."""

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
"""For the server on this machine. boto3 would compute two more digests of each file, beside the
sha256 that we store and compare whenever the file is read."""
DEFAULT_REGION = "us-east-1"
"""For S3 servers without regions."""


class FilmS3(S3Resource):
    """dagster-aws's S3 resource, with a client that soon gives up on an unresponsive server.

    boto3 tries to connect five times for a minute each, too long for a person at a terminal. Links
    are signed with version 4, which every region accepts.
    """

    max_attempts: int = 3

    def get_client(self) -> Any:
        """Return a boto3 S3 client, which several threads may use."""
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
                # boto3 would use HTTP_PROXY for the server on this machine, too.
                proxies={} if is_here else None,
                **(_WITHOUT_CHECKSUMS if is_here else {}),
            ),
        )


def _moment(value: str | float) -> datetime:
    """Parse a time in S3's format; boto3's general parser takes half the time of a listing."""
    if isinstance(value, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment
    return parse_timestamp(value)


class FilmStore(dg.ConfigurableResource):
    """The bucket that films are stored in.

    The environment names it (`Settings`): a bucket of your own, or one on the local server in this
    machine's home, which is started when it is first needed and kept until this process ends.
    Credentials are never part of a run's config.
    """

    def store(self) -> ObjectStore:
        """Return the bucket, checked once per process.

        Raises:
            StorageError: S3 cannot be reached, started or used.
        """
        return connect(load_settings())

    def home(self) -> Path:
        """Return the directory of this machine's working files."""
        return load_settings().home


def connect(settings: Settings) -> ObjectStore:
    """Return the bucket of the settings; a process has one client, and its forks have their own.

    Raises:
        StorageError: S3 cannot be reached, started or used.
    """
    return _store(
        settings.bucket,
        settings.endpoint_url,
        settings.home.resolve(),
        settings.link_seconds,
        settings.s3_retry_seconds,
    )


_leases: list[Any] = []
"""Held until the process ends: the local server runs as long as a process holds a lease."""


@cache
def _store(
    bucket: str | None,
    endpoint_url: str | None,
    home: Path,
    link_seconds: int,
    retry_seconds: float,
) -> ObjectStore:
    if bucket is None:
        from chunk_assets.storage.local.lease import lease  # unused with a bucket of your own

        held = lease(home, LOCAL_BUCKET)
        _leases.append(held)
        server = held.endpoint
        client = FilmS3(
            endpoint_url=server.url,
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
        ).get_client()
    else:
        try:
            client = FilmS3(endpoint_url=endpoint_url).get_client()
        except (BotoCoreError, ValueError) as error:  # a profile, an incomplete credential, a URL
            message = f"the AWS settings cannot be used: {error}; see the AWS_ variables and files"
            raise StorageError(message) from error
    store = ObjectStore(
        client,
        bucket or LOCAL_BUCKET,
        link_seconds=link_seconds,
        video_cache=VideoCache(home / "nearby"),
        retry_seconds=retry_seconds if bucket else 0.0,
        remedy=remedy,
    )
    store.check(create=bucket is None)
    return store


# Worker slots and runs are forks. With the parent's client they would share its open connections,
# and get each other's answers.
os.register_at_fork(after_in_child=_store.cache_clear)
