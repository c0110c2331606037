"""clipkind: what kind of content is this video?

    import clipkind

    with clipkind.load() as classifier:
        print(classifier.classify("clip.mp4").label)

`load` gives a `Classifier`; its answers are `Prediction`s. Everything heavy is imported on use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from clipkind.contract import Contract as Contract
    from clipkind.contract import MultiScale
    from clipkind.errors import ClipkindError as ClipkindError
    from clipkind.errors import Reason as Reason
    from clipkind.errors import VideoError as VideoError
    from clipkind.inference.classifier import Classifier as Classifier
    from clipkind.inference.prediction import Prediction as Prediction

_HOMES = {
    "Classifier": "clipkind.inference.classifier",
    "ClipkindError": "clipkind.errors",
    "Contract": "clipkind.contract",
    "Prediction": "clipkind.inference.prediction",
    "Reason": "clipkind.errors",
    "VideoError": "clipkind.errors",
}
__all__ = ["__version__", "load", *_HOMES]


def load(
    model: "Path | str | None" = None,
    *,
    multi_scale: "MultiScale | None" = None,
    jobs: int = 1,
    timeout_s: float = 300.0,
) -> "Classifier":
    """A classifier from a model bundle folder (None: the model that comes with the package).

    `jobs` decoding processes run side by side; a video may take `timeout_s` seconds to decode.
    Raises FileFormatError for a folder that is no sound bundle, ValueError for fewer jobs than 1.
    """
    from clipkind.inference.classifier import Classifier
    from clipkind.model.bundle import load_bundle

    return Classifier(load_bundle(model), multi_scale=multi_scale, jobs=jobs, timeout_s=timeout_s)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("clipkind")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'clipkind' has no attribute {name!r}")
