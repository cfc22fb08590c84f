"""Opens made-up reports in a headless browser: no message in the console, all parts there, nothing fetched.

usage: check_in_browser.py --browser chromium --make-report BINARY --output DIR
"""

import argparse
import html.parser
import pathlib
import subprocess
import sys
import tempfile

# Sections that the page has to show for each made-up run.
EXPECTED = {
    "usual": ["Before and after", "Learned from", "The run", "Time", "Configuration"],
    "long": ["Before and after", "Learned from", "The run", "Time", "Configuration"],
    "hostile": ["Before and after", "Learned from", "The run", "Time", "Configuration"],
    "empty": [],
}


class Page(html.parser.HTMLParser):
    """What stands on the page after its script has run."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.sources, self.canvases, self.scripts, self.images = [], [], 0, 0, 0
        self.in_heading = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.in_heading = tag == "h2"
        self.canvases += tag == "canvas" and int(attributes.get("width", 0)) > 100
        self.scripts += tag == "script"
        self.images += tag == "img"
        self.sources += [attributes[key] for key in ("src", "href") if key in attributes]

    def handle_data(self, text):
        if self.in_heading:
            self.headings.append(text)
            self.in_heading = False


def browse(browser, file, *options):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--enable-logging=stderr", f"--user-data-dir={profile}", "--virtual-time-budget=4000", *options,
             file.as_uri()],
            capture_output=True, text=True, timeout=120, check=True)


def check(browser, make_report, folder, kind):
    file = folder / f"{kind}.html"
    subprocess.run([make_report, kind, file], check=True)
    run = browse(browser, file, "--dump-dom")
    failures = [line for line in run.stderr.splitlines() if ":CONSOLE" in line]
    page = Page(run.stdout)
    if page.headings != EXPECTED[kind]:
        failures.append(f"sections: expected {EXPECTED[kind]}, got {page.headings}")
    if page.canvases != (0 if kind == "empty" else 4):
        failures.append(f"charts: got {page.canvases}")
    if page.images != (0 if kind == "empty" else 20):
        failures.append(f"pictures: got {page.images}")
    if page.scripts != 3:
        failures.append(f"scripts: expected the page's own 3, got {page.scripts}")
    failures += [f"fetches {source[:80]}" for source in page.sources if not source.startswith("data:")]
    return [f"{kind}: {failure}" for failure in failures]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", required=True)
    parser.add_argument("--make-report", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for kind in EXPECTED:
        failures += check(arguments.browser, arguments.make_report, folder, kind)
    print("\n".join(failures) or "all reports open without a message")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
