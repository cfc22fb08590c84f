"""Checks that docs/criteria says of every criterion what its header says, and prints a line for everything that is wrong.

- A header in include/dvar/criteria with a class that observes has a page of the same name, and a row in the table of
  docs/criteria/README.md; a page has a header.
- A page of a criterion with an options struct has a row for every option, "| `window` | `310` | …", with the default that
  the header gives, and for no others.

Usage: check_criteria.py ROOT
"""

import pathlib
import re
import sys

STRUCT = re.compile(r"^struct (\w+_options) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^  [\w:<>]+ (\w+)(?: = ([^;]+)|(\{\}))?;", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (?:`([^`]*)`|([^|`]*?)) ?(?:\([^|]*\) )?\|", re.MULTILINE)


def criteria(root):
    for header in sorted((root / "include/dvar/criteria").glob("*.hpp")):
        text = header.read_text(encoding="utf-8")
        if re.search(r"\bobserve\(|: public detail::group<", text) and re.search(r"^class ", text, re.MULTILINE):
            yield header.stem, text


def options_of(header):
    """name -> default; None for an optional without a value."""
    return {
        member[1]: member[2]
        for struct in STRUCT.finditer(header)
        for member in MEMBER.finditer(struct[2])
    }


def section(page, heading):
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def problems_of(name, header, page):
    rows = {row[1]: row[2] for row in ROW.finditer(section(page, "Options"))}
    options = options_of(header)
    for option, default in options.items():
        if option not in rows:
            yield f"{name}: no row for the option {option}"
        elif rows[option] != default:
            yield f"{name}: the default of {option} is {default}, not {rows[option]}"
    if options:
        for row in rows.keys() - options.keys():
            yield f"{name}: there is no option {row}"


def main(root):
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (root / "docs/criteria").glob("*.md")}
    table = pages.pop("README", "")
    problems = []
    names = set()
    for name, header in criteria(root):
        names.add(name)
        if name not in pages:
            problems.append(f"{name}: there is no docs/criteria/{name}.md")
            continue
        problems += problems_of(name, header, pages[name])
        if not re.search(rf"^\| \[`?{name}`?\]\({name}\.md\)", table, re.MULTILINE):
            problems.append(f"{name}: no row in docs/criteria/README.md")
    problems += [f"{page}: there is no such criterion" for page in sorted(pages.keys() - names)]
    for problem in problems:
        print(problem)
    print(f"{len(names)} criteria, {len(problems)} problems")
    return 1 if problems or not names else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
