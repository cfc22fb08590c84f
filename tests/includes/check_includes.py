"""Checks by its includes that the house's arrows point downward, and prints a line for each that does not.

- A header of the toolkit includes those of its own floor and of the floors below it. A header in detail belongs to whoever
  includes it: what it brings along counts as that one's.
- The trainer and the bindings make do with what the toolkit offers to everyone: they neither include nor name what is in
  detail.

Usage: check_includes.py ROOT [FILE…]: the files below ROOT are excused from the second, as long as they need it
"""

import pathlib
import re
import sys

# From the bottom to the top; a room of include/dvar, or a header that stands in none.
FLOORS = [
    {"text", "version.hpp"},
    {"options", "state.hpp"},
    {"statistics"},
    {"bank", "catalog", "combinators", "criteria", "probe", "rules", "selection"},
    {"schedules", "trace"},
    {"monitor.hpp"},
    {"dvar.hpp"},
]
USERS = ["reference", "bindings"]
SOURCES = {".c", ".cpp", ".h", ".hpp"}
INCLUDE = re.compile(r"^ *# *include <dvar/([^>]+)>", re.MULTILINE)
COMMENT = re.compile(r"//.*")
DETAIL = re.compile(r"<dvar/detail/[^>]+>|\bdetail::\w+")


def room(header):
    return header.split("/")[0]


def floor(header):
    return next((number for number, rooms in enumerate(FLOORS) if room(header) in rooms), None)


def brought_by(folder, header, seen):
    """The headers outside detail that this one includes, by itself or through detail, each with the way to it."""
    for included in INCLUDE.findall((folder / header).read_text(encoding="utf-8")):
        if included in seen:
            continue
        seen.add(included)
        if room(included) != "detail":
            yield [included]
        elif (folder / included).exists():
            yield from ([included, *way] for way in brought_by(folder, included, seen))


def upward(root):
    folder = root / "include/dvar"
    for path in sorted(folder.rglob("*.hpp")):
        header = path.relative_to(folder).as_posix()
        if room(header) == "detail":
            continue
        if floor(header) is None:
            yield f"{header}: {room(header)} is on none of the floors"
            continue
        for way in brought_by(folder, header, {header}):
            if floor(way[-1]) is None or floor(way[-1]) > floor(header):
                yield " -> ".join([header, *way]) + ": points upward"


def private(root, excused):
    needless = set(excused)
    for user in USERS:
        for path in sorted((root / user).rglob("*")):
            if path.suffix not in SOURCES:
                continue
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                for found in DETAIL.findall(COMMENT.sub("", line)):
                    needless.discard(name)
                    if name not in excused:
                        yield f"{name}:{number}: {found} is no part of the toolkit's interface"
    for name in sorted(needless):
        yield f"{name}: needs no excuse"


def main(root, *excused):
    problems = [*upward(root), *private(root, excused)]
    print(*problems, f"{len(problems)} problems", sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), *sys.argv[2:]))
