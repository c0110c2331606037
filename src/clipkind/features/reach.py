"""Whether a server that has weights answers, found out at once: downloaders try for minutes."""

import ssl
import threading
from urllib.error import HTTPError, URLError
from urllib.request import Request, getproxies, urlopen

PATIENCE_S = 10.0
"""For name, connection and answer together; a network that works is faster, however slow."""


def require_reachable(url: str) -> None:
    """Raises OSError where nothing answers at `url`, be it through the environment's proxy.

    What the answer is does not matter: the downloader judges it, and has certificates of its own.
    """
    if any(proxy.startswith("socks") for proxy in getproxies().values()):
        return  # which the standard library does not speak
    trouble: list[Exception | None] = []

    def ask() -> None:
        try:
            with urlopen(Request(url, method="HEAD"), timeout=PATIENCE_S):  # noqa: S310
                trouble.append(None)
        except HTTPError:
            trouble.append(None)
        except URLError as error:
            found = error.reason if isinstance(error.reason, OSError) else error
            trouble.append(None if isinstance(found, ssl.SSLError) else found)
        except OSError as error:
            trouble.append(error)

    asking = threading.Thread(target=ask, daemon=True)  # nothing ends a name's resolution
    asking.start()
    asking.join(PATIENCE_S)
    if not trouble or trouble[0]:
        why = trouble[0] if trouble else f"no answer within {PATIENCE_S:g} s"
        raise OSError(f"{url} cannot be reached: {why}")
