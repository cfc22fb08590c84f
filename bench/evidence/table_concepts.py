#!/usr/bin/env python3
"""Lays out the 92 concepts that the bundled model was never trained on, a folder each, as `dvar sweep --concepts` takes them: the
drawings in four styles to learn from, those in all others in `held-out`.

usage: table_concepts.py DRAWINGS OUTPUT_FOLDER     DRAWINGS is what reference/demo/data/fetch-drawings has filled.
"""

import collections
import csv
import pathlib
import re
import shutil
import sys

LEARNED = {"noto", "noto-v1", "twemoji", "fluent-flat"}


def lay_out(drawings, output):
    """Returns the concepts' names, in the order of the drawings' list."""
    concepts = collections.defaultdict(list)
    with (drawings / "manifest.tsv").open() as manifest:
        for drawing in csv.DictReader(manifest, delimiter="\t"):
            if drawing["split"] == "table":
                concepts[re.sub("[^a-z0-9]+", "-", drawing["name"].lower()).strip("-")].append(drawing)
    for name, all_styles in concepts.items():
        folder = output / name
        (folder / "held-out").mkdir(parents=True, exist_ok=True)
        for drawing in all_styles:
            file = drawings / drawing["file"]
            place = folder if drawing["style"] in LEARNED else folder / "held-out"
            # Of one style there may be two drawings of a thing.
            shutil.copyfile(file, place / f"{drawing['style']}-{file.name}")
    return list(concepts)


if __name__ == "__main__":
    print(f"{len(lay_out(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))} concepts in {sys.argv[2]}")
