"""What a page tells of a video that was sent from the data set, or that is no longer there."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from browser_waiting import wait_until

from serving import Server

if TYPE_CHECKING:
    from browser.conftest import Visit


def test_a_clip_of_the_data_set_says_what_became_of_it(site: Server, visit: "Visit") -> None:
    """The list of jobs may be out of sight from there."""
    with visit(site.url, viewport={"width": 390, "height": 844}) as page:
        page.get_by_role("button", name="cat.mp4").click()
        link = page.locator(".shelf a.sent")
        link.wait_for()
        assert "cat.mp4" in page.inner_text("#news")
        box = link.bounding_box()
        assert box is not None
        assert 0 <= box["y"] <= 844 - box["height"]
        id = (link.get_attribute("href") or "").rpartition("/")[2]
        found = site.over(id)
        assert (found["name"], found["source"]) == ("cat.mp4", "dataset")
        label = found["result"]["label"].replace("_", " ")
        page.locator(".shelf a.sent", has_text=label).wait_for()
        assert link.get_attribute("aria-label") == f"cat.mp4: {label}"
        link.click()
        page.wait_for_selector(".said")
        assert page.url.endswith(id)


def test_a_clip_that_is_refused_says_why(site: Server, visit: "Visit") -> None:
    with visit(site.url, expected="422") as page:
        page.evaluate("document.querySelector('.clip').value = 'no such video'")
        page.locator(".clip").first.click()
        page.locator(".shelf .sent.bad", has_text="no video").wait_for()


def test_a_video_that_is_gone_is_not_called_unplayable(
    site: Server, clips: Path, visit: "Visit"
) -> None:
    job = site.over(site.send((clips / "clip 0.mp4").read_bytes(), "gone.mp4").json["id"])
    shutil.rmtree(site.state / "files" / job["id"])
    with visit(f"{site.url}/jobs/{job['id']}", expected="404") as page:
        page.get_by_text("The video is no longer kept").wait_for()
        assert not page.get_by_text("This browser cannot play the file").is_visible()
        wait_until(page, "!document.querySelector('[data-play]')")
    site.ask("DELETE", f"/api/v1/jobs/{job['id']}")  # other pages would miss its pictures


def test_on_a_phone_no_table_of_answers_or_figures_hides_a_part(
    site: Server, answered: str, visit: "Visit"
) -> None:
    hidden = "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
    with visit("about:blank", viewport={"width": 390, "height": 844}) as page:
        for path in ("/jobs", "/model"):
            page.goto(site.url + path)
            found = page.evaluate(hidden)
            assert found
            assert set(found) == {0}, path
