#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the reports of two runs of the demo: which number of workers to take, and how right it was.

compare.py --workers BEFORE.json               prints the number of workers the first finding proposes
compare.py --before FOLDER/before --after FOLDER/after --database ROWS_PER_S
    prints the table; NAME.json is the report, NAME.txt what the pipeline printed. With --walls NS NS
    there are no reports; with --verified FILE, what `toll verify` printed, its runs in turn are what was measured.
"""

import argparse
import json
import re
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def workers(path):
    """Of `workers:stage/download=10`, or of the knob `set:knob/workers=10`, the 10."""
    report = load(path)
    finding = report["findings"][0] if report["findings"] else {}
    match = re.fullmatch(r"(?:workers:.*|set:knob/workers)=(\d+)", finding.get("change") or "")
    if not match:
        sys.exit(f"compare: the first finding proposes no number of workers: {json.dumps(finding)}")
    print(match.group(1))


def verified_rows(name):
    with open(name + ".txt", encoding="utf-8") as file:
        match = re.search(r"a query returns (\d+) rows", file.read())
    if not match:
        sys.exit(f"compare: '{name}.txt' tells no verified rows")
    return int(match.group(1))


def verified_factor(path):
    """How much faster `toll verify` found the pairs of runs to be; None where it printed nothing of the kind."""
    with open(path, encoding="utf-8") as file:
        match = re.search(r"^Measured +([\d.]+)x faster", file.read(), re.MULTILINE)
    return float(match[1]) if match else None


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def seconds(nanoseconds):
    return f"{nanoseconds / 1e9:.2f} s"


def rate(rows, nanoseconds):
    return f"{rows / nanoseconds * 1e9:,.0f}"


def compare(options):
    rows_before, rows_after = verified_rows(options.before), verified_rows(options.after)
    if options.walls:
        wall_before, wall_after = options.walls
        predicted = None
    else:
        before, after = load(options.before + ".json"), load(options.after + ".json")
        wall_before, wall_after = before["run"]["wall_ns"], after["run"]["wall_ns"]
        if options.verified:
            factor = verified_factor(options.verified)
            wall_after = wall_before / factor if factor else wall_after
        finding = before["findings"][0]
        predicted = finding["gain"]["wall_ns_after"]
    lines = [["", "before", "predicted", "measured", "error"]]
    lines.append(["wall time", seconds(wall_before), seconds(predicted) if predicted else "-", seconds(wall_after),
                  f"{(predicted / wall_after - 1) * 100:+.1f} %" if predicted else "-"])
    lines.append(["rows/s", rate(rows_before, wall_before), rate(rows_before, predicted) if predicted else "-",
                  rate(rows_after, wall_after),
                  f"{(wall_after / predicted - 1) * 100:+.1f} %" if predicted else "-"])
    lines.append(["times faster", "1.0", f"{wall_before / predicted:.1f}" if predicted else "-",
                  f"{wall_before / wall_after:.1f}", ""])
    table(lines)
    print(f"\nthe database alone takes {options.database:,.0f} rows/s")
    if predicted:
        download = next((stage for stage in before["stages"] if stage["name"] == "download"), None)
        share = f", download is {download['critical_ratio'] * 100:.0f} % of the critical path" if download else ""
        print(f"first finding: {finding['cause']} ({finding['change']}), {finding['priority']}{share}")
        for entry in before["cleared"]:
            if entry["where"].get("stage") == "ingest":
                print(f"cleared: ingest, {entry['critical_ratio'] * 100:.0f} % of the critical path; "
                      f"fixing it gains at most {entry['factor_max']:.2f}x")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers")
    parser.add_argument("--before")
    parser.add_argument("--after")
    parser.add_argument("--database", type=float)
    parser.add_argument("--walls", type=int, nargs=2)
    parser.add_argument("--verified")
    options = parser.parse_args()
    if options.workers:
        workers(options.workers)
    else:
        compare(options)


if __name__ == "__main__":
    main()
