"""What the HTML pages clipkind writes share: offline, no script, light and dark."""

from html import escape
from importlib.resources import files

from clipkind.text import printable


def safe(text: str) -> str:
    """Text from files, fit for HTML, be it content or an attribute in quotes."""
    return escape(printable(text))


def page_style() -> str:
    """The common style sheet, to stand in a page's `<style>`."""
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")
