"""The page of `dvar watch --serve`: what it answers, to whom, and what a browser makes of it."""

import html.parser
import http.server
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

import refusals
from program import PROGRAM

BROWSER = os.environ.get("DVAR_CHROMIUM", "")


def records(first, last):
    return "".join(json.dumps({"step": step, "probe_loss": 0.2 + math.exp(-step / 100)}) + "\n" for step in range(first, last + 1))


class Shown(html.parser.HTMLParser):
    """What stands on the page after its script has run."""

    def __init__(self, text):
        super().__init__()
        self.canvases, self.words, self.silent = 0, [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.canvases += tag == "canvas" and int(dict(attributes).get("width", 0)) > 100
        self.silent += tag in ("script", "style", "noscript")

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style", "noscript")

    def handle_data(self, text):
        if not self.silent:
            self.words.append(text)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


class WatchPage(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.trace = self.folder / "first" / "trace.jsonl"
        self.trace.parent.mkdir()
        self.trace.write_text(records(1, 330))
        other = self.folder / "<b>other"
        other.mkdir()
        (other / "metrics.csv").write_text("epoch,loss,val_loss\n0,1,2\n")

    def serve(self, *options):
        process = subprocess.Popen([PROGRAM, "watch", self.folder, "--serve", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.address = re.match(r"(http://127\.0\.0\.1:\d+/) follows the runs", process.stdout.readline())[1]
        self.port = int(self.address.rstrip("/").rsplit(":", 1)[1])
        return process

    def get(self, path, **headers):
        return urllib.request.urlopen(urllib.request.Request(self.address + path, headers=headers), timeout=30)

    def runs(self):
        return {run["log"].removeprefix(f"{self.folder}/"): run for run in json.load(self.get("runs.json"))["runs"]}

    def test_says_where_the_runs_stand_as_they_go_on(self):
        process = self.serve()
        runs = self.runs()
        self.assertIn("expected values of probe_loss, or a single column, found loss, val_loss", runs["<b>other/metrics.csv"]["problem"])
        run = runs["first/trace.jsonl"]
        self.assertEqual((run["column"], run["step"], run["judged"], run["stops"], run["bound"], run["broken"]), ("probe_loss", 330, "ratio", "below 0.15", 0.15, 0))
        self.assertEqual(run["values"][0], [1, 0.2 + math.exp(-0.01)])
        self.assertNotIn("stopped_at", run)
        with self.trace.open("a") as more:
            more.write(records(331, 800) + '{"step":801,"probe_loss":null}\n')
        later = self.runs()["first/trace.jsonl"]
        self.assertEqual(later["step"], 801)
        self.assertAlmostEqual(run["forecast"], later["stopped_at"], delta=0.05 * later["stopped_at"])
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 0)

    def test_answers_its_own_machine_alone(self):
        self.serve()
        self.assertIn("default-src 'none'", self.get("").headers["Content-Security-Policy"])
        self.assertEqual(self.get("", Host=f"localhost:{self.port}").status, 200)
        for path, headers, status in (("", {"Host": f"example.org:{self.port}"}, 403), ("runs.json", {"Host": "127.0.0.1"}, 403), ("../../etc/passwd", {}, 404), ("first/trace.jsonl", {}, 404)):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.get(path, **headers)
            self.assertEqual(refused.exception.code, status, path)
        # All of 127.0.0.0/8 is this machine, and stands for every address that the page is not bound to.
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", self.port), timeout=10)

    def test_refuses_a_port_that_is_taken(self):
        self.serve()
        again = subprocess.run([PROGRAM, "watch", self.folder, "--serve", str(self.port)], capture_output=True, text=True, timeout=60)
        refusals.expect_refusal(self, again, f"--serve {self.port}: expected a port that is free, or 0 for any: Address already in use")
        both = subprocess.run([PROGRAM, "watch", self.folder, "--serve", "0", "--once"], capture_output=True, text=True, timeout=60)
        refusals.expect_refusal(self, both, "--serve", "no --once")

    @unittest.skipUnless(pathlib.Path(BROWSER).is_file(), "no browser was found")
    def test_a_browser_shows_runs_and_what_becomes_of_them(self):
        self.serve("--every", "0.5")
        looks = 0
        test = self

        class Between(http.server.BaseHTTPRequestHandler):
            """Hands requests on; before the second look the run goes on."""

            def do_GET(self):
                nonlocal looks
                if self.path == "/runs.json":
                    looks += 1
                    if looks == 2:
                        with test.trace.open("a") as more:
                            more.write(records(331, 500))
                answer = test.get(self.path[1:])
                self.send_response(answer.status)
                for name in ("Content-Type", "Content-Security-Policy"):
                    self.send_header(name, answer.headers[name])
                self.end_headers()
                self.wfile.write(answer.read())

            def log_message(self, *_):
                pass

        between = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
        self.addCleanup(between.server_close)
        self.addCleanup(between.shutdown)
        threading.Thread(target=between.serve_forever, daemon=True).start()
        with tempfile.TemporaryDirectory() as profile:
            seen = subprocess.run(
                [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr", f"--user-data-dir={profile}",
                 "--virtual-time-budget=8000", "--dump-dom", f"http://127.0.0.1:{between.server_address[1]}/"],
                capture_output=True, text=True, timeout=120, check=True)
        self.assertEqual([line for line in seen.stderr.splitlines() if ":CONSOLE" in line], [])
        self.assertGreater(looks, 1)
        shown = Shown(seen.stdout)
        self.assertEqual(shown.canvases, 2)
        self.assertIn("2 runs, 1 stopped, by dvar:v2", shown.text)
        self.assertIn("<b>other/metrics.csv", shown.text, "names are text")
        self.assertIn("Step 500. the rule stops at step", shown.text)
        self.assertNotIn("Step 330", shown.text)


if __name__ == "__main__":
    unittest.main()
