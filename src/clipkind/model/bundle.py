"""A model bundle: a folder with everything needed to go from pictures to probabilities.

model.json            contract, members and how they vote, measured results, provenance, sha256 of
                      every file
calibration.json      temperature and answers behind confidences and risks (may be missing)
outliers.npz          how strange videos are, in the bundle's own mode (may be missing)
backbone.onnx         pictures [B, crop, crop, 3] uint8 -> features [B, D]
member-K.onnx         features [B, T, D] -> logits [B, C], attention [B, T]
member-K.safetensors  the same weights, for torch
README.md             the model card, generated from model.json
"""

import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from clipkind.contract import Contract
from clipkind.errors import FileFormatError
from clipkind.files import resolved
from clipkind.model.calibration import Calibration
from clipkind.model.combination import COMBINE, Combination, equal
from clipkind.model.outliers import OutlierModel

_T = TypeVar("_T")
FORMAT = "clipkind-bundle"
FORMAT_VERSION = 2
"""1 had neither weights nor calibration; it is read all the same."""
_JSON_NAMES: dict[type, str] = {
    dict: "an object", list: "a list", str: "a text", int: "an integer", float: "a number",
    bool: "true or false", type(None): "null",
}  # fmt: skip
BACKBONE_FILE = "backbone.onnx"
CALIBRATION_FILE = "calibration.json"
OUTLIERS_FILE = "outliers.npz"
DEFAULT_BUNDLE = Path(__file__).parent.parent / "bundled" / "default"
"""The model that comes with the package."""


@dataclass(frozen=True, slots=True)
class Member:
    """One network of the ensemble."""

    name: str
    config: dict[str, Any]
    """`TemporalConfig` as JSON."""

    @property
    def onnx(self) -> str:
        return f"{self.name}.onnx"

    @property
    def weights(self) -> str:
        return f"{self.name}.safetensors"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What `model.json` says. The files lie in `path`."""

    path: Path
    name: str
    contract: Contract
    members: tuple[Member, ...]
    measured: dict[str, Any]
    """Results by multi-scale mode: only these modes may be used with the bundle."""
    provenance: dict[str, Any]
    combination: Combination
    """How the members vote."""
    calibrations: Mapping[str, Calibration] = field(default_factory=dict, compare=False)
    """By `calibration_key`; empty in bundles of old."""
    outliers: OutlierModel | None = field(default=None, compare=False)
    """How strange videos are, for the bundle's own multi-scale mode; None where nothing says it."""

    def calibration_for(
        self, multi_scale: str | None = None, tta: bool = False
    ) -> Calibration | None:
        """The calibration for a multi-scale mode (None: the bundle's own), or None."""
        return self.calibrations.get(calibration_key(multi_scale or self.contract.multi_scale, tta))

    def outliers_for(self, multi_scale: str) -> OutlierModel | None:
        """The outlier score for a multi-scale mode: of another mode's features it knows nothing."""
        return self.outliers if multi_scale == self.contract.multi_scale else None

    def contract_for(self, multi_scale: str | None) -> Contract:
        """The contract for a multi-scale mode the bundle was measured with (None: its own).

        Raises FileFormatError for a mode without a measured result.
        """
        if multi_scale is None or multi_scale == self.contract.multi_scale:
            return self.contract
        if multi_scale not in self.measured:
            raise FileFormatError(
                f"model {self.name} was not measured with --multi-scale {multi_scale}; "
                f"use {' or '.join(sorted(self.measured))}"
            )
        return Contract.from_json({**self.contract.to_json(), "multi_scale": multi_scale})


def calibration_key(multi_scale: str, tta: bool) -> str:
    """What the calibration of a mode is called in a bundle."""
    return f"{multi_scale}+tta" if tta else multi_scale


def load_bundle(path: Path | str | None = None) -> Bundle:
    """Read and check a bundle folder (None: the one that comes with the package).

    The folder of a training run stands for the bundle in it.
    Every file's sha256 is compared. Raises FileFormatError naming the file that is off.
    """
    folder = DEFAULT_BUNDLE if path is None else Path(path)
    if (folder / "bundle").is_dir() and not (folder / "model.json").exists():
        folder /= "bundle"
    manifest = folder / "model.json"
    try:
        data = json.loads(manifest.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if not folder.exists():
            raise FileFormatError(
                f"{folder} does not exist; give a model bundle or a run"
            ) from None
        raise FileFormatError(
            f"{folder} is no model bundle: it has no model.json; give the folder that holds one"
        ) from None
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{manifest} cannot be read: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FileFormatError(f"{manifest} is not a clipkind model bundle")
    if data.get("format_version") not in (1, FORMAT_VERSION):
        raise FileFormatError(
            f"{manifest} has format version {data.get('format_version')!r}, this clipkind reads "
            f"1 and {FORMAT_VERSION}; use the clipkind that made it or make the bundle again"
        )
    contract = Contract.from_json(_entry(data, "contract", dict, manifest))
    members = _members(_entry(data, "members", list, manifest), contract, manifest)
    files = _entry(data, "files", dict, manifest)
    _check_files(folder, members, files)
    return Bundle(
        path=folder.absolute(),  # read again when it is used, wherever that is
        name=_entry(data, "name", str, manifest),
        contract=contract,
        members=members,
        measured=_entry(data, "measured", dict, manifest),
        provenance=_entry(data, "provenance", dict, manifest),
        combination=_combination(data.get("combination"), len(members), manifest),
        calibrations=_calibrations(folder / CALIBRATION_FILE) if CALIBRATION_FILE in files else {},
        outliers=_outliers(folder / OUTLIERS_FILE, contract) if OUTLIERS_FILE in files else None,
    )


def _entry(data: dict[str, Any], name: str, kind: type[_T], place: Path | str) -> _T:
    """`data[name]`, which must be there and of that kind: people edit model.json by hand."""
    if name not in data:
        raise FileFormatError(f"{place} lacks {name!r}; copy the bundle again")
    value = data[name]
    if type(value) is not kind:
        raise FileFormatError(
            f"{place}: {name} must be {_JSON_NAMES[kind]}, not {_JSON_NAMES[type(value)]}; "
            "copy the bundle again"
        )
    return value


def _members(entries: list[Any], contract: Contract, manifest: Path) -> tuple[Member, ...]:
    """The networks; each must give one logit a class, or answers would bear the wrong names."""
    if not entries:
        raise FileFormatError(f"{manifest}: members is empty; a model needs at least one network")
    members = []
    for number, entry in enumerate(entries):
        place = f"{manifest}, member {number}"
        if not isinstance(entry, dict):
            raise FileFormatError(f"{place} must be an object, not {_JSON_NAMES[type(entry)]}")
        config = _entry(entry, "config", dict, place)
        logits, wanted = _entry(config, "num_classes", int, place), len(contract.class_names)
        if logits != wanted:
            raise FileFormatError(
                f"{place} has num_classes {logits}, but the contract names {wanted} classes; "
                "copy the bundle again"
            )
        members.append(Member(_entry(entry, "name", str, place), config))
    return tuple(members)


def _combination(data: Any, members: int, manifest: Path) -> Combination:
    """How the members vote; a weight too many would give answers that are no probabilities."""
    if data is None:
        return equal(members)
    place = f"{manifest}, combination"
    if not isinstance(data, dict):
        raise FileFormatError(f"{place} must be an object, not {_JSON_NAMES[type(data)]}")
    how, weights = _entry(data, "how", str, place), _entry(data, "weights", list, place)
    known = next((name for name in COMBINE if name == how), None)
    numbers = all(type(w) in (int, float) and 0 <= w <= 1 for w in weights)
    if known is None or len(weights) != members or not numbers:
        raise FileFormatError(
            f"{place} must be {', '.join(COMBINE)} with {members} weights from 0 to 1; "
            "copy the bundle again"
        )
    if not math.isclose(sum(weights), 1.0, abs_tol=1e-6):
        raise FileFormatError(f"{place}: the weights must sum to 1; copy the bundle again")
    return Combination(known, tuple(map(float, weights)))


def _calibrations(file: Path) -> dict[str, Calibration]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{file} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise FileFormatError(f"{file} must be an object; copy the bundle again")
    return {key: Calibration.from_json(entry, f"{file}, {key}") for key, entry in data.items()}


def _outliers(file: Path, contract: Contract) -> OutlierModel:
    model = OutlierModel.load(file)
    width = model.directions.shape[1]
    if width != contract.feature_dim:
        raise FileFormatError(
            f"{file} is for features of {width} values, the contract says {contract.feature_dim}; "
            "copy the bundle again"
        )
    return model


def _check_files(folder: Path, members: tuple[Member, ...], files: dict[str, str]) -> None:
    needed = [BACKBONE_FILE, *(m.onnx for m in members)]
    for name in needed:
        if name not in files:
            raise FileFormatError(f"{folder / 'model.json'} does not list {name}")
    for name, wanted in files.items():
        file = folder / name
        if Path(name).name != name or not file.is_file():
            raise FileFormatError(f"{folder}: {name} is missing; copy the whole bundle again")
        if _sha256(file) != wanted:
            raise FileFormatError(f"{file} was changed or damaged; copy the bundle again")


def save_bundle(bundle: Bundle, files: dict[str, Path], card: str) -> None:
    """Write `bundle.path` in one step from `files` (name -> where it is now) and the model card.

    An existing bundle there is replaced only once the new one is complete; where `bundle.path` is a
    link, what it leads to is.
    """
    folder = resolved(bundle.path)
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _fill(temporary, bundle, files, card)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)  # left by a kill between the two steps below
        folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old)
    else:
        temporary.rename(folder)


def _fill(temporary: Path, bundle: Bundle, files: dict[str, Path], card: str) -> None:
    for name, source in files.items():
        shutil.copyfile(source, temporary / name)
    (temporary / "README.md").write_text(card, encoding="utf-8")
    written = [*files]
    if bundle.calibrations:
        entries = {key: calibration.to_json() for key, calibration in bundle.calibrations.items()}
        _write_json(temporary / CALIBRATION_FILE, entries, indent=None)
        written.append(CALIBRATION_FILE)
    if bundle.outliers is not None:
        bundle.outliers.save(temporary / OUTLIERS_FILE)
        written.append(OUTLIERS_FILE)
    data = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": bundle.name,
        "contract": bundle.contract.to_json(),
        "members": [{"name": m.name, "config": m.config} for m in bundle.members],
        "combination": {
            "how": bundle.combination.how,
            "weights": list(bundle.combination.weights),
        },
        "measured": bundle.measured,
        "provenance": bundle.provenance,
        "files": {name: _sha256(temporary / name) for name in sorted(written)},
    }
    _write_json(temporary / "model.json", data, indent=2)


def _write_json(file: Path, data: Any, *, indent: int | None) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
