"""Runs an example and compares what it prints with what the pages say that it prints.

Words and whole numbers are the same; other numbers agree to three digits, as compilers round differently.

Usage: run_example.py PROGRAM EXPECTED
"""

import math
import pathlib
import re
import subprocess
import sys

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def same(found, expected):
    """Whether two lines say the same."""
    if NUMBER.sub("#", found) != NUMBER.sub("#", expected):
        return False
    return all(
        one == other if "." not in one + other else math.isclose(float(one), float(other), rel_tol=1e-3, abs_tol=1e-12)
        for one, other in zip(NUMBER.findall(found), NUMBER.findall(expected))
    )


def main(program, expected):
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    found = run.stdout.splitlines()
    lines = pathlib.Path(expected).read_text(encoding="utf-8").splitlines()
    if run.returncode == 0 and len(found) == len(lines) and all(map(same, found, lines)):
        print(f"{len(found)} lines as in {expected}")
        return 0
    print(f"{program} ended with {run.returncode}; where it differs from {expected}:\n{run.stderr}")
    for number in range(max(len(found), len(lines))):
        one, other = (part[number] if number < len(part) else "(no line)" for part in (found, lines))
        if not same(one, other):
            print(f"line {number + 1}\n  printed:  {one}\n  expected: {other}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
