"""Read by mypy, not run: type checkers know what `import clipkind` offers, and nothing else.

An ignored error that is none is one itself (`warn_unused_ignores`).
"""

import clipkind
from clipkind import *  # noqa: F403

classifier: Classifier = clipkind.load(jobs=2)  # noqa: F405
version: str = clipkind.__version__
errors: list[type[ClipkindError]] = [  # noqa: F405
    ContractMismatch,  # noqa: F405
    FileFormatError,  # noqa: F405
    MissingDependency,  # noqa: F405
    VideoError,  # noqa: F405
]
clipkind.laod("x")  # type: ignore[attr-defined]
clipkind.load(jobs="two")  # type: ignore[arg-type]
