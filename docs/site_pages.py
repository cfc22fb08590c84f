"""Writes what the site's search looks through: every page of docs/ with its title, its text and, of a rule, what it is for.

Doxygen's own search knows names and how titles begin. This finds a rule by what it does. What a rule is for stands in the tables of
docs/criteria/README.md, in the rows that link to its page.

Usage: site_pages.py HTML

Reads the pages that Doxygen has made in the directory HTML, and writes HTML/search/pages.js.
"""

import html.parser
import json
import pathlib
import re
import sys

RULES = "md_docs_criteria_README.html"
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(html.parser.HTMLParser):
    """A page's title, its text, and the rows of its tables: the pages that a row links to, and its other words."""

    def __init__(self, text):
        super().__init__()
        self.title, self.text, self.rows = "", "", []
        # The open elements, each with its class.
        self._open = []
        self.feed(text)

    def _within(self, tag, name=None):
        return any(t == tag and (name is None or name in classes) for t, classes in self._open)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "tr":
            self.rows.append(([], []))
        if tag == "a" and self._within("tr"):
            self.rows[-1][0].append(attributes.get("href", ""))
        if tag not in VOID:
            self._open.append((tag, (attributes.get("class") or "").split()))

    def handle_endtag(self, tag):
        while any(t == tag for t, _ in self._open) and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self._within("div", "title"):
            self.title += data
        elif self._within("div", "contents") and not self._within("script"):
            self.text += data + " "
            if data.strip() and self._within("tr") and not self._within("a"):
                self.rows[-1][1].append(data)


def words(text):
    return re.sub(r"\s+", " ", text).strip()


def main(folder):
    files = [folder / "index.html", *sorted(folder.glob("md_*.html"))]
    pages = {file.name: Page(file.read_text(encoding="utf-8")) for file in files}
    uses = {}
    for links, text in pages[RULES].rows:
        for link in links:
            uses.setdefault(link, []).append(words(text[0]))
    entries = [
        {"url": name, "title": words(page.title), "use": "; ".join(filter(None, uses.get(name, []))), "text": words(page.text)}
        for name, page in pages.items()
    ]
    for entry in entries:
        if not entry["title"] or not entry["text"]:
            raise SystemExit(f"site_pages.py: {folder / entry['url']} has no title or no text")
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    (folder / "search" / "pages.js").write_text(f"const dvarPages = [\n{lines}\n];\n", encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
