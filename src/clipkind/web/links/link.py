"""What the words of a link say, before anybody is asked where it leads."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from clipkind.web.links.refused import LinkReason, LinkRefused

MAX_LENGTH = 2000
"""Characters of a link."""
PORTS = {"http": 80, "https": 443}
# `urlsplit` and other readers of links drop or turn these round, each in its own way
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\\\s\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.A)
_ADDRESS6 = re.compile(r"[0-9a-f:.]+", re.A)
_AS_IT_IS = "/?%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Link:
    """A link taken apart."""

    url: str
    scheme: str
    """http or https."""
    host: str
    """In ASCII and small letters; an IPv6 address without its brackets."""
    port: int
    target: str
    """What to ask the host for: path and query, ASCII."""


def parse(url: str) -> Link:
    """Take a link apart, without blanks around it. Raises LinkRefused for one that could never be
    fetched; nothing is resolved or connected to."""
    url = url.strip(" \t\r\n")
    if len(url) > MAX_LENGTH:
        raise _malformed(f"is longer than {MAX_LENGTH} characters: take a shorter one")
    scheme = url.partition(":")[0].lower()
    if scheme not in PORTS or not url[len(scheme) :].startswith("://"):
        raise LinkRefused(
            LinkReason.SCHEME,
            "the link does not begin with http:// or https://: only such links are fetched",
        )
    if _ODD.search(url):
        raise _malformed("holds a blank, a backslash or a control character: write it as %20 etc.")
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        raise _malformed("cannot be read: copy it anew") from None
    if "@" in parts.netloc:
        raise LinkRefused(
            LinkReason.CREDENTIALS,
            "the link holds a user name or password (before an @): take it out, or download the "
            "video yourself and upload it",
        )
    if not name or port == 0:
        raise _malformed("names no host to ask: copy it anew")
    target = quote(parts.path or "/", safe=_AS_IT_IS.replace("?", ""))
    if parts.query:
        target += "?" + quote(parts.query, safe=_AS_IT_IS)
    return Link(url, scheme, _ascii(name), port or PORTS[scheme], target)


def follow(link: Link, location: str) -> Link:
    """Where a redirect leads, which may be relative. Raises LinkRefused as `parse`."""
    try:
        url = urljoin(link.url, location)
    except ValueError:
        raise _malformed("is redirected to one that cannot be read: link to the file") from None
    return parse(url)


def _ascii(name: str) -> str:
    """The host as resolvers know it. Other spellings of letters, digits and dots become plain."""
    if ":" in name:
        if not _ADDRESS6.fullmatch(name):
            raise _malformed("names a host by an address that is none: copy it anew")
        return name
    try:
        plain = name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        plain = ""
    if not _NAME.fullmatch(plain) or len(plain) > 253:
        raise _malformed("names a host that cannot be: copy it anew")
    return plain


def _malformed(what: str) -> LinkRefused:
    return LinkRefused(LinkReason.MALFORMED, f"the link {what}")
