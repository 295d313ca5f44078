"""Refuse web pages that arrive instead of S3's answers."""

from typing import Any


class WebPage(Exception):
    """A web page arrived instead of S3's answer; raised within boto3, see `refuse_web_pages`."""

    def __init__(self, status: int):
        super().__init__(f"a web page with HTTP status {status}")
        self.status = status


def refuse_web_pages(client: Any) -> None:
    """Make a boto3 S3 client raise `WebPage` for an answer that is a web page.

    The network of a hotel or a company may answer any request with its login page, or redirect to
    it. boto3 takes that for an empty object, a missing one, or a bucket in another region, for
    which it searches forever. Objects that are web pages have an ETag.
    """

    def refuse(answer: Any) -> None:
        kind = str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()
        is_page = kind in ("text/html", "application/xhtml+xml")
        if (is_page and not answer.headers.get("etag")) or answer.status_code in (302, 303):
            raise WebPage(answer.status_code)

    def before_retries(response: Any = None, **_more: Any) -> None:
        if response is not None and response[0].status_code < 500:
            refuse(response[0])

    def after_retries(http_response: Any, **_more: Any) -> None:
        refuse(http_response)

    client.meta.events.register_first("needs-retry.s3", before_retries, "chunk_assets-page")
    client.meta.events.register("after-call.s3", after_retries, "chunk_assets-late-page")
