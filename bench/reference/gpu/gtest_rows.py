#!/usr/bin/env python3
"""The results of a GoogleTest program as rows: whether each test passed, and the figures that it recorded.

usage: gtest_rows.py JSON OUTPUT   (JSON as --gtest_output=json:FILE writes it)
"""

import json
import pathlib
import sys

from rows import Rows

# What GoogleTest itself says of a test; all else was recorded by the test.
OWN = {"name", "file", "line", "status", "result", "timestamp", "time", "classname", "failures", "skipped", "value_param",
       "type_param"}  # fmt: skip


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def outcome(test):
    if "failures" in test:
        return "FAILED: " + test["failures"][0]["failure"].strip().splitlines()[0]
    return {"COMPLETED": "passed", "SKIPPED": "skipped"}.get(test["result"], test["result"].lower())


def main():
    rows = Rows(sys.argv[2])
    for suite in json.loads(pathlib.Path(sys.argv[1]).read_text())["testsuites"]:
        for test in suite["testsuite"]:
            figures = {name.replace("_", " "): number(value) for name, value in test.items() if name not in OWN}
            what = f"{suite['name']}: {test['name']}".replace("_", " ")
            rows.add("The GPU against the CPU, tests", what, outcome=outcome(test), **figures)


if __name__ == "__main__":
    main()
