"""Checks the names of the tests: suites, which end in _test, and cases are in snake_case.

Usage: names_test.py ROOT
"""

import pathlib
import re
import sys

TEST = re.compile(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\(\s*(\w+)\s*,\s*(\w+)\s*\)")
SUITE = re.compile(r"[a-z0-9_]+_test")
CASE = re.compile(r"[a-z0-9_]+")


def problems(text):
    for found in TEST.finditer(text):
        suite, case = found.groups()
        line = text.count("\n", 0, found.start()) + 1
        if not SUITE.fullmatch(suite):
            yield line, f"the suite {suite} is not in snake_case, with _test at its end"
        if not CASE.fullmatch(case):
            yield line, f"the test {case} is not in snake_case"


def main(root):
    files = sorted(root.glob("tests/**/*_test.cpp"))
    wrong = 0
    for file in files:
        for line, what in problems(file.read_text()):
            print(f"{file.relative_to(root)}:{line}: {what}")
            wrong += 1
    print(f"{len(files)} files, {wrong} problems")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
