"""What is measured beside diffusers, the most telling first, and the forms in which each side does it."""

import dataclasses

from setting import name_of

EAGER, COMPILED, GRAPHED = "diffusers", "diffusers, compiled", "diffusers, reduce-overhead"
OURS, WITHOUT_GRAPHS = "dvar", "dvar without graphs"
SAMPLER_STEPS = 50


@dataclasses.dataclass(frozen=True)
class Work:
    family: str
    precision: str
    batch: int
    word: str  # what bench_inversion_steps is asked for
    forms: tuple = (EAGER, COMPILED)  # diffusers'

    def what(self, given):
        kind = {"step": "a training step", "probe": "the probe", "sample": f"{SAMPLER_STEPS} steps of sampling"}[self.word]
        return f"{name_of(given, self.family)}, {self.precision}, batch {self.batch}: {kind}"

    def own_forms(self):
        """Ours, each with its options."""
        options = ["--precision", self.precision, "--batch", self.batch]
        forms = {OURS: options}
        if self.family == "stable-diffusion" and self.precision == "bf16" and self.word != "sample":
            forms[WITHOUT_GRAPHS] = [*options, "--graphs", "off"]
        return forms


STEP, STEP_OF_4, PROBE = (
    Work("stable-diffusion", "bf16", 1, "step", (EAGER, COMPILED, GRAPHED)),
    Work("stable-diffusion", "bf16", 4, "step", (EAGER, COMPILED, GRAPHED)),
    Work("stable-diffusion", "bf16", 4, "probe"),
)
WORKS = [
    STEP,
    STEP_OF_4,
    PROBE,
    Work("ldm", "bf16", 4, "step"),
    Work("ldm", "bf16", 1, "step"),
    Work("stable-diffusion", "bf16", 1, "sample", (EAGER,)),
    Work("stable-diffusion", "fp32", 1, "step"),
    Work("stable-diffusion", "tf32", 1, "step"),
    Work("stable-diffusion", "fp32", 4, "step"),
    Work("stable-diffusion", "tf32", 4, "step"),
]
