"""Videos behind links, fetched so that a link leads nowhere but to the public network.

`fetch` asks a process of its own, which judges every address before it is connected to;
`check_link` looks at the words of a link only.
"""

from clipkind.web.links.link import check_link
from clipkind.web.links.process import Fetched, fetch
from clipkind.web.links.refused import LinkReason, LinkRefused

__all__ = ["Fetched", "LinkReason", "LinkRefused", "check_link", "fetch"]
