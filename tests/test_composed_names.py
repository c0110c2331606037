"""Names that look the same, accents composed (NFC) or not (NFD, as macOS has them), are one."""

import json
from pathlib import Path

import numpy as np
import pytest

from clipkind.contract import Contract
from clipkind.dataset.layouts import items_of, list_videos
from clipkind.dataset.links import Link, read_compared, read_links, write_links
from clipkind.dataset.listing import Listing, existing
from clipkind.dataset.manifest import Entry, read_manifest, write_manifest
from clipkind.dataset.splits.run import SplitSettings, split_dataset
from clipkind.dataset.splits.table import SplitRow, SplitTable, read_split, write_split
from clipkind.dataset.taxonomy import load_taxonomy
from clipkind.features.store import FeatureRow, FeatureWriter, open_features
from clipkind.web.library import Library
from clipkind.workflow.evaluate_videos import videos_of

NFC, NFD = "\u00c9t\u00e9", "E\u0301te\u0301"
CONTRACT = Contract(backbone="test", weights_sha256="0" * 64, feature_dim=2, num_frames=1)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_class_folders_that_look_the_same_are_one_class(tmp_path: Path) -> None:
    touch(tmp_path, f"{NFC}/{NFD}/1.mp4", f"{NFD}/1.mp4", f"{NFC}/1.mp4", "Hiver/1.mp4")
    found = list_videos(tmp_path)
    assert found.class_folders == ("Hiver", NFC)
    labels = [(v.label, v.subcategory) for v in found.videos]
    assert sorted(labels) == [("Hiver", ""), (NFC, ""), (NFC, ""), (NFC, NFC)]
    items, _ = items_of(tmp_path)
    ids = {item.id for item in items}
    assert ids == {"Hiver/1.mp4", f"{NFC}/1.mp4", f"{NFC}/1.mp4 (2)", f"{NFC}/{NFC}/1.mp4"}
    library = Library(tmp_path)
    assert library.labels == {"Hiver": 1, NFC: 3}
    assert library.find(label=NFD).total == 3


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_path_in_a_list_means_the_file_whose_name_looks_the_same(
    tmp_path: Path, ending: str
) -> None:
    touch(tmp_path, f"{NFD}/{NFC}/{NFD}.mp4", f"{NFC}.mp4", f"{NFD}.mp4")
    touch(tmp_path, f"{NFC}/other.mp4")
    listed = [f"{NFC}/{NFC}/{NFC}.mp4", f"{NFD}.mp4", f"{NFC} gone.mp4"]
    there = [str(tmp_path / n) for n in (f"{NFD}/{NFC}/{NFD}.mp4", f"{NFD}.mp4", listed[2])]
    table = tmp_path / f"m.{ending}"
    rows = [{"path": name, "label": NFD} for name in listed]
    table.write_text(
        "\n".join(map(json.dumps, rows))
        if ending == "jsonl"
        else "".join(f"{line}\n" for line in ("path,label", *(f"{n},{NFD}" for n in listed)))
    )
    assert [(v.path, v.label) for v in list_videos(table).videos] == [(p, NFC) for p in there]
    assert [(e.path, e.label) for e in read_manifest(table)] == [(p, NFC) for p in there]
    assert list(Listing(str(tmp_path / name) for name in listed)) == there
    assert Library(table).find(text=f" {NFD.upper()} G").total == 1


def test_what_is_missing_stays_as_it_was_given(tmp_path: Path) -> None:
    for path in ("\u00e9/" * 3000 + "a", f"{tmp_path}/{NFC}/a", f"{NFC}//", "\u00e9\0"):
        assert existing(path) == path


def test_metadata_describes_the_file_whose_name_looks_the_same(tmp_path: Path) -> None:
    touch(tmp_path, f"{NFD}.mp4")
    (tmp_path / "metadata.csv").write_text(f"file_name,label\n{NFC}.mp4,Hiver\n")
    (video,) = list_videos(tmp_path).videos
    assert (video.path, video.label) == (str(tmp_path / f"{NFD}.mp4"), "Hiver")


def test_ids_and_labels_of_files_made_elsewhere_meet(tmp_path: Path) -> None:
    split, links, taxonomy = (tmp_path / name for name in ("s.csv", "l.csv", "t.toml"))
    write_split(split, SplitTable((SplitRow(NFD, "train", NFD, NFD, NFD),)))
    assert read_split(split).rows == (SplitRow(NFC, "train", NFC, NFC, NFC),)
    write_links(links, [Link(a=NFD, b="b", score=1.0)], compared=[NFD])
    assert read_links(links) == [Link(a=NFC, b="b", score=1.0)]
    assert read_compared(links) == {NFC}
    taxonomy.write_text(f'[classes]\nHiver = []\n"{NFD}" = ["{NFD}s"]\n')
    assert load_taxonomy(taxonomy).place([(NFC, NFC + "s")]) == {(NFC, NFC + "s"): (NFC, NFC + "s")}


def test_a_subcategory_is_held_out_however_its_name_is_typed(tmp_path: Path) -> None:
    entries = [
        Entry(id=f"{n:016}", path=f"{n}.mp4", label="ab"[n % 2], subcategory=NFC * (n < 4))
        for n in range(20)
    ]
    write_manifest(tmp_path / "m.csv", entries)
    for name, continued in ((NFD, False), (NFC, True)):
        (split,) = split_dataset(tmp_path / "m.csv", settings=SplitSettings(holdout=(name,)))
        assert len(split.table.ids("test")) == 4
        assert split.continued == continued


def test_features_are_found_and_kept_by_either_form_of_their_id(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    row = FeatureRow(
        id=f"{NFD}/1.mp4", path=f"/gone/{NFD}/1.mp4", label=NFD, sha256="s", duration_s=1.0,
        fps=1.0, width=1, height=1, length=1, distinct=1,
    )  # fmt: skip
    with FeatureWriter(path, CONTRACT) as writer:
        writer.add(row, np.ones((1, 2)))
        writer.name_classes()
    with FeatureWriter(path, CONTRACT) as writer:
        assert writer.has(f"{NFC}/1.mp4", "s")
        assert writer.has(f"{NFD}/1.mp4", "s")
    (tmp_path / "m.csv").write_text(f"path,label,overlay\n/gone/{NFC}/1.mp4,{NFC},1\n")
    with open_features(path) as file:
        assert file.contract.class_names == (NFC,)
        assert file.index(f"{NFD}/1.mp4") == file.index(f"{NFC}/1.mp4") == 0
        assert file.rows[0].path == row.path
        told = videos_of(file, [SplitRow(file.ids[0], "test", NFC)], tmp_path / "m.csv")
        assert told.attributes["overlay"] == ["yes"]
