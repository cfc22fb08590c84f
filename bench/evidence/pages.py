"""Tables within pages that are otherwise written by hand."""

import re


def put_table(folder, name, table):
    """Puts a table between the marks of its name in whichever page of the folder has them, else into NAME.md."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    for page in sorted(folder.glob("*.md")):
        text = page.read_text()
        if marks.search(text):
            page.write_text(marks.sub(lambda found: found[1] + table + "\n" + found[2], text))
            return
    (folder / f"{name}.md").write_text(table + "\n")
