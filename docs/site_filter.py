"""Rewrites a file for Doxygen, which calls this for each.

Pages, which are written for any reader of Markdown:

- A heading gets the label that links to it need, "{#docs_guide_md-tuning}": this Doxygen gives headings none.
- A link to a heading becomes a reference to that label.
- A link to a file that is no page becomes its path from the project's root, where the site has a copy.
- A picture is named by its file alone, as Doxygen copies all pictures into one directory.

Headers: the functions that all criteria and statistics have, which their concepts describe once, get that description in
every class that says nothing more of them, on the same line.

Usage: site_filter.py ROOT FILE
"""

import collections
import os
import pathlib
import re
import sys

FENCE = re.compile(r"^(\s*)(```|~~~)")
HEADING = re.compile(r"^(#{2,6} +)(.+?) *#*$")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


COMMON = {
    "observe": "Takes the next observation.",
    "latest": "The verdict on all observations so far, as `observe` returned it.",
    "reason": "The latest verdict in a sentence for people.",
    "operator==": "Whether all members are equal.",
    "options": "The settings that it was made with.",
    "best": "The best of all observations, and where it was.",
    "better": "Which way is better.",
    "due": "Whether the probe runs after this step.",
    "limit": "The limit that it was made with.",
    "minimum": "The minimum that it was made with.",
    "share": "The share that it was made with.",
    "stride": "The stride that it was made with.",
    "times": "The number of times that it was made with.",
    "width": "The width that it was made with.",
    "reset": "Forgets every observation: equal to a new object of the same settings.",
    "report": "Shows the rule's own numbers, as of the latest verdict.",
    "state": "Shows an archive the exact state, for saving and for loading.",
}
MEMBER = re.compile(r"^  (?:\[\[nodiscard\]\] )?[\w:<>&]+(?: [\w:<>&]+)* (operator==|\w+)\(")


# The namespaces of a version and of a vector's width, which nobody writes.
INLINE = re.compile(r"::inline (?:v\d+_\d+|DVAR_LANES)")


def described(lines):
    """The lines of a header, with a description before members that have none of their own."""
    before = ""
    for line in lines:
        line = INLINE.sub("", line)
        member = MEMBER.match(line)
        alone = not re.match(r"\s*(?:///|template|requires)|.*[,(]$", before)
        if member and alone and member[1] in COMMON:
            yield f"  /** {COMMON[member[1]]} */ {line.lstrip()}"
        else:
            yield line
        before = line


def anchor(heading):
    """The fragment that GitHub gives a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def label(page, fragment):
    """Labels are global, so the page is part of them."""
    return re.sub(r"\W", "_", page) + "-" + re.sub(r"[^\w-]", "_", fragment)


def rewritten(page, link):
    picture, text, target = link.groups()
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return link[0]
    path, _, fragment = target.partition("#")
    file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
    if picture:
        return f"![{text}]({os.path.basename(file)})"
    if file.endswith(".md"):
        return f"[{text}](@ref {label(file, fragment)})" if fragment else link[0]
    return f"[{text}]({file})"


def rewritten_page(page, lines):
    fenced, times = False, collections.Counter()
    for line in lines:
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            line = LINK.sub(lambda link: rewritten(page, link), line)
            if heading := HEADING.match(line):
                # As GitHub does, which numbers headings that are alike.
                fragment = anchor(heading[2])
                number = f"-{times[fragment]}" if times[fragment] else ""
                times[fragment] += 1
                line = f"{line} {{#{label(page, fragment + number)}}}"
        yield line


def main(root, path):
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    page = os.path.relpath(path, root)
    print(*(rewritten_page(page, lines) if page.endswith(".md") else described(lines)), sep="\n")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(*sys.argv[1:])
