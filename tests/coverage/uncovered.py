"""Lists the lines of headers that no program ran, from what GCC's --coverage has written.

uncovered.py BUILD HEADERS: gcov's counts of all object files under BUILD, added up line by line for the files under HEADERS.
A line counts as run when any program ran it, in any instantiation. An object that was compiled and never run adds lines
that nobody ran. What gcov cannot know are templates that nobody instantiates.
"""

import collections
import json
import pathlib
import subprocess
import sys

# Lambdas whose result is a constant: there is nothing to run.
COMPUTED_BY_THE_COMPILER = ("criterion_names",)
# Lines without code of their own, to which GCC attributes what happens when an exception passes.
ONLY_FOR_EXCEPTIONS = ("}", "for (;;) {")


def counts(build, headers):
    """{file: {line: how often it ran}} over all object files."""
    lines = collections.defaultdict(dict)
    for data in sorted(build.rglob("*.gcno")):
        report = subprocess.run(["gcov", "--json-format", "--stdout", data.resolve()], check=True, capture_output=True, cwd=build)
        for text in report.stdout.decode().splitlines():
            for file in json.loads(text)["files"]:
                path = pathlib.Path(file["file"])
                if not path.is_relative_to(headers):
                    continue
                known = lines[path]
                for line in file["lines"]:
                    if any(name in line.get("function_name", "") for name in COMPUTED_BY_THE_COMPILER):
                        continue
                    known[line["line_number"]] = known.get(line["line_number"], 0) + line["count"]
    return lines


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: uncovered.py BUILD HEADERS")
    build, headers = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    lines = counts(build, headers)
    missed = 0
    for path in sorted(lines):
        source = path.read_text().splitlines()
        for number in sorted(number for number, count in lines[path].items() if count == 0):
            if source[number - 1].strip() in ONLY_FOR_EXCEPTIONS:
                continue
            missed += 1
            print(f"{path.relative_to(headers)}:{number}: {source[number - 1].strip()}")
    total = sum(len(known) for known in lines.values())
    if total == 0:
        sys.exit(f"no counts of {headers} under {build}")
    print(f"{total - missed} of {total} lines run ({100 * (total - missed) / total:.2f} %)")
    sys.exit(1 if missed else 0)


main()
