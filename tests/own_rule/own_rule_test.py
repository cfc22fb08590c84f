"""A rule of one's own goes from nothing to one that `--stop`, `replay`, C, Python and the table of criteria know, by what lies
beside this file alone: a header of at most 40 lines (near_bound.hpp), its test, its page, and its registration.

The toolkit's headers are copied, the header is put among them, and what uses them is built from the same sources as ever.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMPILER = [os.environ["DVAR_CXX"], *os.environ["DVAR_CXX_FLAGS"].split()]
# Where the toolkit and the trainer find what is not theirs. Searched last: the system's own directory may be among them, and
# would come before what wraps its headers.
INCLUDES = [f"-idirafter{path}" for path in dict.fromkeys(os.environ["DVAR_INCLUDES"].split(":")) if path]
INCLUDES = [option for option in INCLUDES if not option.endswith(str(ROOT / "include"))]
GTEST = os.environ["DVAR_GTEST"].split(":")
HAS_TRAINER = os.environ["DVAR_HAS_TRAINER"] == "1"
TRAINER = [
    "cli/options/accepted_values.cpp", "cli/options/common_rows.cpp", "cli/options/option_help.cpp",
    "cli/options/option_row.cpp", "cli/options/subcommand.cpp", "fmt.cpp", "reporting/heat_map.cpp", "training/stopping.cpp", "weights/atomic_file.cpp",
]

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "docs"))
import check_criteria  # noqa: E402


def output_of(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def with_line_after(text, line, added):
    """The text with another line after this one, which has to be there once."""
    assert text.count(f"{line}\n") == 1, f"expected the line {line} once"
    return text.replace(f"{line}\n", f"{line}\n{added}\n")


def registered(rules):
    """catalog/rules.hpp with the rule: an include, and its name in the list."""
    rules = with_line_after(rules, "#include <dvar/rules/movement.hpp>", "#include <dvar/rules/near_bound.hpp>")
    end = "wall_clock_limit<>>;"
    assert rules.count(end) == 1, f"expected the list to end with {end}"
    return rules.replace(end, "wall_clock_limit<>, near_bound>;")


class OwnRule(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.include = cls.folder / "include"
        shutil.copytree(ROOT / "include", cls.include)
        shutil.copy(HERE / "near_bound.hpp", cls.include / "dvar" / "rules")
        rules = cls.include / "dvar" / "catalog" / "rules.hpp"
        rules.write_text(registered(rules.read_text(encoding="utf-8")), encoding="utf-8")

        # The Python package with its library, which is the interface for C.
        package = cls.folder / "python" / "dvar"
        shutil.copytree(ROOT / "bindings" / "python" / "dvar", package)
        cls.library = package / "native.so"
        cls.c_interface = ["-I", ROOT / "bindings" / "c" / "include"]
        cls.build(
            cls.library, ROOT / "bindings/c/src/dvar.cpp", *cls.c_interface,
            "-shared", "-fPIC", "-fvisibility=hidden", "-DDVAR_C_BUILDING", '-DDVAR_VERSION="0"',
        )
        sys.path.insert(0, str(package.parent))

    @classmethod
    def build(cls, program, *arguments):
        output_of(*COMPILER, "-std=c++20", "-O0", "-I", cls.include, "-o", program, *arguments, *INCLUDES)
        return program

    def test_its_header_has_at_most_40_lines(self):
        self.assertLessEqual(len((HERE / "near_bound.hpp").read_text(encoding="utf-8").splitlines()), 40)

    def test_its_own_test_passes(self):
        sources = [HERE / "near_bound_test.cpp", ROOT / "tests/toolkit/allocations.cpp"]
        paths = [f"-Wl,-rpath,{pathlib.Path(library).parent}" for library in GTEST]
        test = self.build(self.folder / "near_bound_test", *sources, *GTEST, *paths, "-pthread")
        self.assertRegex(output_of(test), r"\[  PASSED  \] [1-9]\d* tests")

    def test_c_knows_it(self):
        program = self.folder / "in_c"
        output_of(*COMPILER, "-x", "c", HERE / "in_c.c", "-x", "none", self.library, *self.c_interface, "-o", program,
                  f"-Wl,-rpath,{self.library.parent}")
        self.assertEqual(output_of(program), "near_bound stops at 3: excess 0.05 below 0.1, of 1\n")

    def test_python_has_its_class(self):
        import dvar

        self.assertEqual(pathlib.Path(dvar.__file__).parent, self.library.parent)
        rule = dvar.NearBound(0.1)
        self.assertIn("Stops when the loss is near its bound.", dvar.NearBound.__doc__)
        self.assertIn("bound: no loss is below this; finite and above 0.", dvar.NearBound.__doc__)
        self.assertEqual(rule.report(), {"excess": None})
        self.assertFalse(rule.observe(0.2))
        self.assertEqual((rule.report(), rule.excess), ({"excess": 1.0}, 1.0))
        self.assertEqual(rule.observe(0.105), (True, False, "near_bound", rule.excess))
        same = dvar.make_rule("near_bound:bound=0.1,after=2")
        self.assertEqual(same.replay([0.105, 0.2, 0.105]), 3)
        self.assertEqual(dvar.make_rule("near_bound:0.1").save(), dvar.NearBound(bound=0.1).save())
        with self.assertRaisesRegex(ValueError, "near_bound: bound must be finite and above 0, not 0"):
            dvar.NearBound(0)
        with self.assertRaisesRegex(dvar.StateError, "near_bound's bound is 0.1 in the saved state and 0.2 here"):
            dvar.NearBound(0.2).load(rule.save())

    def test_the_table_of_criteria_has_it_and_its_page_agrees(self):
        import dvar
        from dvar import _native

        catalog = self.folder / "catalog.json"
        catalog.write_text(json.dumps(_native.catalog()), encoding="utf-8")
        rules = check_criteria.read_catalog(str(catalog))["rules"]
        (described,) = (rule for rule in rules if rule["name"] == "near_bound")
        self.assertEqual(described["reported"], ["excess"])
        row = "| `bound` | required | finite and above 0 | no loss is below this |"
        self.assertEqual(check_criteria.rows_of(described), {"bound": row})

        page = (HERE / "near_bound.md").read_text(encoding="utf-8")
        self.assertEqual(list(check_criteria.wrong_options(described, page)), [])
        self.assertEqual(list(check_criteria.wrong_words(described, ["excess"], page)), [])
        without = page.replace(check_criteria.HEADER + row + "\n", "").replace("## Options\n\n\n", "")
        self.assertNotIn("Options", without)
        self.assertEqual(check_criteria.written(described, without), page, "what --write makes of a page without the table")

    @unittest.skipUnless(HAS_TRAINER, "the trainer is not built")
    def test_stop_and_replay_know_it(self):
        reference = ROOT / "reference"
        replay = sorted((reference / "cli" / "replay").glob("*.cpp"))
        sources = [HERE / "trainer.cpp", *replay, *(reference / source for source in TRAINER)]
        trainer = self.build(self.folder / "trainer", *sources, "-I", reference)

        stop = "near_bound:bound=0.1"
        self.assertEqual(
            output_of(trainer, "train", "--stop", stop),
            f"{stop} is shown probe_loss and judges by excess, which stops below 0.1\n",
        )
        trace = self.folder / "trace.jsonl"
        losses = {3: 0.3, 6: 0.2, 9: 0.105, 12: 0.1}
        trace.write_text("".join(json.dumps({"step": step, "probe_loss": loss}) + "\n" for step, loss in losses.items()))
        (row,) = json.loads(output_of(trainer, "replay", trace, "--stop", stop, "--json"))
        self.assertEqual((row["stopped_at"], row["value"], row["observations"], row["last_step"]), (9, 0.105, 3, 12))
        self.assertEqual(row["reason"], "1.050000 of its bound")
        rows = json.loads(output_of(trainer, "replay", trace, "--stop", "near_bound:0.1/0.05/0.2", "--json"))
        self.assertEqual([row["stopped_at"] for row in rows], [9, None, 6])
        with self.assertRaisesRegex(AssertionError, "there is no rule 'near_bond' .did you mean 'near_bound'."):
            output_of(trainer, "replay", trace, "--stop", "near_bond:bound=0.1")


if __name__ == "__main__":
    unittest.main()
