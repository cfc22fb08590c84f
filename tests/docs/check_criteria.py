"""Checks that the pages in docs/criteria say of every rule what the rule says of itself, and prints a line for everything that
is wrong.

- A rule of the catalog has a page of its name, with the table of its options as the catalog has them, a row "reports" that
  names its numbers and those by which it judges, its aliases and its published settings; and a row in the table of
  docs/criteria/README.md, whose settings have the catalog's defaults.
- A rule in include/dvar/rules is in the catalog.
- Another class that observes, in include/dvar/combinators, criteria or bank, has a page and a row too; a page has a rule or
  such a class.

Usage: check_criteria.py CATALOG ROOT [--write]

CATALOG is the program print_catalog, or a file with what it prints. With --write the tables of options are written anew.
"""

import json
import pathlib
import re
import subprocess
import sys

NAME = re.compile(r"string_view name = \"(\w+)\"")
DETAIL = re.compile(
    r"^namespace (?:dvar::(?:inline \w+::)?)?detail(?:::inline \w+)? \{$.*?^\}  // namespace [\w: ]*\bdetail\b", re.MULTILINE | re.DOTALL
)
SECTION = re.compile(r"^## Options\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^\| (?:option|parameter) \|.*\n(?:\|.*\n)+", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \|.*$", re.MULTILINE)
REPORTS = re.compile(r"^\| reports \| (.*?)(, which stops .*)? \|$", re.MULTILINE)
SETTING = re.compile(r"^`(\w+)`(?: (\S+))?$")
HEADER = "| option | default | range | |\n|---|---|---|---|\n"


def read_catalog(path):
    program = not path.endswith(".json")
    text = subprocess.run([path], check=True, capture_output=True, text=True).stdout if program else None
    # Numbers stay as they are written.
    return json.loads(text or pathlib.Path(path).read_text(encoding="utf-8"), parse_int=str, parse_float=str)


def number_text(text):
    return re.sub(r"e([+-]?)0+(?=\d)", r"e\1", text).replace("e+", "e")


def default_text(option):
    if option["required"]:
        return "required"
    return "none" if option["default"] is None else f"`{number_text(option['default'])}`"


def range_text(option):
    at_all = "at least 0" if option["type"] == "whole_number" else ""
    return " or ".join(f"`{choice}`" for choice in option["choices"]) or option["allowed"] or at_all


def row_of(option):
    sentence = option["sentence"].replace("|", "\\|")
    return f"| `{option['name']}` | {default_text(option)} | {range_text(option)} | {sentence} |"


def rows_of(rule):
    """name -> row of the table."""
    return {option["name"]: row_of(option) for option in rule["options"]}


def wrong_options(rule, page):
    found = SECTION.search(page)
    rows = {row[1]: row[0] for row in ROW.finditer(found[1] if found else "")}
    expected = rows_of(rule)
    for option, row in expected.items():
        if option not in rows:
            yield f"no row for the option {option}"
        elif rows[option] != row:
            yield f"expected {row}"
    for option in rows.keys() - expected.keys():
        yield f"there is no option {option}"


def wrong_words(rule, judged, page):
    words = {word for code in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"\w+", code)}
    for name in [*rule["aliases"], *(published["name"] for published in rule["published"])]:
        if name not in words:
            yield f"the page does not say `{name}`"
    reports = REPORTS.search(page)
    if not reports:
        yield "no row that says what it reports"
        return
    names = re.findall(r"`(\w+)`", reports[1])
    if names != rule["reported"]:
        yield f"reports {', '.join(rule['reported']) or 'nothing'}, not {', '.join(names) or 'nothing'}"
    stops = names[-1:] if reports[2] else []
    if stops != judged:
        yield f"judges by {', '.join(judged) or 'no number'}, not {', '.join(stops) or 'no number'}"


def wrong_settings(rule, table):
    row = re.search(rf"^\| \[`?{rule['name']}`?\]\({rule['name']}\.md\) \|(.*)\|$", table, re.MULTILINE)
    if not row:
        return
    defaults = {option["name"]: number_text(option["default"] or "") for option in rule["options"]}
    for setting in filter(None, (part.strip() for part in row[1].split("|")[3].split(","))):
        found = SETTING.match(setting)
        if not found or defaults.get(found[1]) != (found[2] or ""):
            yield f"docs/criteria/README.md has the setting {setting}"


def written(rule, page):
    rows = HEADER + "".join(f"{row}\n" for row in rows_of(rule).values())
    if not rule["options"]:
        return page
    section = SECTION.search(page)
    if not section:
        return page.replace("\n## What to expect", f"\n## Options\n\n{rows}\n## What to expect", 1)
    anew = TABLE.sub(lambda _: rows, section[0], count=1)
    return page[: section.start()] + anew + page[section.end() :]


def observing_classes(root):
    """The classes without an entry in the catalog that have a page."""
    for folder in ("combinators", "criteria", "bank"):
        for header in sorted((root / "include/dvar" / folder).glob("*.hpp")):
            text = DETAIL.sub("", header.read_text(encoding="utf-8"))
            if re.search(rf"^class {header.stem}\b.*\{{$", text, re.MULTILINE) and re.search(r"\bobserve\(|detail::group<", text):
                yield header.stem


def names_in_headers(root):
    for header in sorted((root / "include/dvar/rules").glob("*.hpp")):
        yield from NAME.findall(header.read_text(encoding="utf-8"))


def main(catalog, root, write):
    read = read_catalog(catalog)
    rules = {rule["name"]: rule for rule in read["rules"]}
    files = {file.stem: file for file in (root / "docs/criteria").glob("*.md")}
    pages = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
    if write:
        for name in rules.keys() & pages.keys():
            pages[name] = written(rules[name], pages[name])
            files[name].write_text(pages[name], encoding="utf-8")
    table = pages.pop("README", "")
    problems = [f"{name}: not in the catalog" for name in names_in_headers(root) if name not in rules]
    names = [*rules, *observing_classes(root)]
    for name in names:
        if name not in pages:
            problems.append(f"{name}: there is no docs/criteria/{name}.md")
            continue
        if not re.search(rf"^\| \[`?{name}`?\]\({name}\.md\)", table, re.MULTILINE):
            problems.append(f"{name}: no row in docs/criteria/README.md")
        if name in rules:
            rule = rules[name]
            wrong = [
                *wrong_options(rule, pages[name]),
                *wrong_words(rule, read["judged"][name], pages[name]),
                *wrong_settings(rule, table),
            ]
            problems += [f"{name}: {problem}" for problem in wrong]
    problems += [f"{page}: there is no such criterion" for page in sorted(pages.keys() - set(names))]
    for problem in problems:
        print(problem)
    print(f"{len(names)} criteria, {len(problems)} problems")
    return 1 if problems or not names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), "--write" in sys.argv[3:]))
