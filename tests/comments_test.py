"""Checks that documentation comments read as sentences, and prints a line for everything that is wrong.

- The first sentence of a `///` comment says what the thing is or does, so that it means something by itself: it does not
  begin with a word that only points elsewhere ("Them", "The same"), or with a preposition ("Of the window").
- What is thrown is said in one form: Throws `type` when …

Usage: comments_test.py ROOT
"""

import pathlib
import re
import sys

FOLDERS = ("include", "bindings", "reference", "bench", "tests", "docs")
SUFFIXES = {".hpp", ".cpp", ".h"}
NO_SUBJECT = re.compile(
    r"(?:Them|Those|That|These|Its|Theirs?|Likewise|Ditto|Idem|Nowhere|Also|Of|By|As|With|Without|For|From|To|At|Like"
    r"|The same|The other|The rest|Does it|Does so|Not|None|See)\b"
    r"|(?:of|by|as|with|without|for|from|to|at|like|the|a|an|in|on|what|whether|how|which|where|when|if|likewise)\b"
)
COMMAND = re.compile(r"[\\@](?:throws?|exception)\b")
BARE_TYPE = re.compile(r"\b[Tt]hrows (?:std::|dvar::|[a-z]+_error\b)")


def blocks(lines):
    """The `///` comments, each as the number of its first line, from 1, and its text."""
    start, text = 0, []
    for number, line in enumerate([*lines, ""], 1):
        found = re.match(r"\s*///(?!<) ?(.*)", line)
        if found:
            start = start or number
            text.append(found[1])
        elif text:
            yield start, text
            start, text = 0, []


def problems(lines):
    for number, text in blocks(lines):
        first = next((line for line in text if line.strip() and not line.startswith("\\file")), "")
        if found := NO_SUBJECT.match(first):
            yield number, f"begins with '{found[0]}': expected what the thing is or does"
    for number, line in enumerate(lines, 1):
        comment = re.search(r"//.*", line)
        if comment and (found := COMMAND.search(comment[0]) or BARE_TYPE.search(comment[0])):
            yield number, f"has '{found[0]}': expected Throws `type` when …"


def main(root):
    wrong = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in SUFFIXES:
                continue
            for number, problem in problems(path.read_text(encoding="utf-8").splitlines()):
                print(f"{path.relative_to(root)}:{number}: {problem}")
                wrong += 1
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
