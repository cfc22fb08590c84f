#!/usr/bin/env python3
"""What a run costs in the way of the published DVAR program, over diffusers' modules: the autoencoder in every step, AdamW over
the whole table of embeddings, which is copied back, a probe of as many fixed inputs as a batch after every step, and NumPy over
the whole history of its losses. Prints one line of JSON with the seconds of the processor, without what importing and opening take.

usage: official_procedure.py MODEL_DIR IMAGES_DIR --steps N [--batch N] [--threads N]
"""

import argparse
import json
import math
import pathlib

import numpy
import torch
from diffusers_steps import TextualInversion, usage

WINDOW = 310


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    peer = TextualInversion(given.model, given.images)
    probe = peer.make_probe(given.batch)
    before = usage()
    losses, ratio = [], math.nan
    for _ in range(given.steps):
        assert math.isfinite(peer.step(given.batch))
        losses.append(probe())
        if len(losses) >= WINDOW:
            history = numpy.asarray(losses)
            ratio = float(numpy.var(history[-WINDOW:]) / numpy.var(history))
    after = usage()
    assert losses[-1] < losses[0]
    measured = {"wall": after[0] - before[0], "cpu": after[1] - before[1], "peak_mib": after[2], "ratio": ratio}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
