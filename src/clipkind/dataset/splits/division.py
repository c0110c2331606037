"""Videos into parts that share no footage, going on from where some of them stand already."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from clipkind.dataset.links import Link, joined_groups
from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.balance import balanced
from clipkind.errors import FileFormatError

MANY = 3
"""More parts than this are not named one by one."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier division decided, by video id."""

    part: Mapping[str, int] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Division:
    """Part and joined group by video id; videos that are left out are in neither."""

    part: dict[str, int]
    group: dict[str, str]


def divide(
    videos: Sequence[Entry],
    links: Sequence[Link],
    parts: Mapping[str, int],
    seed: int,
    earlier: Earlier,
) -> Division:
    """Divide `videos`, each of which has a group, into `parts` (name to weight, in order).

    A part of weight 0 gets no video beyond those it has. Raises FileFormatError where a class
    cannot stand in every other part.
    """
    out = _crossing(videos, links, earlier) | earlier.left_out
    videos = [video for video in videos if video.id not in out]
    joined = joined_groups({video.id: video.group for video in videos}, links)
    groups: dict[str, list[Entry]] = defaultdict(list)
    for video in videos:
        groups[joined[video.id]].append(video)
    _check_groups(groups, [name for name, weight in parts.items() if weight])
    fixed = {joined[id]: part for id, part in earlier.part.items() if id in joined}
    part = balanced(groups, list(parts.values()), seed, fixed)
    _check_complete(groups, part, parts)
    return Division({video.id: part[joined[video.id]] for video in videos}, joined)


def _crossing(videos: Sequence[Entry], links: Iterable[Link], earlier: Earlier) -> set[str]:
    """The videos to leave out so that no group holds videos of two parts.

    Videos are taken one by one, those of the last part first and new ones at the end, and each
    joins the groups it is linked with, unless that would join two parts: then it stays out.
    """
    groups = {video.id: video.group for video in videos if video.id not in earlier.left_out}
    near: dict[str, list[str]] = defaultdict(list)
    for link in links:
        if link.a in groups and link.b in groups:
            near[link.a].append(link.b)
            near[link.b].append(link.a)
    parent = {group: group for group in groups.values()}
    part_of: dict[str, int] = {}
    placed: set[str] = set()

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    for id in sorted(groups, key=lambda id: (-earlier.part.get(id, -1), id)):
        roots = {root(groups[other]) for other in near[id] if other in placed}
        roots.add(root(groups[id]))
        found = {part_of[name] for name in roots if name in part_of}
        if id in earlier.part:
            found.add(earlier.part[id])
        if len(found) > 1:
            continue
        placed.add(id)
        first = min(roots)
        parent.update(dict.fromkeys(roots, first))
        if found:
            part_of[first] = found.pop()
    return groups.keys() - placed


def _check_groups(groups: Mapping[str, Sequence[Entry]], parts: Sequence[str]) -> None:
    found = Counter(label for videos in groups.values() for label in {v.label for v in videos})
    for label, number in sorted(found.items()):
        if number < len(parts):
            names = f"{', '.join(parts[:-1])} and {parts[-1]}"
            if len(parts) > MANY:
                names = f"{parts[0]} to {parts[-1]}"
            raise FileFormatError(
                f"class {label} has {number} group{'s' * (number > 1)} (sources that share no "
                f"footage), and {names} need one each: add videos of it from other sources"
            )


def _check_complete(
    groups: Mapping[str, Sequence[Entry]], part: Mapping[str, int], parts: Mapping[str, int]
) -> None:
    there = {(video.label, part[name]) for name, videos in groups.items() for video in videos}
    for label in sorted({label for label, _ in there}):
        for number, (name, weight) in enumerate(parts.items()):
            if weight and (label, number) not in there:
                raise FileFormatError(
                    f"class {label} stands nowhere in {name}, its groups being bound to other "
                    "sides: split afresh (--fresh), with another seed, or add videos of it"
                )
