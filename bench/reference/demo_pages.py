#!/usr/bin/env python3
"""Makes every table and picture again that shows what the bundled model learns, and puts them into the pages.

usage: demo_pages.py PROGRAM DRAWINGS OUTPUT_FOLDER [--only PART]…

PROGRAM is bin/dvar of a build, DRAWINGS what reference/demo/data/fetch-drawings has filled. The parts are concepts, methods,
together, precisions and names; all of them take half an hour on two cores, which should have nothing else to do. Each runs the script
of its name; its table goes between the marks of its name in the docs, and its pictures to docs/images. Needs Pillow, and for the names
torch, transformers and safetensors.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "evidence"))

from pages import put_table  # noqa: E402

DOCS, IMAGES, DEMO = ROOT / "docs", ROOT / "docs" / "images", ROOT / "reference" / "demo"
# The sheets of the runs with seed 0, and the picture of losses.
PICTURES = {
    "panda-0/sheet.png": "before-after.png",
    "panda-0/curves.svg": "two-losses.svg",
    "cherries-0/sheet.png": "cherries.png",
    "frog-0/sheet.png": "frog.png",
    "strawberry-0/sheet.png": "strawberry.png",
}


def table_of(script, *words):
    command = [sys.executable, "-B", ROOT / "bench" / "reference" / script, *words]
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def concepts(program, drawings, output):
    table = table_of("demo_concepts.py", program, DEMO / "concepts", output, 3)
    for made, name in PICTURES.items():
        shutil.copy(output / made, IMAGES / name)
    return table


def methods(program, drawings, output):
    return table_of("demo_methods.py", program, DEMO / "concepts", output, IMAGES / "methods.png")


def together(program, drawings, output):
    return table_of("demo_together.py", program, DEMO / "concepts", output)


def precisions(program, drawings, output):
    return table_of("demo_precisions.py", program, DEMO / "concepts", output)


def names(program, drawings, output):
    printed = table_of("demo_names.py", program, DEMO / "model", drawings, output, 200, 20)
    shutil.copy(output / "sheet.png", IMAGES / "names.png")
    return printed


PARTS = [concepts, methods, together, precisions, names]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("drawings", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--only", action="append", choices=[part.__name__ for part in PARTS])
    options = parser.parse_args()
    for part in PARTS:
        if options.only and part.__name__ not in options.only:
            continue
        folder = options.output.resolve() / part.__name__
        folder.mkdir(parents=True, exist_ok=True)
        put_table(DOCS, f"demo-{part.__name__}", part(options.program.resolve(), options.drawings.resolve(), folder))
        print(f"demo-{part.__name__}: done", flush=True)


if __name__ == "__main__":
    main()
