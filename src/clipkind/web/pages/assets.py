"""Styles, scripts and pictures of the pages: where they are, and how long browsers keep them."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from flask import Response, request, url_for
from flask.blueprints import BlueprintSetupState

from clipkind.page import page_style
from clipkind.web.pages import words
from clipkind.web.pages.blueprint import blueprint

STATIC = Path(__file__).parent.parent / "static"
_PAGE_CSS = "page.css"
_FOR_EVER = "public, max-age=31536000, immutable"


@blueprint.record
def _install(state: BlueprintSetupState) -> None:
    templates = state.app.jinja_env
    words.install(templates)
    templates.trim_blocks = templates.lstrip_blocks = True
    templates.globals["asset"] = asset_address()


def asset_address() -> Callable[[str], str]:
    """A function from the name of an asset to its address, which changes when any of them does."""
    content = [file.read_bytes() for file in sorted(STATIC.iterdir()) if file.is_file()]
    # all change together: a script imports others by names that hold no version
    version = blake2b(b"".join([*content, page_style().encode()]), digest_size=6).hexdigest()

    def address(name: str) -> str:
        if name == _PAGE_CSS:
            return url_for("pages.page_css", v=version)
        return url_for("static", filename=name, v=version)

    return address


@blueprint.get(f"/{_PAGE_CSS}")
def page_css() -> Response:
    """The style that all pages clipkind writes share."""
    return Response(page_style(), content_type="text/css; charset=utf-8")


@blueprint.after_app_request
def keep(response: Response) -> Response:
    """Browsers need not ask again for what is found under an address of its own content."""
    versioned = request.endpoint in ("static", "pages.page_css") and "v" in request.args
    if versioned and response.status_code == 200:
        response.headers["Cache-Control"] = _FOR_EVER
    return response
