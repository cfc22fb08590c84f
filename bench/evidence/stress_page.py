#!/usr/bin/env python3
"""Runs the stress suite with the rules of bench/evidence/stress/rules.txt and writes docs/evidence/stress.csv, and from it the
tables of docs/evidence/stress.md.

    python bench/evidence/stress_page.py build/release/bin/stress_suite [--threads N]
"""

import csv
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "bench/evidence/stress/rules.txt"
PAGE = ROOT / "docs/evidence/stress.md"
TABLES = re.compile(r"(?<=<!-- the tables of stress_page.py -->\n).*?(?=<!-- end of the tables -->)", re.DOTALL)


def percent(part, whole):
    """Returns a share as people read it: no wrong stop is not the same as few."""
    share = 100.0 * part / whole
    return "0" if part == 0 else "<0.1" if share < 0.1 else f"{share:.1f}" if share < 10.0 else f"{share:.0f}"


def table(title, rows, count):
    kinds = [kind for kind in dict.fromkeys(row["kind"] for row in rows) if kind != "random_walk"]
    lines = [f"### {title}\n", "| rule | " + " | ".join(kind.replace("_", " ") for kind in kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for rule in dict.fromkeys(row["rule"] for row in rows):
        cells = {row["kind"]: percent(count(row), int(row["runs"])) for row in rows if row["rule"] == rule}
        escaped = rule.replace("|", "\\|")
        lines.append(f"| `{escaped}` | " + " | ".join(cells[kind] for kind in kinds) + " |")
    return "\n".join(lines) + "\n\n"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sheet = PAGE.with_suffix(".csv")
    subprocess.run([sys.argv[1], "--rules", RULES, "--output", sheet, *sys.argv[2:]], check=True)
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file))
    text = table("False stops, percent of the runs", rows, lambda row: int(row["false_stops"]))
    text += table("Late stops and missed runs, percent", rows, lambda row: int(row["late_stops"]) + int(row["missed"]))
    beside = PAGE.with_name(PAGE.name + ".part")
    beside.write_text(TABLES.sub(lambda _: text, PAGE.read_text()))
    beside.replace(PAGE)


if __name__ == "__main__":
    main()
