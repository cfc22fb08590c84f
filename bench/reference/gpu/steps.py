#!/usr/bin/env python3
"""Training steps, probes and sampling beside diffusers, in eager and in compiled form: milliseconds and peak memory. Both sides
stay open on the device, and blocks of calls of each follow one another in turn, so that whatever the machine does meets all
alike; the figures are medians over the rounds.

It begins by making the models and warming diffusers up, which compiling makes long; the trainer may be built meanwhile. Until the
file `stop-preparing` appears in the folder of --signals it compiles one form after the other, then it makes the file `prepared`,
leaves the device alone until there is a file `measure`, and measures until the time that is in it, in seconds since 1970.

usage: steps.py --bin DIR --models DIR --output DIR --device DEVICE --signals DIR
"""

import contextlib
import statistics
import time

from setting import Program, add_aim, setting
from works import COMPILED, EAGER, GRAPHED, OURS, PROBE, SAMPLER_STEPS, STEP_OF_4, WITHOUT_GRAPHS, WORKS

PART = "Beside diffusers, milliseconds"
ROUNDS = 3
BLOCK_SECONDS = 0.6


def prepare(given, side, works):
    """The eager forms, then the compiled ones of bf16, then the others while there is time."""
    forms = [(work, form) for form in (EAGER, COMPILED, GRAPHED) for work in works if form in work.forms]
    forms.sort(key=lambda pair: (pair[1] != EAGER, pair[0].precision != "bf16"))
    for work, form in forms:
        if form != EAGER and (given.signals / "stop-preparing").exists():
            return
        begun = time.time()
        try:
            side.prepare(work, form)
        except Exception as error:  # whatever the compiler says, the others can still be measured
            given.rows.add("Preparing diffusers", f"{work.what(given)}, {form}", result=f"FAILED: {str(error)[:200]}")
            continue
        print(f"prepared {work.what(given)}, {form}: {time.time() - begun:.1f} s", flush=True)


def ask(program, work, count):
    """The answer of ours to `count` calls of the work."""
    return program.ask(work.word, SAMPLER_STEPS if work.word == "sample" else count)


def largest_difference(losses, others):
    return max(abs(loss - other) / abs(other) for loss, other in zip(losses, others, strict=True))


def measure(given, side, work):
    """Adds the row of a work. Returns the medians in milliseconds and the peaks of memory in MiB, by form."""
    theirs = {form: side.ready[work, form] for form in work.forms if (work, form) in side.ready}
    seconds = min((seconds for _, seconds, _ in theirs.values()), default=0.1)
    count = 1 if work.word == "sample" else max(3, min(20, round(BLOCK_SECONDS / max(seconds, 1e-3))))
    peaks = {form: peak for form, (_, _, peak) in theirs.items()}
    blocks, losses, failed = {}, {}, {}
    with contextlib.ExitStack() as stack:
        # All of them start before the first is waited for.
        programs = {
            form: stack.enter_context(Program(given, work.family, *options)) for form, options in work.own_forms().items()
        }
        for form, program in list(programs.items()):
            try:
                losses[form] = [step.get("loss") for _ in range(2) for step in ask(program, work, count)["steps"]]
            except RuntimeError as error:
                failed[form] = str(error)
                del programs[form]
        for _ in range(ROUNDS):
            for form, (call, _, _) in theirs.items():
                blocks.setdefault(form, []).append(statistics.median(call() for _ in range(count)))
            for form, program in programs.items():
                answer = ask(program, work, count)
                blocks.setdefault(form, []).append(statistics.median(step["wall"] for step in answer["steps"]))
                peaks[form] = answer.get("device_peak_mib")
    medians = {form: 1000 * statistics.median(block) for form, block in blocks.items()}
    figures = dict(medians)
    if OURS in medians:
        figures.update({f"dvar / {form}": medians[OURS] / medians[form] for form in theirs})
    if work.word == "step":
        figures.update({f"peak MiB, {form}": peak for form, peak in peaks.items() if peak is not None})
    if WITHOUT_GRAPHS in losses and OURS in losses:
        # Both begin with the same vectors and draw the same numbers.
        figures["losses with graphs, difference"] = largest_difference(losses[OURS], losses[WITHOUT_GRAPHS])
    if failed:
        figures["FAILED"] = "; ".join(f"{form}: {message}" for form, message in failed.items())
    given.rows.add(PART, work.what(given), **figures, blocks=blocks, **{"calls a block": count})
    return medians, peaks


def add_aims(given, results):
    def ratio(values, ours, theirs):
        return values[ours] / values[theirs] if values.get(ours) and values.get(theirs) else None

    for work, (medians, peaks) in results.items():
        if work.precision != "bf16" or work.word != "step":
            continue
        what = work.what(given)
        faster = min((form for form in (COMPILED, GRAPHED) if form in medians), key=medians.get, default=COMPILED)
        add_aim(given, f"{what}, of diffusers in eager form", 0.5, ratio(medians, OURS, EAGER))
        add_aim(given, f"{what}, of {faster}", 0.8, ratio(medians, OURS, faster))
        add_aim(given, f"{what}, peak memory, of diffusers in eager form", 0.6, ratio(peaks, OURS, EAGER))
    step, probe = (results[work][0].get(OURS) if work in results else None for work in (STEP_OF_4, PROBE))
    if step and probe:
        add_aim(given, f"{PROBE.what(given)}, of the time of a step and a probe", 0.15, probe / (step + probe))


def main():
    given = setting(PART, __doc__, signals=True)
    from diffusers_side import DiffusersSide  # which takes seconds to import

    # There is no TF32 without a GPU.
    works = [work for work in WORKS if not (given.toy and work.precision == "tf32")]
    side = DiffusersSide(given)
    prepare(given, side, works)
    (given.signals / "prepared").touch()
    while not (given.signals / "measure").exists():
        time.sleep(0.1)
    until = float((given.signals / "measure").read_text())
    results = {}
    for work in works:
        if time.time() > until:
            given.rows.add(PART, work.what(given), result="no time left")
            continue
        try:
            results[work] = measure(given, side, work)
        except Exception as error:  # one that fails does not keep the others from being measured
            given.rows.add(PART, work.what(given), FAILED=str(error)[:200])
    add_aims(given, results)


if __name__ == "__main__":
    main()
