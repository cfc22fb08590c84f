"""Where rules stop recorded runs: `dvar replay` over all of them at once."""

import json
import pathlib
import subprocess
import tempfile


def write_trace(run, file, every):
    """Writes a run as a trace in which the probe is there at every so many steps alone."""
    with file.open("w") as out:
        for i in range(run.steps):
            record = {"step": i + 1}
            for name, values in run.values.items():
                number = values[i]
                if number == number and not (name == "probe_loss" and (i + 1) % every):
                    record[name] = number
            out.write(json.dumps(record) + "\n")


def stops_of(dvar, runs, rules, every=1):
    """Returns {rule: [the step at which it stops each run, or None]}.

    `rules` are texts of --stop; one that is shown another number than the probe's loss is a pair of text and column.
    """
    stops = {}
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / f"{i}.jsonl" for i in range(len(runs))]
        for run, file in zip(runs, files):
            write_trace(run, file, every)
        columns = {}
        for rule in rules:
            text, column = rule if isinstance(rule, tuple) else (rule, None)
            columns.setdefault(column, []).append((rule, text))
        for column, group in columns.items():
            command = [dvar, "replay", *files, "--json", *(word for _, text in group for word in ("--stop", text))]
            if column:
                command += ["--column", column]
            printed = subprocess.run(command, capture_output=True, text=True)
            if printed.returncode != 0:
                raise SystemExit(f"dvar replay: {printed.stderr.strip()}")
            rows = json.loads(printed.stdout)
            found = {(row["trace"], row["rule"]): row["stopped_at"] for row in rows}
            for rule, text in group:
                stops[rule] = [found[str(file), text] for file in files]
    return stops
