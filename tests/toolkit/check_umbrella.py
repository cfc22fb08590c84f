"""<dvar/dvar.hpp> is for those without xtensor too: nothing outside its guarded part may lead to <dvar/detail/xtensor.hpp>."""

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


def main(root):
    always, guarded = (root / "dvar/dvar.hpp").read_text().split("#if __has_include", 1)
    seen = set()
    paths = [path for header in includes(always) if (path := path_to_arrays(root, header, seen))]
    for path in paths:
        print(" -> ".join(path))
    needless = [header for header in includes(guarded) if not path_to_arrays(root, header, set())]
    for header in needless:
        print(f"{header}: needs no xtensor, and is left out where there is none")
    return 1 if paths or needless or not seen else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
