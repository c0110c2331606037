"""One video closely: how decoding goes, what each network says, one network alone."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import clipkind
from clipkind.errors import FileFormatError, Reason
from clipkind.inference.classifier import Classifier
from clipkind.video.isolation import End, Message, Pictures, Start
from inference.calibrated import calibrated_bundle
from media import numbered_frames, read_number, write_video
from slow_video import slow_video


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classifier]:
    """Calibrated, and with unequal votes."""
    with Classifier(calibrated_bundle(tmp_path_factory.mktemp("model") / "m")) as classifier:
        yield classifier


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_video(path, numbered_frames(10))


def test_every_picture_is_told_before_the_answer(classifier: Classifier, clip: Path) -> None:
    messages: list[Message] = []
    answer = classifier.classify(clip, watch=messages.append)
    start, *between, end = messages
    assert isinstance(start, Start)
    assert isinstance(end, End)
    pictures = [picture for m in between if isinstance(m, Pictures) for picture in m.new]
    positions = [place for m in between if isinstance(m, Pictures) for place in m.positions]
    assert len(positions) == start.frames
    assert end.times_s == answer.times_s
    shown = [read_number(pictures[positions[place]]) for place in end.scales[0]]
    assert shown == sorted(shown)
    assert len(set(shown)) == answer.frames_used


def test_who_watches_may_end_a_video_and_the_next_one_is_answered(
    classifier: Classifier, clip: Path
) -> None:
    def enough(message: Message) -> None:
        if isinstance(message, Pictures):
            raise InterruptedError("nobody wants it")

    wanted = classifier.classify(clip)
    for _ in range(3):
        with pytest.raises(InterruptedError, match="nobody wants it"):
            classifier.classify(clip, watch=enough)
    assert classifier.classify(clip).probabilities == pytest.approx(wanted.probabilities)


def test_a_video_is_interrupted_from_another_thread(classifier: Classifier, clip: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def interrupt() -> None:
        begun.wait(60)
        classifier.interrupt()
        ended.set()

    def wait(message: Message) -> None:
        if isinstance(message, Start):
            begun.set()
            ended.wait(60)

    thread = threading.Thread(target=interrupt)
    thread.start()
    long = slow_video(clip.with_name("long.mov"))
    with pytest.raises(clipkind.VideoError) as caught:
        classifier.classify(long, watch=wait)
    thread.join()
    assert caught.value.reason == Reason.DECODER_CRASHED
    classifier.interrupt()  # nothing is under way: without effect
    assert classifier.classify(clip).status == "ok"


@pytest.mark.parametrize("tta", [False, True])
def test_the_answer_is_what_the_members_say_together(
    classifier: Classifier, clip: Path, tta: bool
) -> None:
    answer = classifier.classify(clip, tta=tta)
    votes = np.array([list(member.values()) for member in answer.members])
    assert [set(member) for member in answer.members] == [set(classifier.class_names)] * 4
    calibration = classifier.bundle.calibration_for(tta=tta)
    assert calibration is not None
    together = calibration(classifier.bundle.combination(votes))
    assert answer.probabilities is not None
    np.testing.assert_allclose(list(answer.probabilities.values()), together, atol=1e-6)


@pytest.mark.parametrize("number", range(4))
def test_a_member_alone_says_what_it_says_among_the_others(
    classifier: Classifier, clip: Path, number: int
) -> None:
    everyone = classifier.classify(clip)
    alone = classifier.classify(clip, member=number)
    assert alone.probabilities == pytest.approx(everyone.members[number], abs=1e-6)
    assert alone.members == (alone.probabilities,)
    assert everyone.calibrated
    assert not alone.calibrated
    member = classifier.bundle.members[number].name
    assert alone.model == f"{classifier.bundle.name}/{member}"
    assert sum(alone.attention) == pytest.approx(1, abs=1e-4)


def test_a_member_states_no_risk_and_must_be_there(classifier: Classifier, clip: Path) -> None:
    with pytest.raises(FileFormatError, match="not calibrated by itself"):
        classifier.classify(clip, member=0, risk=0.1)
    for number in (-1, 4):
        with pytest.raises(ValueError, match="0 to 3"):
            classifier.classify(clip, member=number)


def test_details_add_to_the_documented_object_and_take_nothing_away(
    classifier: Classifier, clip: Path
) -> None:
    answer = classifier.classify(clip)
    plain, details = answer.to_json(), answer.details()
    assert plain.items() <= details.items()
    assert details.keys() - plain.keys() == {"members", "times_s", "attention", "by_frame"}
    assert len(details["attention"]) == len(details["times_s"]) == classifier.contract.num_frames


@pytest.mark.parametrize("member", [None, 2])
def test_each_frame_says_what_a_video_of_it_alone_would(
    classifier: Classifier, clip: Path, member: int | None, tmp_path: Path
) -> None:
    answer = classifier.classify(clip, member=member, explain=True)
    found = np.array(answer.by_frame)
    assert found.shape == (len(answer.attention), len(classifier.class_names))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert len(np.unique(found.round(6), axis=0)) == answer.frames_used  # a row for every picture

    still = write_video(tmp_path / "still.mp4", numbered_frames(1))
    alone = classifier.classify(still, member=member, explain=True)
    assert alone.probabilities is not None
    for row in alone.by_frame:
        np.testing.assert_allclose(row, list(alone.probabilities.values()), atol=1e-4)
    assert classifier.classify(clip).by_frame == ()
