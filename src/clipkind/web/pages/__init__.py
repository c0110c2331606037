"""What people see: pages that the server writes, which work without a script."""

from clipkind.web.pages import assets, compare, docs, history, home, job, model
from clipkind.web.pages.blueprint import blueprint

__all__ = ["assets", "blueprint", "compare", "docs", "history", "home", "job", "model"]
