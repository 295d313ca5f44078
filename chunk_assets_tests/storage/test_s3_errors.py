"""Each error of S3 in one sentence, and answers that are none of S3's."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chunk_assets.defs.resources import FilmS3
from chunk_assets.errors import CutOff, Damaged, NotAnswering, NotStored, StorageError
from chunk_assets.files.digests import Content
from chunk_assets.sentences import shown
from chunk_assets.storage.local.weed import Server
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.storage.faulty_s3 import Answer, FaultyS3, Garbled, Shortened, faulty_s3

pytestmark = pytest.mark.slow


@pytest.fixture
def relay(s3_server: Server) -> Iterator[FaultyS3]:
    """A relay in front of the server."""
    with faulty_s3(s3_server.url) as opened:
        yield opened


def through(url: str, s3_server: Server, bucket: str) -> ObjectStore:
    """The bucket at another address; without boto3's retries and their pauses."""
    client = FilmS3(
        endpoint_url=url,
        aws_access_key_id=s3_server.access_key_id,
        aws_secret_access_key=s3_server.secret_access_key,
        max_attempts=1,
    ).get_client()
    return ObjectStore(client, bucket)


@pytest.fixture
def far(relay: FaultyS3, s3_server: Server, store: ObjectStore) -> ObjectStore:
    """The test's bucket behind the relay."""
    return through(relay.url, s3_server, store.bucket)


def said(store: ObjectStore, key: str = "k") -> StorageError:
    """What reading is answered with."""
    with pytest.raises(StorageError) as caught:
        store.get_bytes(key)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "An error occurred" not in sentence
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "words", "is_later"),
    [
        (503, "SlowDown", "it received too many requests", True),
        (503, "ServiceUnavailable", "it received too many requests", True),
        (500, "InternalError", "it reports an internal error", True),
        (400, "RequestTimeout", "it took too long", True),
        (403, "AccessDenied", "check the AWS credentials and their permissions", False),
        (403, "InvalidAccessKeyId", "the access key is unknown", False),
        (403, "SignatureDoesNotMatch", "check AWS_SECRET_ACCESS_KEY", False),
        (400, "ExpiredToken", "the session's credentials have expired", False),
        (403, "RequestTimeTooSkewed", "differ by more than 15 minutes: set the clock", False),
        (301, "PermanentRedirect", "set AWS_DEFAULT_REGION", False),
        (400, "QuotaExceeded", "it has no space left", False),
        (507, "XMinioStorageFull", "it has no space left", False),
        (400, "EntityTooLarge", "exceeds the size limit of the server or of a proxy", False),
        (501, "NotImplemented", "it does not support this operation", False),
        (403, "InvalidObjectState", "the object is archived", False),
        (404, "NoSuchBucket", "there is no bucket", False),
        (418, "Teapot", "ret: 2): Please, reduce (Teapot)", False),
    ],
)
def test_each_code_of_s3_is_one_sentence(
    relay: FaultyS3, far: ObjectStore, status: int, code: str, words: str, is_later: bool
):
    """It says what to do, and what the server wrote is never cut apart at its colons."""
    relay.next(" ", *[Answer.error(status, code, "ret: 2): Please, reduce")] * 3)
    error = said(far)
    assert words in str(error)
    assert isinstance(error, NotAnswering) == is_later


def test_a_busy_server_s_sentence_has_no_fragment(
    relay: FaultyS3, s3_server: Server, store: ObjectStore
):
    """Also where boto3 has tried again and says so in its own message."""
    patient = ObjectStore(
        FilmS3(
            endpoint_url=relay.url,
            aws_access_key_id=s3_server.access_key_id,
            aws_secret_access_key=s3_server.secret_access_key,
            max_attempts=2,
        ).get_client(),
        store.bucket,
    )
    busy = Answer.error(503, "SlowDown", "Please reduce your request rate.")
    relay.next("GET", busy, busy)
    assert str(said(patient)) == (
        f"S3 at {relay.url} could not read s3://{store.bucket}/k: it received too many requests; "
        "try again in a minute (SlowDown)"
    )
    assert len(relay.requests) == 2


def test_a_file_that_is_not_taken_is_the_same_sentence(
    relay: FaultyS3, far: ObjectStore, tmp_path: Path
):
    """`upload_file` wraps S3's error in one of its own."""
    (tmp_path / "file").write_bytes(b"content")
    relay.next("PUT", Answer.error(507, "XMinioStorageFull", "Storage backend is full"))
    with pytest.raises(StorageError, match=r"could not write s3://.*: it has no space left"):
        far.put_file("k", tmp_path / "file", "text/plain")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_skewed_clock_is_named_where_s3_only_says_403(
    relay: FaultyS3, far: ObjectStore, minutes: int
):
    """The answer to a HEAD request has no code, but a date."""
    there = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    relay.next("HEAD", Answer(403, b"", {"Date": there}))
    with pytest.raises(
        StorageError, match="differ by more than 15 minutes: set the clock"
    ) as caught:
        far.head("k")
    assert (
        "(1200 s)" in str(caught.value)
        or "(1199 s)" in str(caught.value)
        or ("(1201 s)" in str(caught.value))
    )


@pytest.mark.parametrize("status", [200, 302, 403, 404, 503, 511])
def test_a_login_page_in_s3_s_place_is_named(
    relay: FaultyS3, far: ObjectStore, tmp_path: Path, status: int
):
    """Whatever is asked and whatever its status: it is no object, and none that is missing."""
    (tmp_path / "file").write_bytes(b"content")
    relay.next(" ", *[Answer.portal(status, Location="https://wifi.example/login")] * 60)
    asks = (
        lambda: far.head("k"),
        lambda: far.get_bytes("k"),
        lambda: far.put_bytes("k", b"x", "text/plain"),
        lambda: far.put_file("k", tmp_path / "file", "text/plain"),
        lambda: far.download("k", tmp_path / "target"),
        lambda: list(far.keys("")),
        far.check,
    )
    for ask in asks:
        with pytest.raises(StorageError, match="was returned instead of") as caught:
            ask()
        assert not isinstance(caught.value, NotStored)
        assert f"(HTTP status {status})" in str(caught.value)


def test_our_own_web_pages_are_objects(far: ObjectStore):
    """A film's page is HTML, and has an ETag."""
    far.put_bytes("report.html", b"<html></html>", "text/html")
    assert far.get_bytes("report.html")[0] == b"<html></html>"
    assert far.head("report.html") is not None


@pytest.mark.parametrize("fault", [Shortened(), Shortened(admits_it=False), Garbled()])
def test_an_answer_that_is_not_whole_is_read_once_more(
    relay: FaultyS3, far: ObjectStore, tmp_path: Path, fault: Shortened | Garbled
):
    """Cut off, shortened on its way, or changed: the second answer counts."""
    far.put_bytes("k", b"content", "text/plain")
    relay.next("GET", fault)
    assert far.get_bytes("k")[0] == b"content"
    relay.next("GET", fault)
    far.download("k", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert sum(request.startswith("GET") for request in relay.requests) == 4


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Shortened(), Damaged, "is damaged: it has 3 bytes, 7 were written"),
        (Shortened(admits_it=False), CutOff, "its answer was cut off"),
        (Garbled(), Damaged, "is damaged: its content is not what was written"),
    ],
)
def test_an_answer_that_is_never_whole_is_said(
    relay: FaultyS3, far: ObjectStore, fault: Shortened | Garbled, kind: type, words: str
):
    """After two reads."""
    far.put_bytes("k", b"content", "text/plain")
    relay.next("GET", fault, fault)
    error = said(far)
    assert isinstance(error, kind)
    assert words in str(error)
    assert sum(request.startswith("GET") for request in relay.requests) == 2


def test_a_person_s_object_is_read_once_more_too(
    relay: FaultyS3, far: ObjectStore, store: ObjectStore
):
    """It has no digest of ours; its ETag tells that the first answer was not all of it."""
    store.client.put_object(Bucket=store.bucket, Key="k", Body=b"content")
    relay.next("GET", Shortened())
    assert far.get_bytes("k")[0] == b"content"


def test_what_is_stored_is_compared_without_reading_it(
    relay: FaultyS3, far: ObjectStore, store: ObjectStore
):
    """Header and record tell that an object is whole; one that they do not fit is read."""
    written = far.put_bytes("k", b"content", "text/plain")
    before = len(relay.requests)
    assert far.damage(written) == ""
    assert far.holds(written, Content.of_bytes(b"content"))
    assert not far.holds(written, Content.of_bytes(b"contenT"))
    assert len(relay.requests) == before
    for body in (b"", b"cont", b"contenT", b"content and more"):
        store.client.put_object(
            Bucket=store.bucket, Key="k", Body=body, Metadata=dict(written.record)
        )
        stored = far.find("k")
        assert far.damage(stored) != ""
        assert not far.holds(stored, Content.of_bytes(b"content"))
    store.client.put_object(Bucket=store.bucket, Key="k", Body=b"content")
    assert far.damage(far.find("k")) == "its record is missing or damaged"


def test_etags_that_are_no_digests_are_believed_no_more(
    relay: FaultyS3, far: ObjectStore, store: ObjectStore
):
    """Where the bucket encrypts, one object is read to see that, and no other."""
    record = {**Content.of_bytes(b"content").as_metadata(), "etag": "0" * 32}
    for key in ("a", "b"):
        store.client.put_object(Bucket=store.bucket, Key=key, Body=b"content", Metadata=record)
    assert [far.damage(far.find(key)) for key in ("a", "b", "a")] == ["", "", ""]
    assert sum(request.startswith("GET") for request in relay.requests) == 1


def test_a_file_s_etag_is_s3_s_own(store: ObjectStore, tmp_path: Path):
    """For an empty file, a small one, and one that is uploaded in parts."""
    for size in (0, 1000, (32 << 20) - 1, 32 << 20, (32 << 20) + 1):
        with (tmp_path / "file").open("wb") as file:
            file.truncate(size)
        store.put_file("k", tmp_path / "file", "video/mp4")
        stored = store.find("k")
        assert stored.record["etag"] == stored.etag
        assert stored.record["size"] == str(size)


def test_no_password_of_an_endpoint_is_shown(s3_server: Server, store: ObjectStore):
    """Neither by us nor in a library's own words."""
    far = through("http://user:hunter2@127.0.0.1:9", s3_server, store.bucket)
    assert "hunter2" not in str(said(far))
    assert shown("at https://a:b@b@c/d?x=y@z") == "at https://a:***@c/d?x=y@z"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (1, 2, "is not valid yet by this machine's clock"),
        (-2, -1, "has expired by this machine's clock"),
        (-1, 1, "cannot be verified"),
    ],
)
def test_a_certificate_that_is_refused_is_named(
    s3_server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: int,
    last: int,
    words: str,
):
    """One of tomorrow, of yesterday, of a stranger: with what this machine takes the time to be."""
    now = datetime.now(UTC)
    days = [f"{now + timedelta(days=day):%Y%m%d%H%M%SZ}" for day in (first, last)]
    (tmp_path / "ca.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nserial=serial\n"
        "default_md=sha256\npolicy=any\nx509_extensions=ext\n[any]\ncommonName=supplied\n"
        "[req]\ndistinguished_name=name\n[name]\n[ext]\nsubjectAltName=IP:127.0.0.1\n"
    )
    (tmp_path / "index").touch()
    (tmp_path / "serial").write_text("01\n")
    request = "openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem"
    sign = "openssl ca -batch -notext -selfsign -keyfile key.pem -in request.pem -out cert.pem"
    for command in (
        f"{request} -subj /CN=127.0.0.1 -config ca.cnf",
        f"{sign} -config ca.cnf -startdate {days[0]} -enddate {days[1]}",
    ):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    if words != "cannot be verified":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "cert.pem"))
    client = FilmS3(
        endpoint_url=f"https://127.0.0.1:{server.server_address[1]}",
        aws_access_key_id=s3_server.access_key_id,
        aws_secret_access_key=s3_server.secret_access_key,
        max_attempts=1,
    ).get_client()
    try:
        error = said(ObjectStore(client, "films"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert words in str(error)
    assert not isinstance(error, NotAnswering)
