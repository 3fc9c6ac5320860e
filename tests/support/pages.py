"""HTML that is shown to people, looked at: well formed, and what its tables say."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class _Page(HTMLParser):
    """Complains of tags that are not closed in the order in which they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "style", "link", "iframe")
        assert all((value or "").startswith("data:") for name, value in attrs if name == "src")
        if tag != "img":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def expect_html(page: str) -> str:
    """The page, which is well formed, runs nothing and loads nothing."""
    parser = _Page()
    parser.feed(page)
    parser.close()
    assert not parser.open
    assert "http" not in page
    return page


def cells(html: str) -> list[list[str]]:
    """The texts of all table rows."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [
        [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<t[dh]>(.*?)</t[dh]>", row)]
        for row in rows
    ]
