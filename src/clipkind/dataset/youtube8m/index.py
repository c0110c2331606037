"""The data set's public index files: vocabulary entry to short ids, short id to YouTube id.

JSONP, one call a file: `<base>/2/j/v/0kt51.js` holds `p("0kt51",["nXSc","UL00",...]);` and
`<base>/2/j/i/nX/nXSc.js` holds `i("nXSc","UzXQaOLQVCU");`. Where a video is no longer public the
storage answers with an XML error. https://research.google.com/youtube8m/video_id_conversion.html
"""

import json
import re
import time
import urllib.request
from http.client import HTTPException, IncompleteRead
from urllib.error import HTTPError

from clipkind.errors import ClipkindError
from clipkind.text import printable

INDEX_URL = "https://storage.googleapis.com/data.yt8m.org"
INDEX_TIMEOUT_S = 30.0
ID_TIMEOUT_S = 10.0
MAX_INDEX = 64 << 20
"""Bytes; the largest entry has some 800,000 ids of 7 bytes each."""
MAX_ID = 64 << 10
ATTEMPTS = 3
BACKOFF_S = 0.5
"""Seconds before the second attempt; each further one waits twice as long."""
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_SHORT_ID = re.compile(r"[A-Za-z0-9_-]{2,16}")
_INDEX = re.compile(r'\s*p\("([^"]*)",\s*(\[[^\]]*\])\)\s*;?\s*')
_ID = re.compile(r'\s*i\("([^"]*)",\s*"([^"]*)"\)\s*;?\s*')
_XML_ERROR = re.compile(rb"\s*<\?xml[^>]*>\s*<Error><Code>(\w+)</Code>")


class FetchError(ClipkindError):
    """A file could not be had from a server."""


class Unavailable(FetchError):
    """The server says that there is no such file, or not for the public."""


def category_ids(base: str, category: str) -> list[str]:
    """The short ids of a vocabulary entry, in the data set's order, each once.

    Raises Unavailable where there is no index file, FetchError where it cannot be had or read.
    """
    url = f"{base}/2/j/v/{category}.js"
    text = fetch(url, timeout_s=INDEX_TIMEOUT_S, limit=MAX_INDEX).decode("utf-8", "replace")
    match = _INDEX.fullmatch(text)
    try:
        ids = json.loads(match[2]) if match and match[1] == category else None
    except ValueError:
        ids = None
    if ids is None or not all(isinstance(id, str) and _SHORT_ID.fullmatch(id) for id in ids):
        raise FetchError(f"{printable(url)}: is no index file of {category}")
    return list(dict.fromkeys(ids))


def youtube_id(base: str, short_id: str) -> str:
    """The 11 characters by which YouTube knows a video.

    Raises Unavailable where it is no longer public, FetchError where the answer cannot be had.
    """
    url = f"{base}/2/j/i/{short_id[:2]}/{short_id}.js"
    text = fetch(url, timeout_s=ID_TIMEOUT_S, limit=MAX_ID).decode("utf-8", "replace")
    match = _ID.fullmatch(text)
    if not match or match[1] != short_id or not YOUTUBE_ID.fullmatch(match[2]):
        raise FetchError(f"{printable(url)}: does not hold a YouTube id of {short_id}")
    return match[2]


def fetch(url: str, *, timeout_s: float, limit: int) -> bytes:
    """GET an http(s) URL of at most `limit` bytes, trying again where that may help.

    Raises Unavailable for a 404 and for the storage's XML errors, whatever their status, else
    FetchError.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(BACKOFF_S * 2 ** (attempt - 1))
        try:
            data = _get(url, timeout_s, limit)
        except HTTPError as error:
            with error:
                _raise_if_missing(url, error.read(4096), error.code)
            problem = f"HTTP status {error.code}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, HTTPException) as error:
            problem = printable(str(getattr(error, "reason", error))) or type(error).__name__
        else:
            _raise_if_missing(url, data, 200)
            return data
    raise FetchError(f"{printable(url)}: cannot be had ({problem}); try again later")


def _get(url: str, timeout_s: float, limit: int) -> bytes:
    with _OPENER.open(url, timeout=timeout_s) as answer:
        data: bytes = answer.read(limit + 1)
        if len(data) > limit:
            raise FetchError(f"{printable(url)}: is larger than {limit} bytes")
        if answer.length:  # what the header promised and did not come
            raise IncompleteRead(data, answer.length)
    return data


def _raise_if_missing(url: str, body: bytes, status: int) -> None:
    error = _XML_ERROR.match(body)
    if error or status in (404, 410):
        why = error[1].decode() if error else f"HTTP status {status}"
        raise Unavailable(f"{printable(url)}: is not available ({why})")


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https, also where it is redirected to: no file:, ftp: or data: URLs."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "clipkind")]
    return opener


_OPENER = _opener()
