"""Recorded runs: what every table is a replay of.

usage: recordings.py RECORDED FILE.csv.gz     gathers the runs that record.py has left in RECORDED into one file

A file has a row for every step of every run: what tells the runs apart, the step, and what was measured. Numbers have nine digits,
which is all that the fp32 losses and scores have.
"""

import csv
import dataclasses
import gzip
import json
import pathlib
import sys

import numpy as np

COLUMNS = ["loss", "gradient_norm", "probe_loss", "vectors_norm", "held_out_probe_loss", "clip_score", "held_out_clip_score",
           "text_score", "clip_diversity"]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Recording:
    """One run: `values[name]` has a number for every step, NaN where it was not measured."""

    concept: str
    seed: int
    values: dict[str, np.ndarray]
    learning_rate: float = 5e-4
    variant: str = ""  # what is otherwise than by default, in a word

    @property
    def steps(self):
        return len(self.values["probe_loss"])

    def measured(self, name):
        """Returns the steps, from 1, at which there is a number, and the numbers."""
        places = np.flatnonzero(~np.isnan(self.values[name]))
        return places + 1, self.values[name][places]


def read_run(folder, columns=COLUMNS):
    records = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    return {name: np.array([record.get(name, np.nan) for record in records], dtype=float) for name in columns}


def done(folder):
    run = folder / "run.json"
    return run.exists() and json.loads(run.read_text())["state"] == "done"


def gather(recorded, sweep="all"):
    """Reads the runs of a sweep below a folder: SWEEP/runs/CONCEPT/seed-N, those alone that have reached their last step."""
    folders = filter(done, recorded.glob(f"{sweep}/runs/*/seed-*"))
    runs = [Recording(folder.parent.name, int(folder.name.split("-")[1]), read_run(folder)) for folder in folders]
    return sorted(runs, key=lambda run: (run.concept, run.seed))


# What tells runs apart, and how it is read.
KEYS = {"concept": str, "seed": int, "learning_rate": float, "variant": str}


def write(runs, file, keys=("concept", "seed"), columns=tuple(COLUMNS)):
    # No time and no name in the header: the same runs give the same bytes.
    with file.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as packed:
        packed.write((",".join([*keys, "step", *columns]) + "\n").encode())
        for run in runs:
            names = [str(getattr(run, key)) for key in keys]
            for i in range(run.steps):
                numbers = (run.values[name][i] for name in columns)
                cells = ["" if np.isnan(number) else f"{number:.9g}" for number in numbers]
                packed.write((",".join([*names, str(i + 1), *cells]) + "\n").encode())


def read(file):
    rows = {}
    with gzip.open(file, "rt", newline="") as lines:
        table = csv.reader(lines)
        header = next(table)
        keys, columns = header[: header.index("step")], header[header.index("step") + 1 :]
        for row in table:
            numbers = [float(cell) if cell else np.nan for cell in row[len(keys) + 1 :]]
            rows.setdefault(tuple(row[: len(keys)]), []).append(numbers)
    return [
        Recording(values=dict(zip(columns, np.array(numbers).T)), **{key: KEYS[key](name) for key, name in zip(keys, names)})
        for names, numbers in rows.items()
    ]


if __name__ == "__main__":
    gathered = gather(pathlib.Path(sys.argv[1]))
    write(gathered, pathlib.Path(sys.argv[2]))
    print(f"{len(gathered)} runs in {sys.argv[2]}")
