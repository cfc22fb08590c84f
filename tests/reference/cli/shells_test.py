"""What a shell shows of dvar: help in the columns that there are, manual pages, and completion by Bash, Zsh and fish."""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from program import PROGRAM

COMMANDS = ["train", "sample", "score", "init", "inspect", "replay", "watch", "sweep", "pretrain", "completion"]


def printed(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def help_of(command):
    return printed(command, "--help") if command else printed("--help")


def options_of(command):
    return re.findall(r"^\| `(--[a-z0-9-]+)` ", printed("options", command), re.M)


def printed_in_terminal(columns, *arguments):
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, *arguments], stdout=child)
    os.close(child)
    text = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:  # as Linux ends a terminal
            break
        if not part:
            break
        text += part
    os.close(parent)
    assert process.wait(60) == 0
    return text.decode().replace("\r\n", "\n")


class Help(unittest.TestCase):
    def test_the_commands_are_those_of_this_test(self):
        self.assertEqual(re.findall(r"^  ([a-z]+) {3}", help_of("").partition("Subcommands:")[2], re.M), COMMANDS)

    def test_no_line_is_wider_than_a_page_or_more_than_ascii(self):
        for command in ["", *COMMANDS, "options", "manual"]:
            for line in help_of(command).splitlines():
                self.assertLessEqual(len(line), 80, f"{command}: {line}")
                self.assertTrue(line.isascii(), f"{command}: {line}")

    def test_nothing_is_lost_where_lines_are_broken(self):
        words = " ".join(help_of("train").split())
        for sentence in ["Cut the centered square instead of squeezing the whole picture into one",
                         "clip:every=K,eps=E,patience=P, or another rule on the probe loss with its options",
                         "Schedule of the learning rate over --max-steps: constant, constant_with_warmup, linear"]:
            self.assertIn(sentence, words)

    def test_a_narrow_terminal_has_lines_of_its_width(self):
        for columns in 45, 70, 200:
            text = printed_in_terminal(columns, "train", "--help").partition("\nExamples:")[0]
            self.assertEqual(text.split(), help_of("train").partition("\nExamples:")[0].split())
            longest = max(map(len, text.splitlines()))
            self.assertLessEqual(longest, min(columns, 80))
            self.assertGreater(longest, min(columns, 80) - 8)


class Manual(unittest.TestCase):
    def pages(self):
        yield "dvar", printed("manual")
        for command in COMMANDS:
            yield f"dvar-{command}", printed("manual", command)

    def test_pages_name_every_option_and_default(self):
        for command in COMMANDS:
            page = printed("manual", command).replace("\\-", "-")
            for option in options_of(command):
                self.assertIn(f"\\fB{option}\\fR", page)
        self.assertIn("(default: 0.0005)", printed("manual", "train"))

    def test_the_first_page_names_every_command(self):
        page = printed("manual")
        for command in COMMANDS:
            self.assertIn(f"\n\\fB{command}\\fR\n", page)
            self.assertIn(f".BR dvar\\-{command} (1)", page)

    def formatted(self, page, *command):
        result = subprocess.run(command, input=page, capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (0, ""), page)
        return result.stdout

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_groff_has_nothing_to_warn_of(self):
        for name, page in self.pages():
            text = self.formatted(page, "groff", "-ww", "-man", "-Tascii", "-P-cbou")
            self.assertTrue(text.strip().startswith(name.upper() + "(1)"), text[:80])
        example = "dvar train --images my-drawings --token '<thing>' --output out\n"
        self.assertIn(example, self.formatted(printed("manual", "train"), "groff", "-man", "-Tascii", "-P-cbou"))

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc")
    def test_mandoc_has_nothing_to_warn_of_but_the_date(self):
        for _, page in self.pages():
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page, capture_output=True, text=True, timeout=60)
            found = [line for line in (result.stdout + result.stderr).splitlines() if "missing date" not in line]
            self.assertEqual(found, [])


class Completion(unittest.TestCase):
    """Has folders and files to complete, and what every shell is to make of them."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.place = self.folder / "place"
        self.place.mkdir()
        (self.place / "my drawings").mkdir()
        (self.place / "masks").mkdir()
        for name in "model.safetensors", "trace.jsonl", "my notes.txt":
            (self.place / name).touch()

    def expect(self, line, *words):
        self.assertEqual(sorted(self.completed(line)), sorted(words), line)

    def check_what_every_shell_completes(self):
        self.expect("dvar tr", "train")
        self.expect("dvar s", "sample", "score", "sweep")
        self.expect("dvar train --mask-b", "--mask-background")
        self.expect("dvar train --optimizer a", "adamw", "asam")
        self.expect("dvar train --device c", "cpu", "cuda")
        self.expect("dvar completion ", "bash", "zsh", "fish")
        self.expect("dvar help swe", "sweep")
        self.expect("dvar train --batch ")
        self.expect("dvar train --captions --quie", "--quiet")
        for command in COMMANDS:
            for option in options_of(command):
                self.assertIn(option, self.completed(f"dvar {command} {option}"))


@unittest.skipUnless(shutil.which("bash"), "no Bash")
class Bash(Completion):
    def setUp(self):
        super().setUp()
        self.script = self.folder / "dvar"
        self.script.write_text(printed("completion", "bash"))

    def completed(self, line):
        # compopt is Bash's own, and fails outside of a completion.
        command = """source "$1"; compopt() { :; }; COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
                     _dvar && printf '%s\\n' "${COMPREPLY[@]}" """
        result = subprocess.run(["bash", "--norc", "-c", command, "bash", self.script, line], cwd=self.place, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.stderr, "")
        return [word for word in result.stdout.splitlines() if word]

    def test_completes_commands_options_and_values(self):
        self.check_what_every_shell_completes()

    def test_completes_files_and_folders(self):
        self.expect("dvar train --images m", "masks", "my drawings")
        self.expect("dvar train --images 'my d", "my drawings")
        self.expect("dvar train --images my\\ d", "my drawings")
        self.expect("dvar train --images=ma", "masks")
        self.expect("dvar replay t", "trace.jsonl")
        self.expect("dvar sample --model mo", "model.safetensors")
        self.expect("dvar train --model d", "demo")

    def test_completes_what_follows_breaks_of_bash(self):
        self.expect("dvar train --optimizer=a", "adamw", "asam")
        self.expect("dvar train --optimizer=", "adamw", "asam", "prodigy", "sam", "sgd")
        self.expect("dvar train --stop dvar:", "v1", "v2")
        self.expect("dvar train --stop=dvar:v", "v1", "v2")
        self.expect("dvar train --init tok", "token:")

    def test_completes_as_it_is_typed(self):
        shell = typed_shell(self, "bash", ["--norc", "--noprofile"])
        shell.tell(f"source '{self.script}'")
        shell.tell("""bind -x '"\\C-xw": printf %s "$READLINE_LINE" >"$LINE"'""")
        shell.expect("dvar train --mask-b\t", "dvar train --mask-background ")
        shell.expect("dvar train --images=my\t", "dvar train --images=my\\ drawings/")
        shell.expect("dvar train --init tok\tfrog", "dvar train --init token:frog")
        shell.expect("dvar train --stop dvar:v\t1", "dvar train --stop dvar:v1")


@unittest.skipUnless(shutil.which("zsh"), "no Zsh")
class Zsh(Completion):
    def test_completes_as_it_is_typed(self):
        functions = self.folder / "functions"
        functions.mkdir()
        (functions / "_dvar").write_text(printed("completion", "zsh"))
        # Found in fpath, as it is installed, and read at once.
        for begin in f"fpath+=('{functions}'); autoload -Uz compinit; compinit -D -u", \
                     f"autoload -Uz compinit; compinit -D -u; source '{functions}/_dvar'":
            shell = typed_shell(self, "zsh", ["-f"])
            shell.tell("unsetopt beep; setopt no_list_beep")
            shell.tell(begin)
            shell.tell('keep() { print -rn -- $BUFFER >$LINE }; zle -N keep; bindkey "^Xw" keep')
            shell.expect("dvar tr\t", "dvar train ")
            shell.expect("dvar train --mask-b\t", "dvar train --mask-background=")
            shell.expect("dvar train --optimizer as\t", "dvar train --optimizer asam ")
            shell.expect("dvar train --optimizer=as\t", "dvar train --optimizer=asam ")
            shell.expect("dvar train --images my\t", "dvar train --images my\\ drawings/")
            shell.expect("dvar train --init tok\tfrog", "dvar train --init token:frog")
            shell.expect("dvar train --stop dvar:v\t1", "dvar train --stop dvar:v1")
            shell.expect("dvar train --stop dvar --stop pati\t", "dvar train --stop dvar --stop patience ")
            shell.expect("dvar replay tr\t", "dvar replay trace.jsonl ")
            shell.expect("dvar completion f\t", "dvar completion fish ")
            shell.expect("dvar help swe\t", "dvar help sweep ")

    def test_knows_every_option(self):
        script = printed("completion", "zsh")
        for command in COMMANDS:
            section = re.search(rf"^    {command}\)\n(.*?)^      ;;$", script, re.M | re.S)[1]
            for option in options_of(command):
                self.assertRegex(section, rf"'\*?{option}=?\[")


@unittest.skipUnless(shutil.which("fish"), "no fish")
class Fish(Completion):
    def completed(self, line):
        script = self.folder / "dvar.fish"
        if not script.exists():
            script.write_text(printed("completion", "fish"))
        result = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', str(script), line],
                                cwd=self.place, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual(result.stderr, "")
        return [word.partition("\t")[0] for word in result.stdout.splitlines()]

    def test_completes_commands_options_and_values(self):
        self.check_what_every_shell_completes()
        self.expect("dvar train --optimizer=a", "--optimizer=adamw", "--optimizer=asam")
        self.expect("dvar train --stop dvar:", "dvar:v1", "dvar:v2")

    def test_completes_files_and_folders(self):
        self.expect("dvar train --images m", "masks/", "my drawings/")
        self.expect("dvar replay t", "trace.jsonl")
        self.expect("dvar sample --model mo", "model.safetensors")
        self.expect("dvar train --model d", "demo")


class typed_shell:
    """An interactive shell at a terminal; Control-X w keeps the line that stands there in the file $LINE."""

    def __init__(self, test, program, arguments):
        self.test = test
        self.line = test.folder / "line"
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        environment = {**os.environ, "TERM": "vt100", "LINE": str(self.line), "PS1": "> ", "HOME": str(test.folder), "INPUTRC": "/dev/null"}
        self.process = subprocess.Popen([program, *arguments, "-i"], cwd=test.place, stdin=child, stdout=child, stderr=child,
                                        env=environment, start_new_session=True)
        os.close(child)
        self.terminal = parent
        test.addCleanup(self.end)

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def write(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, file):
        """Reads what the shell shows, so that it does not wait, until the file is there."""
        deadline = time.monotonic() + 60
        while not file.exists():
            self.test.assertLess(time.monotonic(), deadline, f"no {file.name}")
            if select.select([self.terminal], [], [], 0.05)[0]:
                os.read(self.terminal, 65536)

    def tell(self, command):
        done = self.test.folder / "done"
        self.write(f"{command}; : >'{done}'\n")
        self.wait_for(done)
        done.unlink()

    def expect(self, typed, line):
        self.write(typed)
        self.write("\x18w")
        self.wait_for(self.line)
        time.sleep(0.05)
        found = self.line.read_text()
        self.line.unlink()
        self.write("\x15")  # Control-U takes the line away
        self.test.assertEqual(found, line)


if __name__ == "__main__":
    unittest.main()
