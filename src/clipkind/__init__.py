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
    from clipkind.errors import ContractMismatch as ContractMismatch
    from clipkind.errors import FileFormatError as FileFormatError
    from clipkind.errors import MissingDependency as MissingDependency
    from clipkind.errors import Reason as Reason
    from clipkind.errors import VideoError as VideoError
    from clipkind.inference.classifier import Classifier as Classifier
    from clipkind.inference.prediction import Prediction as Prediction

    __version__: str
else:

    def __getattr__(
        name: str,
    ) -> Any:  # hidden from type checkers, to which it would allow any name
        if name == "__version__":
            return import_module("importlib.metadata").version("clipkind")
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'clipkind' has no attribute {name!r}")


_HOMES = {
    "Classifier": "clipkind.inference.classifier",
    "ClipkindError": "clipkind.errors",
    "Contract": "clipkind.contract",
    "ContractMismatch": "clipkind.errors",
    "FileFormatError": "clipkind.errors",
    "MissingDependency": "clipkind.errors",
    "Prediction": "clipkind.inference.prediction",
    "Reason": "clipkind.errors",
    "VideoError": "clipkind.errors",
}
__all__ = [
    "Classifier",
    "ClipkindError",
    "Contract",
    "ContractMismatch",
    "FileFormatError",
    "MissingDependency",
    "Prediction",
    "Reason",
    "VideoError",
    "__version__",
    "load",
]


def load(
    model: "Path | str | None" = None,
    *,
    multi_scale: "MultiScale | None" = None,
    jobs: int = 1,
    timeout_s: float = 300.0,
) -> "Classifier":
    """A classifier from a model bundle folder (None: the model that comes with the package).

    `jobs` decoding processes run side by side; a video may take `timeout_s` seconds to decode
    (inf: any time). Raises FileFormatError for a folder that is no sound bundle, ValueError for
    jobs that are not 1 to 64 or a time that is not above 0, MissingDependency where the system
    gives too little memory.
    """
    from clipkind.memory import shortage_told

    with shortage_told():
        from clipkind.inference.classifier import Classifier
        from clipkind.model.bundle import load_bundle

        bundle = load_bundle(model)
        return Classifier(bundle, multi_scale=multi_scale, jobs=jobs, timeout_s=timeout_s)
