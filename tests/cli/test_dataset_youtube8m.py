"""`clipkind dataset youtube8m` as people call it: output, exit codes, kills and going on."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipkind.cli.main import app
from dataset.youtube8m.video_site import Site
from interrupting import start
from media import numbered_frames, write_video
from terminal import shown_by


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, numbered_frames(25)).read_bytes()


def arguments(site: Site, folder: Path, *more: str, plan: str = "Cartoon,2,Animation") -> list[str]:
    file = folder / "plan.csv"
    file.write_text(f"name,count,label\n{plan}\n")
    local = ["--vocabulary", f"{site.url}/vocabulary.csv", "--index-url", f"{site.url}/"]
    local += ["--video-url", f"{site.url}/{{id}}.mp4", "--pause", "0", "--max-size", "1"]
    return ["dataset", "youtube8m", "--plan", str(file), "--out", str(folder / "o"), *local, *more]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "clipkind.cli.main", *arguments]


def clipkind(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, check=False
    )


def test_a_plan_is_filled_with_a_line_for_every_id_and_a_table(
    site: Site, clip: bytes, tmp_path: Path
) -> None:
    site.list("0215n", ["aaaa", "bbbb", "cccc", "dddd"])
    first = site.video("aaaa", clip)
    site.page(first, clip, name="[red]A :smile: \x1b[31mtitle")
    site.resolve("bbbb", None)
    site.video("cccc", clip)
    done = clipkind(*arguments(site, tmp_path))
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stderr.splitlines() if line] == [
        ["downloaded", f"Animation/Cartoon/{first}.mp4"],
        ["unavailable", "Animation/Cartoon/bbbb"],
        ["downloaded", "Animation/Cartoon/-cccc_ytID1.mp4"],
    ]
    assert r"[red]A :smile: \x1b[31mtitle" in done.stderr
    head, row, account = done.stdout.splitlines()
    assert head.split()[2:] == ["Asked", "Got", "Tried", "Unavailable", "Left"]
    assert row.split() == ["Animation", "Cartoon", "2", "2", "3", "1", "1"]
    assert account.endswith("4 ids = 2 downloaded + 1 unavailable + 1 left")
    more = clipkind(*arguments(site, tmp_path, plan="Cartoon,9,Animation\nNaruto,1,Anime[b]"))
    assert more.returncode == 1
    assert "Animation/Cartoon/dddd" in more.stderr
    assert "Anime[b]/Naruto: " in more.stderr
    assert "is not available (HTTP status 404)" in more.stderr
    assert "Anime[b]   Naruto" in more.stdout


def test_a_run_killed_in_the_middle_ends_its_download_and_is_gone_on_with(
    site: Site, clip: bytes, tmp_path: Path
) -> None:
    site.list("0215n", ["aaaa", "bbbb"])
    first, second = site.video("aaaa", clip), site.video("bbbb", clip)
    site.hang(second, clip)
    given = arguments(site, tmp_path)
    parts = tmp_path / "o" / ".downloading"
    with subprocess.Popen(command(*given), stderr=subprocess.DEVNULL) as process:
        assert site.reached.wait(60)
        while process.poll() is None and not list(parts.rglob("video.mp4.part")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert site.left.wait(60), "the downloading process outlives the run"
    assert list(parts.rglob("video.mp4.part"))

    site.requests.clear()
    site.video("bbbb", clip)
    done = clipkind(*given)
    assert done.returncode == 0, done.stderr
    assert not site.asked_for(first)
    assert site.asked_for(second)
    assert not parts.exists()
    lines = (tmp_path / "o" / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["youtube_id"] for line in lines] == [first, second]


def test_ctrl_c_ends_the_download_too_and_leaves_nothing_half_done(
    site: Site, clip: bytes, tmp_path: Path
) -> None:
    site.list("0215n", ["aaaa"])
    site.hang(site.video("aaaa", clip), clip)
    run = command(*arguments(site, tmp_path))
    with start(run, stderr=subprocess.PIPE, text=True) as process:
        assert site.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "clipkind: stopped"
    assert site.left.wait(60)
    assert not (tmp_path / "o" / ".downloading").exists()
    assert (tmp_path / "o" / "journal.jsonl").read_bytes() == b""


def test_without_yt_dlp_it_says_what_to_install(site: Site, tmp_path: Path) -> None:
    code = "import sys; sys.modules['yt_dlp'] = None; from clipkind.cli.main import main; main()"
    run = [sys.executable, "-c", code, *arguments(site, tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "pip install 'clipkind[youtube]'" in done.stderr
    assert not (tmp_path / "o").exists()


def test_mistakes_are_said_before_anything_is_downloaded(site: Site, tmp_path: Path) -> None:
    for more, message in (
        (["--video-url", f"{site.url}/x.mp4"], "it needs {id}"),
        (["--video-url", "file:///{id}"], "give an http:// or https:// address"),
        (["--index-url", "ftp://x"], "give an http:// or https:// address"),
        (["--vocabulary", str(tmp_path / "none.csv")], "none.csv"),
    ):
        done = clipkind(*arguments(site, tmp_path, *more))
        assert done.returncode == 2, more
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    done = clipkind(*arguments(site, tmp_path, plan="Cartoon,2,A\nCartoons,1,A"))
    assert done.returncode == 2
    assert done.stderr.startswith("clipkind: ")
    assert "line 3: no 'Cartoons' in the vocabulary; did you mean 'Cartoon'?" in done.stderr
    assert not (tmp_path / "o").exists()


def test_rows_and_the_bar_share_no_line_of_a_terminal(
    site: Site, clip: bytes, tmp_path: Path
) -> None:
    site.list("0215n", ["aaaa", "bbbb"])
    first = site.video("aaaa", clip)
    site.resolve("bbbb", None)
    lines = shown_by(app, *arguments(site, tmp_path))
    assert [line.split()[:2] for line in lines[:2]] == [
        ["downloaded", f"Animation/Cartoon/{first}.mp4"],
        ["unavailable", "Animation/Cartoon/bbbb"],
    ]
    assert lines[2].split()[0] == "Class"
