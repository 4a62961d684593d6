#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suite of combined causes: two or three at once, of different size, in the order of what mending them brings.

usage: combined.py [--toll PROGRAM] [--recorder bpf|perf|preload|proc]... [--case NAME]... [--quick] [--tap] [--tries N]
                   [--json FILE] [--keep FOLDER] [--programs FOLDER] [--work FOLDER] [--list]

A combination is made of the programs of cases.py, one after another or side by side, or of one program that has both. It
is recorded as it is: the largest cause must be the first finding. Then with the largest mended: the next one must be
first; and so on. Exit status 1 when a limit of LIMITS is broken. --quick takes the combinations marked so, on the
best rung that works here.
"""
import argparse
import dataclasses
import json
import math
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field

from cases import CASES, SERVERS
from noise import Noise, worst
from run import (MEMORY_FILESYSTEMS, RECORDERS, ROOT, TRIES_MAX, Servers, Suite, SuiteError, Verdict, filesystem_of, percent,
                 place_has, place_text, why_not)
from services import Services, ServiceError

CASE_BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True)
class Part:
    """A case at another size: it has to be the largest of what is left, also beside what the fixes before it leave (a lock
    that nobody waits for leaves the sleep under it). `scale` is a percentage of what its program does by itself, 0 for one
    that knows no scale."""

    case: str
    scale: int
    server: str = ""  # instead of "slow": two parts that wait for one peer would be one cause

    def command(self, fixed):
        words = CASE_BY_NAME[self.case].fixed if fixed else CASE_BY_NAME[self.case].broken
        return [self.elsewhere(word) for word in words] + ([f"--scale={self.scale}"] if self.scale else [])

    def elsewhere(self, text):
        return text.replace("{port_slow}", f"{{port_{self.server}}}") if self.server else text

    @property
    def causes(self):
        case = CASE_BY_NAME[self.case]
        return {case.cause, *case.accept}

    def place(self, recorder):
        return {name: self.elsewhere(text) for name, text in CASE_BY_NAME[self.case].place(recorder).items()}


@dataclass(frozen=True)
class OwnPart:
    """A cause of a program that has several: mended by a flag."""

    flag: str
    causes: set
    where: dict
    where_proc: dict | None = None

    def place(self, recorder):
        return self.where_proc if recorder == "proc" and self.where_proc is not None else self.where


@dataclass(frozen=True)
class Combination:
    name: str
    parts: list  # by what mending them brings, the largest first
    side_by_side: bool = False
    program: list | None = None  # of OwnParts
    quick: bool = False

    def script(self, fixed_count):
        """A shell script that runs the parts, the first `fixed_count` of them mended."""
        if self.program:
            return shlex.join(self.program + [part.flag for part in self.parts[:fixed_count]])
        commands = [shlex.join(part.command(i < fixed_count)) for i, part in enumerate(self.parts)]
        return " &\n".join(commands) + " &\nwait" if self.side_by_side else "\n".join(commands)

    @property
    def cases(self):
        return [CASE_BY_NAME[part.case] for part in self.parts if isinstance(part, Part)]


ASK = OwnPart("--cached", {"network-wait"}, {"process": "mixed", "peer": "127.0.0.1:{port_slow}"})
CHECKSUM = OwnPart("--fast", {"cpu-hot"}, {"process": "mixed", "function": "checksum_item"}, {"process": "mixed"})

COMBINATIONS = [
    Combination("lock, peer", [Part("lock-convoy", 50), Part("slow-peer", 45)], quick=True),
    Combination("peer, lock", [Part("slow-peer", 100), Part("lock-convoy", 25)]),
    Combination("hot, poll", [Part("hot-function", 120), Part("sleep-poll", 20)]),
    Combination("poll, hot", [Part("sleep-poll", 80), Part("hot-function", 30)]),
    Combination("straggler, hot", [Part("straggler", 80), Part("hot-function", 25)]),
    Combination("pool, peer", [Part("small-pool", 80), Part("slow-peer", 4, "archive")]),
    Combination("redis, lock", [Part("redis-chat", 70), Part("lock-convoy", 20)]),
    Combination("rows, straggler", [Part("row-inserts", 120), Part("straggler", 20)]),
    Combination("serial, hot", [Part("serial-children", 0), Part("hot-function", 35)]),
    Combination("faults, peer", [Part("page-faults", 100), Part("slow-peer", 25)]),
    Combination("imbalance, poll", [Part("imbalance", 70), Part("sleep-poll", 40)]),
    Combination("lock beside peer", [Part("lock-convoy", 100), Part("slow-peer", 60)], side_by_side=True, quick=True),
    Combination("straggler beside lock", [Part("straggler", 100), Part("lock-convoy", 50)], side_by_side=True),
    Combination("peer and hot in one", [ASK, CHECKSUM],
                program=["{programs}/mixed", "{port_slow}", "{port_at_once}", "--items=45", "--ask=90", "--hot=40"]),
    Combination("hot and peer in one", [CHECKSUM, ASK],
                program=["{programs}/mixed", "{port_slow}", "{port_at_once}", "--items=60", "--ask=40", "--hot=100"],
                quick=True),
    Combination("serial, peer, hot", [Part("serial-children", 0), Part("slow-peer", 80), Part("hot-function", 30)]),
    Combination("serial, straggler, poll", [Part("serial-children", 0), Part("straggler", 50), Part("sleep-poll", 20)]),
]


@dataclass(frozen=True)
class Limits:
    first_ratio: float = 0.9  # the largest cause first
    next_ratio: float = 0.9  # after it is mended, the next one
    drift_ratio: float = 0.05  # of at least drift_most_ratio of the recordings
    drift_most_ratio: float = 0.95


LIMITS = Limits()


@dataclass
class Step:
    """One recording: the first parts are mended, the next is expected first."""

    combination: str
    recorder: str
    fixed_count: int
    expected: str
    found: str = "nothing"
    where: str = ""
    right: bool = False
    wall_ns: int = 0
    drift_ratio: float = math.nan
    tries: int = 1
    noise: Noise = Noise()
    problems: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.combination}" + (f", {self.fixed_count} mended" if self.fixed_count else "")


def judge_step(suite, combination, recorder, fixed_count, tries):
    part = combination.parts[fixed_count]
    script = suite.work / "combined.sh"
    script.write_text(f"{suite.fill(combination.script(fixed_count))}\n")
    for number in range(1, tries + 1):
        step = Step(combination.name, recorder, fixed_count, "/".join(sorted(part.causes)), tries=number)
        label = f"fixed{fixed_count}"
        named = dataclasses.replace(CASES[0], name=combination.name.replace(", ", "-").replace(" ", "-"))
        try:
            _, report, step.noise = suite.record(named, ["/bin/sh", "-e", str(script)], label, recorder)
        except (SuiteError, json.JSONDecodeError, subprocess.TimeoutExpired) as failure:
            step.problems.append(str(failure))
            continue
        step.wall_ns, step.drift_ratio = report["run"]["wall_ns"], report["replay"]["baseline_drift_ratio"]
        if report["findings"]:
            first = report["findings"][0]
            step.found, step.where = first["cause"], place_text(first["where"])
            step.right = first["cause"] in part.causes and all(
                place_has(first["where"], name, suite.fill(text)) for name, text in part.place(recorder).items())
        if step.right:
            break
    return step


def judge_all(suite, combinations, options):
    steps = []
    for combination in combinations:
        for case in combination.cases:
            if case.prepare:
                suite.plain(case, case.prepare, "prepare")
        for recorder in options.recorder:
            if any(recorder in case.blind for case in combination.cases):
                continue
            found = [judge_step(suite, combination, recorder, i, options.tries) for i in range(len(combination.parts))]
            steps += found
            print(f"{combination.name} on {recorder}: " + ", ".join("right" if step.right else f"WRONG ({step.found})"
                                                                    for step in found), file=sys.stderr, flush=True)
    return steps


def share(steps):
    return sum(step.right for step in steps), len(steps)


def checks(steps):
    for sentence, mine, limit in (
            ("the largest cause first", [step for step in steps if step.fixed_count == 0], LIMITS.first_ratio),
            ("after it is mended, the next one", [step for step in steps if step.fixed_count], LIMITS.next_ratio)):
        right, count = share(mine)
        wrong = ", ".join(f"{step.name} on {step.recorder}" for step in mine if not step.right)
        yield Verdict(right >= limit * count, f"{sentence} in {right} of {count}, at least {limit:.0%}"
                      + (f" (wrong: {wrong})" if wrong else ""))
    small = sum(step.drift_ratio <= LIMITS.drift_ratio for step in steps)
    noise = worst(step.noise for step in steps)
    yield Verdict(small >= LIMITS.drift_most_ratio * len(steps), (
        f"baseline drift of at most {LIMITS.drift_ratio:.0%} in {small} of {len(steps)} recordings, "
        f"at least {LIMITS.drift_most_ratio:.0%}"), "" if noise.quiet else f"machine was busy: {noise}")


def table(steps):
    head = ("combination", "rung", "", "cause expected first", "found", "at", "took", "drift", "outside", "tries")
    lines = [head] + [
        (step.name, step.recorder, "right" if step.right else "WRONG", step.expected, step.found, step.where[:48],
         f"{step.wall_ns / 1e9:.2f} s", percent(step.drift_ratio), f"{step.noise.outside_cores:.2f}", str(step.tries))
        for step in steps]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = []
    for line, step in zip(lines, [None, *steps]):
        text.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        if step is not None:
            text += [f"    {problem}" for problem in step.problems]
    return text


def print_tap(steps, verdicts, skipped):
    """A wrong step within the limits is `ok`, and says so; the table follows as comments."""
    print(f"1..{len(steps) + len(verdicts) + len(skipped)}")
    number = 0
    for step in steps:
        number += 1
        print(f"ok {number} - {step.name} on {step.recorder}: {step.expected}"
              + ("" if step.right else f", WRONG: found {step.found}, see the limits"))
    for verdict in verdicts:
        number += 1
        print(f"{'not ok' if verdict.broken else 'ok'} {number} - {verdict.sentence}"
              + (f" # SKIP {verdict.busy}" if verdict.word == "busy" else ""))
    for name, why in skipped:
        number += 1
        print(f"ok {number} - {name} # SKIP {why}")
    for line in table(steps):
        print(f"# {line}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toll", default=os.environ.get("TOLL", ROOT / "build" / "toll"), help="the program to test")
    parser.add_argument("--recorder", action="append", choices=RECORDERS, help="a rung; every one that works here when not given")
    parser.add_argument("--case", action="append", choices=[one.name for one in COMBINATIONS], help="only this combination")
    parser.add_argument("--quick", action="store_true", help="a few combinations on the best rung")
    parser.add_argument("--programs", help="the built programs; tests/planted beside toll when not given")
    parser.add_argument("--work", default="/var/tmp", help="a folder on a disk, for a folder of the run's own")
    parser.add_argument("--keep", help="leave recordings and reports in this folder")
    parser.add_argument("--json", help="write all results to this file")
    parser.add_argument("--tap", action="store_true", help="print TAP")
    parser.add_argument("--tries", type=int, help=f"judge a recording this often, {TRIES_MAX} with --tap, else 1")
    parser.add_argument("--list", action="store_true", help="list the combinations")
    options = parser.parse_args()
    options.toll = pathlib.Path(options.toll).resolve()
    options.programs = pathlib.Path(options.programs or options.toll.parent / "tests" / "planted").resolve()
    options.tries = max(options.tries or (TRIES_MAX if options.tap else 1), 1)
    return options


def choose_recorders(suite, options):
    """The rungs to run on, and those that are refused here."""
    if options.recorder:
        return []
    refused = suite.refused(RECORDERS)
    options.recorder = [recorder for recorder in RECORDERS if recorder not in refused]
    if options.quick:
        options.recorder = options.recorder[:1]
    return [(f"every combination on {recorder}", why) for recorder, why in refused.items()]


def main():
    options = parse_options()
    if options.list:
        for combination in COMBINATIONS:
            print(f"{combination.name:28}{'quick' if combination.quick else ''}")
        return 0
    start_s = time.monotonic()
    in_memory = filesystem_of(options.work) in MEMORY_FILESYSTEMS
    chosen = [one for one in COMBINATIONS if (not options.case or one.name in options.case) and (one.quick or not options.quick)]
    reasons = {one.name: [why for case in one.cases if (why := why_not(case, options, in_memory))] for one in chosen}
    skipped = [(name, why[0]) for name, why in reasons.items() if why]
    combinations = [one for one in chosen if not reasons[one.name]]
    work, servers, services = tempfile.mkdtemp(prefix="toll-combined-", dir=options.work), None, None
    try:
        servers = Servers(options.programs, SERVERS)
        services = Services(sorted({case.service for one in combinations for case in one.cases if case.service}))
        suite = Suite(options, work)
        suite.names |= servers.ports | services.ports
        suite.server_pids = [child.pid for child in servers.children] + services.pids()
        skipped += choose_recorders(suite, options)
        steps = judge_all(suite, combinations, options)
    except (SuiteError, ServiceError) as failure:
        print(f"could not run the combined suite: {failure}", file=sys.stderr)
        return 3
    finally:
        if servers is not None:
            servers.stop()
        if services is not None:
            services.stop()
        shutil.rmtree(work, ignore_errors=True)
    verdicts = list(checks(steps))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"steps": [
            {name: None if isinstance(value, float) and not math.isfinite(value) else value
             for name, value in asdict(step).items()} for step in steps]}, indent=1) + "\n")
    if options.tap:
        print_tap(steps, verdicts, skipped)
    else:
        print("\n".join(table(steps)) + "\n")
        for name, why in skipped:
            print(f"skipped  {name}: {why}")
        for verdict in verdicts:
            print(f"{verdict.word:8} {verdict.sentence}" + (f" ({verdict.busy})" if verdict.busy else ""))
        print(f"{time.monotonic() - start_s:.0f} s")
    return 1 if any(verdict.broken for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
