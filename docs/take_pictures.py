"""Takes the pictures of the documentation: screenshots of Dagit and of a film page.

`pip install -e '.[docs]' && python docs/take_pictures.py`; needs an installed Chromium.

Starts `chunk-assets dev` with a new home, submits the example, waits for the film, its checks and
its page, and opens them in a headless browser.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).with_name("pictures")
EXAMPLE = Path(__file__).parents[1] / "examples" / "aurora"
COMMAND = str(Path(sys.executable).with_name("chunk-assets"))
FILM, CHUNKS = "aurora", 15
CHUNK, NEXT = "07", "08"

MAX_BYTES = 200_000
"""Size limit of a picture, since all of them are in the repository."""

SCREEN, PHONE = (1500, 960), (390, 844)
FILM_TIMEOUT = 1800.0
"""In seconds, until film, checks and page are there."""
PAGE_TIMEOUT = 120_000.0
"""In milliseconds, until a page shows what is waited for."""

CHROMIUM = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # containers have none; only pages of this machine are opened
]

PREFERENCES = """localStorage.setItem("dagster-nav-collapsed", "true");
localStorage.setItem("asset-graph-direction", '"vertical"');"""
"""Dagit's display settings: a narrow navigation, and a vertical graph."""

STATUS = """query($film: String!) {
  runsOrError { ... on Runs { results { runId jobName status } } }
  pages: assetNodeOrError(assetKey: {path: ["film_pages"]}) { ... on AssetNode {
    assetMaterializations(partitions: [$film], limit: 1) {
      metadataEntries { label ... on MarkdownMetadataEntry { mdStr } } } } }
  checks: assetCheckExecutions(
    assetKey: {path: ["chunk_videos"]}, checkName: "clip_conforms", limit: 1000
  ) { partition status } }"""


class Dagit:
    """The webserver of a running `dev`."""

    def __init__(self, port: int):
        self.port = port

    def address(self, path: str) -> str:
        """Return the URL of a page."""
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, query: str, **variables: Any) -> Any:
        """Return the data that a GraphQL query yields."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            body = json.dumps({"query": query, "variables": variables})
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = json.load(connection.getresponse())
        finally:
            connection.close()
        if "errors" in answer:
            raise SystemExit(f"Dagit's GraphQL answers {answer['errors']!r}")
        return answer["data"]

    def page_link(self) -> str | None:
        """Return the link to the film page; None until film, checks and page are there.

        Raises:
            SystemExit: A run has failed.
        """
        found = self.ask(STATUS, film=FILM)
        runs = found["runsOrError"]["results"]
        for run in runs:
            if run["status"] in ("FAILURE", "CANCELED"):
                where = self.address(f"/runs/{run['runId']}")
                raise SystemExit(f"run {run['jobName']!r} has ended as {run['status']}: {where}")
        judged = {one["partition"] for one in found["checks"] if one["status"] == "SUCCEEDED"}
        is_over = all(run["status"] == "SUCCESS" for run in runs) and len(judged) >= CHUNKS
        written = found["pages"]["assetMaterializations"]
        if not is_over or not written:
            return None
        entries = {each["label"]: each.get("mdStr") for each in written[0]["metadataEntries"]}
        return entries["open"].removeprefix("[open](").removesuffix(")")


@contextmanager
def dev(home: Path) -> Iterator[Dagit]:
    """Run `chunk-assets dev` with this home until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home.with_name("dev.txt")
    with log.open("wb") as output:
        running = subprocess.Popen(
            [COMMAND, "dev", "--port", str(port)],
            stdout=output,
            stderr=output,
            start_new_session=True,
            # In a shell's background, children ignore Ctrl-C unless told otherwise.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        until(lambda: running.poll() is not None or "Ctrl-C ends" in log.read_text(), "Dagit")
        if running.poll() is not None:
            raise SystemExit(f"chunk-assets dev has ended: {log.read_text()}")
        yield Dagit(port)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait()


def until(is_so: Callable[[], Any], what: str) -> Any:
    """Return the first true result of `is_so`; exit after `FILM_TIMEOUT`."""
    deadline = time.monotonic() + FILM_TIMEOUT
    while not (answer := is_so()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not appear within {FILM_TIMEOUT:g} s")
        time.sleep(1)
    return answer


def settled(page: Page) -> bytes:
    """Return a screenshot, taken when two in a row are equal."""
    before, now = b"", page.screenshot()
    for _ in range(30):
        if now == before:
            break
        page.wait_for_timeout(1500)
        before, now = now, page.screenshot()
    return now


def save(
    name: str, shot: bytes | Image.Image, box: tuple[int, int, int, int] | None = None
) -> None:
    """Save a screenshot: with photographs as JPEG, without them as a PNG of 256 colours."""
    opened = Image.open(BytesIO(shot)) if isinstance(shot, bytes) else shot
    picture, path = opened.convert("RGB").crop(box), PICTURES / name
    if path.suffix == ".png":
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    for quality in range(88, 30, -6) if path.suffix == ".jpg" else ():
        picture.save(path, quality=quality, optimize=True, progressive=True)
        if path.stat().st_size <= MAX_BYTES:
            break
    size = path.stat().st_size
    print(f"{name}: {picture.width}x{picture.height}, {size / 1000:.0f} kB")
    if size > MAX_BYTES:
        raise SystemExit(f"{name} has {size} bytes: the limit is {MAX_BYTES}")


def open_page(browser: Browser, url: str, size: tuple[int, int] = SCREEN, density: int = 1) -> Page:
    """Open a page in a new browser context."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=density,
        color_scheme="light",
        locale="en-GB",
    )
    context.add_init_script(PREFERENCES)
    page = context.new_page()
    page.set_default_timeout(PAGE_TIMEOUT)
    page.goto(url)
    return page


def lineage(browser: Browser, dagit: Dagit) -> None:
    """Take the graph of the assets."""
    page = open_page(browser, dagit.address("/asset-groups"), (1340, 1500))
    page.get_by_text("100% filled").first.wait_for()
    save("lineage.png", settled(page), (370, 110, 1270, 1500))


def open_chunk(browser: Browser, dagit: Dagit, asset: str, number: str) -> Page:
    """Open the page of one partition of an asset."""
    path = f"/assets/{asset}?view=partitions&partition={quote(f'{number}|{FILM}')}"
    page = open_page(browser, dagit.address(path))
    page.get_by_text("[Show Markdown]").first.wait_for()
    return page


def chunk(browser: Browser, dagit: Dagit) -> None:
    """Take the chunks of a film, then the metadata and the preview of one."""
    page = open_chunk(browser, dagit, "chunk_videos", CHUNK)
    save("partitions.png", settled(page))
    page.get_by_text("colour_drift", exact=True).scroll_into_view_if_needed()
    save("chunk_facts.png", settled(page))
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.locator("img[src^='data:image/webp']")
    picture.wait_for()
    until(lambda: picture.evaluate("one => one.complete && one.naturalWidth > 0"), "the preview")
    page.wait_for_timeout(2000)  # the dialogue fades in; an animation never settles
    save("chunk.jpg", page.screenshot())


def plots(browser: Browser, dagit: Dagit) -> None:
    """Take the plots over the chunks."""
    page = open_page(browser, dagit.address("/assets/chunk_videos?view=overview"))
    page.get_by_text("Plots", exact=True).first.click()
    page.locator("canvas").first.wait_for()
    save("plots.png", settled(page))


def checks(browser: Browser, dagit: Dagit) -> None:
    """Take the result of a check for one chunk."""
    path = "/assets/chunk_videos?view=checks&checkDetail=colour_has_not_drifted"
    page = open_page(browser, dagit.address(path))
    page.get_by_text("Execution history").wait_for()  # its tabs, below those of the asset
    page.get_by_text("Partitions", exact=True).last.click()
    for key in (CHUNK, FILM):
        page.get_by_text(key, exact=True).locator("visible=true").first.click()
    page.get_by_text("colour_drift_allowed", exact=True).first.wait_for()
    save("checks.png", settled(page))


def stale(browser: Browser, dagit: Dagit) -> None:
    """Take the reason why a chunk is stale: the one before was rendered again."""
    page = open_chunk(browser, dagit, "composites", NEXT)
    page.get_by_text("Unsynced").first.hover()
    page.get_by_text("has a new data version").first.wait_for()
    save("stale.png", settled(page))


def film_page(browser: Browser, link: str) -> None:
    """Take the film page on a screen, and on a phone at the top and at a chunk."""
    shots = []
    for size, density in (((SCREEN[0], 1750), 1), (PHONE, 2)):
        page = open_page(browser, link, size, density)
        page.locator("video").first.wait_for()
        page.wait_for_timeout(5000)  # playing clips never settle
        shots.append(page.screenshot())
    page.locator(f"#chunk-{CHUNK}").evaluate("one => one.scrollIntoView()")
    page.wait_for_timeout(5000)
    save("page.jpg", shots[0])
    left, right = (Image.open(BytesIO(shot)) for shot in (shots[1], page.screenshot()))
    both = Image.new("RGB", (left.width * 2 + 40, left.height), "#888")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 40, 0))
    save("phone.jpg", both)


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CHUNK_ASSETS_HOME"] = str(Path(directory) / "home")
        with dev(Path(directory) / "home") as dagit, sync_playwright() as playwright:
            subprocess.run([COMMAND, "submit", str(EXAMPLE)], check=True)
            link = until(dagit.page_link, f"the film {FILM!r} with its page")
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
            for pictures in (lineage, chunk, plots, checks):
                pictures(browser, dagit)
            film_page(browser, link)
            again = ["render", str(EXAMPLE), "--chunks", str(int(CHUNK)), "--only"]
            subprocess.run([COMMAND, *again, "-o", f"{directory}/film.mp4"], check=True)
            stale(browser, dagit)
            browser.close()


if __name__ == "__main__":
    main()
