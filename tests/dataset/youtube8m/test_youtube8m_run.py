"""A plan carried out against a local site, through yt-dlp itself: every id accounted for."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipkind.dataset.scan import scan
from clipkind.dataset.youtube8m.download import Limits
from clipkind.dataset.youtube8m.journal import Status
from clipkind.dataset.youtube8m.plan import PlanRow
from clipkind.dataset.youtube8m.run import PARTS, Settings, Summary, run_plan
from dataset.youtube8m.video_site import Site
from media import numbered_frames, write_video

CARTOON = PlanRow("0215n", 2, "Animation", "Cartoon")
NARUTO = PlanRow("01lg_z", 2, "Animation", "Naruto")

Run = Callable[..., Summary]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def run(site: Site, out: Path) -> Run:
    """Carry out rows of a plan; `limits` and others are fields of `Settings`."""

    def run(*rows: PlanRow, **changed: Any) -> Summary:
        settings = Settings(
            index_url=site.url,
            video_url=f"{site.url}/{{id}}.mp4",
            limits=Limits(max_size=1_000_000),
            pause_s=0,
        )
        site.requests.clear()
        return run_plan(list(rows), out, replace(settings, **changed))

    return run


def fate(out: Path) -> dict[tuple[str, str], str]:
    """The last status of each subcategory and short id in the journal."""
    lines = map(json.loads, (out / "journal.jsonl").read_text().splitlines())
    return {(line["subcategory"], line["short_id"]): line["status"] for line in lines}


def table(out: Path) -> list[dict[str, str]]:
    with (out / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def videos(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "Animation").rglob("*.*"))


def adds_up(summary: Summary) -> bool:
    return all(
        result.ids is not None
        and result.pending is not None
        and result.pending >= 0
        and result.counts.total() + result.pending == result.ids
        for result in summary.rows
    )


def test_every_kind_of_trouble_costs_one_id_and_each_is_counted(
    site: Site, out: Path, run: Run, clip: bytes, tmp_path: Path
) -> None:
    ids = ["good", "gone", "nope", "html", "fake", "long", "live", "huge", "feed", "page"]
    site.list("0215n", ids)
    found = {id: site.video(id, clip) for id in ids}
    paths = {id: f"/{found[id]}.mp4" for id in ids}
    site.resolve("gone", None)
    site.answers[paths["nope"]] = (404, "text/plain", b"no such clip")
    site.answers[paths["html"]] = (200, "text/html", b"<html>something else</html>")
    site.answers[paths["fake"]] = (200, "video/mp4", b"<html>something else</html>")
    slow = write_video(tmp_path / "slow.mp4", numbered_frames(4), fps=1).read_bytes()
    site.answers[paths["long"]] = (200, "video/mp4", slow)  # which only the file itself says
    site.page(found["live"], clip, name="two hours", duration="PT2H")  # which its page says
    site.endless(found["huge"], clip)
    site.page(found["feed"], clip)
    entry = f"<item><enclosure url='{site.url}/files/{found['feed']}.mp4' type='video/mp4'/></item>"
    feed = f"<rss><channel>{entry}</channel></rss>"
    site.answers[paths["feed"]] = (200, "text/xml", feed.encode())
    site.page(found["page"], clip, name="../../\x1b[31mA, title", author={"name": "A channel"})

    row = replace(CARTOON, count=20)
    summary = run(row, limits=Limits(max_size=1_000_000, max_duration_s=3))

    assert {id: status for (_, id), status in fate(out).items()} == {
        "good": "downloaded",
        "gone": "unavailable",
        "nope": "unavailable",
        "html": "failed",
        "fake": "failed",
        "long": "too_long",
        "live": "too_long",
        "huge": "too_large",
        "feed": "failed",
        "page": "downloaded",
    }
    assert adds_up(summary)
    (result,) = summary.rows
    assert (result.got, result.ids, result.pending, result.filled) == (2, 10, 0, False)
    asked = [site.requests.count(f"/files/{found[id]}.mp4") for id in ("live", "feed", "page")]
    assert asked == [1, 1, 2], "yt-dlp looks at a file once and then downloads it"
    assert videos(out) == sorted(f"{found[id]}.mp4" for id in ("good", "page"))
    assert not (out / PARTS).exists()
    kept = json.loads((out / "metadata" / f"{found['page']}.json").read_text())
    assert kept["title"] == "../../\x1b[31mA, title"
    assert kept["uploader"] == "A channel"
    assert (kept["width"], kept["height"], kept["fps"]) == (320, 240, 25)
    assert kept["duration"] == pytest.approx(1)
    assert len(list((out / "metadata").iterdir())) == 2


def test_a_download_that_hangs_ends_when_its_time_is_up(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["hang"])
    site.hang(site.video("hang", clip), clip)
    run(CARTOON, limits=Limits(timeout_s=1))
    (line,) = map(json.loads, (out / "journal.jsonl").read_text().splitlines())
    assert (line["status"], line["reason"]) == ("timeout", "took more than 1 s")
    assert not (out / PARTS).exists()
    assert videos(out) == []


def test_the_folder_is_laid_out_by_class_with_channels_as_groups(
    site: Site, out: Path, run: Run, clip: bytes, tmp_path: Path
) -> None:
    site.list("0215n", ["aaaa", "bbbb"])
    first, second = site.video("aaaa", clip), site.video("bbbb", clip)
    other = write_video(tmp_path / "other.mp4", numbered_frames(30, first=50)).read_bytes()
    site.page(second, other, name="A title", author={"name": "A channel"})
    run(CARTOON)
    assert table(out) == [
        {
            "file_name": f"Animation/Cartoon/{id}.mp4",
            "label": "Animation",
            "subcategory": "Cartoon",
            "group": group,
            "youtube_id": id,
            "title": title,
        }
        for id, group, title in ((first, "", first), (second, "A channel", "A title"))
    ]
    scanned = scan(out)
    assert [(e.path, e.label, e.subcategory, e.group, e.status) for e in scanned.entries] == [
        (str(out / "Animation" / "Cartoon" / f"{id}.mp4"), "Animation", "Cartoon", group, "ok")
        for id, group in ((first, ""), (second, "A channel"))
    ]
    assert (out / "Animation" / "Cartoon" / f"{first}.mp4").read_bytes() == clip


def test_a_run_goes_on_where_it_stopped_and_raised_counts_go_further_down_the_list(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["aaaa", "bbbb", "cccc", "dddd"])
    for id in ("aaaa", "cccc", "dddd"):
        site.video(id, clip)
    site.resolve("bbbb", None)
    one = run(replace(CARTOON, count=1))
    assert one.rows[0].filled
    assert one.rows[0].pending == 3
    assert run(replace(CARTOON, count=1)).rows[0].filled
    assert site.requests == ["/2/j/v/0215n.js"]
    two = run(replace(CARTOON, count=2))
    assert (two.rows[0].got, two.rows[0].pending) == (2, 1)
    assert not any("aaaa" in path for path in site.requests)
    all_ = run(replace(CARTOON, count=9))
    assert (all_.rows[0].got, all_.rows[0].pending, all_.rows[0].filled) == (3, 0, False)
    assert not any(id in path for path in site.requests for id in ("aaaa", "bbbb", "cccc"))
    site.list("0215n", ["aaaa", "bbbb", "cccc", "dddd", "eeee"])  # no flag says "exhausted"
    site.video("eeee", clip)
    assert run(replace(CARTOON, count=4)).rows[0].filled
    assert len(videos(out)) == 4


def test_what_did_not_come_is_tried_again_when_asked_for(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["aaaa", "bbbb"])
    site.video("aaaa", clip)
    site.resolve("bbbb", None)
    run(CARTOON)
    site.video("bbbb", clip)
    assert not run(CARTOON).rows[0].filled
    again = run(CARTOON, retry=True)
    assert again.rows[0].filled
    assert adds_up(again)
    assert not any("aaaa" in path for path in site.requests)
    assert again.rows[0].counts[Status.UNAVAILABLE] == 0


def test_a_video_of_two_rows_goes_to_the_first_and_is_accounted_for_in_both(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["both", "gone", "only"])
    site.list("01lg_z", ["both", "gone", "same", "mine", "more"])
    shared = site.video("both", clip)
    site.resolve("gone", None)
    site.resolve("same", shared)  # another short id of the same video
    for id in ("only", "mine", "more"):
        site.video(id, clip)
    summary = run(CARTOON, NARUTO)
    assert [result.got for result in summary.rows] == [2, 2]
    assert fate(out) == {
        ("Cartoon", "both"): "downloaded",
        ("Cartoon", "gone"): "unavailable",
        ("Cartoon", "only"): "downloaded",
        ("Naruto", "both"): "skipped_duplicate",
        ("Naruto", "gone"): "unavailable",
        ("Naruto", "same"): "skipped_duplicate",
        ("Naruto", "mine"): "downloaded",
        ("Naruto", "more"): "downloaded",
    }
    assert adds_up(summary)
    assert site.requests.count("/2/j/i/bo/both.js") == 1
    assert site.requests.count("/2/j/i/go/gone.js") == 1
    assert site.requests.count(f"/{shared}.mp4") == 2, "a look and the download"
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    (twice,) = (x for x in lines if (x["subcategory"], x["short_id"]) == ("Naruto", "both"))
    assert twice["duplicate_of"] == f"Animation/Cartoon/{shared}.mp4"
    before = (out / "journal.jsonl").read_bytes()
    run(CARTOON, NARUTO, retry=True)
    assert (out / "journal.jsonl").read_bytes() == before


def test_a_line_torn_by_a_kill_is_forgotten_and_a_complete_video_is_not_fetched_again(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["aaaa", "bbbb"])
    site.video("aaaa", clip)
    second = site.video("bbbb", clip)
    run(CARTOON)
    journal = out / "journal.jsonl"
    whole = journal.read_bytes()
    for cut in (whole.index(b"\n") + 1, whole.index(b"\n") + 20, len(whole) - 1):
        journal.write_bytes(whole[:cut])
        summary = run(CARTOON)
        assert summary.rows[0].filled
        assert adds_up(summary)
        assert not site.asked_for(second)
        assert fate(out) == dict.fromkeys([("Cartoon", "aaaa"), ("Cartoon", "bbbb")], "downloaded")
        assert [row["youtube_id"] for row in table(out)][1] == second


def test_what_is_left_of_a_killed_download_is_removed(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["aaaa"])
    site.video("aaaa", clip)
    (out / PARTS / "tmpx").mkdir(parents=True)
    (out / PARTS / "tmpx" / "video.mp4.part").write_bytes(b"half")
    run(CARTOON)
    assert not (out / PARTS).exists()
    assert len(videos(out)) == 1


def test_a_video_weeded_out_by_hand_is_replaced_by_another_and_not_fetched_again(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["aaaa", "bbbb", "cccc"])
    first = site.video("aaaa", clip)
    for id in ("bbbb", "cccc"):
        site.video(id, clip)
    run(CARTOON)
    (out / "Animation" / "Cartoon" / f"{first}.mp4").unlink()
    summary = run(CARTOON)
    assert summary.rows[0].filled
    assert summary.rows[0].counts == {Status.REMOVED: 1, Status.DOWNLOADED: 2}
    assert not site.asked_for(first)
    assert first not in {row["youtube_id"] for row in table(out)}


def test_a_run_stops_when_it_is_not_the_videos(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    ids = [f"id{n:02}" for n in range(9)]
    site.list("0215n", ids)
    for id in ids:
        youtube_id = site.video(id, clip)
        if id != "id00":
            site.answers[f"/{youtube_id}.mp4"] = (403, "text/plain", b"go away")
    summary = run(replace(CARTOON, count=5), NARUTO, give_up=2)
    assert summary.stopped.startswith("2 ids in a row failed")
    assert "403" in summary.stopped
    first, second = summary.rows
    assert (first.got, first.counts[Status.FAILED], first.pending) == (1, 2, 6)
    assert (second.ids, second.pending) == (None, None)


def test_a_run_stops_before_the_disk_is_full(site: Site, out: Path, run: Run, clip: bytes) -> None:
    site.list("0215n", ["aaaa"])
    site.video("aaaa", clip)
    summary = run(CARTOON, limits=Limits(max_size=10**18))
    assert "make room or lower --max-size" in summary.stopped
    assert summary.rows[0].pending == 1
    assert run(replace(CARTOON, count=1)).rows[0].filled


def test_a_row_without_an_index_file_does_not_stop_the_others(
    site: Site, out: Path, run: Run, clip: bytes
) -> None:
    site.list("0215n", ["aaaa"])
    site.video("aaaa", clip)
    summary = run(NARUTO, replace(CARTOON, count=1))
    assert "01lg_z.js: is not available" in summary.rows[0].problem
    assert not summary.rows[0].filled
    assert summary.rows[1].filled
