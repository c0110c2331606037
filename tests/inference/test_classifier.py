"""Python's way to an answer: videos, streams of videos, stored features."""

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import clipkind
from clipkind.errors import ContractMismatch, FileFormatError
from clipkind.features.documented import export_documented
from clipkind.features.extract import Item, extract_to_store
from clipkind.features.pipeline import FeatureExtractor
from clipkind.features.store import FeatureWriter, open_features
from clipkind.model.bundle import DEFAULT_BUNDLE
from media import numbered_frames, write_video


@pytest.fixture(scope="module")
def classifier() -> Iterator[clipkind.Classifier]:
    with clipkind.load() as classifier:
        yield classifier


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    return [
        write_video(folder / f"{n}.mp4", numbered_frames(10 + n, first=100 * n)) for n in range(5)
    ]


@pytest.fixture(scope="module")
def store(
    classifier: clipkind.Classifier, clips: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The clips' features, made by the bundle's own backbone."""
    path = tmp_path_factory.mktemp("store") / "features.h5"
    classifier.start()
    extractor = classifier._extractor
    assert isinstance(extractor, FeatureExtractor)
    names = classifier.class_names
    items = [Item(c.stem, str(c), label=names[i % len(names)]) for i, c in enumerate(clips)]
    extract_to_store(items, extractor, path)
    return path


def test_a_batch_gives_each_video_the_answer_it_gets_alone(
    classifier: clipkind.Classifier, clips: list[Path]
) -> None:
    together = {p.path: p for p in classifier.classify_many(clips)}
    assert set(together) == {str(c) for c in clips}
    for clip in clips:
        alone = classifier.classify(clip)
        other = together[str(clip)]
        assert alone.label == other.label
        assert alone.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_a_model_answers_wherever_the_program_goes_after_it_was_named(
    clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").symlink_to(DEFAULT_BUNDLE)
    monkeypatch.chdir(tmp_path)
    with clipkind.load("model") as classifier:
        monkeypatch.chdir(clips[0].parent)
        assert classifier.classify(clips[0].name).path == clips[0].name


def test_answers_stream_from_an_endless_list(
    classifier: clipkind.Classifier, clips: list[Path]
) -> None:
    stream = classifier.classify_many(itertools.cycle(clips))
    assert len(list(itertools.islice(stream, 12))) == 12
    assert classifier.classify(clips[0]).status == "ok"


def test_one_bad_path_raises_and_a_batch_reports_it(
    classifier: clipkind.Classifier, clips: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(clipkind.VideoError) as caught:
        classifier.classify(tmp_path / "absent.mp4")
    assert caught.value.reason == clipkind.Reason.MISSING
    statuses = [p.status for p in classifier.classify_many([clips[0], tmp_path / "absent.mp4"])]
    assert sorted(statuses) == ["ok", "refused"]


def test_attention_tells_which_moments_counted(
    classifier: clipkind.Classifier, clips: list[Path]
) -> None:
    answer = classifier.classify(clips[0])
    assert len(answer.attention) == len(answer.times_s) == classifier.contract.sequence_length
    assert sum(answer.attention) == pytest.approx(1, abs=1e-4)
    assert all(0 < t < (answer.duration_s or 0) for t in answer.times_s)


def test_stored_features_give_the_videos_answers(
    classifier: clipkind.Classifier, clips: list[Path], store: Path
) -> None:
    for answer in classifier.classify_features(store):
        direct = classifier.classify(clips[int(answer.path)])
        assert answer.label == direct.label
        assert answer.probabilities == pytest.approx(direct.probabilities, abs=5e-3)  # float16
    chosen = list(classifier.classify_features(store, ["3", "nobody", "1"]))
    assert [a.path for a in chosen] == ["3", "nobody", "1"]
    assert [a.status for a in chosen] == ["ok", "refused", "ok"]
    assert chosen[1].reason == clipkind.Reason.UNKNOWN_ID


@pytest.mark.parametrize(
    ("field", "value"),
    [("backbone", "resnet50"), ("weights_sha256", "0" * 64), ("multi_scale", "aligned"),
     ("crop", 224), ("mean", (0.0, 0.0, 0.0))],
)  # fmt: skip
def test_features_made_by_other_rules_are_refused_by_the_field_that_differs(
    field: str, value: object, classifier: clipkind.Classifier, store: Path, tmp_path: Path
) -> None:
    with open_features(store) as file:
        contract = replace(file.contract, **{field: value})  # type: ignore[arg-type]
        row, features = file.rows[0], file.features([file.ids[0]])[0]
    with FeatureWriter(tmp_path / "other.h5", contract) as writer:
        writer.add(row, features)
    with pytest.raises(ContractMismatch) as caught:
        list(classifier.classify_features(tmp_path / "other.h5"))
    assert caught.value.fields == (field,)
    assert field in str(caught.value)


def with_classes(store: Path, out: Path, names: tuple[str, ...]) -> Path:
    """The store's features again, their videos labelled by other classes in turn."""
    with open_features(store) as file:
        contract = replace(file.contract, class_names=names)
        with FeatureWriter(out, contract) as writer:
            for i, row in enumerate(file.rows):
                other = replace(row, label=names[i % len(names)])
                writer.add(other, file.features([row.id])[0, : row.length])
    return out


def test_what_the_folders_of_a_feature_file_were_called_does_not_change_its_answers(
    classifier: clipkind.Classifier, store: Path, tmp_path: Path
) -> None:
    other = with_classes(store, tmp_path / "other.h5", ("2024", "holiday", "misc"))
    ours = [a.probabilities for a in classifier.classify_features(store)]
    assert [a.probabilities for a in classifier.classify_features(other)] == ours
    documented = tmp_path / "documented.h5"
    export_documented(other, documented, ("2024", "holiday", "misc"))
    backbone = classifier.contract.backbone
    theirs = classifier.classify_features(documented, backbone=backbone)
    assert [a.probabilities for a in theirs] == ours


def test_a_documented_file_of_another_number_of_frames_is_refused(
    classifier: clipkind.Classifier, store: Path, tmp_path: Path
) -> None:
    names = classifier.class_names
    with open_features(store) as file:
        contract = replace(file.contract, num_frames=32, class_names=names)
        with FeatureWriter(tmp_path / "short.h5", contract) as writer:
            row, features = file.rows[0], file.features([file.ids[0]])[0, :10]
            writer.add(replace(row, length=10, distinct=10), features)
    out = tmp_path / "documented.h5"
    export_documented(tmp_path / "short.h5", out, names)
    with pytest.raises(ContractMismatch, match=r"num_frames .* of 32, not 64") as caught:
        list(classifier.classify_features(out, backbone=classifier.contract.backbone))
    assert caught.value.fields == ("num_frames",)


def test_an_id_in_a_documented_file_without_rows_is_refused(
    classifier: clipkind.Classifier, tmp_path: Path
) -> None:
    contract, path = classifier.contract, tmp_path / "none.h5"
    shape = (0, contract.sequence_length, contract.feature_dim)
    with h5py.File(path, "w") as file:
        file["features"] = np.empty(shape, np.float32)
        file["labels"] = np.empty(0, np.int64)
        file["num_frames"] = np.empty(0, np.int32)
        sizes = zip(("num_videos", "max_frames", "feature_dim"), shape, strict=True)
        mapping = json.dumps({n: i for i, n in enumerate(contract.class_names)})
        file.attrs.update(dict(sizes) | {"category_mapping": mapping, "multi_scale": False})
    (answer,) = classifier.classify_features(path, ["row-000000"], backbone=contract.backbone)
    assert (answer.status, answer.reason) == ("refused", clipkind.Reason.UNKNOWN_ID)
    assert answer.message == f"{path} has no rows"


def test_a_documented_file_needs_its_backbone_named_and_then_gives_the_same_answers(
    classifier: clipkind.Classifier, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "test_features.h5"
    export_documented(store, out, classifier.class_names)
    with pytest.raises(FileFormatError, match="--backbone"):
        list(classifier.classify_features(out))
    with pytest.raises(FileFormatError, match="efficientnet_v2_s gives 1280 values"):
        list(classifier.classify_features(out, backbone="efficientnet_v2_s"))
    with pytest.raises(ContractMismatch, match="backbone"):
        list(classifier.classify_features(out, backbone="timm/of-any-width"))
    backbone = classifier.contract.backbone
    theirs = [a.probabilities for a in classifier.classify_features(out, backbone=backbone)]
    ours = [a.probabilities for a in classifier.classify_features(store)]
    assert theirs == ours
    (one,) = classifier.classify_features(out, ["row-000002"], backbone=backbone)
    assert one.probabilities == ours[2]


def test_a_damaged_bundle_is_refused_by_the_file_that_is_off(
    classifier: clipkind.Classifier, tmp_path: Path
) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(classifier.bundle.path, copy)
    member = copy / classifier.bundle.members[0].onnx
    damaged = bytearray(member.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    member.write_bytes(damaged)
    with pytest.raises(FileFormatError, match=member.name):
        clipkind.load(copy)
    member.unlink()
    with pytest.raises(FileFormatError, match=member.name):
        clipkind.load(copy)


def test_unmeasured_multi_scale_is_refused_with_the_modes_there_are() -> None:
    bundle = clipkind.load().bundle
    missing = {"single", "aligned", "documented"} - set(bundle.measured)
    for mode in missing:
        with pytest.raises(FileFormatError, match=bundle.contract.multi_scale):
            bundle.contract_for(mode)


def test_the_bundle_is_small_and_its_parts_agree_with_torch() -> None:
    """The networks' ONNX files under OpenVINO give what their safetensors give under torch."""
    torch = pytest.importorskip("torch", reason="needs the train extra")
    from safetensors.torch import load_file

    from clipkind.inference.heads import Heads, softmax
    from clipkind.model.heads import TemporalConfig, build_head

    bundle = clipkind.load().bundle
    assert sum(f.stat().st_size for f in bundle.path.iterdir()) <= 25e6
    heads = Heads([bundle.path / m.onnx for m in bundle.members])
    rng = np.random.default_rng(0)
    for length in (64, 36, 1, 109):
        features = rng.random((length, bundle.contract.feature_dim), np.float32) * 2
        probabilities, attention = heads(features)
        assert attention.shape == (len(bundle.members), length)
        for member, found in zip(bundle.members, probabilities, strict=True):
            network = build_head(TemporalConfig.from_json(member.config)).eval()
            state = load_file(bundle.path / member.weights)
            network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
            with torch.inference_mode():
                logits = network(torch.from_numpy(features)[None]).numpy()[0]
            np.testing.assert_allclose(found, softmax(logits), atol=1e-3)
