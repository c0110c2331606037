"""Pages in a browser: that everyone can use them, and that pictures, chart and video agree."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_waiting import wait_until

from clipkind.web.jobs.job import Job
from clipkind.web.pages.live import live_of
from serving import Server, serving
from slow_video import slow_video

if TYPE_CHECKING:
    from browser.conftest import Visit
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[3]
SIZES = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="session")
def pages(site: Server, answered: str, attended: str) -> dict[str, str]:
    """A page of every kind."""
    several = site.send((b"x" * 1000), "refused.mp4").json["id"]
    assert site.over(several)["state"] == "failed"
    return {
        "home": "/",
        "answer": f"/jobs/{answered}",
        "answer with charts": f"/jobs/{attended}",
        "refusal": f"/jobs/{several}",
        "history": "/jobs",
        "nothing": "/jobs?text=there+is+none",
        "compare": f"/compare?a={answered}&b={attended}",
        "model": "/model",
        "api": "/api/docs",
        "absent": "/nothing",
    }


def complaints(page: "Page") -> list[str]:
    """What axe-core finds, of all its rules for WCAG 2 A and AA and its best practices."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    return [f"{v['id']}: {v['help']} {[n['html'][:120] for n in v['nodes'][:3]]}" for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_for_everyone(
    site: Server, pages: dict[str, str], visit: "Visit", scheme: str, size: str
) -> None:
    with visit("about:blank", viewport=SIZES[size], color_scheme=scheme, expected="404") as page:
        for name, path in pages.items():
            page.goto(site.url + path)
            assert complaints(page) == [], name
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wider) == 0, f"{name} is wider than the screen"


def test_the_first_paint_is_soon(site: Server, answered: str, visit: "Visit") -> None:
    """That styles and scripts hold nothing up: the paint needs no third round of requests."""
    with visit(site.url) as page:
        blocking = page.evaluate(
            """performance.getEntriesByType("resource")
            .filter(e => e.renderBlockingStatus === "blocking")
            .map(e => new URL(e.name).pathname)"""
        )
        assert sorted(blocking) == ["/page.css", "/static/app.css"]
        elsewhere = page.evaluate(
            """performance.getEntriesByType("resource")
            .filter(e => !e.name.startsWith(location.origin)).length"""
        )
        assert elsewhere == 0


def test_a_frame_opens_large_and_takes_the_video_there(
    site: Server, answered: str, visit: "Visit"
) -> None:
    times = site.get(f"/api/v1/jobs/{answered}").json["result"]["times_s"]
    with visit(f"{site.url}/jobs/{answered}") as page:
        wait_until(page, "document.getElementById('video').readyState > 0")
        now = "document.getElementById('video').currentTime"
        page.locator("#film a").nth(30).click()
        assert page.locator("#viewer").get_attribute("open") is not None
        assert page.evaluate(now) == pytest.approx(times[30], abs=0.01)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#viewer-words").startswith("Frame 32 at")
        assert page.evaluate(now) == pytest.approx(times[31], abs=0.01)
        wait_until(page, "document.getElementById('viewer-picture').naturalWidth > 0")
        page.keyboard.press("Escape")
        wait_until(page, f"document.activeElement.dataset.time === '{times[31]}'")
        page.locator("#film a").nth(0).click()
        assert page.locator("[data-go='-1']").is_disabled()
        page.get_by_role("button", name="Play from here").click()
        wait_until(page, "(v => !v.paused || v.ended)(document.getElementById('video'))")
        assert page.locator("#viewer").get_attribute("open") is None


def test_the_strip_is_one_stop_for_the_keyboard(
    site: Server, answered: str, visit: "Visit"
) -> None:
    with visit(f"{site.url}/jobs/{answered}") as page:
        links = page.locator("#film a")
        assert page.locator("#film a[tabindex='0']").count() == 1
        links.first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
            "Frame 2 "
        )
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        assert page.inner_text("#viewer-words").startswith(f"Frame {links.count()} at")
        page.keyboard.press("Escape")
        wait_until(page, "!!document.activeElement.closest('#film')")
        page.keyboard.press("Tab")
        assert not page.evaluate("!!document.activeElement.closest('#film')")


def test_a_click_on_a_chart_takes_the_video_there(
    site: Server, attended: str, visit: "Visit"
) -> None:
    with visit(f"{site.url}/jobs/{attended}") as page:
        assert page.locator(".chart").count() == 2
        chart = page.locator(".chart").first
        assert "Most decisive: 0:01.3, " in (chart.get_attribute("aria-label") or "")
        wait_until(page, "document.getElementById('video').readyState > 0")
        box = chart.bounding_box()
        assert box is not None
        end = float(chart.get_attribute("data-end") or 0)
        chart.click(position={"x": box["width"] * 0.75, "y": 60})
        at = page.evaluate("document.getElementById('video').currentTime")
        assert at == pytest.approx(0.75 * end, abs=0.03)
        page.locator(".playhead:not(.hidden)").first.wait_for(state="attached")
        x = page.locator(".playhead").first.get_attribute("x1") or ""
        assert float(x.removesuffix("%")) == pytest.approx(75, abs=1)


def test_a_file_the_browser_cannot_play_leaves_the_pictures(
    site: Server, visit: "Visit", tmp_path: Path
) -> None:
    import media

    file = media.write_video(tmp_path / "old.avi", media.numbered_frames(20), codec="mpeg4")
    job = site.over(site.send(file.read_bytes(), "old.avi").json["id"])
    with visit(f"{site.url}/jobs/{job['id']}") as page:
        page.get_by_text("This browser cannot play the file").wait_for()
        page.locator("#film a").first.click()
        assert page.locator("#viewer").get_attribute("open") is not None
        assert page.locator("[data-play]").count() == 0


def test_history_compares_two_and_deletes_one(site: Server, clips: Path, visit: "Visit") -> None:
    for name in ("first.mp4", "second.mp4"):
        site.over(site.send((clips / "clip 2.mp4").read_bytes(), name).json["id"])
    with visit(f"{site.url}/jobs", expected="Delete this video") as page:
        page.get_by_label("Compare first.mp4").check()
        page.get_by_label("Compare second.mp4").check()
        page.get_by_role("button", name="Compare the two ticked").click()
        assert "as sure as each other" in page.inner_text(".verdict")
        page.locator(".two").get_by_role("link", name="first.mp4").click()
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url("**/jobs")
        assert "first.mp4" not in page.inner_text("main")
        assert "second.mp4" in page.inner_text("main")


def test_who_has_the_token_gets_in_and_out(tmp_path: Path, visit: "Visit") -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse-battery-staple\n")
    with (
        serving(tmp_path / "state", "--token-file", str(token)) as server,
        visit(f"{server.url}/model", expected="403") as page,
    ):
        assert "/login" in page.url
        assert complaints(page) == []
        page.get_by_label("Token").fill("wrong-horse-battery-staple")
        page.get_by_role("button", name="Log in").click()
        assert page.locator("[role=alert]").inner_text() == "That is not the token."
        page.get_by_label("Token").fill("correct-horse-battery-staple")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/model")
        page.get_by_role("button", name="Log out").click()
        assert "/login" in page.url


def test_pages_of_who_is_signed_out_lead_to_the_door(
    tmp_path: Path, dataset: Path, visit: "Visit"
) -> None:
    """And show it in place of the page, not within."""
    token = tmp_path / "token"
    token.write_text("correct-horse-battery-staple\n")
    options = ("--token-file", str(token), "--dataset", str(dataset))
    with (
        serving(tmp_path / "state", *options) as server,
        visit(f"{server.url}/login", expected="Failed to load resource") as page,
    ):

        def log_in() -> None:
            page.get_by_label("Token").fill("correct-horse-battery-staple")
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(lambda url: "/login" not in url)  # scripts are at work from there on

        log_in()
        page.locator("#library input[type=search]").wait_for()
        page.context.clear_cookies()
        page.locator("#library input[type=search]").fill("cat")
        page.wait_for_url(lambda url: "/login?" in url)
        assert "cat" not in page.url  # it was not taken for the library that was asked for

        log_in()
        content = slow_video(tmp_path / "slow.mp4").read_bytes()
        page.set_input_files(
            "#files", {"name": "slow.mp4", "mimeType": "video/mp4", "buffer": content}
        )
        page.route("**/events", lambda route: route.fulfill(status=503, body="{}"))
        page.locator("#recent a.name").first.click()
        page.locator("#live").wait_for()
        page.context.clear_cookies()  # the page asks once a second, and is refused
        page.wait_for_url(lambda url: "/login?" in url)


def test_pictures_for_the_readme(
    tmp_path: Path, visit: "Visit", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept in the folder that the environment's SCREENSHOTS names, else thrown away."""
    pytest.importorskip("PIL", reason="the sample clips are drawn with Pillow")
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from samples import cartoon, chart, screen, slides
    from samples.encode import write_mp4

    kept = Path(os.environ.get("SCREENSHOTS", tmp_path))
    drawn = {"Animation/fox.mp4": cartoon, "Flat_Content/chart.mp4": chart,
             "Flat_Content/slides.mp4": slides}  # fmt: skip
    for name, module in drawn.items():
        fps = cartoon.FPS if module is cartoon else screen.FPS
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        write_mp4(tmp_path / "clips" / name, module.frames(), fps)
    with serving(tmp_path / "state", "--dataset", str(tmp_path / "clips")) as server:
        server.wait_ready()
        with visit(server.url, viewport={"width": 1180, "height": 1040}) as page:
            for name in ("slides.mp4", "chart.mp4", "fox.mp4"):
                page.get_by_role("button", name=name).click()
                page.locator("#recent .row", has_text=name).locator(".label").wait_for()
            settled = "[...document.querySelectorAll('main img[src]')].every(i => i.naturalWidth)"
            wait_until(page, settled)
            page.evaluate("scrollTo(0, 0)")
            page.mouse.move(0, 0)
            page.screenshot(path=kept / "web-home.jpg", type="jpeg", quality=82)
            page.locator("#recent a.name", has_text="fox.mp4").click()
            page.wait_for_selector(".said")
            page.evaluate("document.getElementById('video').currentTime = 2.2")
            wait_until(
                page, "(v => !v.seeking && v.readyState > 3)(document.getElementById('video'))"
            )
            page.set_viewport_size({"width": 1180, "height": 1500})
            wait_until(page, settled)
            page.wait_for_timeout(1000)  # the player's sign of waiting fades away
            page.screenshot(path=kept / "web-answer.jpg", type="jpeg", quality=82)
    for name in ("web-home.jpg", "web-answer.jpg"):
        assert (kept / name).stat().st_size > 20_000


def test_the_script_says_what_the_server_says(site: Server, visit: "Visit") -> None:
    """A page that was loaded and one that was followed must not tell two stories."""
    told = {"place": None, "eta_s": None, "total": 0, "done": 0}
    jobs: list[dict[str, Any]] = [
        {"state": "queued", "step": "waiting", "place": 3, "eta_s": 65.2},
        {"state": "queued", "step": "waiting", "place": 9, "eta_s": 119.7},
        {"state": "queued", "step": "waiting", "place": 990, "eta_s": 7512.0},
        {"state": "queued", "step": "waiting"},
        {"state": "running", "step": "waiting"},
        {"state": "running", "step": "fetching", "done": 1_234_567, "total": 20_000_000},
        {"state": "running", "step": "fetching", "done": 800},
        {"state": "running", "step": "decoding"},
        {"state": "running", "step": "decoding", "done": 12, "total": 64, "eta_s": 3.0},
        {"state": "running", "step": "network", "done": 64, "total": 64},
    ]
    with visit(site.url) as page:
        for job in jobs:
            script = page.evaluate(
                """async job => { const say = await import("/static/progress.js");
                return [say.words(job), say.left(job), say.share(job)]; }""",
                told | job,
            )
            asked = {key: value for key, value in job.items() if key not in ("place", "eta_s")}
            made = Job(id="", source="upload", name="", model="", created_at=0.0, **asked)
            live = live_of(made, job.get("place"), job.get("eta_s"))
            assert script == [live.words, live.left, live.share]
