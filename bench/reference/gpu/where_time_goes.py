#!/usr/bin/env python3
"""Where the time of a training step goes, by LibTorch's profiler: kernels, launches, copies and waits of one step.

usage: where_time_goes.py --bin DIR --models DIR --output DIR --device DEVICE
"""

from setting import Program, name_of, setting

PART = "Where a step's time goes"


def main():
    given = setting(PART, __doc__)
    for batch, options in [(1, []), (1, ["--graphs", "off"]), (4, [])]:
        what = " ".join([f"{name_of(given, 'stable-diffusion')}, bf16, batch {batch}", *options])
        try:
            with Program(given, "stable-diffusion", "--precision", "bf16", "--batch", batch, *options) as program:
                program.ask("step", 5)
                found = program.ask("profile", 5)
        except RuntimeError as error:
            given.rows.add(PART, what, result=f"FAILED: {error}")
            continue
        kernels = found.pop("kernels")
        given.rows.add(PART, what, **{name.replace("_", " "): value for name, value in found.items()})
        for kernel in kernels:
            given.rows.add(f"Kernels of a step: {what}", kernel["name"][:100], ms=kernel["ms"], count=kernel["count"])


if __name__ == "__main__":
    main()
