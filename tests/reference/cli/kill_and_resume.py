"""Kills `dvar train` with SIGKILL at random moments, resumes it until it is done, and compares what it leaves with what an
uninterrupted run leaves: embeddings, trace and outcome must be equal, byte for byte.

    PYTHONPATH=tests/reference DVAR_PROGRAM=build/dev/bin/dvar python3 tests/reference/cli/kill_and_resume.py --kills 100
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from program import FROG, PROGRAM
from score_test import put_encoder

# Everything that has a state: SAM around AdamW, a schedule, accumulation, a probe of which some inputs are drawn anew, its
# thirds, scores of two encoders, and rules on both that do not stop so early.
OPTIONS = """
    --init token:green --batch 1 --accumulation 2 --optimizer sam --schedule cosine --warmup-steps 5
    --stop dvar:window=30,threshold=1e-6 --stop patience:patience=1000 --stop clip:every=4,patience=50
    --score-samples 2 --score-steps 1 --probe-batch 1 --probe-accumulation 2 --probe-every 2
    --probe-fixed images,latents,timesteps --probe-thirds
    --samples 0 --threads 1 --quiet
""".split()


# A set of parameters with two rates, and class pictures that the model draws.
CLASS = ["--class-prompt", "a photo of an apple", "--class-count", "9", "--sample-steps", "2"]
LORA = [*CLASS, *"--method dreambooth-lora --rank 2 --lora-dropout 0.2 --lora-text-encoder".split()]
# Pictures that are rescaled and encoded in every step, and a gradient that is scaled down.
CUSTOM_DIFFUSION = [*CLASS, *"--method custom-diffusion --max-gradient-norm 0.5".split()]


def command(output, steps, *more):
    encoder = output.parent / "encoder"
    return [PROGRAM, "train", "--identity", str(encoder), "--images", str(FROG), "--token", "<thing>", "--output", str(output), "--max-steps",
            str(steps), "--checkpoint-every", "3", *OPTIONS, *more]  # fmt: skip


def left_by(output):
    files = {}
    names = ["learned_embeds.safetensors", "learned_embeds_best.safetensors", "trace.jsonl"]
    names += [path.name for path in output.glob("pytorch_*")]
    for name in names:
        files[name] = (output / name).read_bytes()
    files["outcome"] = json.loads((output / "config.json").read_text())["outcome"]
    return files


def identity(path):
    """Another inode: the file was replaced."""
    return path.stat().st_ino if path.exists() else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills while it trains, in all")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--lora", action="store_true", help="of DreamBooth-LoRA, not of Textual Inversion")
    parser.add_argument("--custom-diffusion", action="store_true", help="of Custom Diffusion")
    options = parser.parse_args()
    method = LORA if options.lora else CUSTOM_DIFFUSION if options.custom_diffusion else []
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    moments = random.Random(seed)
    print(f"seed {seed}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        put_encoder(pathlib.Path(folder) / "encoder")
        environment = {**os.environ, "XDG_CACHE_HOME": str(pathlib.Path(folder) / "cache")}
        whole = pathlib.Path(folder) / "whole"
        begun = time.monotonic()
        subprocess.run(command(whole, options.steps, *method), check=True, stdout=subprocess.DEVNULL, env=environment)
        # A killed run may have to draw class pictures, and finds those that were drawn before.
        shutil.rmtree(pathlib.Path(folder) / "cache", ignore_errors=True)
        duration = time.monotonic() - begun
        expected = left_by(whole)

        while_training = while_loading = runs = resumptions = 0
        failures = []
        while while_training < options.kills and not failures:
            output = pathlib.Path(folder) / f"killed-{runs}"
            trace, checkpoint = output / "trace.jsonl", output / "checkpoint" / "checkpoint.safetensors"
            finished = False
            while not finished:
                resumed = checkpoint.exists()
                resumptions += resumed
                before = identity(trace)
                process = subprocess.Popen(
                    command(output, options.steps, "--resume" if resumed else "--overwrite", *method),
                    env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
                # Once there were enough, it may finish.
                patience = moments.uniform(0, 0.8 * duration) if while_training < options.kills else None
                try:
                    _, errors = process.communicate(timeout=patience)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    if identity(trace) != before:
                        while_training += 1
                    else:
                        while_loading += 1
                    continue
                finished = True
                if process.returncode != 0:
                    failures.append(f"run {runs}: exit status {process.returncode}: {errors}")
            if not failures:
                found = left_by(output)
                failures += [f"run {runs}: {path} is left over" for path in output.rglob(".*")]
                failures += [f"run {runs}: {name} differs" for name in expected if found[name] != expected[name]]
            runs += 1
            shutil.rmtree(output)
    print(f"{while_training} kills while training and {while_loading} while loading, {resumptions} resumptions, "
          f"{runs} runs of {options.steps} steps ({duration:.1f} s uninterrupted): "
          f"{'all equal' if not failures else failures}")  # fmt: skip
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
