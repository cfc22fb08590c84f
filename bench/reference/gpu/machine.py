#!/usr/bin/env python3
"""The machine and the versions that the figures belong to.

usage: machine.py OUTPUT
"""

import datetime
import os
import pathlib
import subprocess
import sys

import diffusers
import torch
import transformers
from rows import Rows


def first_line(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "none"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "unknown"


def main():
    facts = {
        "GPU": first_line("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"),
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} threads",
        "PyTorch and LibTorch": f"{torch.__version__}, cuDNN {torch.backends.cudnn.version()}",
        "diffusers": f"{diffusers.__version__}, transformers {transformers.__version__}",
        "compilers": f"{first_line('c++', '--version')}; {first_line('cmake', '--version')}",
        "date": datetime.date.today().isoformat(),
    }
    rows = Rows(sys.argv[1])
    for name, fact in facts.items():
        rows.add("Machine", name, fact=fact)


if __name__ == "__main__":
    main()
