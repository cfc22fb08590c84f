"""What is compared: a work has a side of ours and, mostly, one of a peer; each is measured in a process of its own."""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable

import models

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Setting:
    """Where the programs are, where models are kept, and how many threads either side has."""

    programs: pathlib.Path
    models: pathlib.Path
    threads: int

    def environment(self):
        return {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(self.threads)}


def output_of(setting, words, given=None):
    """What a program prints, the seconds of the processor that all of it took, and its peak memory."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(list(map(str, words)), env=setting.environment(), stdout=printed, stdin=subprocess.PIPE)
        process.stdin.write((given or "").encode())
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        if (code := os.waitstatus_to_exitcode(status)) != 0:
            raise SystemExit(f"{words[0]} ended with {code}")
        printed.seek(0)
        return printed.read().decode(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def python(script, *words):
    return [sys.executable, "-B", HERE / script, *words]


def median_of_steps(printed):
    """The first step, which finds memory and chooses kernels, does not count."""
    measured = json.loads(printed.splitlines()[-1])
    return {"seconds": statistics.median(step["cpu"] for step in measured["steps"][1:]), "mib": measured["peak_mib"]}


def our_steps(model, *options, batch=1, steps=3):
    def measure(setting, _=None):
        program = setting.programs / "bench_inversion_steps"
        words = [program, model(setting.models), models.CONCEPTS / "frog", "--steps", steps, "--batch", batch]
        return median_of_steps(output_of(setting, [*words, "--threads", setting.threads, *options])[0])

    return measure


def their_steps(model, *options, batch=1, steps=3):
    def measure(setting, _=None):
        words = [model(setting.models), models.CONCEPTS / "frog", "--steps", steps, "--batch", batch]
        words += ["--threads", setting.threads, *options]
        return median_of_steps(output_of(setting, python("diffusers_steps.py", *words))[0])

    return measure


def opening(steps):
    """Opening a model and all that comes before the first step's end."""

    def measure(setting, _=None):
        measured = json.loads(steps(setting).splitlines()[-1])
        seconds = measured["opening_seconds"] + measured.get("encoding_seconds", 0.0) + measured["steps"][0]["wall"]
        return {"seconds": seconds, "mib": measured["opening_peak_mib"] - measured.get("importing_peak_mib", 0.0)}

    return measure


def printed_by_ours(setting):
    words = [setting.programs / "bench_inversion_steps", models.stable_diffusion(setting.models), models.CONCEPTS / "frog"]
    return output_of(setting, [*words, "--steps", 1, "--threads", setting.threads])[0]


def printed_by_theirs(setting):
    words = [models.stable_diffusion(setting.models), models.CONCEPTS / "frog", "--steps", 1, "--threads", setting.threads]
    return output_of(setting, python("diffusers_steps.py", *words))[0]


def run_to_the_decision(setting, _=None):
    with tempfile.TemporaryDirectory() as folder:
        words = [setting.programs / "dvar", "train", "--images", models.CONCEPTS / "panda", "--token", "<thing>", "--samples", 0]
        words += ["--output", f"{folder}/out", "--threads", setting.threads, "--quiet", "--json"]
        printed, seconds, mib = output_of(setting, words)
        outcome = json.loads(printed)
    if outcome["stop_rule"] != "variance_ratio":
        raise SystemExit(f"the run was to stop by the ratio and stopped by {outcome['stop_rule']}")
    return {"seconds": seconds, "mib": mib, "steps": outcome["step"]}


def official_run(setting, ours):
    words = [models.DEMO, models.CONCEPTS / "panda", "--steps", ours["steps"], "--threads", setting.threads]
    measured = json.loads(output_of(setting, python("official_procedure.py", *words))[0])
    return {"seconds": measured["cpu"], "mib": measured["peak_mib"]}


def requests(setting, model, *lines, batch=1):
    words = [setting.programs / "bench_inversion_steps", model, models.CONCEPTS / "frog", "--batch", batch]
    words += ["--threads", setting.threads, "--requests"]
    return list(map(json.loads, output_of(setting, words, "\n".join(lines) + "\n")[0].splitlines()))[1:]


PROBE_EVERY = 3  # what `dvar train --stop dvar` does unless it is told otherwise


def probe_of_demo(setting, _=None):
    """A probe of the default size, and the steps from it to the next."""
    _, steps, _, probes = requests(setting, models.DEMO, "step 20", "step 200", "probe 20", "probe 200", batch=4)
    probe, step = (statistics.median(each["cpu"] for each in measured["steps"]) for measured in (probes, steps))
    return {"seconds": probe, "mib": probes["peak_mib"], "step": step}


def step_and_probe(_, ours):
    return {"seconds": PROBE_EVERY * ours["step"] + ours["seconds"], "mib": ours["mib"]}


def our_samples(count):
    def measure(setting, _=None):
        with tempfile.TemporaryDirectory() as folder:
            words = [setting.programs / "dvar", "sample", "--prompt", "a drawing of a cat", "--count", count, "--steps", 50]
            words += ["--sampler", "ddim", "--guidance", 7.5, "--output", f"{folder}/out", "--threads", setting.threads]
            _, seconds, mib = output_of(setting, words)
        return {"seconds": seconds, "mib": mib}

    return measure


def their_samples(count):
    def measure(setting, _=None):
        measured = json.loads(output_of(setting, python("sampling.py", models.DEMO, "--count", count, "--threads", setting.threads))[0])
        return {"seconds": measured["cpu"], "mib": measured["peak_mib"]}

    return measure


def our_choice_of_a_word(setting, _=None):
    clip = models.clip_and_words(setting.models)
    words = [setting.programs / "dvar", "init", "--images", models.CONCEPTS / "panda", "--clip", clip, "--no-cache", "--json"]
    with tempfile.TemporaryDirectory() as folder:
        # Of the model only the tokenizer counts.
        model = pathlib.Path(folder, "model")
        model.mkdir()
        for part in models.stable_diffusion(setting.models).iterdir():
            (model / part.name).symlink_to(clip if part.name == "tokenizer" else part)
        words += ["--model", model, "--threads", setting.threads, "--quiet", "--top", 1]
        printed, seconds, mib = output_of(setting, words)
    return {"seconds": seconds, "mib": mib, "words": json.loads(printed)["words"]}


def their_choice_of_a_word(setting, ours):
    clip = models.clip_and_words(setting.models)
    words = [clip, "--words", ours["words"], "--threads", setting.threads]
    measured = json.loads(output_of(setting, python("initial_word.py", *words))[0])
    return {"seconds": measured["cpu"], "mib": measured["peak_mib"]}


@dataclasses.dataclass
class Work:
    """`theirs` is given what ours has measured: some do as much as it did."""

    name: str
    title: str
    peer: str
    ours: Callable
    theirs: Callable
    time_goal: float | None = None
    memory_goal: float | None = None
    checked: str | None = None  # the family whose loss and gradient are compared first


SD, LDM = models.stable_diffusion, models.ldm
BF16, LEAST = ["--precision", "bf16"], ["--precision", "bf16", "--gradient-checkpointing"]
STREAM = ["--weights", "stream"]
PLAIN = "diffusers' step"

WORKS = [
    Work("step", "training step, Stable Diffusion 1.5, 512 px, fp32", PLAIN, our_steps(SD), their_steps(SD), 0.50, 0.68, "stable-diffusion"),
    Work("step-stream", "the same, weights streamed", PLAIN, our_steps(SD, *STREAM), their_steps(SD), 0.50, 0.68, "stable-diffusion"),
    Work("step-of-half", "the same from a half-precision file", PLAIN, our_steps(models.stable_diffusion_in_half),
         their_steps(models.stable_diffusion_in_half), None, 0.50, "stable-diffusion"),
    Work("step-bf16", "the same in bf16", PLAIN + ", bf16", our_steps(SD, *BF16), their_steps(SD, *BF16), 0.50, 0.40, "stable-diffusion"),
    Work("step-bf16-stream", "the same in bf16, weights streamed", PLAIN + ", bf16", our_steps(SD, *BF16, *STREAM), their_steps(SD, *BF16),
         0.50, 0.40, "stable-diffusion"),
    Work("step-least", "the same in the least memory, bf16", PLAIN + ", bf16, checkpointing",
         our_steps(SD, *LEAST, "--attention", "sliced", *STREAM), their_steps(SD, *LEAST), None, None, "stable-diffusion"),
    Work("step-ldm", "training step, ldm-text2im-large, 256 px, fp32", PLAIN + " over LDM's networks", our_steps(LDM), their_steps(LDM),
         0.50, 0.50, "ldm"),
    Work("step-ldm-stream", "the same, weights streamed", PLAIN + " over LDM's networks", our_steps(LDM, *STREAM), their_steps(LDM),
         0.50, 0.50, "ldm"),
    Work("run", "bundled model: the whole run to the decision, batch 4, a probe of 4 (ours after every third step, theirs after every one)",
         "the published procedure over diffusers' modules, as many steps", run_to_the_decision, official_run, 0.45),
    Work("probe", "bundled model: the probe's share of training", "the steps between two probes and a probe", probe_of_demo, step_and_probe, 0.15),
    Work("init", "the best initial word of a vocabulary, CLIP ViT-L/14", "a word at a time, padded (timed on 24 words)",
         our_choice_of_a_word, their_choice_of_a_word, 0.02),
    Work("samples-1", "bundled model: a picture, 50 DDIM steps, guidance", "diffusers' pipeline", our_samples(1), their_samples(1),
         0.80, 0.60),
    Work("samples-8", "bundled model: eight pictures at once, likewise", "diffusers' pipeline", our_samples(8), their_samples(8),
         0.80, 0.60),
    Work("opening", "start to the end of the first step, Stable Diffusion 1.5 (wall clock; peak of opening)", "diffusers",
         opening(printed_by_ours), opening(printed_by_theirs), 0.30, 1.0),
]  # fmt: skip
