"""Compares the tables of options on a page with those that the program prints, or with --write puts these in their places.

A table stands between <!-- options of COMMAND --> and <!-- end of options -->.

Usage: options_on_the_page.py PROGRAM PAGE [--write]
"""

import pathlib
import re
import subprocess
import sys

TABLE = re.compile(r"(<!-- options of (\w+) -->\n)(.*?)(<!-- end of options -->)", re.DOTALL)


def main(program, page, write=False):
    def printed(place):
        table = subprocess.run([program, "options", place[2]], capture_output=True, text=True, check=True).stdout
        return f"{place[1]}\n{table}\n{place[4]}"

    text = page.read_text(encoding="utf-8")
    expected = TABLE.sub(printed, text)
    if write:
        page.write_text(expected, encoding="utf-8")
        return 0
    commands = set(re.findall(r"^  (\w+) ", subprocess.run([program, "--help"], capture_output=True, text=True).stdout, re.M))
    missing = commands - {place[2] for place in TABLE.finditer(text)}
    for command in sorted(missing):
        print(f"{page}: no table of the options of {command}")
    for line, (is_, should) in enumerate(zip(text.splitlines(), expected.splitlines()), start=1):
        if is_ != should:
            print(f"{page}, line {line}: expected\n{should}\nfound\n{is_}\nMend it with --write.")
            return 1
    return 1 if missing or text != expected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]), "--write" in sys.argv[3:]))
