"""<dvar/dvar.hpp> is for those without xtensor too: nothing outside its guarded part may lead to <dvar/detail/xtensor.hpp>.
Together both parts lead to every public header, but not to those of the bank, which are many lines for few programs."""

import pathlib
import re
import sys

ARRAYS = "dvar/detail/xtensor.hpp"


def includes(text):
    return re.findall(r"^#include <(dvar/[^>]+)>", text, re.MULTILINE)


def path_to_arrays(root, header, seen):
    """The headers from `header` to the one that needs xtensor; empty if none leads there."""
    if header == ARRAYS:
        return [header]
    if header in seen:
        return []
    seen.add(header)
    for included in includes((root / header).read_text()):
        if path := path_to_arrays(root, included, seen):
            return [header, *path]
    return []


def reached(root, headers):
    """These headers and all that they lead to."""
    found = set()
    left = list(headers)
    while left:
        header = left.pop()
        if header not in found:
            found.add(header)
            left += includes((root / header).read_text())
    return found


def main(root):
    umbrella = root / "dvar/dvar.hpp"
    always, guarded = umbrella.read_text().split("#if __has_include", 1)
    seen = set()
    problems = [
        " -> ".join(path) for header in includes(always) if (path := path_to_arrays(root, header, seen))
    ]
    problems += [
        f"{header}: needs no xtensor, and is left out where there is none"
        for header in includes(guarded)
        if not path_to_arrays(root, header, set())
    ]
    everything = {path.relative_to(root).as_posix() for path in root.glob("dvar/**/*.hpp") if path != umbrella}
    bank = {header for header in everything if header.startswith("dvar/bank/")}
    public = {header for header in everything - bank if not header.startswith("dvar/detail/")}
    there = reached(root, includes(always) + includes(guarded))
    problems += [f"{header}: not in dvar.hpp" for header in sorted(public - there)]
    problems += [f"{header}: of the bank, and in dvar.hpp" for header in sorted(bank & there)]
    for problem in problems:
        print(problem)
    return 1 if problems or not seen or not bank else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
