"""From a manifest or feature file to split files and certificates, again and again."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipkind.contract import Contract
from clipkind.dataset.links import Link, links_file, write_links
from clipkind.dataset.manifest import Entry, write_manifest
from clipkind.dataset.splits.run import SplitSettings, certificate_path, split_dataset
from clipkind.dataset.splits.table import SPLITS, read_split
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.features.store import FeatureRow, FeatureWriter, RefusedRow

DEFAULT = SplitSettings()


def clips(start: int = 0, stop: int = 20, **changes: Any) -> list[Entry]:
    return [
        Entry(
            id=f"{label}{n:03}",
            path=f"{label}/{n}.mp4",
            label=label,
            group=f"{label}{n}",
            **changes,
        )
        for label in ("cats", "dogs")
        for n in range(start, stop)
    ]


def manifest(folder: Path, *more: Entry) -> Path:
    path = folder / "videos.csv"
    write_manifest(path, [*clips(), *more])
    return path


def link(a: str, b: str) -> Link:
    return Link(a=a, b=b, score=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_split_and_its_certificate_are_written_beside_the_manifest(tmp_path: Path) -> None:
    source = manifest(tmp_path, *clips(20, 21, status="refused"))
    write_links(links_file(source), [link("cats000", "cats001"), link("cats000", "gone")])
    (split,) = split_dataset(source)
    assert split.path == tmp_path / "videos.split.csv"
    assert read_split(split.path) == split.table
    certificate = json.loads((tmp_path / "videos.split.certificate.json").read_text())
    assert certificate["cross_split_near_duplicates"] == certificate["cross_split_groups"] == 0
    assert (certificate["links"], certificate["links_listed"]) == (1, 2)
    assert certificate["links_file"] == "videos.links.csv"
    assert certificate["refused"] == 2
    assert certificate["split_sha256"] == hashlib.sha256(split.path.read_bytes()).hexdigest()
    assert certificate["settings"]["seed"] == 42
    for name in SPLITS:
        assert certificate["total"][name]["videos"] == len(split.table.ids(name))
    before = contents(tmp_path)
    (again,) = split_dataset(source)
    assert again.continued
    assert again.table == split.table
    assert contents(tmp_path)["videos.split.csv"] == before["videos.split.csv"]
    (fresh,) = split_dataset(source, fresh=True)
    assert not fresh.continued
    assert contents(tmp_path) == before


def test_the_certificate_says_when_nobody_looked_for_near_duplicates(tmp_path: Path) -> None:
    (split,) = split_dataset(manifest(tmp_path))
    certificate = json.loads(certificate_path(split.path).read_text())
    assert certificate["links_file"] == "not checked"
    assert certificate["cross_split_near_duplicates"] is None


def test_links_of_other_videos_are_refused_and_those_of_some_are_named_so(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    ids = [video.id for video in clips()]
    write_links(links_file(source), [link(ids[0], ids[1])], compared=ids[:30])
    (split,) = split_dataset(source)
    certificate = json.loads(certificate_path(split.path).read_text())
    assert (certificate["cross_split_near_duplicates"], certificate["not_compared"]) == (0, 10)
    write_links(links_file(source), [], compared=["others"])
    before = contents(tmp_path)
    with pytest.raises(ClipkindError, match=r"videos\.links\.csv: holds the links of other videos"):
        split_dataset(source)
    assert contents(tmp_path) == before


def test_links_join_videos_whose_names_cannot_be_printed(tmp_path: Path) -> None:
    source = tmp_path / "videos.jsonl"
    rows = [{"path": f"{label}\n{n}.mp4", "label": label} for label in "ab" for n in range(9)]
    source.write_text("\n".join(map(json.dumps, rows)))
    ids = [str(row["path"]) for row in rows]
    write_links(links_file(source), [link(ids[0], id) for id in ids[1:6]], compared=ids)
    (split,) = split_dataset(source)
    assert (split.certificate.links, split.certificate.not_compared) == (5, 0)
    assert len({split.table.sides[f"a\\x0a{n}.mp4"] for n in range(6)}) == 1


def test_added_videos_find_their_place_around_the_old_ones(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    (before,) = split_dataset(source)
    manifest(tmp_path, *clips(20, 30))
    train, test = before.table.ids("train")[0], before.table.ids("test")[0]
    found = tmp_path / "found.csv"
    write_links(found, [link(train, test), link("cats020", test)])
    (after,) = split_dataset(source, links=found)
    certificate = after.certificate
    assert (certificate.kept, certificate.assigned, certificate.moved_out) == (39, 20, 1)
    assert after.table.sides[train] == "excluded"
    assert after.table.sides["cats020"] == "test"
    assert before.table.sides.items() - after.table.sides.items() == {(train, "train")}
    assert certificate.cross_split_near_duplicates == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (SplitSettings(seed=7), "settings .seed.:"),
        (SplitSettings(ratios=(60, 20, 20), seed=7), "settings .seed, ratios.:"),
        (SplitSettings(holdout=("x",)), "settings .holdout.:"),
        (SplitSettings(keep_layout=True), "settings .keep-layout.:"),
    ],
)
def test_a_split_by_other_settings_is_not_gone_on_with(
    tmp_path: Path, settings: SplitSettings, named: str
) -> None:
    source = manifest(tmp_path, *clips(20, 25, subcategory="x", split="train"))
    (split,) = split_dataset(source)
    before = contents(tmp_path)
    with pytest.raises(ClipkindError, match=named) as caught:
        split_dataset(source, split.path, settings)
    assert "--fresh" in str(caught.value)
    assert contents(tmp_path) == before
    split_dataset(source, split.path, settings, fresh=True)


def test_a_split_of_other_videos_or_without_certificate_is_not_gone_on_with(
    tmp_path: Path,
) -> None:
    source = manifest(tmp_path)
    (split,) = split_dataset(source)
    write_manifest(source, clips(50, 60))
    before = contents(tmp_path)
    with pytest.raises(ClipkindError, match="is a split of other videos: --fresh"):
        split_dataset(source)
    for damage in ("{", "{}", "[]", None):
        certificate_path(split.path).unlink()
        if damage:
            certificate_path(split.path).write_text(damage)
        with pytest.raises(FileFormatError, match="missing or damaged"):
            split_dataset(source)
        certificate_path(split.path).touch()
    assert contents(tmp_path).keys() == before.keys()
    assert contents(tmp_path)["videos.split.csv"] == before["videos.split.csv"]


def test_nothing_is_written_when_anything_is_wrong(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    found = links_file(source)
    found.write_text("a,b,score\nx\n")
    before = contents(tmp_path)
    with pytest.raises(FileFormatError, match="is not a file of links"):
        split_dataset(source)
    found.unlink()
    with pytest.raises(FileFormatError, match=r"videos\.csv: class cats has 20 groups"):
        split_dataset(source, settings=SplitSettings(folds=21))
    with pytest.raises(ClipkindError, match="choose another --out"):
        split_dataset(source, source, fresh=True)
    last = tmp_path / "videos.fold2.certificate.json"
    last.mkdir()  # cannot be replaced by a file
    with pytest.raises(ClipkindError, match="is a folder"):
        split_dataset(source, settings=SplitSettings(folds=3))
    del before[found.name]
    assert contents(tmp_path) == before


def test_folds_go_on_from_folds(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    folds = SplitSettings(folds=4)
    before = split_dataset(source, settings=folds)
    assert [w.path.name for w in before] == [f"videos.fold{k}.csv" for k in range(4)]
    manifest(tmp_path, *clips(20, 30))
    after = split_dataset(source, settings=folds)
    for was, fold in zip(before, after, strict=True):
        assert read_split(fold.path) == fold.table
        assert was.table.sides.items() <= fold.table.sides.items()
        certificate = json.loads(certificate_path(fold.path).read_text())
        assert certificate["settings"]["folds"] == 4
    assert sorted(id for fold in after for id in fold.table.ids("test")) == sorted(
        video.id for video in clips(0, 30)
    )
    after[2].path.unlink()
    with pytest.raises(FileFormatError, match=r"fold2\.csv: is missing beside the other folds"):
        split_dataset(source, settings=folds)
    split_dataset(source, settings=SplitSettings(folds=3), fresh=True)
    assert not list(tmp_path.glob("videos.fold3.*"))
    assert len(list(tmp_path.glob("videos.fold*"))) == 6


def test_a_holdout_has_a_file_of_its_own(tmp_path: Path) -> None:
    source = manifest(tmp_path, *clips(20, 25, subcategory="tabby"))
    settings = SplitSettings(holdout=("cats/tabby",))
    (split,) = split_dataset(source, settings=settings)
    assert split.path.name == "videos.holdout.csv"
    assert split.table.ids("test") == tuple(f"cats{n:03}" for n in range(20, 25))
    (again,) = split_dataset(source, settings=settings)
    assert again.table == split.table


def test_the_sides_of_a_layout_are_kept_where_footage_does_not_cross(tmp_path: Path) -> None:
    source = manifest(
        tmp_path,
        *clips(20, 30, split="training"),
        *clips(30, 34, split="valid"),
        *clips(34, 36, split="test"),
    )
    write_links(links_file(source), [link("cats020", "cats034"), link("dogs021", "dogs020")])
    (split,) = split_dataset(source, settings=SplitSettings(keep_layout=True))
    sides = split.table.sides
    assert sides["cats020"] == "excluded"
    assert {sides[f"dogs{n:03}"] for n in range(20, 30)} == {"train"}
    assert {sides[f"{c}{n:03}"] for c in ("cats", "dogs") for n in range(30, 34)} == {"val"}
    assert {sides[f"{c}{n:03}"] for c in ("cats", "dogs") for n in range(34, 36)} == {"test"}
    assert not split.continued
    (again,) = split_dataset(source, settings=SplitSettings(keep_layout=True))
    assert again.table == split.table
    manifest(tmp_path, *clips(20, 21, split="holdout"))
    with pytest.raises(FileFormatError, match=r"cats/20\.mp4 is in split 'holdout'"):
        split_dataset(source, settings=SplitSettings(keep_layout=True), fresh=True)
    manifest(tmp_path)
    with pytest.raises(FileFormatError, match="leave out --keep-layout"):
        split_dataset(source, settings=SplitSettings(keep_layout=True), fresh=True)


def test_a_feature_file_is_divided_as_its_manifest_is(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    (split,) = split_dataset(source)
    contract = Contract(backbone="test", weights_sha256="0" * 64, feature_dim=2, num_frames=4)
    with FeatureWriter(tmp_path / "features.h5", contract) as writer:
        for video in clips():
            row = FeatureRow(
                id=video.id, path=video.path, label=video.label, group=video.group, sha256="",
                duration_s=1, fps=25, width=64, height=64, length=4, distinct=4,
            )  # fmt: skip
            writer.add(row, np.zeros((4, 2)))
        writer.refuse(RefusedRow(id="x", path="x.txt", reason="not_a_video", message="none"))
    (of_features,) = split_dataset(tmp_path / "features.h5")
    assert of_features.path.name == "features.split.csv"
    assert of_features.table == split.table
    assert of_features.certificate.refused == 1


@pytest.mark.corpus
def test_the_shared_clips_are_divided_within_a_point_of_the_shares(
    corpus: Path, tmp_path: Path
) -> None:
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        groups = {row["path"]: row["group"] for row in csv.DictReader(file)}
    for seed in range(3):
        settings = SplitSettings(seed=seed)
        (split,) = split_dataset(corpus / "manifest.csv", tmp_path / f"{seed}.csv", settings)
        for counts in (split.certificate.total, *split.certificate.classes.values()):
            for name, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
                assert counts[name].share == pytest.approx(share, abs=0.01)
        sides = {name: {groups[id] for id in split.table.ids(name)} for name in SPLITS}
        assert not sides["train"] & sides["val"] | sides["train"] & sides["test"]
        assert not sides["val"] & sides["test"]
