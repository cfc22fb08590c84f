#!/usr/bin/env python3
"""Seconds from the launch of `dvar train` to a saved concept, at Stable Diffusion 1.5's size: 400 steps in bf16, with the probe at
every one of them.

usage: concept.py --bin DIR --models DIR --output DIR --device DEVICE
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

from setting import CONCEPT, add_aim, name_of, setting

PART = "From launch to a saved concept"


def main():
    given = setting(PART, __doc__)
    steps = "20" if given.toy else "400"
    for batch in "1", "4":
        what = f"{name_of(given, 'stable-diffusion')}, {steps} steps, bf16, batch {batch}"
        with tempfile.TemporaryDirectory() as folder:
            words = [given.bin / "dvar", "train", "--model", given.models / "stable-diffusion", "--images", CONCEPT,
                     "--token", "<thing>", "--output", Path(folder, "out"), "--init", "token:a", "--max-steps", steps,
                     "--stop", f"steps:{steps}", "--samples", "0", "--precision", "bf16", "--device", given.device, "--batch",
                     batch, "--json", "--quiet", "--threads", "1" if given.toy else "0"]  # fmt: skip
            start = time.monotonic()
            result = subprocess.run(list(map(str, words)), capture_output=True, text=True)
            seconds = time.monotonic() - start
            saved = Path(folder, "out", "learned_embeds.safetensors").exists()
        if result.returncode != 0 or not saved:
            given.rows.add(PART, what, result=f"FAILED: {(result.stderr.strip().splitlines() or ['nothing was saved'])[-1]}")
            continue
        told = json.loads(result.stdout)
        given.rows.add(PART, what, result="saved", seconds=seconds, **{"of training": told["seconds"]})
        add_aim(given, f"{what}: seconds", 30, seconds)


if __name__ == "__main__":
    main()
