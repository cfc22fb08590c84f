"""Checks the documentation site as it is built, and prints a line for everything that is wrong.

- From the start page, a reader is at the page of every rule in two clicks, by links in the text.
- Every link and picture of a page of docs/ leads to a file of the site, and a fragment (#…) to an element of that page.

Usage: check_site.py ROOT HTML
"""

import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """The links of a page, those in its text apart, and the names that links may lead to."""

    def __init__(self, file):
        super().__init__()
        self.links, self.text_links, self.names = [], [], set()
        self._in_contents = False
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._in_contents |= tag == "div" and attributes.get("class") == "contents"
        self.names |= {attributes.get("id"), attributes.get("name")}
        for link in (attributes.get("href"), attributes.get("src"), attributes.get("data")):
            target = urllib.parse.urlsplit(link or "")
            if link and not target.scheme and not target.netloc and link != "#":
                self.links.append((urllib.parse.unquote(target.path), target.fragment))
                if self._in_contents:
                    self.text_links.append(urllib.parse.unquote(target.path))


def main(root, site):
    rules = {f"md_docs_criteria_{file.stem}.html" for file in (root / "docs/criteria").glob("*.md")} - {"md_docs_criteria_README.html"}
    files = [site / "index.html", *site.glob("md_*.html")]
    pages = {file.name: Page(file) for file in sorted(files)}
    problems = []
    first = set(pages["index.html"].text_links)
    second = {link for name in first & pages.keys() for link in pages[name].text_links}
    problems += [f"{rule}: not within two clicks of index.html" for rule in sorted(rules - first - second)]
    for name, page in pages.items():
        for path, fragment in sorted(set(page.links)):
            if path and not (site / path).exists():
                problems.append(f"{name}: link to {path}: there is no such file")
            elif fragment and (path or name) in pages and fragment not in pages[path or name].names:
                problems.append(f"{name}: link to {path or name}: nothing is named {fragment}")
    print(*problems, f"{len(pages)} pages, {len(rules)} rules, {len(problems)} problems", sep="\n")
    return 1 if problems or not rules else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
