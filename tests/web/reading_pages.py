"""Pages read as a browser reads them: elements, and the text that people see."""

from html.parser import HTMLParser

from flask.testing import FlaskClient


class Page(HTMLParser):
    """Elements of a page with their attributes, and the text people read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._text.append(" ")  # as far as people see, cells of a table are not one word

    @property
    def text(self) -> str:
        return " ".join("".join(self._text).split())

    def all(self, tag: str, **having: str) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and all(value in (attrs.get(key) or "") for key, value in having.items())
        ]


def page_at(client: FlaskClient, path: str, status: int = 200) -> Page:
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:500]
    assert answer.mimetype == "text/html"
    return Page(answer.text)
