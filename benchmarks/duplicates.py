"""How many copies `clipkind dataset check` finds, and how many links it makes up.

    python benchmarks/duplicates.py --corpus DIR     DIR: a folder of clips with a manifest.csv

Copies of some clips, of every kind in `tests/planted.py`, are laid beside all clips, and all of
them compared with each other. A copy is found where it is linked to its original directly, and
joined where it ends in one group with it, be it by way of other copies. A link is false where it
joins footage of different clips; those between clips cut from one recording at different times,
and near-duplicates in the corpus that were confirmed by eye, are counted apart.
"""

import argparse
import csv
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import machine
from clipkind.dataset.check.fingerprint import FingerprintStore, fingerprint_many
from clipkind.dataset.check.matching import find_links
from clipkind.dataset.links import Link, joined_groups
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.model.bundle import BACKBONE_FILE, load_bundle

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import planted  # noqa: E402 - the tests plant the same copies

CONFIRMED = frozenset(
    {
        frozenset(
            {
                "clips/Animation/cartoon/film-tom-and-jerry__01.mp4",
                "clips/Animation/cartoon/tkterry256-vue-tv__01.mp4",
            }
        )
    }
)
"""Near-duplicates in the shared clips themselves: one cartoon from two sources."""
GOALS = {"found": 0.99, "false_share": 0.01}


@dataclass(frozen=True, slots=True)
class Video:
    """A clip or a copy of one."""

    path: Path
    clip: str
    """Path, in the manifest, of the clip it shows; also that clip's id."""
    kind: str
    """Empty for the clip itself."""


def main() -> None:
    """Plant, compare, print, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="clips with a manifest.csv")
    parser.add_argument("--copied", type=int, default=60, help="clips to plant copies of")
    parser.add_argument("--seed", type=int, default=3, help="decides which")
    parser.add_argument("--jobs", type=int, default=machine.cores())
    parser.add_argument("--work", type=Path, default=HERE / ".cache" / "duplicates")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "duplicates.json")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    with (arguments.corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    videos = _videos(rows, arguments)
    machine.warn_if_busy()
    neighbours = machine.Neighbours()
    links, timing = _compare(videos, arguments.work, arguments.jobs)
    results: dict[str, Any] = {
        **machine.describe(sys.argv[1:], "duplicates.py"),
        "goals": GOALS,
        "clips": len(rows),
        "copies": sum(bool(video.kind) for video in videos.values()),
        "kinds": {name: asdict(change) for name, change in planted.KINDS.items()},
        **_judge(videos, links, _recordings(rows)),
        "timing": timing,
        "disturbance": neighbours.so_far(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    _print(results)


def _videos(rows: list[dict[str, str]], arguments: argparse.Namespace) -> dict[str, Video]:
    """All clips and the planted copies, by id."""
    clips = [row["path"] for row in rows]
    videos = {clip: Video(arguments.corpus / clip, clip, "") for clip in clips}
    order = np.random.default_rng(arguments.seed).permutation(len(clips))
    todo = []
    for clip in sorted(clips[i] for i in order[: arguments.copied]):
        for number, kind in enumerate(planted.KINDS):
            name = f"{clip.replace('/', '-')}.{number:02d}.mp4"
            videos[name] = Video(arguments.work / name, clip, kind)
            if not videos[name].path.exists():
                todo.append((arguments.corpus / clip, kind, videos[name].path))
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for _ in pool.map(_plant, *zip(*todo, strict=True), chunksize=4) if todo else ():
            pass
    return videos


def _plant(clip: Path, kind: str, target: Path) -> None:
    part = target.with_suffix(".part.mp4")
    planted.plant(clip, planted.KINDS[kind], part).replace(target)


def _compare(
    videos: dict[str, Video], work: Path, jobs: int
) -> tuple[list[Link], dict[str, float]]:
    """The links among all videos, and the seconds it took; nothing of an earlier run is used."""
    bundle = load_bundle()
    store_file = work / "run.fingerprints"
    store_file.unlink(missing_ok=True)
    started = time.perf_counter()
    with FingerprintStore(store_file, bundle.contract) as store:
        engine = OpenVinoEngine(bundle.path / BACKBONE_FILE)
        paths = {id: str(video.path) for id, video in videos.items()}
        refused = fingerprint_many(paths, store, engine, bundle.contract, jobs=jobs)
        if refused:
            raise SystemExit(f"cannot read {refused[0].path}: {refused[0].message}")
        read = time.perf_counter()
        links = find_links(store, videos)
    done = time.perf_counter()
    store_file.unlink()
    return links, {
        "videos": len(videos),
        "fingerprint_s": round(read - started, 1),
        "match_s": round(done - read, 1),
    }


def _recordings(rows: list[dict[str, str]]) -> dict[str, str]:
    """By clip: the file it was cut from."""
    return {row["path"]: f"{row['source']} {row['original_path']}" for row in rows}


def _judge(
    videos: dict[str, Video], links: list[Link], recordings: dict[str, str]
) -> dict[str, Any]:
    """What was found of every kind, and what links join."""
    direct = {frozenset({link.a, link.b}) for link in links}
    joined = joined_groups({id: id for id in videos}, links)
    planted_of, found_of, joined_of = Counter[str](), Counter[str](), Counter[str]()
    missed = []
    for id, video in videos.items():
        if not video.kind:
            continue
        planted_of[video.kind] += 1
        joined_of[video.kind] += joined[id] == joined[video.clip]
        if frozenset({id, video.clip}) in direct:
            found_of[video.kind] += 1
        else:
            missed.append(f"{video.clip}: {video.kind}")
    sorts, wrong = Counter[str](), Counter[str]()
    for link in links:
        clips = frozenset({videos[link.a].clip, videos[link.b].clip})
        sort = _sort_of(clips, recordings)
        sorts[sort] += 1
        if sort != "same clip":
            wrong[f"{sort}: {' – '.join(sorted(clips))}"] += 1
    copies, total = sum(planted_of.values()), len(videos)
    return {
        "found": sum(found_of.values()) / copies,
        "found_by_kind": {kind: found_of[kind] / n for kind, n in planted_of.items()},
        "joined": sum(joined_of.values()) / copies,
        "joined_by_kind": {kind: joined_of[kind] / n for kind, n in planted_of.items()},
        "missed": missed,
        "links": len(links),
        "links_by_sort": dict(sorts),
        "false_share": sorts["false"] / max(len(links), 1),
        "false_share_counting_same_recording": (sorts["false"] + sorts["same recording"])
        / max(len(links), 1),
        "pairs_of_clips_falsely_linked": sum(name.startswith("false") for name in wrong),
        "pairs_of_videos": total * (total - 1) // 2,
        "links_beyond_a_clip": dict(wrong),
    }


def _sort_of(clips: frozenset[str], recordings: dict[str, str]) -> str:
    if len(clips) == 1:
        return "same clip"
    if clips in CONFIRMED:
        return "confirmed by eye"
    one, other = (recordings[clip] for clip in clips)
    return "same recording" if one == other else "false"


def _print(results: dict[str, Any]) -> None:
    for kind, share in results["found_by_kind"].items():
        print(f"{kind:38} {share:7.1%}")
    print(f"{'found in all':38} {results['found']:7.1%} of {results['copies']}")
    print(f"{'joined, by way of other copies too':38} {results['joined']:7.1%}")
    print(f"{'false links':38} {results['false_share']:7.2%} of {results['links']}")
    for name, count in results["links_beyond_a_clip"].items():
        print(f"  {name} ({count})")
    timing = results["timing"]
    print(
        f"{timing['videos']} videos: fingerprints {timing['fingerprint_s']:.0f} s, "
        f"matching {timing['match_s']:.0f} s"
    )


if __name__ == "__main__":
    main()
