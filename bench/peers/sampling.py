#!/usr/bin/env python3
"""What pictures of the bundled model cost with diffusers' pipeline: 50 DDIM steps with guidance, without what importing and
opening take. Prints one line of JSON.

usage: sampling.py MODEL_DIR --count N [--threads N]
"""

import argparse
import json
import pathlib

import numpy
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers_steps import usage


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    pipeline = StableDiffusionPipeline.from_pretrained(
        given.model, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    before = usage()
    pictures = pipeline(["a drawing of a cat"] * given.count, num_inference_steps=50, guidance_scale=7.5, output_type="np").images
    after = usage()
    assert numpy.isfinite(pictures).all() and pictures.std() > 0.02
    print(json.dumps({"wall": after[0] - before[0], "cpu": after[1] - before[1], "peak_mib": after[2]}))


if __name__ == "__main__":
    main()
