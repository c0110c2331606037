"""The data set's videos over HTTP: ids and names, never paths."""

from dataclasses import dataclass
from typing import Annotated, Any

from clipkind.web.api.describe import Answer, Operation, describes, read_query
from clipkind.web.api.shapes import VideoPage
from clipkind.web.library import PAGE
from clipkind.web.services import services


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoQuery:
    """Which videos to list."""

    text: Annotated[str, {"maxLength": 200}] = ""
    """Somewhere in the name, whatever its case."""
    label: Annotated[str | None, {"maxLength": 200}] = None
    """Their class."""
    page: Annotated[int, {"minimum": 1, "maximum": 1_000_000}] = 1
    """One beyond the last is the last."""
    size: Annotated[int, {"minimum": 1, "maximum": 500}] = PAGE


@describes(
    Operation(
        summary="Videos of the server's data set, to choose from",
        query=VideoQuery,
        answers={200: Answer("A page of videos.", VideoPage)},
        problems=(422,),
    )
)
def list_videos() -> dict[str, Any]:
    """Those that meet all of the query."""
    query, library = read_query(VideoQuery), services().library
    found = library.find(query.text, query.label, query.page, query.size)
    return {
        "videos": [video.to_json() for video in found.videos],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
        "labels": library.labels,
    }
