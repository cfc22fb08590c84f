"""Rewrites a Markdown page for Doxygen, which calls this for each: the pages themselves are written for any reader of Markdown.

- A heading gets the label that links to it need, "{#docs_guide_md-tuning}": this Doxygen gives headings none.
- A link to a heading becomes a reference to that label.
- A link to a file that is no page becomes its path from the project's root, where the site has a copy.
- A picture is named by its file alone, as Doxygen copies all pictures into one directory.

Usage: site_filter.py ROOT PAGE
"""

import os
import pathlib
import re
import sys

FENCE = re.compile(r"^(\s*)(```|~~~)")
HEADING = re.compile(r"^(#{2,6} +)(.+?) *#*$")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


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


def main(root, path):
    page = os.path.relpath(path, root)
    fenced = False
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            line = LINK.sub(lambda link: rewritten(page, link), line)
            if heading := HEADING.match(line):
                line = f"{line} {{#{label(page, anchor(heading[2]))}}}"
        print(line)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(*sys.argv[1:])
