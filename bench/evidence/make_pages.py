#!/usr/bin/env python3
"""Makes the tables and pictures of docs/evidence again.

usage: make_pages.py BIN all|quick|tables RECORDED

BIN has dvar, bench_probe_settings and stress_suite. `all` gathers what record.py has left in RECORDED into recordings.csv.gz first;
`tables` takes that file as it is, and leaves out what needs snapshots; `quick` writes into RECORDED/quick-tables alone.
"""

import json
import pathlib
import sys

import compare_rules
import figures
import probe_ablation
import recordings
from pages import put_table
from replayed import stops_of

HERE = pathlib.Path(__file__).parent
PAGES = HERE.parent.parent / "docs" / "evidence"
RECORDINGS, COSTS = HERE / "recordings.csv.gz", HERE / "costs.json"


def make_comparison(dvar, runs, costs, output):
    once = [run for run in runs if run.seed == 0]
    comparison = compare_rules.compare(dvar, once, costs, output)
    figures.draw_courses(comparison.measures, stops_of(dvar, once, ["dvar:v2"])["dvar:v2"], output / "courses.svg")
    figures.draw_front(comparison.grid, comparison.marked(), output / "front.svg")
    return comparison.tables()


def main():
    bin_folder, what, recorded = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    output = recorded / "quick-tables" if what == "quick" else PAGES
    output.mkdir(parents=True, exist_ok=True)
    file, costs = RECORDINGS, COSTS
    if what == "quick":
        file, costs = recorded / "recordings.csv.gz", recorded / "costs.json"
    if what != "tables":
        recordings.write(recordings.gather(recorded), file)
        costs.write_text((recorded / "costs.json").read_text())
    runs = recordings.read(file)
    tables = make_comparison(bin_folder / "dvar", runs, compare_rules.Costs(json.loads(costs.read_text())), output)
    if what != "tables":
        tables |= probe_ablation.tables(bin_folder / "bench_probe_settings", recorded, runs, output)
    for name, table in tables.items():
        put_table(output, name, table)
    print(f"{len(runs)} runs; the tables are in {output}")


if __name__ == "__main__":
    main()
