"""Draws the pictures of docs/images/criteria anew and compares them with those that are committed.

Names and words are the same; coordinates agree to half a unit, as compilers round differently.

Usage: check_figures.py PROGRAM DIRECTORY
"""

import pathlib
import re
import subprocess
import sys
import tempfile

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def same(found, expected):
    numbers = zip(NUMBER.findall(found), NUMBER.findall(expected))
    return NUMBER.sub("#", found) == NUMBER.sub("#", expected) and all(
        abs(float(one) - float(other)) <= 0.5 for one, other in numbers
    )


def main(program, directory):
    with tempfile.TemporaryDirectory() as drawn:
        subprocess.run([program, drawn], check=True)
        names = {path.name for folder in (drawn, directory) for path in pathlib.Path(folder).iterdir()}
        different = [
            name
            for name in sorted(names)
            if not all((pathlib.Path(folder) / name).is_file() for folder in (drawn, directory))
            or not same(*((pathlib.Path(folder) / name).read_text(encoding="utf-8") for folder in (drawn, directory)))
        ]
    for name in different:
        print(f"{name} is not as the program draws it: build the target figures")
    print(f"{len(names)} pictures, {len(different)} differ")
    return 1 if different or not names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
