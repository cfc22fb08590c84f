"""The paper's methods from the command line: stopping rules, initialization, optimizers, probes, and replayed traces."""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
import unittest

from program import DEMO, FROG, PROGRAM
from refusals import expect_refusal
from tensor_bytes import tensor_bytes


class Methods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        # The vocabulary is scored once for all tests.
        cls.environment = {**os.environ, "XDG_CACHE_HOME": str(cls.shared / "cache")}

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env=self.environment)

    def train(self, *more, init="token:green", steps=3, images=FROG, status=0):
        """The run's closing summary; its files are in self.out."""
        result = self.run_program("train", "--images", images, "--token", "<thing>", "--output", self.out, "--batch", 1,
                                  "--probe-batch", 1, "--samples", 0, "--threads", 1, "--json", "--overwrite",
                                  "--max-steps", steps, "--init", init, *more)  # fmt: skip
        self.assertEqual(result.returncode, status, result.stderr)
        self.messages = result.stderr
        return json.loads(result.stdout)

    def trace(self):
        return [json.loads(line) for line in (self.out / "trace.jsonl").read_text().splitlines()]

    def embedding(self, name="learned_embeds.safetensors"):
        return tensor_bytes(self.out / name)

    def vectors(self):
        """How many the embedding has."""
        data = (self.out / "learned_embeds.safetensors").read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        shape = header["<thing>"]["shape"]
        return shape[0] if len(shape) == 2 else 1

    def refuse(self, *words, arguments):
        result = self.run_program(*arguments)
        expect_refusal(self, result, *words)
        self.assertFalse(self.out.exists(), "nothing is written before everything is checked")

    def refuse_training(self, *arguments, words):
        self.refuse(*words, arguments=["train", "--images", FROG, "--token", "<thing>", "--output", self.out, *arguments])


class Weights(Methods):
    def test_the_same_is_learned_wherever_frozen_weights_are(self):
        for method in ("textual-inversion", "dreambooth-lora", "custom-diffusion"):
            for precision in ("fp32", "bf16"):
                learned = {}
                # Two threads use a layer at the same time, and one of them may be done with it first.
                for place in ("memory", "file", "stream"):
                    result = self.run_program("train", "--images", FROG, "--token", "<thing>", "--output", self.out, "--overwrite", "--init",
                                              "token:green", "--batch", 2, "--threads", 2, "--samples", 0, "--max-steps", 3, "--method", method,
                                              "--precision", precision, "--weights", place)  # fmt: skip
                    self.assertEqual(result.returncode, 0, result.stderr)
                    learned[place] = {file.name: tensor_bytes(file) for file in self.out.glob("*.safetensors")}
                self.assertTrue(learned["file"] == learned["memory"], (method, precision))
                self.assertTrue(learned["stream"] == learned["memory"], (method, precision))

    def test_what_streams_counts_as_little_memory(self):
        networks = {}
        for place in ("memory", "stream"):
            arguments = ["train", "--images", FROG, "--token", "<thing>", "--output", self.out, "--init", "token:green"]
            result = self.run_program(*arguments, "--weights", place, "--dry-run", "--json", "--device", "cpu")
            self.assertEqual(result.returncode, 0, result.stderr)
            networks[place] = json.loads(result.stdout)["networks"]
        # Norms, offsets and the vocabulary's vectors are left.
        self.assertLess(networks["stream"], 0.1 * networks["memory"])


class Precision(Methods):
    def test_automatic_precision_is_what_the_processor_has_instructions_for(self):
        self.train("--precision", "auto", "--device", "cpu")
        automatic = self.embedding()
        recorded = json.loads((self.out / "config.json").read_text())["precision"]
        flags = pathlib.Path("/proc/cpuinfo").read_text() if platform.machine() == "x86_64" else ""
        self.assertEqual(recorded, "bf16" if "avx512_bf16" in flags else "fp32")
        self.train("--precision", recorded, "--device", "cpu")
        self.assertEqual(self.embedding(), automatic)

    def test_a_precision_that_is_slow_here_is_said(self):
        flags = pathlib.Path("/proc/cpuinfo").read_text().split()
        for precision, flag in [("bf16", "avx512_bf16"), ("fp16", "avx512_fp16")]:
            result = self.run_program("sample", "--prompt", "a cat", "--count", 1, "--steps", 1, "--precision", precision, "--output", self.out,
                                      "--device", "cpu", "--overwrite")  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr)
            says = f"no instructions for {precision}" in result.stderr
            self.assertEqual(says, flag not in flags and platform.machine() == "x86_64", result.stderr)


class Profile(Methods):
    def test_a_timeline_that_cannot_be_written_is_refused_before_the_run(self):
        nowhere = self.folder / "none" / "trace.json"
        self.refuse_training("--chrome-trace", nowhere, words=["none/trace.json: cannot be written: No such file or directory"])

    def test_parts_are_in_the_summary_the_report_and_a_trace(self):
        timeline = self.out.with_suffix(".trace.json")
        summary = self.train("--stop", "steps:4", "--probe-every", 2, "--profile", "--chrome-trace", timeline, steps=4)
        parts = {part["phase"]: part for part in summary["profile"]}
        for name, count in [("loading", 1), ("loading/opening", 1), ("training", 1), ("training/step", 4), ("training/step/unet", 4),
                            ("training/step/backward", 4), ("training/step/optimizer", 4), ("training/probe", 2)]:  # fmt: skip
            self.assertEqual(parts[name]["count"], count, name)
            self.assertGreater(parts[name]["seconds"], 0, name)
            self.assertGreater(parts[name]["resident_bytes"], 50 << 20, name)
        self.assertGreaterEqual(parts["training"]["seconds"], parts["training/step"]["seconds"] + parts["training/probe"]["seconds"])
        self.assertAlmostEqual(summary["seconds"], sum(part["seconds"] for path, part in parts.items() if "/" not in path), places=6)
        self.assertIn("training/step/backward", (self.out / "report.html").read_text())
        events = json.loads(timeline.read_text())["traceEvents"]
        self.assertEqual(sum(event["name"] == "step" for event in events), 4)
        self.assertEqual({event["ph"] for event in events}, {"X"})

    def test_parts_are_silent_unless_asked_for(self):
        self.assertNotIn("profile", self.train("--stop", "steps:1", steps=1))


class Loss(Methods):
    def test_each_option_makes_another_run_and_none_the_usual_one(self):
        self.train()
        usual = self.trace()
        self.assertNotIn("vectors_norm", usual[0])
        self.train("--vectors-norm")
        self.assertEqual([{**line, "vectors_norm": 0} for line in usual], [{**line, "vectors_norm": 0} for line in self.trace()])
        self.assertGreater(self.trace()[0]["vectors_norm"], 0)
        losses = {tuple(line["loss"] for line in usual)}
        for options in [["--min-snr", 0.001], ["--noise-offset", 0.1], ["--max-gradient-norm", 1e-6]]:
            self.train(*options)
            losses.add(tuple(line["loss"] for line in self.trace()))
        self.assertEqual(len(losses), 4)

    def test_the_probe_is_weighed_and_its_noise_is_plain(self):
        def probe(*options):
            self.train("--learning-rate", 1e-12, *options, steps=1)
            return self.trace()[0]["probe_loss"]

        usual = probe()
        self.assertLess(probe("--min-snr", 0.01), 0.9 * usual)
        self.assertAlmostEqual(probe("--noise-offset", 0.5), usual, places=6)

    def test_wrong_values_are_refused(self):
        for option, value in {"--min-snr": 0, "--noise-offset": -1, "--max-gradient-norm": 0}.items():
            self.refuse_training(option, value, words=[option, str(value)])


class Average(Methods):
    def test_it_is_given_in_place_of_the_last_and_changes_no_step(self):
        self.train(steps=4)
        usual, embedding, best = self.trace(), self.embedding(), self.embedding("learned_embeds_best.safetensors")
        self.train("--ema", 0.5, steps=4)
        self.assertEqual(self.trace(), usual)
        self.assertNotEqual(self.embedding(), embedding)
        self.assertEqual(self.embedding("learned_embeds_best.safetensors"), best)
        self.assertIn(b'"dvar.chosen":"the moving average"', (self.out / "learned_embeds.safetensors").read_bytes())
        averaged = self.embedding()
        self.train("--ema", 0.5, "--ema-power", 2, steps=4)
        self.assertNotEqual(self.embedding(), averaged)
        # The first step takes the place of what the token begins as.
        self.train("--ema", 0.9999, steps=1)
        first = self.embedding()
        self.train(steps=1)
        self.assertEqual(self.embedding(), first)

    def test_wrong_values_are_refused(self):
        self.refuse_training("--ema", 1, words=["--ema", "1"])
        self.refuse_training("--ema", 0.5, "--ema-power", 0, words=["--ema-power", "0"])
        self.refuse_training("--ema-power", 1, words=["--ema-power", "expected --ema with it"])


class Pivotal(Methods):
    """First the token, then a LoRA around it, as docs/methods.md has it: two runs, each with its own stop."""

    def test_a_lora_is_learned_around_a_learned_token(self):
        pivot = self.folder / "pivot.safetensors"
        first = self.train("--stop", "threshold:limit=100,after=2", "--learning-rate", 0.05, steps=9)
        self.assertEqual((first["stop_rule"], first["step"]), ("threshold", 3))
        token, last = self.embedding(), self.trace()[-1]["probe_loss"]
        shutil.copy(self.out / "learned_embeds.safetensors", pivot)
        lora = ["--method", "dreambooth-lora", "--lora-learning-rate", 0.02, "--stop", "patience:patience=1,min_delta=1"]
        for method in [lora, ["--method", "custom-diffusion", "--no-rescale", *lora[4:]]]:
            second = self.train(*method, "--freeze-token", init=f"file:{pivot}", steps=9)
            self.assertEqual((second["stop_rule"], second["step"]), ("patience", 2))
            self.assertEqual(self.embedding(), token, "it is frozen, and written beside what was learned around it")
            trace = self.trace()
            self.assertAlmostEqual(trace[0]["untouched_probe_loss"], last, places=6, msg="it begins where the first ended")
            self.assertNotEqual(trace[0]["probe_loss"], last)
        # Without --freeze-token the token goes on, at its own rate.
        self.train(*lora, "--learning-rate", 1e-3, init=f"file:{pivot}", steps=9)
        self.assertNotEqual(self.embedding(), token)


class TokenUpdate(Methods):
    def norms(self, *more):
        self.train("--vectors-norm", "--token-update", *more)
        return [line["vectors_norm"] for line in self.trace()]

    def test_vectors_keep_their_norm(self):
        for kind in ["norm-preserving", "directional"]:
            for norm in self.norms(kind, "--token-norm", 2.5, "--learning-rate", 0.1):
                self.assertAlmostEqual(norm, 2.5, places=4)
            norms = self.norms(kind)
            self.assertAlmostEqual(norms[0], norms[-1], places=4)

    def test_a_directional_update_has_a_rate_of_its_own(self):
        self.train("--token-update", "directional")
        usual = self.embedding()
        self.assertEqual(json.loads((self.out / "config.json").read_text())["learning_rate"], 0.01)
        self.train("--token-update", "directional", "--learning-rate", 0.01)
        self.assertEqual(self.embedding(), usual)
        self.train("--token-update", "directional", "--direction-prior", 10)
        self.assertNotEqual(self.embedding(), usual)

    def test_what_does_not_fit_is_refused(self):
        directional = ["--token-update", "directional"]
        self.refuse_training("--token-update", "sideways", words=["--token-update", "free, norm-preserving or directional", "sideways"])
        self.refuse_training("--token-norm", 1, words=["--token-norm", "expected --token-update norm-preserving or directional with it"])
        self.refuse_training("--direction-prior", 1, "--token-update", "norm-preserving", words=["--direction-prior", "directional"])
        self.refuse_training(*directional, "--optimizer", "sgd", words=["--optimizer", "--token-update directional"])
        self.refuse_training(*directional, "--weight-decay", 0.1, words=["--weight-decay", "--token-update directional"])
        self.refuse_training(*directional, "--method", "dreambooth-lora", "--freeze-token", words=["--token-update", "no --freeze-token"])
        zeros = self.folder / "zeros.safetensors"
        width = 160
        header = json.dumps({"<zero>": {"dtype": "F32", "shape": [1, width], "data_offsets": [0, 4 * width]}}).encode()
        zeros.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4 * width))
        self.refuse_training(*directional, "--init", f"file:{zeros}", words=["--token-update directional", "with a direction", "zeros"])


class Stopping(Methods):
    def test_says_why_everywhere(self):
        summary = self.train("--stop", "steps:2", steps=9)
        self.assertEqual((summary["stop_rule"], summary["step"]), ("step_limit", 2))
        self.assertIn("Stopped at step 2: the limit of 2 steps is reached", self.messages)
        outcome = json.loads((self.out / "config.json").read_text())["outcome"]
        self.assertEqual(outcome["stop_rule"], "step_limit")
        self.assertEqual(outcome["best"]["measure"], "probe loss")

    def test_any_of_several_rules(self):
        summary = self.train("--stop", "dvar:v1", "--stop", "threshold:limit=100,after=3", steps=9)
        self.assertEqual((summary["stop_rule"], summary["step"]), ("threshold", 4))

    def test_dvar_by_its_own_window(self):
        self.assertEqual(self.train("--window", 3, "--threshold", 1, steps=9)["stop_rule"], "variance_ratio")
        # The same rule as its text, and replayed on the trace.
        stopped = self.train("--stop", "dvar:window=3,threshold=1", steps=9)["step"]
        rows = json.loads(self.run_program("replay", self.out / "trace.jsonl", "--window", 3, "--threshold", 1, "--json").stdout)
        self.assertEqual(rows[0]["stopped_at"], stopped)

    def test_plain_dvar_keeps_its_window_beside_others(self):
        self.train("--stop", "dvar:v1", "--stop", "dvar", "--window", 4, "--threshold", 1, steps=9)
        configuration = json.loads((self.out / "config.json").read_text())
        self.assertEqual((configuration["stop"], configuration["window"]), (["dvar:v1", "dvar"], 4))
        rows = json.loads(self.run_program("replay", self.out / "trace.jsonl", "--window", 4, "--threshold", 1, "--json").stdout)
        self.assertEqual(self.trace()[-1]["step"], rows[0]["stopped_at"])

    def test_an_update_that_overflows_does_not_reach_the_embedding(self):
        summary = self.train("--optimizer", "sgd", "--learning-rate", "1e30", "--weight-decay", "1e12", steps=9, status=4)
        self.assertEqual((summary["stop_rule"], summary["step"]), ("non_finite", 1))
        self.assertIn("the update was not finite at step 1", self.messages)
        overflowed = self.embedding()
        self.train("--learning-rate", "1e-30", "--weight-decay", 0, steps=1)
        self.assertEqual(self.embedding(), overflowed, "that of step 0")

    # The first score is the best; the second and third are no improvement by 0.9.
    def test_clip_after_its_patience_and_not_one_later(self):
        summary = self.train("--stop", "clip:every=2,eps=0.9,patience=2", "--score-samples", 1, "--score-steps", 1, steps=20)
        self.assertEqual((summary["stop_rule"], summary["step"]), ("clip_s", 6))
        scores = {line["step"]: line["clip_score"] for line in self.trace() if "clip_score" in line}
        self.assertEqual(sorted(scores), [2, 4, 6])
        self.assertEqual(summary["best"]["measure"], "CLIP score")
        self.assertEqual(summary["best"]["value"], max(scores.values()))
        rows = json.loads(self.run_program("replay", self.out / "trace.jsonl", "--stop", "clip:eps=0.9,patience=2/9", "--json").stdout)
        self.assertEqual([row["stopped_at"] for row in rows], [6, None])
        # Scoring does not disturb the training.
        scored = self.embedding()
        self.train(steps=6)
        self.assertEqual(self.embedding(), scored)

    def test_the_best_embedding_is_that_of_its_step(self):
        best = self.train(steps=6)["best"]
        lowest = min(self.trace(), key=lambda line: line["probe_loss"])
        self.assertEqual(best["step"], lowest["step"])
        kept = self.embedding("learned_embeds_best.safetensors")
        self.train(steps=best["step"])
        self.assertEqual(self.embedding(), kept)

    def test_refusals(self):
        for arguments, words in [
            (["--stop", "steps:none"], ["--stop steps:none", "whole number"]),
            (["--stop", "patiance"], ["--stop patiance", "did you mean 'patience'?", "expected one of"]),
            (["--stop", "dvar:window=1"], ["window"]),
            (["--stop", "dvar:v1", "--window", "9"], ["--window", "--stop dvar"]),
            (["--stop", "clip:eps=-1"], ["--stop clip:eps=-1"]),
            (["--window", "1"], ["--window"]),
            (["--threshold", "0"], ["--threshold"]),
            (["--score-every", "-1"], ["--score-every"]),
            (["--score-samples", "2"], ["--score-samples", "--stop clip"]),
            (["--score-steps", "2"], ["--score-steps", "--score-every"]),
            (["--stop", "clip:v1&dvar"], ["--stop clip:v1&dvar", "joined"]),
            (["--probe-every", "0"], ["--probe-every 0"]),
        ]:
            with self.subTest(arguments):
                self.refuse_training(*arguments, words=words)


class Initialization(Methods):
    def rank(self, *more):
        result = self.run_program("init", "--images", FROG, "--threads", 1, "--json", "--quiet", *more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_ranks_the_vocabulary_and_keeps_the_scores(self):
        first = self.rank("--top", 3, "--bottom", 2)
        places = [entry["rank"] for entry in first["ranking"]]
        self.assertEqual(places, [1, 2, 3, first["words"] - 1, first["words"]])
        scores = [entry["score"] for entry in first["ranking"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        (kept,) = (self.shared / "cache" / "dvar" / "word-scores").iterdir()
        written = kept.stat().st_mtime_ns
        self.assertEqual(self.rank("--top", 3, "--bottom", 2), first)
        self.assertEqual(kept.stat().st_mtime_ns, written, "the second time they come from the cache")
        kept.write_bytes(kept.read_bytes()[:-8])
        self.assertEqual(self.rank("--top", 3, "--bottom", 2), first, "a broken cache is none")
        # Other pictures have other scores.
        other = self.run_program("init", "--images", DEMO / "concepts" / "cherries", "--threads", 1, "--json", "--top", 3,
                                 "--templates", 1)  # fmt: skip
        self.assertNotEqual(json.loads(other.stdout)["ranking"], first["ranking"])
        self.assertEqual(len(list(kept.parent.iterdir())), 2)
        table = self.run_program("init", "--images", FROG, "--threads", 1, "--top", 1).stdout
        self.assertIn(first["ranking"][0]["word"], table)
        # Training begins with the same words.
        self.assertEqual(self.train(init="best", steps=1)["initial"], first["ranking"][0]["word"])
        self.assertEqual(self.train(init="worst", steps=1)["initial"], first["ranking"][-1]["word"])

    def test_random_words_are_a_function_of_the_seed(self):
        words = {self.train("--seed", seed, init="random", steps=1)["initial"] for seed in [1, 1, 2, 3]}
        self.assertIn(len(words), [2, 3])

    def test_several_words_are_several_vectors(self):
        self.train(init="token:red+green", steps=1)
        self.assertEqual(self.vectors(), 2)
        self.train("--vectors", 3, init="token:green", steps=1)
        self.assertEqual(self.vectors(), 3)

    def test_a_word_of_several_tokens_is_their_mean_or_all_of_them(self):
        self.train(init="token:zzzzqqqq", steps=1)
        self.assertEqual(self.vectors(), 1)
        self.assertIn('no token for "zzzzqqqq": the new one begins as the mean of its pieces', self.messages)
        self.train("--init-mode", "mean", init="token:zzzzqqqq", steps=1)
        self.assertNotIn("zzzzqqqq\":", self.messages)
        self.train("--init-mode", "spread", init="token:zzzzqqqq", steps=1)
        self.assertGreater(self.vectors(), 1)
        self.assertNotIn("no token for", self.messages)

    def test_an_embedding_goes_on_from_a_file(self):
        self.train(init="token:red+green", steps=2)
        file = self.folder / "first.safetensors"
        shutil.copy(self.out / "learned_embeds.safetensors", file)
        self.train(init=f"file:{file}", steps=1)
        self.assertEqual(self.vectors(), 2)
        self.assertNotEqual(self.embedding(), tensor_bytes(file))

    def test_refusals(self):
        for arguments, words in [
            (["--init", "good"], ["--init", "best, worst, random"]),
            (["--init", "token:"], ["--init"]),
            (["--init", "token:red++green"], ["--init"]),
            (["--init", "token:red+green", "--vectors", "3"], ["--vectors", "2"]),
            (["--init", f"file:{self.folder / 'none'}"], [str(self.folder / "none")]),
            (["--init-mode", "sum"], ["--init-mode"]),
            (["--init-templates", "99"], ["--init-templates"]),
            (["--vectors", "0"], ["--vectors"]),
        ]:
            with self.subTest(arguments):
                self.refuse_training(*arguments, words=words)
        self.refuse("--top", arguments=["init", "--images", FROG, "--top", "-1"])
        self.refuse(str(self.folder / "no"), arguments=["init", "--images", self.folder / "no"])


class Optimizers(Methods):
    def test_each_takes_other_steps(self):
        results = {}
        for options in ["adamw", "sgd", "sam", "asam", "prodigy", "sam --sam-base sgd --momentum 0.5"]:
            self.train("--optimizer", *options.split(), steps=3)
            results[options] = self.embedding()
        self.assertEqual(len(set(results.values())), 6)

    def test_the_rate_scales_with_the_inputs_of_a_step(self):
        self.train("--accumulation", 2, "--scale-lr", "--learning-rate", "1e-4", steps=2)
        scaled = self.embedding()
        self.train("--accumulation", 2, "--learning-rate", "2e-4", steps=2)
        self.assertEqual(self.embedding(), scaled)

    def test_schedules_differ_once_they_fall(self):
        results = set()
        for options in ["constant", "linear", "cosine", "polynomial --power 2"]:
            self.train("--schedule", *options.split(), steps=4)
            results.add(self.embedding())
        self.assertEqual(len(results), 4)

    def test_refusals(self):
        for arguments, words in [
            (["--optimizer", "adam"], ["--optimizer", "sam"]),
            (["--optimizer", "sam", "--sam-base", "lion"], ["--sam-base"]),
            (["--optimizer", "sam", "--sam-radius", "0"], ["--sam-radius"]),
            (["--sam-radius", "0.1"], ["--sam-radius"]),
            (["--schedule", "cosinus"], ["--schedule"]),
            (["--schedule", "polynomial", "--last-learning-rate", "1"], ["--last-learning-rate"]),
            (["--schedule", "polynomial", "--last-learning-rate", "-inf"], ["--last-learning-rate", "finite"]),
            (["--learning-rate", "0"], ["--learning-rate"]),
            (["--learning-rate", "inf"], ["--learning-rate", "finite"]),
            (["--accumulation", "0"], ["--accumulation"]),
            (["--optimizer", "sgd", "--momentum", "1"], ["--momentum"]),
            # What nothing would read:
            (["--momentum", "0.5"], ["--momentum", "sgd"]),
            (["--sam-base", "sgd"], ["--sam-base", "--optimizer sam"]),
            (["--warmup-steps", "5"], ["--warmup-steps", "constant_with_warmup"]),
            (["--schedule", "cosine", "--restarts", "2"], ["--restarts", "cosine_with_restarts"]),
            (["--schedule", "linear", "--power", "2"], ["--power", "polynomial"]),
            (["--last-learning-rate", "1e-5"], ["--last-learning-rate", "polynomial"]),
        ]:
            with self.subTest(arguments):
                self.refuse_training(*arguments, words=words)


class Probe(Methods):
    def test_what_is_fixed_stays_and_training_does_not_notice(self):
        self.train("--learning-rate", "1e-30", "--weight-decay", 0, steps=3)
        reference = self.embedding()
        self.assertEqual(len({line["probe_loss"] for line in self.trace()}), 1, "nothing that varies is left")
        for fixed in ["11110", "images,latents,noise,captions"]:
            self.train("--learning-rate", "1e-30", "--weight-decay", 0, "--probe-fixed", fixed, steps=3)
            self.assertEqual(len({line["probe_loss"] for line in self.trace()}), 3)
            self.assertEqual(self.embedding(), reference)
        self.assertEqual(json.loads((self.out / "config.json").read_text())["probe_fixed"], "11110")

    def test_all_its_other_options(self):
        self.train("--probe-accumulation", 3, "--probe-thirds", "--probe-mean-latents", "--probe-zero-noise",
                   "--probe-timesteps", "last", "--probe-every", 2, steps=2)  # fmt: skip
        first, second = self.trace()
        self.assertNotIn("probe_loss", first)
        self.assertEqual(second["probe_loss"], second["probe_loss_last"])

    def test_training_without_a_probe(self):
        summary = self.train("--probe-every", 0, "--stop", "steps:2")
        self.assertNotIn("best", summary)
        self.assertFalse((self.out / "learned_embeds_best.safetensors").exists())

    def test_refusals(self):
        for arguments, words in [
            (["--probe-fixed", "1111"], ["--probe-fixed", "1111"]),
            (["--probe-fixed", "pictures"], ["--probe-fixed", "images"]),
            (["--probe-timesteps", "middel"], ["--probe-timesteps", "middle"]),
            (["--probe-batch", "0"], ["--probe-batch"]),
            (["--probe-accumulation", "0"], ["--probe-accumulation"]),
            (["--probe-thirds", "--probe-every", "0", "--stop", "steps:2"], ["--probe-thirds", "--probe-every"]),
        ]:
            with self.subTest(arguments):
                self.refuse_training(*arguments, words=words)


class Replay(Methods):
    def setUp(self):
        super().setUp()
        # Falls by a tenth a step until step 50, then stays: patience n stops at 50 + n.
        self.file = self.folder / "trace.jsonl"
        with self.file.open("w") as file:
            for step in range(1, 101):
                file.write(json.dumps({"step": step, "loss": 1.0, "probe_loss": max(0.0, 5.0 - 0.1 * step)}) + "\n")

    def replay(self, *arguments):
        result = self.run_program("replay", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_says_where_rules_would_have_stopped(self):
        rows = json.loads(self.replay(self.file, "--stop", "patience:patience=5/10:30:10", "--stop", "steps:7", "--json"))
        self.assertEqual([row["stopped_at"] for row in rows], [55, 60, 70, 80, 7])
        self.assertEqual(rows[0]["rule"], "patience:patience=5")
        self.assertEqual(rows[0]["last_step"], 100)
        table = self.replay(self.file, "--stop", "patience:patience=5")
        self.assertRegex(table, r"patience:patience=5 +55 +100 +45 %")
        lines = self.replay(self.file, "--stop", "patience:patience=5", "--csv").splitlines()
        self.assertEqual(lines[0].split(",")[:4], ["trace", "rule", "column", "stopped_at"])
        self.assertEqual(lines[1].split(",")[1:4], ["patience:patience=5", "probe_loss", "55"])

    def test_takes_what_train_takes(self):
        texts = ["patience:patience=5/10&plateau:window=3,tolerance=1e-6", "steps:10/20", "steps:30:50:10",
                 "dvar:v1&slope_test", "dvar:v1/v2", "clip_s:every=7"]  # fmt: skip
        stops = [word for text in texts for word in ("--stop", text)]
        rows = json.loads(self.replay(self.file, *stops, "--column", "probe_loss", "--json"))
        self.assertEqual([row["rule"] for row in rows],
                         ["patience:patience=5&plateau:window=3,tolerance=1e-6",
                          "patience:patience=10&plateau:window=3,tolerance=1e-6", "steps:10", "steps:20", "steps:30",
                          "steps:40", "steps:50", "dvar:v1&slope_test", "dvar:v1", "dvar:v2", "clip_s:every=7"])  # fmt: skip
        self.assertEqual([row["stopped_at"] for row in rows[:7]], [55, 60, 10, 20, 30, 40, 50])
        figure = self.folder / "joined.svg"
        self.replay(self.file, "--stop", texts[0].replace("=3", "=3/4"), "--figure", figure)
        self.assertIn("plateau window", figure.read_text())

    # The table takes one pass a window, the CSV a replay a cell.
    def test_a_grid_gives_what_its_cells_give(self):
        grid = ["--window", "2:40:3", "--threshold", "0.05:1:0.05"]
        table = [line.split() for line in self.replay(self.file, *grid).splitlines()[1:]]
        cells = [line.split(",") for line in self.replay(self.file, *grid, "--csv").splitlines()[1:]]
        self.assertEqual(len(table), 13 * 20)
        # In CSV the rule, which has a comma, is quoted.
        self.assertEqual([line[2] for line in table], [cell[4] or "-" for cell in cells])
        self.assertGreater(len({line[2] for line in table}), 20)
        for line, cell in zip(table, cells):
            value = float(cell[8]) if cell[8] else None
            self.assertEqual(line[-1], "-" if value is None else f"{value:.6g}")

    def test_a_rare_column_of_a_long_trace(self):
        file = self.folder / "scored.jsonl"
        lines = [{"step": step} | ({"clip_score": 0.5} if step in (10, 20, 30) else {}) for step in range(1, 101)]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 101, "clip')
        (row,) = json.loads(self.replay(file, "--stop", "clip:patience=2", "--json"))
        self.assertEqual((row["stopped_at"], row["last_step"]), (30, 100))

    def test_every_rule_on_numbers_can_be_replayed(self):
        message = self.run_program("replay", self.file, "--stop", "none").stderr
        names = message.strip().rpartition("expected one of ")[2].split(", ")
        self.assertIn("variance_ratio", names)
        for name in names:
            if name == "wall_clock_limit":
                self.refuse(name, arguments=["replay", self.file, "--stop", name + ":seconds=1"])
            else:
                required = ":limit=3" if name in ["threshold", "divergence", "step_limit", "steps"] else ""
                self.replay(self.file, "--stop", name + required, "--column", "probe_loss")

    def test_grids_of_several_traces_as_a_table_and_a_heat_map(self):
        other = self.folder / "other.csv"
        other.write_text("step,probe_loss\n" + "".join(f"{step},{5 - 0.1 * step}\n" for step in range(1, 101)))
        figure = self.folder / "grid.svg"
        table = self.replay(self.file, other, "--window", "10:30:10", "--threshold", "0.05,0.2", "--figure", figure)
        self.assertIn("dvar:window=20,threshold=0.2", table)
        self.assertIn("2 of 2", table)
        drawing = figure.read_text()
        for word in ["<svg", "window", "threshold", "median of 2 traces"]:
            self.assertIn(word, drawing)
        page = self.folder / "grid.html"
        self.replay(self.file, "--stop", "patience:patience=5/10", "--figure", page)
        self.assertIn("<td>55</td>", page.read_text())

    def test_refusals(self):
        nowhere = self.folder / "nowhere.jsonl"
        broken = self.folder / "broken.jsonl"
        broken.write_text("no trace\n{}\n")
        scored = {}
        for name, line in [("step", {"step": "x", "clip_score": 1}), ("value", {"step": 2, "clip_score": "high"}),
                           ("none", {"clip_score": 1})]:  # fmt: skip
            scored[name] = self.folder / f"{name}.jsonl"
            scored[name].write_text('{"step": 1, "clip_score": 0.5}\n' + json.dumps(line) + "\n")
        for arguments, words in [
            ([nowhere], [str(nowhere)]),
            ([broken], [str(broken)]),
            ([self.file, "--column", "clip_score"], [str(self.file), "clip_score"]),
            ([broken, "--stop", "clip"], [str(broken), "expected a column of steps"]),
            ([scored["step"], "--stop", "clip"], [str(scored["step"]), "line 2", '"step" is "x"', "whole number"]),
            ([scored["value"], "--stop", "clip"], ["line 2", '"clip_score" is "high"', "expected a number"]),
            ([scored["none"], "--stop", "clip"], ["line 2", 'no "step"']),
            ([self.file, "--stop", "clip:v1&dvar"], ["--stop clip:v1&dvar", "joined"]),
            ([self.file, "--stop", "patience:patience=1:1000:1,min_delta=0:1:0.001"], ["--stop", "100000"]),
            ([self.file, "--window", "10:5:1"], ["--window", "10:5:1"]),
            ([self.file, "--window", "a:b:c"], ["--window"]),
            ([self.file, "--threshold", "2"], ["threshold"]),
            ([self.file, "--stop", "nothing"], ["--stop nothing"]),
            ([self.file, "--stop", "patience:patience=1//2"], ["--stop"]),
            ([self.file, "--figure", self.folder / "x.png"], ["--figure"]),
            ([self.file, "--figure", self.folder / "x.svg"], ["--figure", "several values"]),
            ([self.file, "--csv", "--json"], ["--csv"]),
        ]:
            with self.subTest(arguments):
                self.refuse(*words, arguments=["replay", *arguments])


if __name__ == "__main__":
    unittest.main()
