"""From checkpoints of the documented system to a bundle."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import torch

import clipkind
from clipkind.contract import Contract
from clipkind.errors import ClipkindError, ContractMismatch, FileFormatError
from clipkind.features.backbones import load_backbone
from clipkind.model.bundle import Bundle
from clipkind.model.documented import CLASS_NAMES, DocumentedCheckpoint, read_documented
from clipkind.model.documented_card import LIMITS
from clipkind.text import composed, printable
from clipkind.training.bundling import write_bundle

MultiScale = Literal["documented", "single"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What checkpoints do not say, and so people must."""

    backbone: str
    """The one their features were made with."""
    weights: Path | None = None
    """Its weights file, where they are not the published ones."""
    class_names: tuple[str, ...] | None = None
    """In the order of the network's outputs. None: the four documented ones."""
    multi_scale: MultiScale = "documented"
    name: str | None = None
    """Of the model. None: that of its folder."""
    keep_failed: bool = False
    """Let networks vote that by their own figures have learned nothing."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One checkpoint on its way into the bundle."""

    checkpoint: DocumentedCheckpoint
    sha256: str
    """Of the file."""
    notes: tuple[str, ...]
    failure: str
    """Why the network has learned nothing; empty: it has."""
    votes: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "file": printable(self.checkpoint.path.name),
            "sha256": self.sha256,
            "figures": self.checkpoint.figures.to_json(),
            "notes": list(self.notes),
            "left_out": "" if self.votes else self.failure,
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    bundle: Bundle
    checkpoints: tuple[Incoming, ...]
    """In the order given, those left out too."""


def import_checkpoints(
    paths: Sequence[Path],
    out: Path,
    options: ImportOptions,
    on_read: Callable[[Incoming], None] = lambda _incoming: None,
) -> Imported:
    """Make a bundle at `out` of documented checkpoints, whose networks then vote.

    A checkpoint that by its own figures has learned nothing is left out, unless
    `options.keep_failed`. An earlier bundle at `out` is replaced. Raises FileFormatError for a
    checkpoint that cannot be used or does not fit the others, ContractMismatch for a backbone of
    another width, ClipkindError where `out` holds something else, and as `load_backbone`.
    """
    _require_free(out, paths)
    incoming: list[Incoming] = []
    for path in paths:
        read = _incoming(path, options)
        _require_fit(read, incoming)
        on_read(read)
        incoming.append(read)
    voting = [one.checkpoint for one in incoming if one.votes]
    if not voting:
        raise ClipkindError(
            "no network is left: by their own figures none has learned anything; give other "
            "checkpoints, or --keep-failed to import these all the same"
        )
    width = voting[0].model.config.feature_dim
    names = _class_names(options.class_names, voting[0].model.config.num_classes)
    contract = _contract(options, names, width)
    bundle = write_bundle(
        out,
        printable(options.name or out.resolve().name),
        contract,
        [checkpoint.model for checkpoint in voting],
        measured={},
        provenance=_provenance(incoming),
        weights=options.weights,
    )
    return Imported(bundle, tuple(incoming))


def _require_free(out: Path, paths: Sequence[Path]) -> None:
    """A bundle takes the place of the whole folder: nothing but a bundle may be there."""
    shown = printable(str(out))
    if out.exists() and not (out / "model.json").is_file():
        if not out.is_dir():
            raise ClipkindError(f"{shown}: is a file; choose another --out")
        if any(out.iterdir()):
            raise ClipkindError(f"{shown}: holds something else; choose another --out")
    for path in paths:
        if path.resolve().is_relative_to(out.resolve()):
            raise ClipkindError(
                f"{shown}: would be replaced, with {printable(path.name)} in it; choose another "
                "--out"
            )


def _incoming(path: Path, options: ImportOptions) -> Incoming:
    checkpoint = read_documented(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    names = _class_names(options.class_names, checkpoint.model.config.num_classes)
    figures = checkpoint.figures
    failure = figures.failure(names)
    notes = checkpoint.notes + (() if failure else tuple(figures.notes(names)))
    return Incoming(checkpoint, sha256, notes, failure, options.keep_failed or not failure)


def _class_names(names: tuple[str, ...] | None, count: int) -> tuple[str, ...]:
    """A checkpoint does not name its classes. Raises ClipkindError where these cannot be they."""
    if names is None:
        if count != len(CLASS_NAMES):
            raise ClipkindError(
                f"the network has {count} classes and does not name them: say which with "
                "--class-names A,B,C in the order of its outputs (the documented trainer's is "
                "alphabetical)"
            )
        return CLASS_NAMES
    names = tuple(map(composed, names))
    given = printable(", ".join(names))
    if len(names) != count:
        raise ClipkindError(
            f"--class-names names {len(names)} ({given}), the network has {count}: name them all, "
            "in the order of its outputs"
        )
    if len(set(names)) != count or not all(name.isprintable() and name.strip() for name in names):
        raise ClipkindError(f"--class-names {given}: each must be a name of its own")
    return names


def _require_fit(new: Incoming, before: list[Incoming]) -> None:
    """Networks of one model have equal sizes, and none votes twice."""
    for old in before:
        ours, theirs = old.checkpoint, new.checkpoint
        mine, other = printable(str(ours.path)), printable(str(theirs.path))
        sizes, wanted = theirs.model.config.to_json(), ours.model.config.to_json()
        for name in sizes:
            if name != "dropout" and sizes[name] != wanted[name]:
                raise FileFormatError(
                    f"{other}: has {name} {sizes[name]}, {mine} has {wanted[name]}: the networks "
                    "of one model must be alike; import them one by one"
                )
        state = ours.model.state_dict()
        if all(torch.equal(state[k], t) for k, t in theirs.model.state_dict().items()):
            raise FileFormatError(
                f"{other}: is the same network as {mine} and would vote twice; give it once"
            )


def _contract(options: ImportOptions, names: tuple[str, ...], width: int) -> Contract:
    backbone = load_backbone(options.backbone, options.weights)
    if backbone.feature_dim != width:
        raise ContractMismatch(
            ("feature_dim",),
            f"{options.backbone} gives {backbone.feature_dim} values a frame, the network takes "
            f"{width}: name the backbone it was trained on with --backbone",
        )
    return backbone.contract(multi_scale=options.multi_scale, class_names=names)


def _provenance(incoming: list[Incoming]) -> dict[str, Any]:
    return {
        "made_by": f"clipkind {clipkind.__version__}",
        "date": date.today().isoformat(),
        "data": "not recorded by the checkpoints",
        "videos": None,
        "groups": None,
        "videos_by_class": {},
        "seeds": [],
        "limits": list(LIMITS),
        "imported": [one.to_json() for one in incoming],
    }
