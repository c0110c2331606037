"""Sending videos with a browser: every way in, options, progress, cancelling, coming back."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_waiting import wait_until

from serving import Server, serving
from slow_video import slow_video

if TYPE_CHECKING:
    from browser.conftest import Visit
    from playwright.sync_api import Page

HOSTILE = "<img src=x onerror=alert(1)>.mp4"


def last_job(server: Server) -> dict:
    return server.get("/api/v1/jobs").json["jobs"][0]


def row(page: "Page", name: str):
    """The newest entry of the list for a name."""
    return page.locator("#recent .row", has_text=name).first


def wait_over(page: "Page", name: str) -> None:
    row(page, name).locator(".label, .tag.bad").first.wait_for()


def test_an_upload_is_followed_to_its_answer(site: Server, clips: Path, visit: "Visit") -> None:
    with visit(site.url) as page:
        page.set_input_files("#files", clips / "clip 0.mp4")
        wait_over(page, "clip 0.mp4")
        row(page, "clip 0.mp4").locator("a.name").click()
        page.wait_for_selector(".said")
        job = last_job(site)
        assert page.url.endswith(job["id"])
        best = max(job["result"]["probabilities"].values())
        assert f"{best:.1%}".replace("%", "\u00a0%") in page.inner_text(".said")
        assert page.locator(".bars tr").count() == len(job["result"]["probabilities"])
        assert page.locator("#film img").count() == len(job["result"]["times_s"])


def test_several_dropped_files_are_a_job_each(site: Server, clips: Path, visit: "Visit") -> None:
    with visit(site.url) as page:
        before = len(site.get("/api/v1/jobs?limit=500").json["jobs"])
        data = page.evaluate_handle(
            """files => { const data = new DataTransfer();
            for (const [name, bytes] of files)
                data.items.add(new File([new Uint8Array(bytes)], name, { type: "video/mp4" }));
            return data; }""",
            [[f"dropped {n}.mp4", list((clips / f"clip {n}.mp4").read_bytes())] for n in range(3)],
        )
        page.dispatch_event("#drop", "dragenter", {"dataTransfer": data})
        assert "over" in (page.get_attribute("#drop", "class") or "")
        page.dispatch_event("body", "drop", {"dataTransfer": data})
        for number in range(3):
            wait_over(page, f"dropped {number}.mp4")
        assert len(site.get("/api/v1/jobs?limit=500").json["jobs"]) == before + 3
        assert page.locator("#uploads .row").count() == 0


@pytest.mark.parametrize("tta", [False, True])
def test_options_reach_the_model(site: Server, clips: Path, visit: "Visit", tta: bool) -> None:
    with visit(site.url) as page:
        if tta:
            page.get_by_label("Look four ways").check()
            page.get_by_label("Risk of a wrong label").select_option("0.1")
        name = f"options {tta}.mp4"
        content = (clips / "clip 1.mp4").read_bytes()
        page.set_input_files("#files", {"name": name, "mimeType": "video/mp4", "buffer": content})
        wait_over(page, name)
        job = last_job(site)
        assert (job["name"], job["tta"], job["risk"]) == (name, tta, 0.1 if tta else None)
        page.goto(f"{site.url}/jobs/{job['id']}")
        assert ("looked at four ways · risk 10\u00a0%" in page.inner_text(".job-title")) == tta


def test_tta_changes_what_the_networks_say(site: Server, answered: str, clips: Path) -> None:
    plain = site.over(answered)
    content = (clips / "clip 0.mp4").read_bytes()
    other = site.over(site.send(content, "again.mp4", tta="true").json["id"])
    same = site.over(site.send(content, "same.mp4").json["id"])
    assert same["result"]["probabilities"] == plain["result"]["probabilities"]
    if any(m not in plain["result"]["members"] for m in other["result"]["members"]):
        assert other["result"]["probabilities"] != plain["result"]["probabilities"]
    assert other["tta"]


def test_choosing_of_the_data_set(site: Server, visit: "Visit") -> None:
    with visit(site.url) as page:
        assert page.locator(".clip").count() == 3
        page.get_by_label("Name has").fill("CAT")
        wait_until(page, "document.querySelectorAll('.clip').length === 1")
        assert page.evaluate("document.activeElement.name") == "text"
        page.get_by_label("Name has").fill("")
        page.locator("#filter").get_by_label("Class").select_option("Gaming")
        wait_until(page, "document.querySelectorAll('.clip').length === 2")
        wait_until(page, "[...document.querySelectorAll('.clip img')].every(i => i.naturalWidth)")
        page.get_by_role("button", name="run <1>.mp4").click()
        wait_over(page, "run <1>.mp4")
        job = last_job(site)
        assert (job["source"], job["truth"]) == ("dataset", "Gaming")
        page.goto(f"{site.url}/jobs/{job['id']}")
        right = job["result"]["label"] == "Gaming"
        assert ("✓ right" if right else "✗ wrong") in page.inner_text(".answer")


def test_a_link_that_is_refused_says_why(site: Server, visit: "Visit") -> None:
    with visit(site.url, expected="422") as page:
        page.get_by_label("Or a link to a video").fill("ftp://example.org/a.mp4")
        page.get_by_role("button", name="Classify").click()
        page.locator("#uploads .failed", has_text="http").wait_for()
        page.get_by_role("button", name="Hide").click()
        assert page.locator("#uploads .row").count() == 0
        page.get_by_label("Or a link to a video").fill("http://127.0.0.1:9/a.mp4")
        page.keyboard.press("Enter")
        page.locator("#uploads .failed", has_text="not on the public network").wait_for()
        page.get_by_label("Or a link to a video").fill("http://localhost:9/a.mp4")
        page.keyboard.press("Enter")  # what a name stands for is found out when it is fetched
        row(page, "localhost:9").locator(".tag.bad").wait_for()
        assert "private network" in row(page, "localhost:9").inner_text()


def test_a_file_over_the_limit_is_not_sent(site: Server, clips: Path, visit: "Visit") -> None:
    with visit(site.url) as page:
        page.evaluate("document.getElementById('send').dataset.max = 100")
        page.set_input_files("#files", clips / "clip 0.mp4")
        page.locator("#uploads .failed", has_text="at most 100 bytes are taken").wait_for()


def test_hostile_names_do_nothing(site: Server, clips: Path, visit: "Visit") -> None:
    content = (clips / "clip 2.mp4").read_bytes()
    with visit(site.url) as page:
        page.set_input_files(
            "#files", {"name": HOSTILE, "mimeType": "video/mp4", "buffer": content}
        )
        wait_over(page, HOSTILE)
        job = last_job(site)
        for path in ("/", "/jobs", f"/jobs/{job['id']}", f"/compare?a={job['id']}"):
            page.goto(site.url + path)
            assert HOSTILE in page.inner_text("main") or path.startswith("/compare")
            assert page.locator("img[src='x']").count() == 0
            assert HOSTILE in page.content().replace("&lt;", "<").replace("&gt;", ">")


def test_jobs_are_there_after_reloading(site: Server, answered: str, visit: "Visit") -> None:
    with visit(site.url) as page:
        names = page.locator("#recent .name").all_inner_texts()
        assert names
        page.reload()
        assert page.locator("#recent .name").all_inner_texts() == names


def test_without_scripts_a_file_is_sent_and_answered(
    site: Server, clips: Path, visit: "Visit"
) -> None:
    with visit(site.url, java_script_enabled=False) as page:
        page.set_input_files("#files", clips / "clip 1.mp4")
        page.get_by_role("button", name="Classify").click()
        page.wait_for_url("**/jobs/*")
        page.wait_for_selector(".said")  # the page loads itself again until then
        assert page.locator("#film img").count()


def test_cancelling_while_it_runs(site: Server, visit: "Visit", tmp_path: Path) -> None:
    content = slow_video(tmp_path / "slow.mp4").read_bytes()
    with visit(site.url) as page:
        page.set_input_files(
            "#files", {"name": "slow.mp4", "mimeType": "video/mp4", "buffer": content}
        )
        row(page, "slow.mp4").locator("progress").wait_for()
        job = last_job(site)
        page.goto(f"{site.url}/jobs/{job['id']}")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("heading", name="Cancelled").wait_for()
        assert site.over(job["id"])["state"] == "cancelled"


def test_progress_counts_the_frames(site: Server, visit: "Visit", tmp_path: Path) -> None:
    content = slow_video(tmp_path / "slow.mp4", pictures=16).read_bytes()
    id = site.send(content, "counted.mp4").json["id"]
    with visit(f"{site.url}/jobs/{id}") as page:
        wait_until(
            page, "/frame [1-9]\\d* of \\d+/.test(document.querySelector('.words').innerText)"
        )
        wait_until(page, "document.querySelector('.live progress').value > 0")
        assert page.get_attribute("[data-step=decoding]", "aria-current") == "step"
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("heading", name="Cancelled").wait_for()


def test_where_events_are_refused_the_page_asks(
    site: Server, clips: Path, visit: "Visit", tmp_path: Path
) -> None:
    slow = site.send(slow_video(tmp_path / "slow.mp4").read_bytes(), "before.mp4").json["id"]
    id = site.send((clips / "clip 0.mp4").read_bytes(), "asked.mp4").json["id"]
    with visit("about:blank", expected="503") as page:
        asked = []
        page.route("**/events", lambda route: route.fulfill(status=503, body="{}"))
        page.on("request", lambda r: r.url.endswith(id) and asked.append(r.resource_type))
        page.goto(f"{site.url}/jobs/{id}")
        wait_until(page, "document.querySelector('.words').textContent.startsWith('Waiting')")
        site.ask("DELETE", f"/api/v1/jobs/{slow}")
        page.wait_for_selector(".said")
        assert "fetch" in asked


def test_a_killed_server_comes_back_and_goes_on(
    tmp_path: Path, clips: Path, visit: "Visit"
) -> None:
    """The page that waits for the answer sees it after the restart, without being loaded again."""
    state = tmp_path / "state"
    with serving(state) as first:
        first.wait_ready()
        slow = first.send(slow_video(tmp_path / "slow.mp4").read_bytes(), "slow.mp4").json["id"]
        id = first.send((clips / "clip 0.mp4").read_bytes(), "waits.mp4").json["id"]
        with visit(f"{first.url}/jobs/{id}", expected="ERR_") as page:
            wait_until(page, "document.querySelector('.words').textContent.startsWith('Waiting')")
            page.evaluate("window.sameDocument = true")
            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            page.locator(".left", has_text="The server does not answer").wait_for()
            with serving(state, "--port", str(first.port)) as second:
                second.wait_ready()
                second.ask("DELETE", f"/api/v1/jobs/{slow}")
                page.wait_for_selector(".said")
                assert page.evaluate("window.sameDocument") is True
                states = {
                    job["name"]: job["state"] for job in second.get("/api/v1/jobs").json["jobs"]
                }
                assert second.over(slow)["state"] == "cancelled"
                assert states["waits.mp4"] == "done"


@pytest.mark.corpus
def test_real_clips_of_every_class(site: Server, visit: "Visit", corpus: Path) -> None:
    clips = [next((corpus / "clips" / name).rglob("*.mp4")) for name in
             ("Animation", "Flat_Content", "Gaming", "Natural_Content")]  # fmt: skip
    with visit(site.url) as page:
        page.set_input_files("#files", clips)
        for clip in clips:
            wait_over(page, clip.name)
        for clip in clips:
            job = next(j for j in site.get("/api/v1/jobs").json["jobs"] if j["name"] == clip.name)
            assert job["state"] == "done", json.dumps(job)[:300]
            page.goto(f"{site.url}/jobs/{job['id']}")
            assert page.locator(".said b").inner_text()
            wait_until(page, "document.getElementById('video').readyState > 0")
