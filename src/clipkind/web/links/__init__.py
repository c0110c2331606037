"""Videos behind links, fetched so that a link leads nowhere but to the public network.

`fetch` asks a process of its own, which judges every address before it is connected to;
`check_link` looks at a link only, and asks nobody.
"""

from clipkind.web.links.process import Fetched, check_link, fetch
from clipkind.web.links.refused import LinkReason, LinkRefused

__all__ = ["Fetched", "LinkReason", "LinkRefused", "check_link", "fetch"]
