"""The array of jobs in docs/sweeps.md, in a real Slurm of one node that this test starts for itself (slurm-wlm and munge of
Debian, as root): its jobs share a sweep, one is told that its time is over, and the next array goes on from there."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from program import CONCEPTS, PROGRAM

DAEMONS = f"/usr/sbin:{os.environ['PATH']}"
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "sweeps.md"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(os.geteuid() == 0, "slurmd starts jobs for root alone")
class Slurm(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        for name in ["munge", "state", "spool"]:
            (self.folder / name).mkdir()
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        host = socket.gethostname().split(".")[0]
        self.configuration = self.folder / "slurm.conf"
        self.configuration.write_text(f"""
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmUser=root
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
SchedulerParameters=sched_interval=1,bf_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
""")
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration), "OMP_NUM_THREADS": "1",
                            "PATH": f"{PROGRAM.parent}:{DAEMONS}"}  # fmt: skip
        munge = self.folder / "munge"
        self.daemon("munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={key}", f"--pid-file={munge}/pid",
                    f"--log-file={munge}/log", f"--seed-file={munge}/seed")  # fmt: skip
        self.wait_for(lambda: (munge / "socket").exists())
        self.daemon("slurmctld", "-D", "-f", str(self.configuration))
        self.daemon("slurmd", "-D", "-f", str(self.configuration))
        self.wait_for(lambda: "idle" in self.slurm("sinfo", "--noheader", "--format=%T", check=False))

    def daemon(self, name, *arguments):
        with (self.folder / f"{name}.out").open("w") as out:
            program = shutil.which(name, path=DAEMONS)
            process = subprocess.Popen([program, *arguments], env=self.environment, stdout=out, stderr=subprocess.STDOUT,
                                       cwd=self.folder)  # fmt: skip
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGTERM)

    def wait_for(self, condition):
        deadline = time.monotonic() + 120
        while not condition():
            if time.monotonic() > deadline:
                self.fail("\n".join(file.read_text() for file in self.folder.glob("*.out")))
            time.sleep(0.1)

    def slurm(self, *command, check=True):
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, cwd=self.folder, timeout=300)
        if check:
            self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def records(self):
        files = sorted((self.folder / "sweep").glob("*/*/run.json"))
        return {f"{file.parts[-3]}/{file.parts[-2]}": json.loads(file.read_text()) for file in files}

    def test_an_array_shares_a_sweep(self):
        (script,) = re.findall(r"```sh\n(#!/bin/bash\n#SBATCH.*?)```", PAGE.read_text(), re.DOTALL)
        (self.folder / "sweep.sh").write_text(script)
        for name in ["frog", "panda"]:
            shutil.copytree(CONCEPTS / name, self.folder / "drawings" / name)
        common = {"init": "token:green", "batch": 1, "probe-batch": 1, "threads": 1, "samples": 0}
        grid = {"settings": {"few": {"stop": "steps:5"}, "more": {"stop": "steps:400"}}, "grid": common}
        (self.folder / "grid.json").write_text(json.dumps(grid))

        # As 120 seconds before the end of a job's time, to one that is in the middle of a run.
        job = self.slurm("sbatch", "--parsable", "--array=0", "sweep.sh").strip()
        trace = self.folder / "sweep" / "frog" / "more" / "trace.jsonl"
        self.wait_for(lambda: trace.exists() and trace.read_text().count("\n") > 3)
        self.slurm("scancel", "--batch", "--signal=TERM", f"{job}_0")
        self.wait_for(lambda: "RUNNING" not in self.slurm("squeue", "--noheader", "--format=%T"))
        log = (self.folder / f"sweep-{job}_0.log").read_text()
        self.assertIn("frog/more interrupted", log)
        self.assertIn("the same command goes on", log)
        self.assertEqual({name: record["state"] for name, record in self.records().items()},
                         {"frog/few": "done", "frog/more": "waiting"})  # fmt: skip
        taken = trace.read_text().count("\n")

        output = self.slurm("sbatch", "--parsable", "--wait", "--array=0-2", "sweep.sh")
        job = output.strip()
        logs = [file.read_text() for file in sorted(self.folder.glob(f"sweep-{job}_*.log"))]
        self.assertEqual(len(logs), 3)
        self.assertEqual(sum(log.count(" begun") for log in logs), 2, logs)
        self.assertEqual(sum(log.count("frog/more goes on") for log in logs), 1, logs)
        if os.cpu_count() > 1:
            self.assertGreater(sum(" done in " in log for log in logs), 1, "the jobs share")
        records = self.records()
        self.assertEqual({record["state"] for record in records.values()}, {"done"})
        self.assertEqual({name: record["attempts"] for name, record in records.items()},
                         {"frog/few": 1, "frog/more": 2, "panda/few": 1, "panda/more": 1})  # fmt: skip
        self.assertLess(taken, 400)
        self.assertEqual(trace.read_text().count("\n"), 400)
        self.assertIn("Settings: 2, concepts: 2, runs: 4.", self.slurm("srun", "--ntasks=2", "--overcommit", str(PROGRAM), "sweep", "--concepts",
                                                             "drawings", "--grid", "grid.json", "--output", "sweep"))  # fmt: skip


if __name__ == "__main__":
    unittest.main()
