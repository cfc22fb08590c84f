"""Runs a command that is to succeed and to print something.

PASS_REGULAR_EXPRESSION alone would pass a program that prints it and then fails.

Usage: run_and_match.py PATTERN COMMAND… (a pattern of Python's re; . is any character, a new line too)
"""

import re
import subprocess
import sys


def main(pattern, *command):
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = run.stdout.decode(errors="replace")
    print(output, end="")
    if run.returncode != 0:
        print(f"\n{command[0]} ended with {run.returncode}")
        return 1
    if not re.search(pattern, output, re.DOTALL):
        print(f"\n{command[0]} was expected to print {pattern!r}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
