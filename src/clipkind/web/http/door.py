"""Where people show the token once, and get a cookie for it."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from clipkind.web.http.security import sign_in, sign_out

blueprint = Blueprint("door", __name__)


@blueprint.get("/login")
def login() -> str:
    """The form."""
    return render_template("login.html", error=None, next=_inside(request.args.get("next", "")))


@blueprint.post("/login")
def enter() -> AnyResponse | tuple[str, int]:
    """Sign in, and go where the way was interrupted."""
    following = _inside(request.form.get("next", ""))
    if sign_in(request.form.get("token", "")):
        return redirect(following, 303)
    return render_template("login.html", error="That is not the token.", next=following), 403


@blueprint.post("/logout")
def logout() -> AnyResponse:
    """Sign out."""
    sign_out()
    return redirect(url_for("door.login"), 303)


def _inside(address: str) -> str:
    """A path of this server: nobody is to be led elsewhere by a link to the door."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    # browsers take \ for /, and drop tabs and newlines: //elsewhere could be hidden with them
    odd = any(sign < "!" or sign == "\\" for sign in address)
    if odd or parts.scheme or parts.netloc or not address.startswith("/") or address[1:2] == "/":
        return "/"
    return address
