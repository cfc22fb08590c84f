#!/usr/bin/env python3
"""Makes the tables and pictures of docs/evidence again.

usage: make_pages.py BIN all|quick|tables|check RECORDED

BIN has dvar and bench_probe_settings. `all` gathers what record.py has left in RECORDED into recordings.csv.gz first; `tables` takes
that file as it is, and leaves out what needs snapshots; `quick` writes into RECORDED/quick-tables alone; `check` says by its exit
status whether the tables are what `tables` would write.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import compare_rules
import learning_rates
import recordings
import variants
from pages import put_table

HERE = pathlib.Path(__file__).resolve().parent
PAGES = HERE.parent.parent / "docs" / "evidence"
RECORDINGS, COSTS = HERE / "recordings.csv.gz", HERE / "costs.json"
WRITTEN = ["README.md", "stops.csv", "grid.csv"]


def compared(dvar, runs, costs, output):
    """Writes the tables of rules into a folder; returns what they were made from."""
    once = [run for run in runs if run.seed == 0]
    comparison = compare_rules.Comparison(dvar, once, compare_rules.Costs(json.loads(costs.read_text())))
    comparison.write(output)
    for name, table in comparison.tables().items():
        put_table(output, name, table)
    return comparison


def draw(comparison, output):
    # Needs Matplotlib, which a check goes without.
    import figures

    figures.draw_courses(comparison.measures, comparison.published_stops, output / "courses.svg")
    figures.draw_front(comparison.grid, comparison.marked(), output / "front.svg")


def put_others(dvar, runs, output):
    """Puts the tables of runs that are not by default into a folder, beside those of the 92 that are."""
    put_table(output, "learning-rates", learning_rates.table(dvar, runs, recordings.read(learning_rates.FILE)))
    if variants.FILE.exists():
        for name, table in variants.tables(dvar, recordings.read(variants.FILE), runs).items():
            put_table(output, name, table)


def check(dvar):
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder)
        shutil.copy(PAGES / "README.md", made)
        runs = recordings.read(RECORDINGS)
        compared(dvar, runs, COSTS, made)
        put_others(dvar, runs, made)
        others = [name for name in WRITTEN if (made / name).read_text() != (PAGES / name).read_text()]
    if others:
        sys.exit(f"docs/evidence: the recordings give another {', '.join(others)}; scripts/evidence --tables writes them")


def main():
    bin_folder, what, recorded = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    if what == "check":
        check(bin_folder / "dvar")
        return
    output = recorded / "quick-tables" if what == "quick" else PAGES
    output.mkdir(parents=True, exist_ok=True)
    file, costs = RECORDINGS, COSTS
    if what == "quick":
        file, costs = recorded / "recordings.csv.gz", recorded / "costs.json"
    if what != "tables":
        recordings.write(recordings.gather(recorded, "quick" if what == "quick" else "all"), file)
    if what == "all":
        costs.write_text((recorded / "costs.json").read_text())
        learning_rates.write(learning_rates.gather(recorded))
        variants.write(variants.gather(recorded))
    runs = recordings.read(file)
    draw(compared(bin_folder / "dvar", runs, costs, output), output)
    if what != "quick":
        put_others(bin_folder / "dvar", runs, output)
    if what != "tables":
        import probe_ablation

        put_table(output, "probe-settings", probe_ablation.table(bin_folder / "bench_probe_settings", recorded, runs, output))
    print(f"{len(runs)} runs; the tables are in {output}")


if __name__ == "__main__":
    main()
