"""Which frames are taken: checked over made-up streams of every structure, in exact arithmetic."""

from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipkind.contract import Contract
from clipkind.video.sampling import group_runs, plan_samples
from clipkind.video.table import FrameTable

CONTRACT = Contract(backbone="none", weights_sha256="", feature_dim=1)
common = settings(deadline=None, max_examples=120)


def decoding_order(count: int, gop: int, bframes: int, open_gop: bool) -> list[int]:
    """Display numbers of the frames in the order a stream of this structure stores them."""
    ends = range(gop - 1, count, gop) if not open_gop else ()
    anchors = {n for n in range(count) if n % gop % (bframes + 1) == 0} | {count - 1, *ends}
    order: list[int] = []
    between: list[int] = []
    for number in range(count):
        if number in anchors:
            order += [number, *between]
            between = []
        else:
            between.append(number)
    return order


def table_of(
    pts: list[int],
    *,
    gop: int = 12,
    bframes: int = 0,
    open_gop: bool = False,
    cut: int = 0,
    hidden: int = 0,
    last: int = 1,
    time_base: Fraction = Fraction(1, 25),
) -> FrameTable:
    """The table of a stream of this structure whose frame i is shown at `pts[i]`.

    Its first `cut` packets are missing, as in a recording joined late; the first `hidden` frames
    of the rest are decoded but not shown, as an edit list has it.
    """
    stored = decoding_order(len(pts), gop, bframes, open_gop)[cut:]
    place = {number: i for i, number in enumerate(stored)}
    shown = sorted(stored)[hidden:]
    keys = sorted(n for n in stored if n % gop == 0) or stored[:1]
    times = np.array([pts[number] for number in shown], dtype=np.int64)
    return FrameTable(
        pts=times,
        order=np.array([place[number] for number in shown], dtype=np.int64),
        keys=np.array([i for i, n in enumerate(shown) if n in keys], dtype=np.int64),
        entry_order=np.array([place[number] for number in keys], dtype=np.int64),
        entry_frames=np.searchsorted(times, [pts[number] for number in keys]),
        entry_dts=np.array([place[number] for number in keys], dtype=np.int64),
        end=int(times[-1]) + last,
        time_base=time_base,
        seekable=True,
        counted=False,
        skippable=True,
        complete=False,
        damaged=False,
    )


@st.composite
def tables(draw: st.DrawFn, regular: bool = False) -> FrameTable:
    count = draw(st.integers(1, 400))
    if regular:
        steps = [draw(st.integers(1, 4000))] * count
    else:
        random = draw(st.randoms(use_true_random=False))
        steps = [random.choice((1, 2, 3, 40, 1000)) for _ in range(count)]
    start = draw(st.integers(-(10**9), 10**10))
    pts = (start + np.cumsum([0, *steps[1:]])).tolist()
    cut = draw(st.integers(0, min(count - 1, 20)))
    return table_of(
        pts,
        gop=draw(st.integers(1, 120)),
        bframes=draw(st.integers(0, 3)),
        open_gop=draw(st.booleans()),
        cut=cut,
        hidden=draw(st.integers(0, min(count - 1 - cut, 20))),
        last=steps[0],
        time_base=Fraction(1, draw(st.sampled_from((25, 1000, 12800, 90_000)))),
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    window = draw(st.sampled_from(((0.0, 1.0), (0.25, 0.75), (0.1, 0.4), (0.5, 1.0))))
    return replace(
        CONTRACT,
        num_frames=draw(st.integers(1, 96)),
        window=window,
        multi_scale=draw(st.sampled_from(("aligned", "single", "documented"))),
        keyframe_snap=draw(st.sampled_from((0.0, 0.2, 0.5))),
    )


def exact_times(table: FrameTable, length: int, window: tuple[float, float]) -> list[Fraction]:
    """Midpoints of the window's segments, in ticks; 0.1 means a tenth."""
    start, stop = (Fraction(str(share)) for share in window)
    first, span = int(table.pts[0]), table.end - int(table.pts[0])
    return [
        first + span * (start + Fraction(2 * i + 1, 2 * length) * (stop - start))
        for i in range(length)
    ]


def frame_at(table: FrameTable, time: Fraction) -> int:
    return int(table.pts[bisect_right(table.pts.tolist(), time) - 1])


@common
@given(tables(), contracts())
def test_samples_follow_time_and_every_wanted_frame_is_used(
    table: FrameTable, contract: Contract
) -> None:
    plan = plan_samples(table, contract)
    assert tuple(len(scale) for scale in plan.scales) == contract.sample_lengths
    for scale in plan.scales:
        assert (np.diff(scale) >= 0).all()
    assert (np.diff(plan.targets) > 0).all()
    assert plan.targets[0] >= 0
    assert plan.targets[-1] < len(table.pts)
    assert set(np.concatenate(plan.scales).tolist()) == set(range(len(plan.targets)))
    assert plan.distinct == len(set(plan.scales[0].tolist()))


@common
@given(tables(), contracts())
def test_a_sample_is_the_frame_on_screen_or_a_key_frame_of_its_own_segment(
    table: FrameTable, contract: Contract
) -> None:
    plan = plan_samples(table, contract)
    key_pts = set(table.pts[table.keys].tolist())
    for scale in plan.scales:
        times = exact_times(table, len(scale), contract.window)
        share = Fraction(str(contract.window[1])) - Fraction(str(contract.window[0]))
        spacing = (table.end - int(table.pts[0])) * share / len(scale)
        reach = spacing * Fraction(str(contract.keyframe_snap))
        for time, target in zip(times, table.pts[plan.targets[scale]].tolist(), strict=True):
            near = {key for key in key_pts if abs(key - time) < reach}
            if near:
                assert target in near
                assert abs(target - time) == min(abs(key - time) for key in near)
            else:
                assert target == frame_at(table, time)


@common
@given(tables(regular=True), contracts(), st.integers(2, 4000), st.integers(-(10**6), 10**9))
@example(
    table_of(list(range(108)), gop=108), replace(CONTRACT, num_frames=54), 3600, 1_234_567
).via("midpoints fall on the very moment a frame appears")
def test_the_same_frames_are_taken_whatever_clock_the_container_keeps(
    table: FrameTable, contract: Contract, finer: int, later: int
) -> None:
    other = replace(
        table,
        pts=table.pts * finer + later,
        end=table.end * finer + later,
        time_base=table.time_base / finer,
    )
    plan, again = plan_samples(table, contract), plan_samples(other, contract)
    assert again.targets.tolist() == plan.targets.tolist()
    for ours, theirs in zip(plan.scales, again.scales, strict=True):
        assert ours.tolist() == theirs.tolist()
    np.testing.assert_allclose(again.times_s, plan.times_s, rtol=1e-9)


@common
@given(tables(), contracts())
def test_nothing_but_times_and_key_frames_decides(table: FrameTable, contract: Contract) -> None:
    other = replace(
        contract,
        class_names=("Animation", "Gaming"),
        backbone="another",
        feature_dim=9,
        resize=100,
        crop=50,
        mean=(0.0, 0.0, 0.0),
    )
    moved = replace(table, entry_dts=table.entry_dts - 100, damaged=True)
    plan, again = plan_samples(table, contract), plan_samples(moved, other)
    assert plan.targets.tolist() == again.targets.tolist()
    assert [s.tolist() for s in plan.scales] == [s.tolist() for s in again.scales]
    assert group_runs(table, plan.targets) == group_runs(moved, again.targets)


@common
@given(st.integers(1, 64), st.integers(1, 4000), st.integers(1, 30))
def test_a_short_video_repeats_its_frames_evenly(count: int, step: int, gop: int) -> None:
    table = table_of([i * step for i in range(count)], gop=gop, last=step)
    plan = plan_samples(table, replace(CONTRACT, multi_scale="single", keyframe_snap=0.0))
    uses = np.bincount(plan.scales[0])
    assert plan.targets.tolist() == list(range(count))
    assert plan.distinct == count
    assert set(uses.tolist()) <= {64 // count, -(-64 // count)}


def test_one_frame_fills_every_scale() -> None:
    plan = plan_samples(table_of([777]), CONTRACT)
    assert plan.targets.tolist() == [0]
    assert [scale.tolist() for scale in plan.scales] == [[0] * 64, [0] * 54, [0] * 73]
    assert plan.distinct == 1


@common
@given(tables(regular=True), contracts())
def test_no_frame_is_taken_twice_where_there_are_plenty(
    table: FrameTable, contract: Contract
) -> None:
    contract = replace(contract, num_frames=min(contract.num_frames, max(len(table.pts) // 8, 1)))
    assert plan_samples(table, contract).distinct == contract.num_frames


@common
@given(tables(), contracts())
def test_nothing_outside_the_window_is_looked_at(table: FrameTable, contract: Contract) -> None:
    start, stop = (Fraction(str(share)) for share in contract.window)
    first, span = int(table.pts[0]), table.end - int(table.pts[0])
    plan = plan_samples(table, contract)
    times = table.pts[plan.targets]
    assert times[0] >= frame_at(table, first + start * span)
    assert times[-1] < first + stop * span
    seconds = float(span * table.time_base)
    assert plan.times_s[0] > contract.window[0] * seconds
    assert plan.times_s[-1] < contract.window[1] * seconds
    assert len(plan.times_s) == contract.num_frames


@common
@given(tables(), contracts())
@example(
    table_of(list(range(100)), gop=50, cut=20), replace(CONTRACT, num_frames=2, keyframe_snap=0.0)
).via("the first sample precedes the first key frame")
def test_runs_cover_the_wanted_frames_once_in_file_order(
    table: FrameTable, contract: Contract
) -> None:
    targets = plan_samples(table, contract).targets
    runs = group_runs(table, targets)
    firsts = [int(table.entry_order[run.entry]) for run in runs]
    assert [t for run in runs for t in run.targets] == targets.tolist()
    for run, first in zip(runs, firsts, strict=True):
        places = [int(table.order[t]) for t in run.targets]
        assert first <= run.last
        assert all(first <= place <= run.last for place in places if place >= table.entry_order[0])
        assert run.last == max(first, *places), "it ends in time"
    for before, first in zip(runs, firsts[1:], strict=False):
        assert before.last < first


@common
@given(tables(), contracts())
def test_no_run_begins_earlier_than_its_first_frame_needs(
    table: FrameTable, contract: Contract
) -> None:
    for run in group_runs(table, plan_samples(table, contract).targets):
        target = run.targets[0]
        before = (table.entry_order <= table.order[target]) & (table.entry_frames <= target)
        assert run.entry == max(np.flatnonzero(before), default=0)


@common
@given(tables(), contracts(), st.integers(1, 3))
def test_runs_that_begin_earlier_still_cover_the_wanted_frames_once(
    table: FrameTable, contract: Contract, back: int
) -> None:
    targets = plan_samples(table, contract).targets
    runs = group_runs(table, targets, back)
    assert [t for run in runs for t in run.targets] == targets.tolist()
    for run in runs:
        nearest = group_runs(table, np.array(run.targets[:1]))[0].entry
        assert run.entry == max(nearest - back, 0)
    for before, after in pairwise(runs):
        assert before.last < table.entry_order[after.entry]


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        # stored: 0 4 1 2 3 8 5 6 7 12 9 10 11 …, key frames at 0, 8, 16
        ([7, 8], [(0, (7, 8))]),  # frame 7 follows key frame 8 in the file: one run, not two
        ([6, 9], [(0, (6, 9))]),
        ([4, 9], [(0, (4,)), (1, (9,))]),
        ([7, 17], [(0, (7,)), (2, (17,))]),
    ],
)
def test_open_groups_of_pictures_are_decoded_as_one_where_they_overlap(
    wanted: list[int], runs: list[tuple[int, Any]]
) -> None:
    table = table_of(list(range(25)), gop=8, bframes=3, open_gop=True)
    found = group_runs(table, np.array(wanted))
    assert [(run.entry, run.targets) for run in found] == runs
