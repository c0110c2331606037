"""The dashboard: a picture an epoch for each member, whatever the classes and the numbers."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from clipkind.training.dashboard import BACKLOG, Dashboard, LiveDashboard
from clipkind.training.history import EpochResult
from clipkind.training.panels import HEIGHT, WIDTH, draw_picture, fitted_names, spread
from clipkind.training.sheet import Sheet
from training.epochs import some_epochs

CLASSES = ("Animation", "Flat_Content", "Gaming", "Natural_Content")
EPOCHS = some_epochs(30)


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (WIDTH, HEIGHT)
        return np.asarray(image.convert("RGB"))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


def test_a_picture_an_epoch_and_the_latest_once_more(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, "member-0", CLASSES)
    paths = [dashboard.draw(EPOCHS[:count], total_epochs=40) for count in (1, 2, 12)]
    assert names(tmp_path) == [
        "member-0/epoch_001.png",
        "member-0/epoch_002.png",
        "member-0/epoch_012.png",
        "member-0_current.png",
    ]
    first, second, third = map(pixels, paths)
    assert (first != second).any()
    assert (second != third).any()
    assert dashboard.current.read_bytes() == paths[-1].read_bytes()
    assert dashboard.draw(EPOCHS[:12], total_epochs=40).read_bytes() == paths[-1].read_bytes()


def test_members_have_pictures_of_their_own(tmp_path: Path) -> None:
    first = Dashboard(tmp_path, "member-0", CLASSES)
    second = Dashboard(tmp_path, "member-1", CLASSES)
    path = first.draw(EPOCHS[:3], total_epochs=40)
    before = path.read_bytes()
    second.draw(some_epochs(3, seed=1), total_epochs=40)
    assert path.read_bytes() == before == first.current.read_bytes()
    assert second.current.read_bytes() != before


def test_pictures_of_epochs_to_be_trained_again_are_removed(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, "member-0", CLASSES)
    for count in (1, 2, 3):
        dashboard.draw(EPOCHS[:count], total_epochs=40)
    Dashboard(tmp_path, "member-1", CLASSES, keep_epochs=0)
    assert len(names(tmp_path / "member-0")) == 3
    Dashboard(tmp_path, "member-0", CLASSES, keep_epochs=2)
    assert names(tmp_path / "member-0") == ["epoch_001.png", "epoch_002.png"]


def test_the_epoch_that_training_keeps_is_the_one_marked(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, "member-0", CLASSES)
    by_f1 = pixels(dashboard.draw(EPOCHS, total_epochs=40))
    other = pixels(dashboard.draw(EPOCHS, total_epochs=40, best=EPOCHS[9]))
    assert (by_f1 != other).any()
    best = max(EPOCHS, key=lambda result: result.val_macro_f1)
    same = pixels(dashboard.draw(EPOCHS, total_epochs=40, best=best))
    np.testing.assert_array_equal(by_f1, same)


def is_red(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (picture == (0xDC, 0x26, 0x26)).all(axis=2)


def test_lost_classes_are_red(tmp_path: Path) -> None:
    well = replace(EPOCHS[-1], val_f1=(0.9, 0.9, 0.9, 0.9))
    collapsed = replace(EPOCHS[-1], val_f1=(0.4, 0.0, 0.1, 0.0))
    dashboard = Dashboard(tmp_path, "member-0", CLASSES)
    assert not is_red(pixels(dashboard.draw([well], total_epochs=40))).any()
    assert is_red(pixels(dashboard.draw([collapsed], total_epochs=40))).sum() > 100


shares = st.floats(0, 1)
amounts = st.floats(0, 1e300)


@st.composite
def trainings(draw: st.DrawFn) -> tuple[tuple[str, ...], list[EpochResult]]:
    classes = draw(st.lists(st.text(max_size=60), min_size=2, max_size=30, unique=True))
    epochs = [
        EpochResult(
            epoch=number,
            learning_rate=draw(amounts),
            train_loss=draw(amounts),
            train_accuracy=draw(shares),
            train_weighted_f1=draw(shares),
            val_loss=draw(amounts),
            val_nll=draw(amounts),
            val_accuracy=draw(shares),
            val_macro_f1=draw(shares),
            val_weighted_f1=draw(shares),
            val_f1=tuple(draw(st.lists(shares, min_size=len(classes), max_size=len(classes)))),
            seconds=draw(st.floats(0, 1e7)),
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]
    return tuple(classes), epochs


@settings(max_examples=12, deadline=None)
@given(trainings())
def test_any_names_and_numbers_can_be_drawn(
    training: tuple[tuple[str, ...], list[EpochResult]],
) -> None:
    classes, epochs = training
    assert draw_picture("caf\udce9 $x$", classes, epochs, 40, epochs[0]).startswith(b"\x89PNG")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.integers(40, 200))
def test_names_are_shortened_to_the_room_there_is(name: str, width: int) -> None:
    sheet = Sheet(100, 100)
    assert sheet.text_width(sheet.fitted(name, width)) <= width


def test_shortened_names_keep_both_ends() -> None:
    sheet = Sheet(100, 100)
    shown = sheet.fitted("Screen recordings of spreadsheets, with sound", 190)
    assert shown.startswith("Screen rec")
    assert shown.endswith("sound")
    assert sheet.fitted("Gaming", 190) == "Gaming"


def test_classes_that_differ_where_there_is_no_room_are_told_apart_by_number() -> None:
    sheet = Sheet(100, 100)
    names = [f"{'long ' * 12}{word} {'name ' * 12}" for word in ("red", "green")] + ["Gaming"]
    first, second, third = fitted_names(sheet, names, 9)
    assert first.startswith("class 1 long")
    assert second.startswith("class 2 long")
    assert third == "Gaming"


def test_a_name_in_letters_that_no_font_has_is_noticed() -> None:
    sheet = Sheet(100, 100)
    assert sheet.covers("Gaming Αθλητισμός Мультфильмы $x$")
    assert not sheet.covers("Gaming \U000f0000")  # for private use: no font has it


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(100, 400), min_size=1, max_size=6))
def test_labels_do_not_cover_each_other(heights: list[float]) -> None:
    placed = spread(heights, lowest=400, gap=15)
    in_order = sorted(placed)
    assert all(low + 15 <= high + 1e-6 for low, high in pairwise(in_order))
    assert in_order[-1] <= 400 + 1e-6
    assert sorted(range(len(heights)), key=lambda i: heights[i]) == sorted(
        range(len(heights)), key=lambda i: placed[i]
    )
    if all(abs(a - b) >= 15 for i, a in enumerate(heights) for b in heights[:i]):
        assert placed == pytest.approx(heights)


def test_matplotlibs_global_state_is_left_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    Dashboard(tmp_path, "member-0", CLASSES).draw(EPOCHS, total_epochs=40)
    assert dict(matplotlib.rcParams) == before
    code = (
        "import sys, clipkind.training.dashboard, clipkind.training.history\n"
        "assert not {'matplotlib', 'torch', 'numpy'} & set(sys.modules)\n"
        "import clipkind.training.panels\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dashboards_draw_in_threads_as_they_do_alone(tmp_path: Path) -> None:
    def draw(folder: str, member: int) -> None:
        for count in (1, 30):
            dashboard = Dashboard(tmp_path / folder, f"member-{member}", CLASSES)
            dashboard.draw(some_epochs(count, seed=member), total_epochs=40)

    threads = [threading.Thread(target=draw, args=("together", member)) for member in range(3)]
    for thread in threads:
        thread.start()
    for member in range(3):
        draw("alone", member)
    for thread in threads:
        thread.join()
    assert names(tmp_path / "together") == names(tmp_path / "alone")
    for name in names(tmp_path / "alone"):
        assert (tmp_path / "together" / name).read_bytes() == (
            tmp_path / "alone" / name
        ).read_bytes()


def test_live_every_epoch_is_drawn_while_drawing_keeps_up(tmp_path: Path) -> None:
    with LiveDashboard(Dashboard(tmp_path, "member-0", CLASSES)) as live:
        for count in range(1, BACKLOG + 1):
            live.submit(EPOCHS[:count], total_epochs=40)
    drawn = [f"epoch_{number:03d}.png" for number in range(1, BACKLOG + 1)]
    assert names(tmp_path / "member-0") == drawn
    last = tmp_path / "member-0" / drawn[-1]
    assert (tmp_path / "member-0_current.png").read_bytes() == last.read_bytes()


def test_live_the_last_epochs_are_drawn_however_fast_they_come(tmp_path: Path) -> None:
    with LiveDashboard(Dashboard(tmp_path, "member-0", CLASSES)) as live:
        for count in range(1, len(EPOCHS) + 1):
            live.submit(EPOCHS[:count], total_epochs=40)
    drawn = names(tmp_path / "member-0")
    last = [f"epoch_{n:03d}.png" for n in range(len(EPOCHS) - BACKLOG + 1, len(EPOCHS) + 1)]
    assert drawn[-BACKLOG:] == last
    newest = (tmp_path / "member-0" / last[-1]).read_bytes()
    assert (tmp_path / "member-0_current.png").read_bytes() == newest


def test_live_what_goes_wrong_in_drawing_is_told(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, "member-0", CLASSES)
    dashboard.folder.rmdir()
    live = LiveDashboard(dashboard)
    live.submit(EPOCHS[:1], total_epochs=40)
    with pytest.raises(FileNotFoundError, match=r"epoch_001\.png"):
        live.close()
    live = LiveDashboard(dashboard)
    with pytest.raises(FileNotFoundError, match="epoch_"):  # noqa: PT012 - whichever comes first
        while True:
            live.submit(EPOCHS[:2], total_epochs=40)
            time.sleep(0.01)
    dashboard.folder.mkdir()
    live.submit(EPOCHS[:3], total_epochs=40)
    live.close()
    assert pixels(dashboard.folder / "epoch_003.png").any()
