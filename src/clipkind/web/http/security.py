"""Who may ask what: host names, origins, tokens, form tokens; and the headers of every answer."""

import hashlib
import hmac
import os
import re
import secrets
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, current_app, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response as AnyResponse

from clipkind.web.http.limits import slow_down
from clipkind.web.http.problems import Problem, for_programs, log
from clipkind.web.services import services
from clipkind.web.settings import Settings

SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = ("static", "pages.page_css", "door.login", "door.enter", "health.alive", "health.ready")
"""Endpoints that need no token."""
FIELD = "form_token"
SIGNED_IN_DAYS = 30
NOT_A_HOST = "not-a-host.invalid"
_LABEL = "[A-Za-z0-9_-]{1,63}"
_HOST = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::[0-9]{{1,5}})?", re.ASCII)
_LOOPBACK_NAMES = ("localhost", "ip6-localhost")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # with "no-referrer", browsers would call the origin of our own forms "null"
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Frame-Options": "DENY",
}
SANDBOX = "sandbox; default-src 'none'"
"""The policy for files that clients sent: whatever they are, nothing in them runs."""


class _Cookies(SecureCookieSessionInterface):
    """Cookies that stay within TLS where there is TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return over_tls()


def install(app: Flask, settings: Settings) -> None:
    """Check every request of `app` before its view, and add the headers to every answer."""
    app.config.update(
        SECRET_KEY=secret_key(settings.state / "secret"),
        SESSION_COOKIE_NAME="clipkind",
        SESSION_COOKIE_HTTPONLY=True,
        # "Strict" would sign out who follows a link from elsewhere: the door, to which one without
        # the cookie is led, gives another. No GET changes anything, so that links may bring it.
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # a late answer must not undo a sign-out
        PERMANENT_SESSION_LIFETIME=timedelta(days=SIGNED_IN_DAYS),
    )
    app.session_interface = _Cookies()
    app.before_request(check_request)
    app.before_request(_check_form)
    app.after_request(_add_headers)
    app.jinja_env.globals.update(
        form_token=form_token,
        our_address=our_address,
        signed_in=signed_in,
        token_needed=token_needed,
    )


def secret_key(file: Path) -> bytes:
    """What cookies are signed with; made where it is absent, so that they outlive a restart."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    key = file.read_bytes()
    return key if len(key) == 32 else hashlib.sha256(key + secrets.token_bytes(32)).digest()


def check_request() -> AnyResponse | None:
    """Host, origin and token of the request, by its headers alone.

    Raises Problem; a page for people who are not signed in sends them to the door.
    """
    _check_host(services().settings)
    _check_origin()
    return _check_token()


def _check_host(settings: Settings) -> None:
    """Refuse names that are not ours: a page elsewhere may have let its own name lead here.

    (DNS rebinding.) A numeric address cannot be such a name.
    """
    host = request.headers.get("Host", "")
    name = host_name(host)
    if host and name not in our_names(settings) and not _is_address(name):
        raise Problem(
            421,
            "wrong_host",
            "this server is not known by that name; whoever runs it may add it with --trusted-host",
        )


def our_names(settings: Settings) -> set[str]:
    """What clients may call the server by, besides numeric addresses."""
    given = (settings.host, *settings.trusted_hosts)
    return {*_LOOPBACK_NAMES, *(host_name(name) or name.lower() for name in given)}


def host_name(host: str) -> str:
    """A Host header without its port, brackets and last dot; empty for what is none."""
    found = _HOST.fullmatch(host) if len(host) <= 255 else None
    return "" if found is None else found[1].strip("[]").removesuffix(".").lower()


def over_tls() -> bool:
    """Whether a proxy says that the client speaks TLS with it.

    Whoever says so untruly does it to a cookie and to pages of its own.
    """
    return request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"


def our_address() -> str:
    """The server's, as its client knows it: with / at its end."""
    address = urlsplit(request.host_url)
    return urlunsplit(address._replace(scheme="https") if over_tls() else address)


def settle_host(environ: dict[str, Any]) -> None:
    """A Host header that is no name becomes one that is not ours: werkzeug fails on some."""
    if environ.get("HTTP_HOST") and not host_name(environ["HTTP_HOST"]):
        environ["HTTP_HOST"] = NOT_A_HOST


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _check_origin() -> None:
    """Refuse what another site made a browser send, as Go's CrossOriginProtection does.

    Browsers say so in Sec-Fetch-Site, older ones in Origin; programs that are none send neither.
    """
    if request.method in SAFE:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in ("same-origin", "none"):
        return
    if site is None and (origin is None or _netloc(origin) == request.headers.get("Host")):
        return
    raise Problem(403, "cross_site", "this request was made by a page of another site")


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def token_needed() -> bool:
    """Whether clients must show a token."""
    return services().settings.token is not None


def signed_in() -> bool:
    """Whether this client has shown the token at the door."""
    shown = session.get("in")
    return isinstance(shown, str) and hmac.compare_digest(shown, _mark())


def sign_in(token: str) -> bool:
    """Whether the token is right; then a cookie says so from here on. Raises Problem (429)."""
    if not _is_right(token):
        return False
    session.clear()  # with the form token that was there before
    session["in"] = _mark()
    session.permanent = True
    return True


def sign_out() -> None:
    """Forget it."""
    session.clear()


def _mark() -> str:
    """In the cookie of who knew the token; another token makes another.

    Cookies can be read, by other servers of this host too: nobody without the key is to try tokens
    on them.
    """
    wanted = services().settings.token or ""
    key = cast(bytes, current_app.config["SECRET_KEY"])
    return hmac.new(key, b"clipkind\0" + wanted.encode(), hashlib.sha256).hexdigest()


def _check_token() -> AnyResponse | None:
    if not token_needed() or request.endpoint in OPEN:
        return None
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        if _is_right(shown.strip()):
            return None
    elif signed_in():
        return None
    if request.method == "GET" and not for_programs(request.path):
        return redirect(url_for("door.login", next=request.full_path.rstrip("?")))
    raise Problem(
        401,
        "token_needed",
        "this server asks for a token: send it as `Authorization: Bearer TOKEN`",
        {"WWW-Authenticate": 'Bearer realm="clipkind"'},
    )


def _is_right(token: str) -> bool:
    """In a time that tells nothing of the token. Raises Problem after too many wrong ones.

    A right one is always let in: behind a proxy all clients have one address, and strangers with
    wrong tokens must not shut the others out. That nobody finds it by trying is up to its length.
    """
    known = services()
    wanted = known.settings.token or ""
    if hmac.compare_digest(token.encode(), wanted.encode()):
        return True
    client = request.remote_addr or ""
    known.metrics.wrong_token()
    if not known.limits.told.take(client):
        log("wrong_token", client=client)
    if wait := known.limits.guesses.take(client):
        raise slow_down(wait, "too_many_guesses", "too many wrong tokens; try again in a while")
    return False


def form_token() -> str:
    """For the hidden field of a form; its double is in the signed cookie."""
    if "form" not in session:
        session["form"] = secrets.token_urlsafe(16)
    return str(session["form"])


def _check_form() -> None:
    """A form for people must hold the token of a page that this client was given."""
    if request.method in SAFE or not (request.endpoint or "").startswith(("pages.", "door.")):
        return
    wanted, sent = session.get("form"), request.form.get(FIELD, "")
    if not isinstance(wanted, str) or not hmac.compare_digest(sent.encode(), wanted.encode()):
        raise Problem(
            403,
            "stale_form",
            "the form does not come from a page this server gave you; load the page again",
        )


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if "Cache-Control" not in response.headers:
        fresh = "no-cache" if request.endpoint in ("static", "pages.page_css") else "no-store"
        response.headers["Cache-Control"] = fresh
    return response
