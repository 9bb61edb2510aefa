"""HTML pages as a reader and a browser would look at them."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what a reader and a browser would look at."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def require_self_contained(page: Page) -> None:
    """No scripts and no links, only embedded images, each with words instead; every head of a table says of what."""
    assert {"script", "link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    for image in page.of("img"):
        assert image["alt"]
        assert str(image["src"]).startswith("data:image/svg+xml;base64,")
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.of("html") == [{"lang": "en"}]
    assert all("scope" in attributes for attributes in page.of("th"))
