"""What a step, a probe and a score cost: one short run on an idle machine, on one thread."""

import json
import subprocess
import tempfile

STEPS = 100


def measure(dvar, concept, recorded):
    """Returns seconds of a step, a probe of each kind and a score, as `dvar train --profile` says them, with the options of the
    recorded runs."""
    with tempfile.TemporaryDirectory() as folder:
        options = recorded | {"stop": f"steps:{STEPS}", "samples": 0, "images": concept, "token": "<thing>", "output": folder + "/run",
                              "held-out": concept / "held-out", "profile": True, "json": True, "quiet": True}  # fmt: skip
        arguments = [word for name, value in options.items() for word in ([f"--{name}"] if value is True else [f"--{name}", str(value)])]
        summary = json.loads(subprocess.run([dvar, "train", *arguments], check=True, capture_output=True, text=True).stdout)
    phases = {phase["phase"]: phase["seconds"] / phase["count"] for phase in summary["profile"]}
    parts = {"step": "step", "probe": "probe", "held_out_probe": "held-out probe", "score": "scores"}
    return {name: round(phases[f"training/{part}"], 6) for name, part in parts.items()}
