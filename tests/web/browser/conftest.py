"""A real browser at a real server. Where there is no Chromium, these tests are skipped."""

import json
import math
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import media
from serving import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Visit = Callable[..., AbstractContextManager["Page"]]
PATIENCE_MS = 90_000
"""For what a machine with other work to do may take."""
NAME = "clip.test"
"""Leads the browser to this machine; unlike localhost, it is not trusted without TLS."""


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Chromium, as it is installed; another with the environment's CHROMIUM."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium; apt install chromium, or set CHROMIUM to one")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program, args=[f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        )
        yield found
        found.close()


@pytest.fixture
def visit(browser: "Browser") -> Visit:
    """Opens a page; at its end there must have been nothing for the browser to complain about:
    no error on the console, none in a script, nothing that the content policy blocked."""

    @contextmanager
    def visiting(address: str, *, expected: str | None = None, **how: Any) -> "Iterator[Page]":
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.accept()))
        page.goto(address)
        try:
            yield page
            rest = [c for c in complaints if expected is None or expected not in c]
            assert not rest, rest
        finally:
            context.close()

    return visiting


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short videos with different pictures."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(3):
        frames = media.numbered_frames(48, first=100 * number)
        media.write_video(folder / f"clip {number}.mp4", frames, fps=12)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Iterator[Server]:
    """A server with a data set, for all tests that leave it running."""
    state = tmp_path_factory.mktemp("site") / "state"
    with serving(state, "--dataset", str(dataset), "--rate", "1000") as server:
        server.wait_ready()
        yield server


@pytest.fixture(scope="session")
def answered(site: Server, clips: Path) -> str:
    """Id of a job of `site` that has its answer."""
    job = site.send((clips / "clip 0.mp4").read_bytes(), "answered.mp4").json
    found = site.over(job["id"])
    assert found["state"] == "done", found
    return str(found["id"])


@pytest.fixture(scope="session")
def attended(site: Server, clips: Path) -> str:
    """The same, as of an ensemble with attention, whatever the bundled model is: it attends to
    frame 20 most of all, which by itself looks like nothing else."""
    job = site.over(site.send((clips / "clip 1.mp4").read_bytes(), "attended.mp4").json["id"])
    result = job["result"]
    shares, steps = result["probabilities"], len(result["times_s"])
    weights = [9.0 if k == 20 else 2 + math.sin(k / 3) for k in range(steps)]
    result["attention"] = [weight / sum(weights) for weight in weights]
    result["by_frame"] = [list(shares.values())] * steps
    result["members"] = [shares, dict(zip(shares, reversed(shares.values()), strict=True))]
    with closing(sqlite3.connect(site.state / "jobs.sqlite3", timeout=30)) as db, db:
        db.execute("UPDATE jobs SET result = ? WHERE id = ?", (json.dumps(result), job["id"]))
    return str(job["id"])
