"""The folder of a training run: what it is, where its parts lie, who works in it.

run.json                      what is trained on what: a run only goes on with the same; and
                              where that lay
recipe.toml                   the recipe, as `--recipe` reads it
members/member-K/             checkpoint, history, TensorBoard events and result of one member
results/training_progress/    a dashboard an epoch for each member
cache/                        features, while several processes train; removed at the end
bundle/                       the model, for `clipkind classify --model RUN`
evaluation/                   what `clipkind evaluate RUN` has found, and trained for it
"""

import fcntl
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.files import write_file
from clipkind.text import printable
from clipkind.training.history import EpochResult
from clipkind.training.recipe import Recipe
from clipkind.training.recipe_file import dump_recipe

FORMAT = "clipkind-run"
FORMAT_VERSION = 1
LOCK_WAIT_S = 10.0
"""How long a process of a killed run may take to notice."""


@dataclass(frozen=True, slots=True)
class MemberResult:
    """How the training of one member ended."""

    name: str
    seed: int
    """That of the last attempt."""
    attempts: int
    best: EpochResult | None
    """None where the last attempt diverged."""
    epochs: int
    failure: str = ""
    """Why it does not vote; empty: it does."""
    failed_attempts: tuple[str, ...] = ()
    """Why the attempts before the last one failed."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder, and what it trains."""

    folder: Path
    recipe: Recipe
    seeds: tuple[int, ...]
    identity: dict[str, Any]
    """Hashes of the contract, features and split."""
    sources: dict[str, str] = field(default_factory=dict)
    """Absolute paths of the `features` and the `split`. Files may move: they are no part of what
    makes a run the same."""

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(f"member-{number}" for number in range(len(self.seeds)))

    def member_folder(self, member: str) -> Path:
        return self.folder / "members" / member

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation"

    @property
    def progress_folder(self) -> Path:
        return self.folder / "results" / "training_progress"

    def to_json(self) -> dict[str, Any]:
        """What makes a run the same, as `run.json` holds it."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "recipe": self.recipe.to_json(),
            "seeds": list(self.seeds),
            "identity": self.identity,
        }


def open_run(run: Run, *, restart: bool = False) -> bool:
    """Begin the run in its folder, or go on with it; True when there is something to go on with.

    `restart` throws away what an earlier run left there; one that never came to train, because of
    its input, is no loss. Raises FileFormatError when the folder holds another run, ClipkindError
    when it holds files that are no run's.
    """
    shown = printable(str(run.folder))
    about = run.folder / "run.json"
    if restart and about.exists():
        for part in ("members", "results", "cache", "bundle", "evaluation"):
            shutil.rmtree(run.folder / part, ignore_errors=True)
        about.unlink()
    begun = (run.folder / "members").exists()
    if about.exists() and begun:
        _require_same(run, about)
        if run.sources:  # they may have moved
            _write(run, about)
        return True
    if begun:
        raise ClipkindError(f"{shown}: holds something else; choose another --out")
    run.folder.mkdir(parents=True, exist_ok=True)
    write_file(run.folder / "recipe.toml", dump_recipe(run.recipe))
    _write(run, about)
    return False


def load_run(folder: Path) -> Run:
    """The run in `folder`. Raises FileFormatError when there is none, or it is damaged."""
    about = folder / "run.json"
    data = _read(about)
    try:
        recipe = dict(data["recipe"])
        recipe["classifier_dims"] = tuple(recipe["classifier_dims"])
        sources = dict(data.get("sources", {}))
        return Run(folder, Recipe(**recipe), tuple(data["seeds"]), dict(data["identity"]), sources)
    except (ValueError, KeyError, TypeError) as error:
        what = printable(f"{about}: is damaged, or of another version of clipkind ({error})")
        raise FileFormatError(f"{what}; train again") from None


def _write(run: Run, about: Path) -> None:
    data = run.to_json() | ({"sources": run.sources} if run.sources else {})
    write_file(about, json.dumps(data, indent=2) + "\n")


def _require_same(run: Run, about: Path) -> None:
    theirs, ours = _read(about), run.to_json()
    way_out = "choose another --out, or --restart to lose what is there"
    where = printable(str(run.folder))
    for key in ("seeds", "recipe", "identity"):
        if theirs[key] == ours[key]:
            continue
        what = key
        if isinstance(ours[key], dict):
            names = [k for k, v in ours[key].items() if theirs[key].get(k) != v]
            what = ", ".join(f"{key} {k}" if key == "recipe" else k for k in names)
            if key == "identity":
                what += " (videos, labels or how they are seen have changed since)"
        raise FileFormatError(f"{where}: holds a run with other {what}; {way_out}")


def _read(about: Path) -> dict[str, Any]:
    shown = printable(str(about))
    try:
        data = json.loads(about.read_bytes())
        if data["format"] != FORMAT or data["format_version"] != FORMAT_VERSION:
            raise FileFormatError(f"{shown}: is of another version of clipkind")
        return dict(data)
    except FileNotFoundError:
        raise FileFormatError(f"{shown}: no such file; train there first") from None
    except (ValueError, KeyError, TypeError) as error:
        what = printable(f"{shown}: is damaged ({error})")
        raise FileFormatError(f"{what}; choose another --out") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while in it. Raises ClipkindError when one is in."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise ClipkindError(
                        f"{printable(str(folder))}: another process is training there; "
                        "wait for it, or choose another --out"
                    ) from None
                time.sleep(0.1)
        yield


def write_result(folder: Path, result: MemberResult) -> None:
    """Keep how a member ended, beside its weights."""
    write_file(folder / "result.json", json.dumps(asdict(result), indent=2) + "\n")


def read_result(folder: Path) -> MemberResult | None:
    """How a member ended; None where it has not."""
    path = folder / "result.json"
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_bytes())
        best = data["best"] and EpochResult(
            **{**data["best"], "val_f1": tuple(data["best"]["val_f1"])}
        )
        failed = tuple(data["failed_attempts"])
        return MemberResult(**{**data, "best": best, "failed_attempts": failed})
    except (ValueError, KeyError, TypeError) as error:
        what = printable(f"{path}: is damaged ({error})")
        raise FileFormatError(f"{what}; delete it to go on") from None
