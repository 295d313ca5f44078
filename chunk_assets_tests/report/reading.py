"""Reads a film page, as a browser does."""

import base64
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "link", "br", "source"}
HOSTILE = (
    "<script>alert('x')</script>\"><img src=https://example.com/x onerror=alert(1)> & {{ 7*7 }}"
)


@dataclass
class Chunk:
    """What the page has of one chunk: its words, and its media by the tag that shows them."""

    words: str = ""
    media: list[tuple[str, str]] = field(default_factory=list)

    @property
    def own_media(self) -> list[tuple[str, str]]:
        """Its media without the moving previews of its takes."""
        return [(tag, uri) for tag, uri in self.media if not uri.startswith("data:image/webp")]


class Page(HTMLParser):
    """A page, read by Python's own parser."""

    def __init__(self, path: Path):
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.words, self.tags, self.open = "", [], []
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.parts: dict[str, Chunk] = {"film": Chunk()}
        self.part = "film"
        self.feed(self.text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += given.items()
        self.addresses += [given[name] for name in ("src", "href", "poster") if name in given]
        if tag == "article":
            self.part = given["id"]
            self.parts[self.part] = Chunk()
        if tag in ("img", "video"):
            self.labels.append(given["alt" if tag == "img" else "aria-label"])
            self.parts[self.part].media.append((tag, given["src"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words += data
            self.parts[self.part].words += data

    def chunk(self, number: int) -> Chunk:
        return self.parts[f"chunk-{number:02d}"]


def content(uri: str, kind: str) -> bytes:
    """What a data URI of this kind holds."""
    head, _, data = uri.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(data, validate=True)
