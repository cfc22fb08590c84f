#!/usr/bin/env python3
"""Training steps, probes and sampling beside diffusers, in eager and in compiled form: milliseconds and peak memory. All of
them stay open on the device, and blocks of each follow one another in turn, so that whatever the machine does meets all
alike; the figures are medians over the rounds.

It begins by making the models and warming diffusers up, which compiling makes long; the trainer may be built meanwhile. Until the
file `stop-preparing` appears in the folder of --signals it compiles one form after the other, then it makes the file `prepared`,
leaves the device alone until there is a file `measure`, and measures until the time that is in it, in seconds since 1970.

usage: steps.py --bin DIR --models DIR --output DIR --device DEVICE --signals DIR
"""

import dataclasses
import logging
import math
import pathlib
import statistics
import sys
import time
import warnings

from setting import CONCEPT, Program, name_of, setting

PART = "Beside diffusers, milliseconds"
AIMS = "Aims"
ROUNDS = 3
EAGER, COMPILED, GRAPHED = "diffusers", "diffusers, compiled", "diffusers, reduce-overhead"
MODES = {EAGER: None, COMPILED: "default", GRAPHED: "reduce-overhead"}
OURS, WITHOUT_GRAPHS = "dvar", "dvar without graphs"
SAMPLER_STEPS = 50


@dataclasses.dataclass(frozen=True)
class Work:
    family: str
    precision: str
    batch: int
    word: str
    forms: tuple = (EAGER, COMPILED)

    def what(self, given):
        kind = {"step": "a training step", "probe": "the probe", "sample": f"{SAMPLER_STEPS} steps of sampling"}[self.word]
        return f"{name_of(given, self.family)}, {self.precision}, batch {self.batch}: {kind}"


# The most telling first.
WORKS = [
    Work("stable-diffusion", "bf16", 1, "step", (EAGER, COMPILED, GRAPHED)),
    Work("stable-diffusion", "bf16", 4, "step", (EAGER, COMPILED, GRAPHED)),
    Work("stable-diffusion", "bf16", 4, "probe"),
    Work("ldm", "bf16", 4, "step"),
    Work("ldm", "bf16", 1, "step"),
    Work("stable-diffusion", "bf16", 1, "sample", (EAGER,)),
    Work("stable-diffusion", "fp32", 1, "step"),
    Work("stable-diffusion", "tf32", 1, "step"),
    Work("stable-diffusion", "fp32", 4, "step"),
    Work("stable-diffusion", "tf32", 4, "step"),
]


class Peers:
    """diffusers' side: what was opened, each with the memory that it holds on the device."""

    def __init__(self, given):
        sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
        import diffusers_steps
        import torch
        from make_models import make_models

        self.given, self.torch, self.steps = given, torch, diffusers_steps
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
        # Every family, precision and batch is compiled by itself.
        torch._dynamo.config.recompile_limit = 64
        make_models(given.models, given.device)
        self.opened, self.held, self.compiled = {}, {}, {}
        self.ready = {}  # (work, form): the seconds of a call, and the peak of memory

    def allocated(self):
        return self.torch.cuda.memory_allocated() if self.given.device == "cuda" else 0

    def peer(self, work):
        key = work.family, work.precision.replace("tf32", "fp32")
        if key not in self.opened:
            before = self.allocated()
            peer = self.steps.TextualInversion(self.given.models / work.family, CONCEPT, key[1], self.given.device)
            peer.step(1)
            self.held[key] = self.allocated() - before
            self.opened[key] = peer
        return self.opened[key], self.held[key]

    def call(self, work, form):
        """What is timed."""
        peer, _ = self.peer(work)
        key = peer, MODES[form]
        if key not in self.compiled:
            peer.use(MODES[form])
            self.compiled[key] = peer.predict
        made = {"step": lambda: lambda: peer.step(work.batch), "probe": lambda: peer.make_probe(work.batch),
                "sample": lambda: peer.make_sampler(SAMPLER_STEPS)}[work.word]()  # fmt: skip

        def timed():
            peer.predict = self.compiled[key]
            self.steps.use_tf32(work.precision == "tf32")
            start = time.perf_counter()
            value = made()
            seconds = time.perf_counter() - start
            if not math.isfinite(value):
                raise RuntimeError(f"the result is {value}")
            return seconds

        return timed

    def prepare(self, work, form):
        call = self.call(work, form)
        for _ in range(1 if work.word == "sample" else 3):
            call()
        peak = None
        if self.given.device == "cuda":
            before = self.allocated()
            self.torch.cuda.reset_peak_memory_stats()
            call()
            peak = (self.peer(work)[1] + self.torch.cuda.max_memory_allocated() - before) / 2**20
        self.ready[work, form] = call, call(), peak


def prepare(given, peers, works):
    def order():
        yield from ((work, EAGER) for work in works)
        for form in COMPILED, GRAPHED:
            yield from ((work, form) for work in works if form in work.forms and work.precision == "bf16")
        yield from ((work, COMPILED) for work in works if COMPILED in work.forms and work.precision != "bf16")

    for work, form in order():
        if form != EAGER and (given.signals / "stop-preparing").exists():
            return
        begun = time.time()
        try:
            peers.prepare(work, form)
        except Exception as error:  # whatever the compiler says, the others can still be measured
            given.rows.add("Preparing diffusers", f"{work.what(given)}, {form}", result=f"FAILED: {str(error)[:200]}")
            continue
        print(f"prepared {work.what(given)}, {form}: {time.time() - begun:.1f} s", flush=True)


def programs(given, work):
    """Ours, by form. Sampling has no graphs to leave out."""
    options = ["--precision", work.precision, "--batch", work.batch]
    yield OURS, options
    if work.precision == "bf16" and work.word != "sample":
        yield WITHOUT_GRAPHS, [*options, "--graphs", "off"]


def measure(given, peers, work):
    figures, peaks, opened, calls, losses, failed, seconds = {}, {}, {}, {}, {}, [], 0.1
    for form in work.forms:
        if (work, form) in peers.ready:
            calls[form], seconds, peaks[form] = peers.ready[work, form]
    count = 1 if work.word == "sample" else max(2, min(20, round(1.0 / max(seconds, 1e-3))))

    def ours(program):
        answer = program.ask(work.word, SAMPLER_STEPS if work.word == "sample" else count)
        return answer, [step["wall"] for step in answer["steps"]]

    try:
        for form, options in programs(given, work):
            try:
                opened[form] = Program(given, work.family, *options)
                losses[form] = [step.get("loss") for _ in range(2) for step in ours(opened[form])[0]["steps"]]
            except RuntimeError as error:
                opened.pop(form, None)
                failed.append(f"{form}: {error}")
        blocks = {form: [] for form in [*calls, *opened]}
        for _ in range(ROUNDS):
            for form, call in calls.items():
                blocks[form].append(statistics.median(call() for _ in range(count)))
            for form, program in opened.items():
                answer, seconds = ours(program)
                blocks[form].append(statistics.median(seconds))
                peaks[form] = answer.get("device_peak_mib")
    finally:
        for program in opened.values():
            with program:
                pass
    medians = {form: 1000 * statistics.median(seconds) for form, seconds in blocks.items()}
    figures.update(medians)
    for form in EAGER, COMPILED, GRAPHED:
        if form in medians and OURS in medians:
            figures[f"dvar / {form}"] = medians[OURS] / medians[form]
    if work.word == "step":
        figures.update({f"peak MiB, {form}": peak for form, peak in peaks.items() if peak is not None})
    if OURS in losses and WITHOUT_GRAPHS in losses:
        # Both begin with the same vectors and draw the same numbers.
        apart = (abs(a - b) / abs(b) for a, b in zip(losses[OURS], losses[WITHOUT_GRAPHS], strict=True))
        figures["losses with and without graphs, largest relative difference"] = max(apart)
    if failed:
        figures["FAILED"] = "; ".join(failed)
    given.rows.add(PART, work.what(given), **figures, blocks=blocks, **{"calls a block": count})
    return medians, peaks


def add_aims(given, results):
    """What this project aims at on one H200, as far as it was measured here."""

    def aim(what, limit, value):
        if value is not None:
            given.rows.add(AIMS, what, aim=f"at most {limit:g}", measured=value, met="yes" if value <= limit else "no")

    def ratio(values, ours, theirs):
        return values[ours] / values[theirs] if values.get(ours) and values.get(theirs) else None

    for work, (medians, peaks) in results.items():
        if work.precision != "bf16" or work.word != "step":
            continue
        aim(f"{work.what(given)}, of diffusers in eager form", 0.5, ratio(medians, OURS, EAGER))
        fastest = min((form for form in (COMPILED, GRAPHED) if form in medians), key=medians.get, default=None)
        aim(f"{work.what(given)}, of {fastest}", 0.8, ratio(medians, OURS, fastest))
        aim(f"{work.what(given)}, peak memory, of diffusers in eager form", 0.6, ratio(peaks, OURS, EAGER))
    step, probe = (next((r[0].get(OURS) for w, r in results.items() if w == work), None) for work in (WORKS[1], WORKS[2]))
    if step and probe:
        aim(f"{WORKS[2].what(given)}, of the time of a step and a probe", 0.15, probe / (step + probe))


def main():
    given = setting(PART, __doc__, signals=True)
    # There is no TF32 without a GPU.
    works = [work for work in WORKS if not (given.toy and work.precision == "tf32")]
    peers = Peers(given)
    prepare(given, peers, works)
    (given.signals / "prepared").touch()
    while not (given.signals / "measure").exists():
        time.sleep(0.1)
    until = float((given.signals / "measure").read_text())
    results = {}
    for work in works:
        if time.time() > until:
            given.rows.add(PART, work.what(given), FAILED="no time left")
            continue
        try:
            results[work] = measure(given, peers, work)
        except Exception as error:  # one that fails does not keep the others from being measured
            given.rows.add(PART, work.what(given), FAILED=str(error)[:200])
    add_aims(given, results)


if __name__ == "__main__":
    main()
