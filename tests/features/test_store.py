"""The feature store: what was added comes back, whatever happened in between."""

import os
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from full_disk import disk_full_at

from clipkind.contract import Contract
from clipkind.errors import ClipkindError, ContractMismatch, FileFormatError, Reason, VideoError
from clipkind.features.store import FeatureRow, FeatureWriter, RefusedRow, open_features

CONTRACT = Contract(backbone="test", weights_sha256="0" * 64, feature_dim=8, num_frames=16)
T, D = 16, 8


def row(id: str, **changes: Any) -> FeatureRow:
    values: dict[str, Any] = {
        "path": f"/clips/{id}.mp4", "group": "film", "label": "Gaming", "subcategory": "Chess",
        "sha256": f"sha of {id}", "duration_s": 9.5, "fps": 29.97, "width": 640, "height": 360,
        "length": T, "distinct": 12,
    }  # fmt: skip
    return FeatureRow(id=id, **{**values, **changes})


def numbers(id: str, length: int = T) -> npt.NDArray[np.float32]:
    return np.random.default_rng(list(os.fsencode(id))).random((length, D), np.float32)


def write(path: Path, *ids: str, contract: Contract = CONTRACT) -> None:
    with FeatureWriter(path, contract) as writer:
        for id in ids:
            writer.add(row(id), numbers(id))


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_everything_comes_back(tmp_path: Path, dtype: Any) -> None:
    rows = [row("b", length=3, status="partial", reason="truncated", label=""), row("a")]
    refused = RefusedRow(id="c", path="/clips/c.txt", reason="not_a_video", message="no video")
    with FeatureWriter(tmp_path / "f.h5", CONTRACT, dtype) as writer:
        writer.add(rows[0], numbers("b", 3))
        writer.refuse(refused)
        writer.add(rows[1], numbers("a"))
    with open_features(tmp_path / "f.h5") as file:
        assert file.contract == CONTRACT
        assert file.rows == (rows[1], rows[0])
        assert file.refused == (refused,)
        assert file.ids == ("a", "b")
        assert file.lengths.tolist() == [T, 3]
        found = file.features(["b", "a", "b"])
        assert (found.shape, found.dtype) == ((3, T, D), np.dtype(dtype))
        np.testing.assert_array_equal(found[0, :3], numbers("b", 3).astype(dtype))
        assert not found[0, 3:].any()
        np.testing.assert_array_equal(found[1], numbers("a").astype(dtype))
        np.testing.assert_array_equal(file.features(), found[[1, 0]])
    assert names(tmp_path) == ["f.h5"]


def test_completion_order_leaves_no_trace(tmp_path: Path) -> None:
    write(tmp_path / "1.h5", "a", "b", "c")
    with pytest.raises(KeyboardInterrupt), FeatureWriter(tmp_path / "2.h5", CONTRACT) as writer:  # noqa: PT012
        writer.add(row("c"), numbers("c"))
        raise KeyboardInterrupt
    write(tmp_path / "2.h5", "b", "a")
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_a_set_of_refusals_only_is_a_file_too(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path / "f.h5", CONTRACT) as writer:
        writer.refuse(RefusedRow(id="x", path="x", reason="empty", message="x is empty"))
    with open_features(tmp_path / "f.h5") as file:
        assert (len(file), len(file.refused), file.features().shape) == (0, 1, (0, T, D))


def test_an_interrupted_extraction_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with pytest.raises(KeyboardInterrupt), FeatureWriter(path, CONTRACT) as writer:  # noqa: PT012
        writer.add(row("a"), numbers("a"))
        writer.refuse(RefusedRow(id="r", path="r", reason="empty", message="r is empty"))
        raise KeyboardInterrupt
    assert names(tmp_path) == ["f.h5.journal"]
    with FeatureWriter(path, CONTRACT) as writer:
        assert writer.has("a", "sha of a")
        assert not writer.has("a", "sha of another file")
        assert not writer.has("r", "")
        assert not writer.has("b", "sha of b")
        writer.add(row("b"), numbers("b"))
    with open_features(path) as file:
        assert file.ids == ("a", "b")
        assert [r.id for r in file.refused] == ["r"]
        np.testing.assert_array_equal(file.features(["a"])[0], numbers("a").astype(np.float16))


def test_where_the_name_is_a_link_all_happens_where_it_leads(tmp_path: Path) -> None:
    link, disk = tmp_path / "f.h5", tmp_path / "disk"
    disk.mkdir()
    link.symlink_to("disk/big.h5")
    with pytest.raises(KeyboardInterrupt), FeatureWriter(link, CONTRACT) as writer:  # noqa: PT012
        writer.add(row("a"), numbers("a"))
        raise KeyboardInterrupt
    assert names(disk) == ["big.h5.journal"]
    write(link, "b")
    assert (names(tmp_path), names(disk)) == (["disk", "f.h5"], ["big.h5"])
    assert link.is_symlink()
    with open_features(disk / "big.h5") as file:
        assert file.ids == ("a", "b")


def test_a_pipe_is_refused_before_anything_is_read_from_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ClipkindError, match="pipe: is a pipe; name a file"):
        FeatureWriter(tmp_path / "pipe", CONTRACT)
    assert names(tmp_path) == ["pipe"]


def test_a_finished_file_can_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with FeatureWriter(path, CONTRACT) as writer:
        writer.add(row("a"), numbers("a"))
        writer.add(row("b"), numbers("b"))
        writer.refuse(RefusedRow(id="c", path="c", reason="timeout", message="c took too long"))
    with FeatureWriter(path, CONTRACT) as writer:
        assert writer.has("a", "sha of a")
        writer.add(row("b", sha256="edited", length=2), numbers("edited", 2))
        writer.add(row("c"), numbers("c"))
        writer.refuse(RefusedRow(id="d", path="d", reason="empty", message="d is empty"))
    with open_features(path) as file:
        assert [(r.id, r.sha256) for r in file.rows] == [
            ("a", "sha of a"), ("b", "edited"), ("c", "sha of c"),
        ]  # fmt: skip
        assert [r.id for r in file.refused] == ["d"]
        expected = np.zeros((3, T, D), np.float16)
        expected[0], expected[1, :2], expected[2] = numbers("a"), numbers("edited", 2), numbers("c")
        np.testing.assert_array_equal(file.features(), expected)


def test_a_reader_keeps_its_file_while_a_writer_replaces_it(tmp_path: Path) -> None:
    write(tmp_path / "f.h5", "a")
    with open_features(tmp_path / "f.h5") as before:
        write(tmp_path / "f.h5", "b")
        assert before.ids == ("a",)
        np.testing.assert_array_equal(before.features()[0], numbers("a").astype(np.float16))


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    write(path, "a")
    whole = path.read_bytes()
    other = replace(CONTRACT, crop=224)
    with pytest.raises(ContractMismatch, match=r"file already there .*f\.h5: crop is 256, not 224"):
        FeatureWriter(path, other)
    with pytest.raises(FileFormatError, match="holds float16 features, not float32"):
        FeatureWriter(path, CONTRACT, "float32")
    assert path.read_bytes() == whole
    assert names(tmp_path) == ["f.h5"]


def test_an_unfinished_extraction_with_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    writer = FeatureWriter(path, CONTRACT)
    writer.add(row("a"), numbers("a"))
    writer.close()
    with pytest.raises(
        ContractMismatch, match=r"f\.h5\.journal: .* another crop: delete it or choose"
    ) as caught:
        FeatureWriter(path, replace(CONTRACT, crop=224))
    assert caught.value.fields == ("crop",)
    with pytest.raises(FileFormatError, match="holds float16 features, not float32: delete it"):
        FeatureWriter(path, CONTRACT, "float32")
    with FeatureWriter(path, CONTRACT) as writer:
        assert writer.has("a", "sha of a")


def test_class_names_given_once_stay(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    named = replace(CONTRACT, class_names=("Flat", "Gaming"))
    for contract, kept in (
        (CONTRACT, ()),
        (named, ("Flat", "Gaming")),
        (CONTRACT, ("Flat", "Gaming")),
    ):
        FeatureWriter(path, contract).finish()
        with open_features(path) as file:
            assert file.contract.class_names == kept
    with pytest.raises(ContractMismatch, match="class_names"):
        FeatureWriter(path, replace(CONTRACT, class_names=("Text", "Games")))


@pytest.mark.parametrize(
    ("changes", "value", "message"),
    [
        ({"length": 5}, 0.0, r"shape \(16, 8\), not \(5, 8\)"),
        ({"length": 17}, 0.0, "length 17 is not 1 to 16"),
        ({"length": 0}, 0.0, "length 0 is not 1 to 16"),
    ],
)
def test_features_that_cannot_be_stored_are_refused(
    tmp_path: Path, changes: dict[str, Any], value: float, message: str
) -> None:
    features = numbers("a")
    features[2, 3] = value
    with FeatureWriter(tmp_path / "f.h5", CONTRACT) as writer:
        with pytest.raises(FileFormatError, match=f"^a: .*{message}"):
            writer.add(row("a", **changes), features)
        assert not writer.has("a", "sha of a")
    with open_features(tmp_path / "f.h5") as file:
        assert len(file) == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "row 2 are not finite"),
        (-np.inf, "row 2 are not finite"),
        (1e5, "not finite numbers of float16"),
    ],
)
def test_values_that_do_not_fit_are_the_fault_of_that_video_alone(
    tmp_path: Path, value: float, message: str
) -> None:
    features = numbers("a")
    features[2, 3] = value
    with FeatureWriter(tmp_path / "f.h5", CONTRACT) as writer:
        with pytest.raises(VideoError, match=f"^a: .*{message}") as caught:
            writer.add(row("a"), features)
        assert caught.value.reason == Reason.BAD_FEATURES
        assert not writer.has("a", "sha of a")


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (Reason.MISSING, True),
        (Reason.PERMISSION, True),
        (Reason.TIMEOUT, True),
        (Reason.DECODER_CRASHED, True),
        (Reason.EMPTY, False),
        (Reason.NOT_A_VIDEO, False),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_video_that_cannot_be_looked_at_keeps_its_features(
    tmp_path: Path, reason: Reason, kept: bool, finished: bool
) -> None:
    path = tmp_path / "f.h5"
    writer = FeatureWriter(path, CONTRACT)
    writer.add(row("a"), numbers("a"))
    if finished:
        writer.finish()
        writer = FeatureWriter(path, CONTRACT)
    with writer:
        writer.refuse(RefusedRow(id="a", path="a", reason=reason, message="a cannot be read"))
        assert writer.has("a", "sha of a") == kept
    with open_features(path) as file:
        assert file.ids == (("a",) if kept else ())
        assert len(file.refused) == (0 if kept else 1)


def test_a_full_disk_costs_nothing_that_was_done(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    write(path, "a", "b")
    whole = path.read_bytes()
    writer = FeatureWriter(path, CONTRACT)
    writer.add(row("c"), numbers("c"))
    with disk_full_at((tmp_path / "f.h5.journal").stat().st_size + 100):
        with pytest.raises(OSError, match="File too large"):
            writer.add(row("d"), numbers("d"))
        with pytest.raises(OSError, match=r"File too large: 1 MB needed: '.*f\.h5\.tmp'"):
            writer.finish()
        assert path.read_bytes() == whole
        assert names(tmp_path) == ["f.h5", "f.h5.journal"]
    assert not writer.has("d", "sha of d")
    writer.finish()
    with open_features(path) as file:
        assert file.ids == ("a", "b", "c")


def test_an_unknown_id_gets_a_suggestion(tmp_path: Path) -> None:
    write(tmp_path / "f.h5", "gaming/minecraft_01", "nature/cat_07")
    with open_features(tmp_path / "f.h5") as file:
        with pytest.raises(VideoError, match="did you mean gaming/minecraft_01") as caught:
            file.features(["gaming/minecraft_1"])
        assert caught.value.reason == Reason.UNKNOWN_ID
        with pytest.raises(VideoError, match=r"f\.h5 has no video zzz: no id there is like it"):
            file.index("zzz")


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    id = os.fsdecode(b"caf\xe9/\xff.mp4")
    path = tmp_path / os.fsdecode(b"\xfe.h5")
    write(path, id, "日本/猫")
    with FeatureWriter(path, CONTRACT) as writer:
        assert writer.has(id, "sha of caf\\xe9/\\xff.mp4")
    with open_features(path) as file:
        assert file.ids == ("caf\\xe9/\\xff.mp4", "日本/猫")
        assert file.rows[0].path == "/clips/caf\\xe9/\\xff.mp4.mp4"
        assert file.index(id) == 0


def test_no_damage_goes_unnoticed_or_takes_more_than_a_line(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    write(path, "a", "b", "c")
    whole = path.read_bytes()
    with h5py.File(path) as file:
        chunk = file["features"].id.get_chunk_info(1)
    rng = random.Random(0)  # noqa: S311
    damaged = [b"", b"id,label\n", *(whole[: rng.randrange(len(whole))] for _ in range(40))]
    for _ in range(20):
        flipped = bytearray(whole)
        flipped[chunk.byte_offset + rng.randrange(chunk.size)] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped))
    for data in damaged:
        path.write_bytes(data)
        with (
            pytest.raises(FileFormatError, match=r"f\.h5: ") as caught,
            open_features(path) as file,
        ):
            file.features()
        assert "\n" not in str(caught.value)
    with pytest.raises(FileFormatError, match=r"none\.h5: no such file"):
        open_features(tmp_path / "none.h5")


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("format_version", 2, r"f\.h5: feature file version 2 is not 1: made by another clipkind"),
        ("format", b"other", "not a clipkind feature file"),
        ("contract", b'{"version": 9}', r"f\.h5: contract version 9 is not 1"),
        ("contract", b"[]", "contract version None"),
        ("contract_sha256", b"0" * 64, "the contract was changed"),
    ],
)
def test_files_of_other_makers_are_told_apart(
    tmp_path: Path, attribute: str, value: Any, message: str
) -> None:
    write(tmp_path / "f.h5", "a")
    with h5py.File(tmp_path / "f.h5", "r+") as file:
        file.attrs[attribute] = value
    with pytest.raises(FileFormatError, match=message):
        open_features(tmp_path / "f.h5")


def test_finishing_does_not_need_memory_for_all_features(tmp_path: Path) -> None:
    contract = replace(CONTRACT, feature_dim=2048)
    size = 16 * 2048 * 2
    writer = FeatureWriter(tmp_path / "f.h5", contract)
    for i in range(100):
        writer.add(row(f"{i:03}"), np.full((T, 2048), i))
    tracemalloc.start()
    writer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * size
    with open_features(tmp_path / "f.h5") as file:
        np.testing.assert_array_equal(file.features()[:, 0, 0], np.arange(100))
