"""Runs the commands of the pages on installing, as they stand there, in a copy of the tree as a clone has it:

run_commands.py ROOT COPY
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

PAGES = ["README.md", "docs/guide.md", "docs/packaging.md", "docs/python.md"]
# What another test runs, as it needs the trainer or a network, and which.
ELSEWHERE = {
    "scripts/quickstart": "a machine without anything",
    "scripts/test": "continuous integration",
    "scripts/wheels": "the workflow of that name",
    "build/release/bin/dvar train --model demo --images MY_FOLDER --token '<thing>' --output OUT": "tests/reference/cli",
    "dvar replay runs/*/trace.jsonl --suggest": "cli.suggest",
    "pip install .": "python.install",
    "conan create cmake/packaging/conan -s compiler.cppstd=20": "packaging.conan, with the system's xtensor",
    "vcpkg install dvar --overlay-ports=cmake/packaging/vcpkg": "packaging.vcpkg, with stand-ins",
    "rattler-build build --recipe cmake/packaging/conda --channel conda-forge": "packaging.conda, with the system's tools and xtensor",
    "brew install --HEAD cmake/packaging/homebrew/dvar.rb": "packaging.homebrew, with stand-ins",
    "docker build --file cmake/packaging/docker/Dockerfile --tag dvar .": "by hand, with Buildah",
    "docker run --rm --user \"$(id -u):$(id -g)\" --volume \"$PWD:/work\" dvar train --model demo --images MY_FOLDER --token '<thing>' --output OUT": "the same",
}
PROGRAMS = ("cmake", "cpack", "conan", "vcpkg", "pip", "rattler-build", "brew", "docker")


def commands(text):
    """Yields the lines of shell blocks, and the commands in the cells of tables, comments left out. What stands first in a page's blocks
    is first: tables name what is done with a build."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (line.split(" #")[0].strip() for line in block.splitlines() if line.strip())
    for cell in re.findall(r"^\|[^`\n]*\| `([^`]+)`", text, re.MULTILINE):
        if cell.startswith(PROGRAMS):
            yield cell


def main(root, copy):
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("build", ".git"))
    home = copy / "home"
    home.mkdir()
    ran, elsewhere = [], set()
    for page in PAGES:
        for command in commands((root / page).read_text(encoding="utf-8")):
            if command in ELSEWHERE:
                elsewhere.add(command)
                continue
            print(f"{page}: {command}", flush=True)
            subprocess.run(command, shell=True, check=True, cwd=copy, env=os.environ | {"HOME": str(home)})
            ran.append(command)
    if gone := ELSEWHERE.keys() - elsewhere:
        raise SystemExit(f"on no page: {', '.join(sorted(gone))}")
    for file in ("include/dvar/dvar.hpp", "include/dvar/dvar.h", "share/cmake/dvar/dvar-config.cmake"):
        if not (home / ".local" / file).exists():
            raise SystemExit(f"no {file} was installed by {ran}")
    shutil.rmtree(copy)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
