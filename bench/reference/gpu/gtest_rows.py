#!/usr/bin/env python3
"""The results of a GoogleTest program as rows: whether each test passed, and each figure that it recorded.

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
    # A test for GPUs is skipped for that one reason.
    if "failures" in test:
        return "FAILED: " + test["failures"][0]["failure"].strip().splitlines()[0]
    return {"COMPLETED": "passed", "SKIPPED": "no device"}.get(test["result"], test["result"].lower())


def main():
    rows = Rows(sys.argv[2])
    suites = json.loads(pathlib.Path(sys.argv[1]).read_text())["testsuites"]
    tests = [(f"{suite['name']}: {test['name']}".replace("_", " "), test) for suite in suites for test in suite["testsuite"]]
    for name, test in tests:
        rows.add("The GPU against the CPU, tests", name, outcome=outcome(test), seconds=float(test["time"].rstrip("s")))
    for _, test in tests:
        for name, value in test.items():
            if name not in OWN:
                rows.add("The GPU against the CPU, figures", name.replace("_", " "), value=number(value))


if __name__ == "__main__":
    main()
