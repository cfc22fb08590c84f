#!/usr/bin/env python3
"""The trainer beside its peers: each work in pairs of whole processes, ours and theirs in turn, so that whatever else the
machine does meets both alike. Before a work is timed, both sides compute loss and gradient of the same step, which must agree to
1e-4. Ratios are of seconds of the processor and of peak memory, pair by pair; the table has their medians and ranges.

usage: compare.py PROGRAMS [--output DIR] [--works NAME...] [--pairs N] [--threads N] [--models DIR] [--list]

PROGRAMS has dvar, bench_inversion_steps and parity_compute. DIR gets pairs.jsonl, a line a pair at once, and from all its lines
table.md and table.json; a run that is cut off goes on where it was. Needs the peers' Python; scripts/peers prepares everything.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import sys

import models
import torch
import works

TOLERANCE = 1e-4


def check(setting, family):
    """Loss and gradient of one step by both sides; raises where they differ."""
    sys.path.insert(0, str(models.PARITY))
    os.environ["DVAR_BUILD_DIR"] = str(setting.programs.parent)
    from peers import normal
    from safetensors.torch import load_file, save_file

    folder = {"stable-diffusion": models.stable_diffusion, "ldm": models.ldm}[family](setting.models)
    width, size, vocabulary = (768, 64, 49408) if family == "stable-diffusion" else (1280, 32, 30522)
    ids = torch.randint(1000, vocabulary, (1, 77), generator=torch.Generator().manual_seed(5))
    ids[0, 4] = vocabulary  # the concept's token
    inputs = {
        "vectors": 0.03 * normal(1, width, seed=2), "ids": ids, "latents": normal(1, 4, size, size, seed=3),
        "noise": normal(1, 4, size, size, seed=4), "timesteps": torch.tensor([510]),
    }  # fmt: skip
    files = [setting.models / f"{family}-{name}.safetensors" for name in ("inputs", "ours", "theirs")]
    save_file(inputs, files[0])
    works.output_of(setting, [setting.programs / "parity_compute", "concept_gradient", folder, files[0], files[1]])
    words = [sys.executable, "-B", models.PARITY / "full_size_peer.py", "concept_gradient", folder, files[0], files[2]]
    works.output_of(setting, words)
    ours, theirs = load_file(files[1]), load_file(files[2])
    errors = {name: ((ours[name] - tensor).abs().max() / tensor.abs().max()).item() for name, tensor in theirs.items()}
    if not errors or not all(error <= TOLERANCE for error in errors.values()):
        raise SystemExit(f"{family}: loss and gradient differ by {errors}")
    return errors


def machine(threads):
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in names.get("flags", "").split()]
    return {
        "date": datetime.date.today().isoformat(), "processor": names.get("model name", platform.processor()), "flags": flags,
        "threads": threads, "torch": torch.__version__, "kernels": torch.backends.cpu.get_cpu_capability(),
        "busy": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def ratio(pair, key):
    ours, theirs = pair["ours"].get(key), pair["theirs"].get(key)
    return ours / theirs if ours and theirs else None


def summary_of(work, pairs):
    def over(values):
        values = [value for value in values if value is not None]
        return {"median": statistics.median(values), "least": min(values), "most": max(values)} if values else None

    times, memories = over(ratio(pair, "seconds") for pair in pairs), over(ratio(pair, "mib") for pair in pairs)
    return {
        "work": work.name, "title": work.title, "peer": work.peer, "pairs": len(pairs),
        "time_ratio_median": times and times["median"], "time_ratio": times,
        "memory_ratio_median": memories and memories["median"], "memory_ratio": memories,
        "goal": {"time": work.time_goal, "memory": work.memory_goal},
        "ours": {key: over(pair["ours"].get(key) for pair in pairs) for key in ("seconds", "mib")},
        "theirs": {key: over(pair["theirs"].get(key) for pair in pairs) for key in ("seconds", "mib")},
        "machines": sorted({json.dumps(pair["machine"]) for pair in pairs}),
    }  # fmt: skip


def cell(ratio, goal):
    if ratio is None:
        return ""
    spread = "" if ratio["least"] == ratio["most"] else f" ({ratio['least']:.3g} to {ratio['most']:.3g})"
    return f"**{ratio['median']:.3g}**{spread}" + (f", aim {goal:.3g}" if goal else "")


def amounts(side, digits):
    return " / ".join(f"{side[key]['median']:.{digits[key]}f}" if side[key] else "-" for key in ("seconds", "mib"))


def write_table(folder, rows):
    digits = {"seconds": 2, "mib": 0}
    lines = ["| work | peer | time, ours / theirs | peak memory, ours / theirs | ours: s / MiB | theirs: s / MiB | pairs |", "|---|" + "---|" * 6]
    for row in rows:
        lines.append(
            f"| {row['title']} | {row['peer']} | {cell(row['time_ratio'], row['goal']['time'])} | "
            f"{cell(row['memory_ratio'], row['goal']['memory'])} | {amounts(row['ours'], digits)} | {amounts(row['theirs'], digits)} | "
            f"{row['pairs']} |"
        )
    for name, text in {"table.md": "\n".join(lines) + "\n", "table.json": json.dumps(rows, indent=1) + "\n"}.items():
        draft = folder / f".{name}"
        draft.write_text(text)
        draft.replace(folder / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/peers"))
    parser.add_argument("--works", nargs="+", metavar="NAME", choices=[work.name for work in works.WORKS])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("build/peers/models"))
    parser.add_argument("--list", action="store_true", help="say what can be compared, and end")
    given = parser.parse_args()
    if given.list:
        print("\n".join(f"{work.name:<18} {work.title}" for work in works.WORKS))
        return
    for folder in (given.output, given.models):
        folder.mkdir(parents=True, exist_ok=True)
    setting = works.Setting(given.programs.resolve(), given.models.resolve(), given.threads)
    file = given.output / "pairs.jsonl"
    pairs = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    checked = set()
    for work in works.WORKS:
        done = [pair for pair in pairs if pair["work"] == work.name]
        wanted = given.pairs - len(done) if work.name in (given.works or [work.name]) else 0
        if wanted > 0 and work.checked and work.checked not in checked:
            print(f"{work.checked}: loss and gradient differ by {check(setting, work.checked)}", file=sys.stderr, flush=True)
            checked.add(work.checked)
        for _ in range(wanted):
            where = machine(given.threads)
            ours = work.ours(setting, None)
            pair = {"work": work.name, "ours": ours, "theirs": work.theirs(setting, ours), "machine": where}
            with file.open("a") as lines:
                lines.write(json.dumps(pair) + "\n")
            pairs.append(pair)
            print(f"{work.name}: {ratio(pair, 'seconds'):.3g} of the time", file=sys.stderr, flush=True)
            shown = [(w, [p for p in pairs if p["work"] == w.name]) for w in works.WORKS]
            write_table(given.output, [summary_of(w, those) for w, those in shown if those])


if __name__ == "__main__":
    main()
