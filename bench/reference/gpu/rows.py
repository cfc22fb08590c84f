#!/usr/bin/env python3
"""What the check of a GPU found, kept at once: every result is a line of rows.jsonl, and table.md is made anew from all of
them, a table a part.

usage: rows.py OUTPUT PART WHAT [NAME=VALUE…]   (adds a row)
"""

import json
import os
import pathlib
import sys


def cell(value):
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def table(rows):
    """The rows of a part, with a column for every name that one of them has; lists and objects are for the other file."""
    names = list(dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, (list, dict))))
    names.remove("part")
    lines = ["| " + " | ".join("" if name == "what" else name for name in names) + " |", "|---" * len(names) + "|"]
    lines += ["| " + " | ".join(cell(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


class Rows:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lines = self.folder / "rows.jsonl"

    def all(self):
        return [json.loads(line) for line in self.lines.read_text().splitlines()] if self.lines.exists() else []

    def add(self, part, what, **figures):
        """Figures carry their unit in their name: those of one name in one part share a column."""
        with self.lines.open("a") as file:
            file.write(json.dumps({"part": part, "what": what, **figures}) + "\n")
        parts = {}
        for row in self.all():
            parts.setdefault(row["part"], []).append(row)
        text = "\n\n".join(f"## {part}\n\n{table(rows)}" for part, rows in parts.items())
        # Whoever is cut off here leaves the table before this row.
        written = self.folder / f"table.md.{os.getpid()}"
        written.write_text(text + "\n")
        os.replace(written, self.folder / "table.md")
        print(f"{part}: {what}", *(f"{name} {cell(value)}" for name, value in figures.items() if not isinstance(value, (list, dict))),
              sep=", ", flush=True)  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    Rows(sys.argv[1]).add(*sys.argv[2:4], **dict(figure.split("=", 1) for figure in sys.argv[4:]))
