"""The models of the server over HTTP."""

from dataclasses import dataclass
from typing import Annotated, Any

from clipkind.errors import ClipkindError
from clipkind.web.api.describe import Answer, Operation, describes, read_query
from clipkind.web.http.problems import Problem
from clipkind.web.services import services


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What may be known of a model, and which others there are."""

    name: str
    names: list[str]
    """Of all models to choose from: bundles, and single networks of them."""
    default: str
    """The one that answers where none is asked for."""
    bundle: str
    members: list[str]
    """The networks that vote."""
    weights: list[float]
    """What each vote counts."""
    classes: list[str]
    backbone: str
    multi_scale: str
    num_frames: int
    calibrated: bool
    calibrated_with_tta: bool
    tells_strangeness: bool
    measured: dict[str, Any]
    """Results by multi-scale mode, with intervals, as they were measured when it was made."""
    provenance: dict[str, Any]
    card: str
    """The model card, Markdown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """Which model."""

    name: Annotated[str | None, {"maxLength": 200}] = None
    """None: the default."""


@describes(
    Operation(
        summary="What answers: models, their classes and measured results",
        query=ModelQuery,
        answers={200: Answer("The model.", ModelInfo)},
        problems=(404, 422),
    )
)
def model() -> dict[str, Any]:
    """One model."""
    models = services().models
    name = read_query(ModelQuery).name
    try:
        found = models.describe(models.default if name is None else name)
    except ClipkindError as error:
        raise Problem(404, "unknown_model", str(error)) from None
    return {**found, "names": list(models.names), "default": models.default}
