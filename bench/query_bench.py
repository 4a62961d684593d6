#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""toll query against SQLite: GROUP BY over 10 million spans, the same rows in a table of SQLite's own.

The recording is recording_bench's. SQLite's table is filled from it, with names as text and times as integers; the file
is warm on both sides, and what is asked is word for word the same. SPANS in the environment is their number.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
QUERY = ("SELECT name, count(*), sum(end_ns - start_ns), max(end_ns - start_ns) FROM span "
         "GROUP BY name ORDER BY name")
NARROW = "SELECT count(*) FROM span WHERE start_ns BETWEEN {0} AND {0} + 1000000"
TABLE = ("CREATE TABLE span(id INTEGER, parent INTEGER, track INTEGER, name TEXT, category TEXT, start_ns INTEGER, "
         "end_ns INTEGER, status INTEGER)")


def run(command):
    """(seconds, CPU seconds, peak bytes, output)"""
    start_s = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"query_bench: {command[0]} ended with {child.returncode}")
    return time.monotonic() - start_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output


def fill(toll, recording, database):
    subprocess.run(["sqlite3", database, TABLE], check=True)
    rows = subprocess.Popen([toll, "query", recording, "--csv", "SELECT * FROM span"], stdout=subprocess.PIPE)
    subprocess.run(["sqlite3", database, "-cmd", ".mode csv", ".import --skip 1 /dev/stdin span"], stdin=rows.stdout, check=True)
    if rows.wait():
        sys.exit("query_bench: toll query failed")


def compare(sides):
    """Medians of each side in turns, A B B A; the answers must be alike."""
    figures = {name: [] for name in sides}
    for number in range(ROUNDS):
        answers = set()
        for name in list(sides)[::1 if number % 2 else -1]:
            seconds, cpu, peak, output = run(sides[name])
            figures[name].append((seconds, cpu, peak))
            answers.add(output.replace('"', ''))  # SQLite quotes blanks
            print(f"{name}: {seconds:.2f} s, CPU {cpu:.2f} s, {peak / 1e6:.0f} MB", file=sys.stderr)
        if len(answers) != 1:
            sys.exit("query_bench: the answers differ")
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}


def main():
    toll, build = os.environ["TOLL"], pathlib.Path(os.environ["BUILD"])
    count = int(os.environ.get("SPANS", "10000000"))
    with tempfile.TemporaryDirectory(prefix="toll-query-") as folder:
        recording, database = f"{folder}/a.toll", f"{folder}/a.db"
        subprocess.run([build / "bench" / "recording_bench", str(count), recording], check=True)
        fill(toll, recording, database)
        millions = f"{count / 1e6:g} million spans"
        theirs, mine = ["sqlite3", "-csv", "-header", database], [toll, "query", recording, "--csv"]
        grouped = compare({"SQLite": [*theirs, QUERY], "toll": [*mine, QUERY]})
        print(f"GROUP BY name over {millions} | {grouped['SQLite'][0] / grouped['toll'][0]:.1f} x faster, CPU "
              f"{grouped['SQLite'][1] / grouped['toll'][1]:.1f} x | at least 2 x | SQLite, the same rows")
        print(f"its memory | {grouped['toll'][2] / 1e6:.0f} MB | at most 400 MB | SQLite {grouped['SQLite'][2] / 1e6:.0f} MB")
        middle = run([toll, "query", recording, "--csv", "SELECT (min(start_ns) + max(start_ns)) / 2 FROM span"])[3].splitlines()[1]
        narrow = NARROW.format(middle)
        ranged = compare({"SQLite": [*theirs, narrow], "toll": [*mine, narrow]})
        print(f"1 ms of {millions} | {ranged['SQLite'][0] / ranged['toll'][0]:.1f} x faster | at least 2 x | SQLite, without an index")


main()
