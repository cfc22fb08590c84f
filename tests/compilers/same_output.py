"""Builds a program by another compiler, or with other flags, and checks that it prints what the first build prints:

same_output.py FIRST_BUILD OUTPUT COMPILER ARGUMENT…
"""

import difflib
import subprocess
import sys


def main() -> None:
    first, output, *command = sys.argv[1:]
    subprocess.run([*command, "-o", output], check=True)
    printed = [subprocess.run([program], check=True, capture_output=True, text=True).stdout for program in (first, output)]
    if len(printed[0]) < 10000:
        raise SystemExit(f"{first} prints too little to compare: {printed[0]!r}")
    differences = list(difflib.unified_diff(*(text.splitlines() for text in printed), "the first build", "this one", n=0, lineterm=""))
    if differences:
        raise SystemExit("\n".join(differences[:40]))


if __name__ == "__main__":
    main()
