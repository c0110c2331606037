"""Division of labelled videos into train, val and test that share no footage.

A group, the videos of one source and all that is linked with them, goes to one side as a whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from clipkind.dataset.links import Link, joined_groups
from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.division import Division, Earlier, divide
from clipkind.dataset.splits.table import SPLITS, SplitName, SplitRow, SplitTable
from clipkind.dataset.taxonomy import name_key
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.text import composed, printable

Ratios = tuple[int, int, int]
"""Percentages of train, val and test."""
RATIOS: Ratios = (70, 20, 10)
SEED = 42
MIN_FOLDS, MAX_FOLDS = 3, 100


def make_split(
    entries: Iterable[Entry],
    links: Iterable[Link],
    ratios: Ratios = RATIOS,
    seed: int = SEED,
    previous: SplitTable | None = None,
) -> SplitTable:
    """Divide the `ok` entries by `ratios`, of each class and subcategory as near as groups allow.

    The same entries and links, in any order, and the same seed give the same table on any machine.
    Videos of `previous` keep their side, excluded ones too, and the others are placed around them.
    What would then show footage of two sides is excluded: a new video that joins old ones of two
    sides, and of old ones found to be alike the one in train, else the one in val.

    Raises ClipkindError for ratios that leave nothing to train on or to choose by, FileFormatError
    for entries that cannot be divided: without a label, an id twice, fewer than two classes, names
    of classes that hardly differ, a class with fewer groups than sides.
    """
    videos = _videos(entries)
    check_ratios(ratios)
    division = divide(videos, list(links), _parts(*ratios), seed, _earlier(previous))
    return _table(videos, division, SPLITS)


def kfold(
    entries: Iterable[Entry],
    links: Iterable[Link],
    folds: int,
    seed: int = SEED,
    previous: Sequence[SplitTable] = (),
) -> tuple[SplitTable, ...]:
    """`folds` tables: fold k is tested on in table k, chosen by in table k-1, else trained on.

    Every video is in test once, save those left out to stay with `previous`, the tables of an
    earlier call. Raises as `make_split`.
    """
    if folds < MIN_FOLDS:
        raise ClipkindError(f"{folds} folds are too few for train, val and test: take 3 or more")
    if folds > MAX_FOLDS:
        raise ClipkindError(f"{folds} folds are too many: take {MAX_FOLDS} or fewer")
    videos = _videos(entries)
    parts = {f"fold {fold}": 1 for fold in range(folds)}
    division = divide(videos, list(links), parts, seed, _earlier_folds(previous, folds))
    tables = []
    for test in range(folds):
        part_names: list[SplitName] = ["train"] * folds
        part_names[test], part_names[(test + 1) % folds] = "test", "val"
        tables.append(_table(videos, division, part_names))
    return tuple(tables)


def holdout(
    entries: Iterable[Entry],
    links: Iterable[Link],
    subcategories: Iterable[str],
    ratios: Ratios = RATIOS,
    seed: int = SEED,
    previous: SplitTable | None = None,
) -> SplitTable:
    """Test on whole subcategories, none of whose footage or sources is trained on.

    `subcategories` are names as `Subcategory` (of whatever class) or `Class/Subcategory`. Videos
    of other subcategories that share a group with a held-out one are excluded; the rest is divided
    into train and val by the first two of `ratios`. Raises as `make_split`, and ClipkindError for
    a subcategory that no video has.
    """
    entries, links = list(entries), list(links)
    videos = _videos(entries)
    check_ratios(ratios)
    held = {printable(video.id) for video in held_out(entries, subcategories)}
    joined = joined_groups({video.id: video.group for video in videos}, links)
    groups = {joined[id] for id in held}
    rest = [video for video in videos if joined[video.id] not in groups]
    for label in sorted({video.label for video in videos} - {video.label for video in rest}):
        raise FileFormatError(
            f"class {label} has no video left to train on: hold out fewer of its subcategories"
        )
    earlier = _earlier(previous)
    test = SPLITS.index("test")
    earlier = replace(earlier, part={id: n for id, n in earlier.part.items() if n != test})
    train, val, _ = ratios
    division = divide(rest, links, _parts(train, val, 0), seed, earlier)
    tested = Division(dict.fromkeys(held, test), {id: joined[id] for id in held})
    both = Division(division.part | tested.part, division.group | tested.group)
    return _table(videos, both, SPLITS)


def held_out(entries: Iterable[Entry], subcategories: Iterable[str]) -> list[Entry]:
    """The `ok` entries that `subcategories` name. Raises ClipkindError for one that names none."""
    videos = [entry for entry in entries if entry.status == "ok" and entry.subcategory]
    found: dict[str, Entry] = {}
    for name in map(composed, subcategories):
        hits = {v.id: v for v in videos if name in (v.subcategory, f"{v.label}/{v.subcategory}")}
        if not hits:
            raise ClipkindError(
                f"no video is of subcategory {printable(name)}: {_hint(name, videos)}"
            )
        found |= hits
    return list(found.values())


def _hint(name: str, videos: Sequence[Entry]) -> str:
    names = {v.subcategory for v in videos} | {f"{v.label}/{v.subcategory}" for v in videos}
    known = {known.casefold(): printable(known) for known in sorted(names)}
    near = [known[name] for name in get_close_matches(name.casefold(), known, cutoff=0.5)]
    if not known:
        return "the videos have no subcategories"
    return f"did you mean {' or '.join(near)}?" if near else "no name there is like it"


def _parts(train: int, val: int, test: int) -> dict[str, int]:
    return {"train": train, "val": val, "test": test}


def _earlier(previous: SplitTable | None) -> Earlier:
    if previous is None:
        return Earlier()
    part = {row.id: SPLITS.index(row.split) for row in previous.rows if row.split in SPLITS}
    return Earlier(part, frozenset(previous.ids("excluded")))


def _earlier_folds(previous: Sequence[SplitTable], folds: int) -> Earlier:
    if len(previous) not in (0, folds):
        raise ClipkindError(f"{folds} folds cannot go on from {len(previous)}: split afresh")
    part: dict[str, int] = {}
    for fold, table in enumerate(previous):
        for id in table.ids("test"):
            if part.setdefault(id, fold) != fold:
                what = f"video {printable(id)} is in test in fold {part[id]} and fold {fold}"
                raise FileFormatError(f"{what}: split afresh (--fresh)")
    return Earlier(part, frozenset(id for table in previous for id in table.ids("excluded")))


def _table(videos: Sequence[Entry], division: Division, names: Sequence[SplitName]) -> SplitTable:
    rows = []
    for video in videos:
        split: SplitName = "excluded"
        if video.id in division.part:
            split = names[division.part[video.id]]
        group = division.group.get(video.id, video.group)
        rows.append(SplitRow(video.id, split, video.label, video.subcategory, group))
    return SplitTable(tuple(rows))


def _videos(entries: Iterable[Entry]) -> list[Entry]:
    """What there is to divide, sorted by id: the `ok` entries, each with a label and a group."""
    entries = list(entries)
    videos: dict[str, Entry] = {}
    for entry in entries:
        if entry.status != "ok":
            continue
        id, name = printable(entry.id), printable(f"{entry.path} (id {entry.id})")
        if not entry.label:
            raise FileFormatError(f"{name} has no label: give it one or take it out")
        if id in videos:
            raise FileFormatError(f"{name} is listed twice: scan the videos again")
        videos[id] = replace(
            entry,
            id=id,
            label=printable(entry.label),
            subcategory=printable(entry.subcategory),
            group=printable(entry.group) or id,
        )
    _check_classes(Counter(video.label for video in videos.values()), entries)
    return [videos[id] for id in sorted(videos)]


def _check_classes(counts: Mapping[str, int], entries: Iterable[Entry]) -> None:
    refused = Counter(printable(e.label) for e in entries if e.status != "ok" and e.label)
    for label, number in sorted(refused.items()):
        if label not in counts:
            raise FileFormatError(
                f"class {label} is empty: all of its videos ({number}) are refused; the manifest "
                "says why, mend them or take them out"
            )
    alike: dict[str, str] = {}
    for label in sorted(counts):
        other = alike.setdefault(name_key(label), label)
        if other != label:
            raise FileFormatError(
                f"classes {other!r} ({counts[other]} videos) and {label!r} ({counts[label]}) "
                "differ only in case, spaces or underscores: give them one name"
            )
    if len(counts) < 2:
        there = f"only class {next(iter(counts))}" if counts else "no labelled video"
        raise FileFormatError(
            f"{there} to divide: a classifier needs videos of two classes or more"
        )


def check_ratios(ratios: Ratios) -> None:
    """Raises ClipkindError unless these are percentages with something to train and choose by."""
    if sum(ratios) != 100 or min(ratios) < 0:
        what = f"{' + '.join(map(str, ratios))} is {sum(ratios)}"
        raise ClipkindError(f"ratios {what}: give percentages of train, val and test, 100 in all")
    if not ratios[0] or not ratios[1]:
        raise ClipkindError(f"ratios {' '.join(map(str, ratios))}: train and val cannot be 0")
