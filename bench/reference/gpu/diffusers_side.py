"""diffusers' side of the measurements: models opened and forms compiled, to be called in turn with ours."""

import logging
import math
import pathlib
import sys
import time
import warnings

import torch
from make_models import make_models
from setting import CONCEPT
from works import COMPILED, EAGER, GRAPHED, SAMPLER_STEPS

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "peers"))
from diffusers_steps import TextualInversion, use_tf32  # noqa: E402

MODES = {EAGER: None, COMPILED: "default", GRAPHED: "reduce-overhead"}


class DiffusersSide:
    def __init__(self, given):
        self.given = given
        self.on_gpu = given.device == "cuda"
        self.opened = {}  # by family and precision: the peer, and the bytes that it holds on the device between steps
        self.compiled = {}  # by peer and mode
        self.ready = {}  # by work and form: what is timed, its seconds, and the peak of memory in MiB
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
        # Every family, precision and batch is compiled by itself.
        torch._dynamo.config.recompile_limit = 64
        make_models(given.models, given.device)

    def allocated(self):
        return torch.cuda.memory_allocated() if self.on_gpu else 0

    def open(self, work):
        key = work.family, work.precision.replace("tf32", "fp32")
        if key not in self.opened:
            before = self.allocated()
            peer = TextualInversion(self.given.models / work.family, CONCEPT, key[1], self.given.device)
            peer.step(1)
            self.opened[key] = peer, self.allocated() - before
        return self.opened[key]

    def call_of(self, work, form):
        """What does the work once and returns the seconds."""
        peer, _ = self.open(work)
        if (peer, form) not in self.compiled:
            peer.use(MODES[form])
            self.compiled[peer, form] = peer.predict
        if work.word == "probe":
            do = peer.make_probe(work.batch)
        elif work.word == "sample":
            do = peer.make_sampler(SAMPLER_STEPS)
        else:

            def do():
                return peer.step(work.batch)

        def call():
            peer.predict = self.compiled[peer, form]
            use_tf32(work.precision == "tf32")
            start = time.perf_counter()
            value = do()
            seconds = time.perf_counter() - start
            if not math.isfinite(value):
                raise RuntimeError(f"the result is {value}")
            return seconds

        return call

    def prepare(self, work, form):
        """Compiles what is to be compiled, and measures the memory."""
        call = self.call_of(work, form)
        for _ in range(1 if work.word == "sample" else 3):
            call()
        peak = None
        if self.on_gpu:
            before = self.allocated()
            torch.cuda.reset_peak_memory_stats()
            call()
            # Other models are open beside this one.
            peak = (self.open(work)[1] + torch.cuda.max_memory_allocated() - before) / 2**20
            torch.cuda.empty_cache()
        self.ready[work, form] = call, call(), peak
