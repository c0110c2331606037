"""The contract: everything that decides what numbers a frame turns into, as one frozen value.

It is written into every feature file and every model bundle and compared whenever two of them
meet. The documented system died of its absence: its web app fed the features of one backbone to
a model trained on another, and as both are 1280 wide nobody noticed.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args, get_origin

from clipkind.checks import MOST, require_whole
from clipkind.errors import ContractMismatch, FileFormatError
from clipkind.text import composed

MultiScale = Literal["aligned", "documented", "single"]
CONTRACT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """How a video becomes a `[T, D]` feature sequence, and what its classes are called."""

    num_frames: int = 64
    """Samples on the base timeline: the T of `aligned` and `single`."""
    window: tuple[float, float] = (0.0, 1.0)
    """Part of the video that is sampled, as fractions of its duration."""
    scales: tuple[float, ...] = (1.0, 0.85, 1.15)
    """Temporal scales, 1.0 first: scale s takes floor(num_frames * s) samples of the window."""
    multi_scale: MultiScale = "aligned"
    """How the scales' features are joined (see `clipkind.features.multiscale`)."""
    keyframe_snap: float = 0.5
    """A sample may move to a key frame less than this share of the sample spacing away.
    Half a spacing keeps every sample inside its own segment and spares long files most decoding."""
    resize: int = 294
    """Shorter side, in pixels, the picture is scaled to before the crop."""
    crop: int = 256
    """Side of the centre crop, in pixels."""
    interpolation: Literal["bilinear", "bicubic", "area"] = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Per-channel RGB mean, of values scaled to 0..1."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Per-channel RGB standard deviation, of values scaled to 0..1."""
    color_range: Literal["full"] = "full"
    """Frames reach the backbone as full-range RGB, whatever range the file uses."""
    backbone: str
    weights_sha256: str
    """sha256 over the backbone's tensors (name, shape, bytes), whatever file they came in."""
    feature_dim: int
    """D."""
    class_names: tuple[str, ...] = ()
    """Class names in index order, composed (NFC); empty where nobody has named any."""
    version: int = CONTRACT_VERSION

    def __post_init__(self) -> None:
        for name in ("window", "scales", "mean", "std"):  # 1 and 1.0 must give one hash
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        object.__setattr__(self, "keyframe_snap", float(self.keyframe_snap))
        object.__setattr__(self, "class_names", tuple(map(composed, self.class_names)))
        start, stop = self.window
        if not 0.0 <= start < stop <= 1.0:
            raise ValueError(f"window {self.window}: give 0 <= start < stop <= 1")
        if len(set(self.class_names)) < len(self.class_names):
            raise ValueError(f"class_names {self.class_names}: give each class a name of its own")
        for name in ("num_frames", "feature_dim", "resize"):
            require_whole(name, getattr(self, name), 1, MOST)
        require_whole("crop", self.crop, 1, self.resize)
        for name in ("scales", "mean", "std"):
            if not all(map(math.isfinite, getattr(self, name))):
                raise ValueError(f"{name} {getattr(self, name)} must be finite")
        if not self.scales or self.scales[0] != 1.0 or min(self.scales) <= 0:
            raise ValueError(f"scales {self.scales} must be positive and begin with 1.0")
        if self.multi_scale not in get_args(MultiScale):
            raise ValueError(
                f"multi_scale {self.multi_scale!r}: choose from {get_args(MultiScale)}"
            )
        if not 0.0 <= self.keyframe_snap <= 0.5:
            raise ValueError(f"keyframe_snap {self.keyframe_snap} must be between 0 and 0.5")
        if min(self.std) <= 0:
            raise ValueError(f"std {self.std} must be positive")

    @property
    def sequence_length(self) -> int:
        """T: rows of the feature sequence every video gets."""
        if self.multi_scale == "documented":
            return max(scaled_length(self.num_frames, s) for s in self.scales)
        return self.num_frames

    @property
    def sample_lengths(self) -> tuple[int, ...]:
        """Samples taken from the video at each scale; `single` and `documented` take one set."""
        if self.multi_scale == "aligned":
            return tuple(scaled_length(self.num_frames, s) for s in self.scales)
        return (self.num_frames,)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; `from_json` gives an equal contract back."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_json`. Raises FileFormatError on a newer version or a damaged field."""
        if not isinstance(data, dict):
            raise FileFormatError(f"contract is damaged: {type(data).__name__} is no object")
        version = data.get("version")
        if version != CONTRACT_VERSION:
            raise FileFormatError(
                f"contract version {version!r} is not {CONTRACT_VERSION}: "
                "the file was made by another clipkind; use that version or make the file again"
            )
        types: dict[str, Any] = {f.name: f.type for f in fields(cls)}
        for name, value in data.items():
            if name not in types:
                raise FileFormatError(f"contract has unknown field {name!r}")
            if not _fits(value, types[name]):
                raise FileFormatError(f"contract is damaged: {name} cannot be {value!r}")
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"contract is damaged: {error}") from None

    @property
    def sha256(self) -> str:
        """Hash over everything that shapes features; class names do not."""
        content = {k: v for k, v in self.to_json().items() if k != "class_names"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def require_same(
        self, other: "Contract", *, ours: str, theirs: str, classes: bool = True
    ) -> None:
        """Refuse to go on when features made under `other` do not fit this contract.

        `ours` and `theirs` name the two artefacts in the message. Class names are compared where
        both sides have them, unless `classes` is False: they name labels and do not shape
        features, so an answer needs no label to agree; training and evaluation do. Raises
        ContractMismatch naming every differing field.
        """
        classes = classes and bool(self.class_names and other.class_names)
        names = [
            f.name
            for f in fields(self)
            if getattr(self, f.name) != getattr(other, f.name)
            and (classes or f.name != "class_names")
        ]
        if not names:
            return
        parts = [f"{n} is {getattr(other, n)!r}, not {getattr(self, n)!r}" for n in names]
        raise ContractMismatch(
            tuple(names),
            f"{theirs} does not fit {ours}: {'; '.join(parts)}. "
            "Extract the features again with the model's settings, or use the model made for them.",
        )


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value can be that of a field with this annotation."""
    args = get_args(kind)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            return False
        kinds = args[:1] * len(value) if args[1:] == (...,) else args
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if get_origin(kind) is Literal:
        return value in args
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind


def scaled_length(num_frames: int, scale: float) -> int:
    """Samples at a temporal scale: all at 1.0, else max(floor(n*s), 5) as documented."""
    return num_frames if scale == 1.0 else max(int(num_frames * scale), 5)
