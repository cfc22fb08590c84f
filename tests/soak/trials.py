"""Trials of what may happen to a run: each begins one, has something go wrong, and says what came of it. A trial gives "held" or
what it was, or raises `Fell`."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess

# What a run leaves that hangs on nothing but its steps.
LEFT = ["learned_embeds.safetensors", "learned_embeds_a1111.safetensors", "learned_embeds_best.safetensors",
        "learned_embeds_best_a1111.safetensors", "trace.jsonl", "config.json", "curves.svg", "samples/before.png",
        "samples/after.png", "sheet.png"]  # fmt: skip
STEPS = 6
OPTIONS = ["--init=token:green", "--batch=1", "--probe-batch=1", "--samples=1", "--sample-steps=1", "--threads=1", "--checkpoint-every=2",
           "--stop=dvar:window=3,threshold=1e-9", f"--max-steps={STEPS}", "--quiet"]  # fmt: skip


class Fell(Exception):
    """Something that must not happen."""


def bytes_left(output):
    return {name: (output / name).read_bytes() for name in LEFT}


class Place:
    """A folder for one trial after the other, and what an undisturbed run leaves."""

    def __init__(self, folder, program, pictures, shim):
        self.folder, self.program, self.pictures, self.shim = folder, program, pictures, shim
        self.output = folder / "out"
        self.clear()
        self.finish("--overwrite")
        self.expected = bytes_left(self.output)

    def clear(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def command(self, *more):
        return [self.program, "train", f"--images={self.pictures}", "--token=<thing>", f"--output={self.output}", *OPTIONS, *more]

    def run(self, *more, fault=None, timeout=300):
        """The command's end: status, standard error. `fault` has the variables of faults.c."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if fault:
            environment |= {"LD_PRELOAD": str(self.shim), "SOAK_FOLDER": str(self.folder), **fault}
        try:
            ended = subprocess.run(self.command(*more), capture_output=True, text=True, errors="replace", env=environment, timeout=timeout)
        except subprocess.TimeoutExpired:
            return None, ""
        return ended.returncode, ended.stderr

    def has_checkpoint(self):
        return any(self.output.glob("checkpoint/checkpoint*.safetensors"))

    def go_on(self):
        """How a user goes on: from the checkpoint, if there is one."""
        return self.run("--resume" if self.has_checkpoint() else "--overwrite")

    def finish(self, how):
        status, errors = self.run(how)
        if status != 0:
            raise Fell(f"the undisturbed run ends with {status}: {errors}")

    def expect_refusal(self, status, errors):
        lines = errors.strip().splitlines()
        if status != 1 or not lines or not lines[-1].startswith("dvar: ") or "internal error" in errors:
            raise Fell(f"status {status}: {errors[-500:]}")

    def expect_the_same(self):
        found = bytes_left(self.output)
        different = [name for name in LEFT if found[name] != self.expected[name]]
        if different:
            raise Fell(f"{', '.join(different)} differ from the undisturbed run's")
        if left_over := [path.name for path in self.output.rglob(".dvar-*")]:
            raise Fell(f"left over: {left_over}")

    def expect_the_same_after_all(self):
        status, errors = self.go_on()
        if status != 0:
            raise Fell(f"cannot go on: status {status}: {errors[-500:]}")
        self.expect_the_same()

    def calls(self):
        """How often an undisturbed run does something to its files."""
        self.clear()
        count = self.folder.parent / "calls"
        status, errors = self.run(fault={"SOAK_COUNT": str(count)})
        if status != 0:
            raise Fell(f"the counted run ends with {status}: {errors}")
        return int(count.read_text())


def kill_at_call(place, call):
    """Killed before the call, and resumed."""
    place.clear()
    status, _ = place.run(fault={"SOAK_AT": str(call), "SOAK_WHAT": "kill"})
    if status == 0:
        place.expect_the_same()
        return "no such call"
    if status != -signal.SIGKILL:
        raise Fell(f"status {status} at call {call}")
    place.expect_the_same_after_all()
    return "killed"


def fault_at_call(place, call, what):
    """The disk is full, or a sector is bad, at a call; then it is not."""
    place.clear()
    status, errors = place.run(fault={"SOAK_AT": str(call), "SOAK_WHAT": what})
    if status == 0:
        # Not all that is done has to succeed: flushing a folder, say.
        place.expect_the_same()
        return "did without"
    place.expect_refusal(status, errors)
    place.expect_the_same_after_all()
    return "refused"


def kill_at_random(place, draw, duration):
    """Killed at random, again and again, until it is done."""
    place.clear()
    kills = 0
    while True:
        status, errors = None, ""
        how = "--resume" if place.has_checkpoint() else "--overwrite"
        process = subprocess.Popen(place.command(how), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
        try:
            _, errors = process.communicate(timeout=draw.uniform(0, 0.8 * duration) if kills < 8 else None)
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        if status != 0:
            raise Fell(f"status {status} after {kills} kills: {errors[-500:]}")
        place.expect_the_same()
        return f"{kills} kills"


def flip_a_bit(place, draw, half_done):
    """A bit of a file is another one when the run is resumed: refused, or the same in the end. What is refused leaves the file."""
    shutil.rmtree(place.output, ignore_errors=True)
    shutil.copytree(half_done, place.output)
    files = sorted(path for path in place.output.rglob("*") if path.is_file() and path.stat().st_size > 0)
    file = draw.choice(files)
    data = bytearray(file.read_bytes())
    # Headers are where a bit says most.
    position = draw.randrange(len(data) if draw.random() < 0.5 else min(len(data), 2000))
    data[position] ^= 1 << draw.randrange(8)
    file.write_bytes(data)
    status, errors = place.run("--resume")
    name = file.relative_to(place.output)
    if status == 0:
        try:
            place.expect_the_same()
        except Fell as fell:
            raise Fell(f"{name}, byte {position}: {fell}") from None
        return "the same"
    try:
        place.expect_refusal(status, errors)
    except Fell as fell:
        raise Fell(f"{name}, byte {position}: {fell}") from None
    return "refused"


def half_of_a_run(place, folder):
    """A run that was killed behind its second checkpoint."""
    for call in range(40, 200):
        place.clear()
        status, _ = place.run(fault={"SOAK_AT": str(call), "SOAK_WHAT": "kill"})
        trace = place.output / "trace.jsonl"
        if status == -signal.SIGKILL and (place.output / "checkpoint" / "checkpoint.previous.safetensors").exists() \
                and trace.exists() and trace.read_bytes().count(b"\n") >= STEPS - 2:
            shutil.copytree(place.output, folder, dirs_exist_ok=True)
            return folder
    raise Fell("no run was killed half way")


class Sweeps:
    """A sweep of a concept with two settings, killed: alone, or with the run at hand."""

    def __init__(self, folder, program, pictures, shim):
        self.folder, self.program, self.shim = folder, program, shim
        self.concepts, self.output, self.grid = folder / "concepts", folder / "out", folder / "grid.json"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(pictures, self.concepts / "frog", dirs_exist_ok=True)
        grid = {option.removeprefix("--").partition("=")[0]: option.partition("=")[2] for option in OPTIONS if "=" in option and "stop" not in option}
        grid["max-steps"] = STEPS
        self.grid.write_text(json.dumps({"grid": {**grid, "seed": [0, 1], "stop": "dvar:window=3,threshold=1e-9"}}))
        shutil.rmtree(self.output, ignore_errors=True)
        if status := subprocess.run(self.command(), capture_output=True).returncode:
            raise Fell(f"the undisturbed sweep ends with {status}")
        self.expected = self.left()

    def command(self):
        return [self.program, "sweep", f"--concepts={self.concepts}", f"--grid={self.grid}", f"--output={self.output}", "--quiet"]

    def left(self):
        cells = sorted(path.parent for path in self.output.glob("*/*/run.json"))
        return {f"{cell.name}/{name}": (cell / name).read_bytes() for cell in cells for name in LEFT if (cell / name).exists()}

    def kill_at_random(self, draw, duration):
        shutil.rmtree(self.output, ignore_errors=True)
        kills = 0
        while True:
            process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
            try:
                _, errors = process.communicate(timeout=draw.uniform(0, 0.8 * duration) if kills < 6 else None)
            except subprocess.TimeoutExpired:
                children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                both = draw.random() < 0.5
                own = children.read_text().split() if both and children.exists() else []
                process.kill()
                for child in own:
                    try:
                        os.kill(int(child), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                process.communicate()
                kills += 1
                continue
            return self.judge(process.returncode, errors, f"{kills} kills")

    def kill_at_call(self, call):
        shutil.rmtree(self.output, ignore_errors=True)
        fault = {"LD_PRELOAD": str(self.shim), "SOAK_FOLDER": str(self.folder), "SOAK_AT": str(call), "SOAK_WHAT": "kill"}
        status = subprocess.run(self.command(), capture_output=True, env={**os.environ, **fault}).returncode
        if status not in (0, -signal.SIGKILL):
            raise Fell(f"status {status} at call {call}")
        ended = subprocess.run(self.command(), capture_output=True, text=True)
        return self.judge(ended.returncode, ended.stderr, "killed" if status else "no such call")

    def judge(self, status, errors, held):
        if status != 0:
            raise Fell(f"status {status}: {errors[-500:]}")
        found = self.left()
        different = [name for name in self.expected if found.get(name) != self.expected[name]]
        if different:
            raise Fell(f"{different} differ from the undisturbed sweep's")
        if left_over := [str(path) for path in self.output.rglob(".dvar-*.tmp")]:
            raise Fell(f"left over: {left_over}")
        states = {json.loads(path.read_text())["state"] for path in self.output.glob("*/*/run.json")}
        if states != {"done"}:
            raise Fell(f"states {states}")
        return held


def generator(seed, number):
    return random.Random(f"{seed}/{number}")
