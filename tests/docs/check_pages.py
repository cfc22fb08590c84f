"""Checks the Markdown pages below a directory, and prints a line for everything that is wrong.

- A relative link or picture leads to a file, and a fragment (#…) to a heading of that page; it stands on one line, where the site's
  filter finds it.
- A page in docs/ is linked to from another page.
- A ```cpp, ```c or ```python block is part of a program that compiles and runs: the comment above it names the file,
  <!-- docs/examples/x.cpp -->, its lines stand there one after another, indented as one likes, and the list of examples
  that are built and tested, docs/examples/CMakeLists.txt, has that program (Python's are run all).
- A ```text block with such a comment is part of what a program prints, <!-- docs/examples/x.txt -->, which its test
  compares.
- Every picture in docs/images/criteria is on a page.
- The site's navigation, docs/DoxygenLayout.xml, leads to every page in docs/ but the single decisions.

Usage: check_pages.py ROOT
"""

import pathlib
import re
import sys
import textwrap

PROGRAMS = ("cpp", "c++", "c", "python")
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
HTML_PICTURE = re.compile(r"<(?:img|source)\b[^>]*?\bsrc(?:set)?=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def anchors(page):
    """The fragments that GitHub gives a page's headings."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def targets(page):
    """What a page links to within the project."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    prose = re.sub(r"`[^`\n]*`", "", prose)
    found = LINK.findall(prose) + HTML_PICTURE.findall(prose)
    return [target for target in found if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def broken_links(page):
    for target in targets(page):
        path, _, fragment = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists():
            yield f"link to {target}: there is no {path}"
        elif fragment and file.suffix == ".md" and fragment not in anchors(file):
            yield f"link to {target}: no heading gives #{fragment}"


def parted_links(page):
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    for link in LINK.finditer(prose):
        if "\n" in link[0] and "://" not in link[1]:
            yield f"link to {link[1]}: stands on two lines"


def orphans(root, pages):
    reached = {(page.parent / target.partition("#")[0]).resolve() for page in pages for target in targets(page)}
    for page in pages:
        if page.is_relative_to(root / "docs") and page not in reached:
            yield f"{page.relative_to(root)}: no page links to it"


def lines_of(code):
    return [line.rstrip() for line in textwrap.dedent(code).strip("\n").splitlines()]


def stands_in(lines, source):
    """Whether the lines are consecutive in the source, up to a common indentation."""
    count = len(lines)
    return any(
        lines_of("\n".join(source[first : first + count])) == lines
        for first in range(len(source) - count + 1)
    )


def wrong_quotations(root, page):
    """Blocks that are not what the file in the comment above them says."""
    text = page.read_text(encoding="utf-8")
    examples = root / "docs/examples/CMakeLists.txt"
    built = set(re.findall(r"\w+", examples.read_text(encoding="utf-8"))) if examples.is_file() else set()
    for block in FENCE.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        named = re.search(r"<!-- (\S+) -->\s*$", text[: block.start()])
        if block[2] not in (*PROGRAMS, "text") or (block[2] == "text" and not named):
            continue
        kind = f"{block[2]} block"
        if not named:
            yield f"{kind} in line {line}: no comment above it names the program that it is taken from"
            continue
        quoted = root / named[1]
        if not quoted.is_file():
            yield f"{kind} in line {line}: there is no {named[1]}"
        elif not stands_in(lines_of(block[3]), quoted.read_text(encoding="utf-8").splitlines()):
            yield f"{kind} in line {line}: these lines are not in {named[1]}"
        elif quoted.parent != examples.parent or (quoted.suffix != ".py" and quoted.stem not in built):
            yield f"{kind} in line {line}: docs/examples/CMakeLists.txt does not build and run {named[1]}"


def unused_pictures(root, pages):
    shown = {(page.parent / target).resolve() for page in pages for target in targets(page)}
    for picture in sorted((root / "docs/images/criteria").glob("*")):
        if picture not in shown:
            yield f"{picture.relative_to(root)}: on no page"


def missing_from_site(root, pages):
    layout = root / "docs/DoxygenLayout.xml"
    listed = set(re.findall(r"@ref (\w+)", layout.read_text(encoding="utf-8"))) if layout.is_file() else None
    for page in pages:
        path = page.relative_to(root)
        single_decision = path.parent.name == "decisions" and path.name != "README.md"
        if listed is not None and path.parts[0] == "docs" and not single_decision:
            if re.sub(r"[-/]", "_", f"md_{path.with_suffix('')}") not in listed:
                yield f"{path}: docs/DoxygenLayout.xml does not lead to it"


def main(root):
    pages = sorted(
        page
        for page in root.rglob("*.md")
        if not {"build", "node_modules", ".git", "broken"} & set(page.relative_to(root).parts)
    )
    problems = [
        f"{page.relative_to(root)}: {problem}"
        for page in pages
        for problem in [*broken_links(page), *parted_links(page), *wrong_quotations(root, page)]
    ]
    problems += [*orphans(root, pages), *unused_pictures(root, pages), *missing_from_site(root, pages)]
    for problem in problems:
        print(problem)
    print(f"{len(pages)} pages, {len(problems)} problems")
    return 1 if problems or not pages else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
