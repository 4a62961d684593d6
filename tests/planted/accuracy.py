#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the planted and the combined suite on every rung and writes what came out into docs/accuracy.md (`make accuracy`).

usage: accuracy.py [--recorder RUNG]... [--suite planted|combined]... [--results FOLDER] [--write-only] [--print]

The results of each suite on each rung are kept in a file of the folder, so that the runs may be made at different times;
--write-only measures nothing, --print leaves the page alone. The page's part between the two marks is written anew. Exit status 1
when a limit is broken.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "accuracy.md"
BEGIN, END = "<!-- made by `make accuracy`: begin -->\n", "<!-- made by `make accuracy`: end -->\n"
RECORDERS = ("bpf", "perf", "preload", "proc")
SUITES = {"planted": "run.py", "combined": "combined.py"}
TRIES = 2  # of a case whose cause is wrong; how many were needed is told
WRONG_MAX = 2  # right in at least 28 of 30
MEDIAN_MAX, TAIL_MAX, TAIL = 0.10, 0.25, 0.90
FIRST_MIN, DRIFT_MAX, DRIFT_SHARE_MIN = 0.90, 0.05, 0.95


def percent(ratio):
    return "-" if ratio is None else f"{100 * ratio:.1f} %"


def times(factor):
    return "-" if factor is None else f"{factor:.2f}x"


def quantile(values, part):
    """The smallest value that `part` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * part) - 1, 0)] if ordered else 0.0


def measure(suite, recorder, options):
    """Runs one suite on one rung and keeps its results."""
    path = options.results / f"{suite}-{recorder}.json"
    path.unlink(missing_ok=True)
    print(f"accuracy: {suite} on {recorder}", file=sys.stderr, flush=True)
    child = subprocess.run([str(HERE / SUITES[suite]), "--recorder", recorder, "--json", str(path), "--tries", str(TRIES)],
                           stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if child.returncode not in (0, 1) or not path.exists():
        print(f"accuracy: {suite} did not run on {recorder} (status {child.returncode})", file=sys.stderr)


def read_results(suite, options):
    """The results by rung."""
    found = {}
    for recorder in RECORDERS:
        path = options.results / f"{suite}-{recorder}.json"
        if path.exists():
            found[recorder] = json.loads(path.read_text())["rows" if suite == "planted" else "steps"]
    return found


def drifts(rows):
    return [row[name] for row in rows for name in ("drift_ratio", "fixed_drift_ratio") if row.get(name) is not None]


def is_small(drift):
    return drift <= DRIFT_MAX


class Page:
    """The lines of the page, and the limits that are broken."""

    def __init__(self):
        self.lines, self.broken = [], []

    def limit(self, holds, sentence):
        if not holds:
            self.broken.append(sentence)

    def planted(self, results):
        self.lines += ["Causes one at a time. *Error*: predicted gain against measured gain; *drift*: of the broken and the fixed runs, in how "
                       "many the unchanged replay is within 5 %.", "",
                       "| rung | right | wrong | median error | 90th percentile | drift within 5 % | outside load, cores, median |",
                       "|---|---|---|---|---|---|---|"]
        for recorder, rows in results.items():
            right = sum(row["right"] for row in rows)
            errors = [row["error_ratio"] for row in rows if row["change"] and row["error_ratio"] is not None]
            median, tail = statistics.median(errors or [0]), quantile(errors, TAIL)
            all_drifts = drifts(rows)
            small = sum(map(is_small, all_drifts))
            wrong = ", ".join(f"{row['case']} ({row['found']})" for row in rows if not row["right"]) or "none"
            outside = statistics.median(row["noise"]["outside_cores"] for row in rows)
            self.lines.append(f"| {recorder} | {right} of {len(rows)} | {wrong} | {percent(median)} | {percent(tail)} | "
                              f"{small} of {len(all_drifts)} | {outside:.2f} |")
            self.limit(len(rows) - right <= WRONG_MAX, f"{recorder}: right in {right} of {len(rows)}")
            self.limit(median <= MEDIAN_MAX, f"{recorder}: median error {percent(median)}")
            self.limit(tail <= TAIL_MAX, f"{recorder}: 90th percentile of the errors {percent(tail)}")
            self.limit(small >= DRIFT_SHARE_MIN * len(all_drifts), f"{recorder}: drift within 5 % in {small} of {len(all_drifts)}")
        everything = [row for rows in results.values() for row in rows]
        errors = [row["error_ratio"] for row in everything if row["change"] and row["error_ratio"] is not None]
        self.lines += ["", f"All rungs together: {len(errors)} predictions, median error {percent(statistics.median(errors or [0]))}, "
                           f"90th percentile {percent(quantile(errors, TAIL))}.", ""]
        self.cases(results)

    def cases(self, results):
        rungs = list(results)
        self.lines += ["Predicted and measured gain of each case's known change:", "",
                       "| case | cause | " + " | ".join(rungs) + " |", "|---|---|" + "---|" * len(rungs)]
        names = dict.fromkeys((row["case"], row["expected"]) for rows in results.values() for row in rows)
        for name, expected in names:
            cells = []
            for recorder in rungs:
                row = next((row for row in results[recorder] if row["case"] == name), None)
                cells.append("cannot tell" if row is None else self.cell(row))
            self.lines.append(f"| {name} | {expected} | " + " | ".join(cells) + " |")
        self.lines.append("")

    @staticmethod
    def cell(row):
        mark = "" if row["right"] else "wrong; "
        if not row["change"] or row["error_ratio"] is None:
            return mark + "no change of known size"
        return f"{mark}{times(row['gain_predicted'])} / {times(row['gain_measured'])}, {percent(row['error_ratio'])}"

    def combined(self, results):
        self.lines += ["Two or three causes at once, of different size (`tests/planted/combined.py`). *Next*: after the ones before it "
                       "are mended.", "", "| rung | largest first | next first | drift within 5 % | wrong |", "|---|---|---|---|---|"]
        for recorder, steps in results.items():
            first = [step for step in steps if step["fixed_count"] == 0]
            after = [step for step in steps if step["fixed_count"]]
            first_right, after_right = sum(step["right"] for step in first), sum(step["right"] for step in after)
            small = sum(map(is_small, drifts(steps)))
            wrong = ", ".join(f"{step['combination']} after {step['fixed_count']} ({step['found']})"
                              for step in steps if not step["right"]) or "none"
            self.lines.append(f"| {recorder} | {first_right} of {len(first)} | {after_right} of {len(after)} | "
                              f"{small} of {len(drifts(steps))} | {wrong} |")
            self.limit(first_right >= FIRST_MIN * len(first), f"{recorder}: the largest cause first in {first_right} of {len(first)}")
            self.limit(after_right >= FIRST_MIN * len(after), f"{recorder}: the next cause first in {after_right} of {len(after)}")
            self.limit(small >= DRIFT_SHARE_MIN * len(drifts(steps)),
                       f"{recorder}: drift within 5 % in {small} of {len(drifts(steps))} of the combined suite")
        self.lines.append("")


def write_page(text):
    page = PAGE.read_text()
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(page[:begin] + text + page[end:])


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recorder", action="append", choices=RECORDERS, help="only this rung")
    parser.add_argument("--suite", action="append", choices=SUITES, help="only this suite")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "build" / "accuracy", help="where results are kept")
    parser.add_argument("--write-only", action="store_true", help="measure nothing: use the results that are kept")
    parser.add_argument("--print", action="store_true", help="print the page's part and leave the page as it is")
    return parser.parse_args()


def main():
    options = parse_options()
    options.results.mkdir(parents=True, exist_ok=True)
    for suite in [] if options.write_only else options.suite or SUITES:
        for recorder in options.recorder or RECORDERS:
            measure(suite, recorder, options)
    page, results = Page(), {suite: read_results(suite, options) for suite in SUITES}
    if not any(results.values()):
        print(f"accuracy: there are no results in '{os.path.relpath(options.results)}'", file=sys.stderr)
        return 3
    if results["planted"]:
        page.planted(results["planted"])
    if results["combined"]:
        page.combined(results["combined"])
    text = "\n".join(page.lines)
    if options.print:
        print(text)
    else:
        write_page(text)
        print(f"accuracy: written to {os.path.relpath(PAGE)}")
    for sentence in page.broken:
        print(f"BROKEN {sentence}")
    return 1 if page.broken else 0


if __name__ == "__main__":
    sys.exit(main())
