"""The fetching process ends with whoever wanted the video."""

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from clipkind.web.links import LinkReason, LinkRefused
from clipkind.web.links.address import Judge
from clipkind.web.links.resolver import Resolver
from web.links.link_site import PUBLIC, Client, Site, body

fetch = import_module("clipkind.web.links.fetch")  # the package's `fetch` is a function
WANTING = f"""
import sys
from pathlib import Path
from clipkind.web.links import fetch
from clipkind.web.settings import Settings
folder = Path(sys.argv[2])
settings = Settings(state=folder, allowed_addresses=("{PUBLIC}",))
fetch(sys.argv[1], folder / "job", settings=settings, progress=lambda *_: True, names={{}})
"""


def test_killed_with_its_parent(site: Site, tmp_path: Path) -> None:
    """By kill -9, which lets nobody tidy up, while nothing comes that could be passed on."""
    site.answers["/v.mp4"] = site.silence
    command = [sys.executable, "-P", "-c", WANTING, f"{site.url}/v.mp4", str(tmp_path)]
    with subprocess.Popen(command) as parent:
        assert site.reached.wait(30)
        parent.kill()
    assert site.left.wait(10)
    assert not (tmp_path / "job").exists()


def test_a_crash_costs_the_link_only(
    client: Client, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here of yt-dlp, in place of which something else is found."""
    (tmp_path / "yt_dlp.py").write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    site.answers["/watch"] = body(b"<html>", "text/html")
    with client.refused(LinkReason.CRASHED):
        client.fetch(f"{site.url}/watch")


def test_memory_is_limited(
    client: Client, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yt_dlp.py").write_text(
        "try:\n    flood = bytes(3 << 30)\nexcept MemoryError:\n    raise ImportError from None"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    site.answers["/watch"] = body(b"<html>", "text/html")
    with client.refused(LinkReason.PAGE):  # as if it was not installed; with it, a crash
        client.fetch(f"{site.url}/watch")


def test_secrets_of_the_server_are_not_passed_on(
    client: Client, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yt_dlp.py").write_text(
        f"import os; open({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))\n"
        "raise ImportError"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CLIPKIND_SECRET", "hunter2")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    site.answers["/watch"] = body(b"<html>", "text/html")
    with client.refused(LinkReason.PAGE):  # as where yt-dlp is not installed
        client.fetch(f"{site.url}/watch")
    seen = (tmp_path / "seen").read_text()
    assert "PATH" in seen
    assert "hunter2" not in seen
    assert "proxy" not in seen


def test_a_link_that_drips_gives_its_place_to_others(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before its time is up. Here in this process, with less patience."""
    monkeypatch.setattr(fetch, "START_S", 0.5)
    site.answers["/v.mp4"] = site.drip()
    resolver, limits = Resolver(Judge.of([PUBLIC]), {}), fetch.Limits(1000, time.monotonic() + 60)
    with pytest.raises(LinkRefused, match="too slowly") as refused:
        fetch.fetch_file(f"{site.url}/v.mp4", tmp_path / "v", resolver, limits, lambda *_: None)
    assert refused.value.reason == LinkReason.TIMEOUT
    assert limits.left_s() > 30
