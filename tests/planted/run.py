#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the planted suite: real programs with one known cause each, judged by toll.

usage: run.py [--toll PROGRAM] [--recorder bpf|perf|preload|proc]... [--case NAME]... [--quick] [--tap] [--tries N]
              [--json FILE] [--keep FOLDER] [--programs FOLDER] [--work FOLDER] [--dry] [--list]

Each case is recorded on each rung that this machine allows, broken and fixed. The table has the cause expected and the one
found first, the gain predicted for the known change and the gain measured (recorded broken run
over the median of three unrecorded runs of the fixed twin, spread over the case's runs), and the
error of the predicted gain. Exit status 1 when a limit of LIMITS is broken. --dry runs
the programs without toll. cases.py has the cases.

The programs are measured in wall time, so others on the machine change the figures. noise.py measures
how much others took during each run. A limit on a figure that holds over the cases measured while the
machine was quiet, and is broken only with the others, is told as skipped. Causes and shares are no
matter of noise: they are tried again (--tries, 3 with --tap), and then they stand.
"""
import argparse
import contextlib
import json
import math
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field

from cases import CASES, SERVERS
from memory_group import GroupError, MemoryGroup
from noise import Meter, Noise, worst
from services import Services, ServiceError, missing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORDERS = ("bpf", "perf", "preload", "proc")
COMMAND_LIMIT_S = 60
TRIES_MAX = 3
TAIL = 0.9
FIXED_RUN_COUNT = 3
MEMORY_FILESYSTEMS = {"tmpfs", "ramfs"}


@dataclass(frozen=True)
class Limits:
    """What must hold, per rung. The exceptions are for a whole suite: a few cases alone have none."""

    whole_suite_count: int = 12
    wrong_each: int = 14  # right in at least 28 of 30, in all but one of 14 to 27
    error_ratio_median: float = 0.10
    error_ratio_tail: float = 0.25  # of nine tenths of the predictions
    interval_ratio: float = 1.5
    drift_ratio: float = 0.10
    drift_ratio_most: float = 0.05
    drift_most_except_count: int = 2  # at most 5 % on 10 of 12
    unexplained_ratio: float = 0.05


LIMITS = Limits()


class SuiteError(Exception):
    """Something around the suite failed, not a verdict."""


@dataclass
class Result:
    """One case on one rung."""

    case: str
    recorder: str
    expected: str
    found: str = "nothing"
    where: str = ""
    right: bool = False
    accepted: str = ""  # why an alternative counts as right
    change: str = ""
    gain_predicted: float = math.nan
    gain_measured: float = math.nan
    error_ratio: float = math.nan
    interval_ratio: float = math.nan
    drift_ratio: float = math.nan
    fixed_drift_ratio: float = math.nan
    unexplained_ratio: float = math.nan
    tries: int = 1
    noise: Noise = Noise()  # the worst of the row's runs
    problems: list = field(default_factory=list)  # limits of this row alone, in words

    @property
    def predicts(self):
        return bool(self.change)

    @property
    def shares_wrong(self):
        return any("adds up" in problem or "unexplained" in problem for problem in self.problems)


def run_command(command, log, limit_s=COMMAND_LIMIT_S):
    """Runs to the end in a process group of its own; (exit status, wall ns, output). A wait with a time limit would look
    every 50 ms, a third of a short run: a timer of its own ends what takes too long."""
    with open(log, "wb") as out:
        start_ns = time.monotonic_ns()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                 start_new_session=True)
        late = threading.Timer(limit_s, os.killpg, (child.pid, signal.SIGKILL))
        late.daemon = True
        late.start()
        status = child.wait()
        wall_ns = time.monotonic_ns() - start_ns
        late.cancel()
    if wall_ns >= limit_s * 1e9:
        raise SuiteError(f"'{' '.join(map(str, command))}' ran longer than {limit_s} s")
    return status, wall_ns, pathlib.Path(log).read_text(errors="replace")


class Servers:
    """The peers, started before anything is recorded and stopped with the suite."""

    def __init__(self, programs, names):
        self.children, self.ports = [], {}
        for name in names:
            child = subprocess.Popen([programs / "peer_server", str(SERVERS[name])], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, start_new_session=True)
            self.children.append(child)
            line = child.stdout.readline().decode().strip()
            if not line.isdigit():
                self.stop()
                raise SuiteError(f"could not start server '{name}'")
            self.ports[f"port_{name}"] = line

    def stop(self):
        for child in self.children:
            child.stdin.close()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()


def filesystem_of(folder):
    """The type of the file system that a folder is on."""
    best, kind = "", ""
    real = str(pathlib.Path(folder).resolve())
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind


class Suite:
    def __init__(self, options, work):
        self.options = options
        self.work = pathlib.Path(work)
        self.keep = pathlib.Path(options.keep) if options.keep else self.work
        self.keep.mkdir(parents=True, exist_ok=True)
        self.names = {"programs": options.programs, "here": HERE, "work": self.work}
        self.server_pids = []

    def fill(self, text):
        return str(text).format(**self.names)

    def command(self, words):
        return [self.fill(word) for word in words]

    def plain(self, case, words, label):
        """Runs a command of a case without toll; (its wall time in ns, the noise meanwhile)."""
        meter = Meter(self.server_pids)
        status, wall_ns, output = run_command(self.command(words), self.work / f"{label}.log")
        noise = meter.read()
        if status != 0:
            raise SuiteError(f"{case.name}: {label} ended with status {status}: {output.strip()[-300:]}")
        return wall_ns, noise

    def toll(self, arguments, log):
        """Runs toll for its JSON."""
        out = self.work / log
        with open(out, "wb") as stdout:
            child = subprocess.run([self.options.toll, *arguments], stdin=subprocess.DEVNULL, stdout=stdout,
                                   stderr=subprocess.PIPE, timeout=COMMAND_LIMIT_S, check=False)
        if child.returncode not in (0, 1):
            why = child.stderr.decode(errors="replace").strip()[-300:]
            raise SuiteError(f"toll {arguments[0]} ended with status {child.returncode}: {why}")
        return json.loads(out.read_text())

    def record(self, case, words, label, recorder):
        """Records a command and reports it; (file, report, the noise while recording)."""
        path = self.keep / f"{case.name}-{label}-{recorder}.toll"
        path.unlink(missing_ok=True)
        meter = Meter(self.server_pids)
        status, _, output = run_command([self.options.toll, "run", "--no-store", "--recorder", recorder, "-o", path, "-q", *case.options,
                                         "--", *self.command(words)], self.work / "record.log")
        noise = meter.read()
        if status != 0:
            raise SuiteError(f"recording {label} ended with status {status}: {output.strip()[-300:]}")
        report = self.toll(["report", str(path), "--format", "json"], "report.json")
        (self.keep / f"{path.stem}.json").write_text(json.dumps(report, indent=1))
        return path, report, noise

    def refused(self, recorders):
        """The rungs that do not work here, each with toll's reason."""
        refused = {}
        for recorder in recorders:
            status, _, output = run_command([self.options.toll, "run", "--no-store", "-q", "--recorder", recorder, "-o",
                                             self.work / "try.toll", "--", "true"], self.work / "try.log")
            if status != 0:
                refused[recorder] = " ".join(output.split())[:200] or f"toll run ended with status {status}"
        return refused

    @contextlib.contextmanager
    def group(self, case):
        """The control group that a case runs in."""
        group = MemoryGroup(case.group_bytes) if case.group_bytes else None
        self.names["group"] = group.folder if group else ""
        try:
            yield
        finally:
            if group:
                group.remove()

    def judge_case(self, case, recorders):
        """The rows of one case, one a rung. Fixed runs lie between the others, so that a change of
        the machine's mood meets both."""
        if case.prepare:
            self.plain(case, case.prepare, "prepare")
        fixed = []
        rows = [self.judge_tries(case, recorder, fixed) for recorder in recorders]
        while len(fixed) < FIXED_RUN_COUNT:
            fixed.append(self.plain(case, case.fixed, "fixed"))
        fixed_ns = statistics.median(wall_ns for wall_ns, _ in fixed)
        for row, prediction in rows:
            row.noise = worst([row.noise, *(noise for _, noise in fixed)])
            judge_prediction(row, prediction, fixed_ns)
        return [row for row, _ in rows]

    def judge_tries(self, case, recorder, fixed):
        """Judges a case on a rung until its cause and its shares are right, at most --tries times; adds
        a run of the fixed twin to `fixed` for each. Returns the row that stands and its prediction."""
        for number in range(1, self.options.tries + 1):
            row = Result(case.name, recorder, case.cause, tries=number)
            prediction = self.judge_run(case, row, recorder)
            fixed.append(self.plain(case, case.fixed, "fixed"))
            if row.right and not row.shares_wrong:
                break
        return row, prediction

    def judge_run(self, case, row, recorder):
        """Fills a row but for what is held against the fixed twin's time; returns the prediction."""
        try:
            path, report, row.noise = self.record(case, case.broken, "broken", recorder)
            judge_shares(row, report, "broken")
            row.drift_ratio = report["replay"]["baseline_drift_ratio"]
            self.judge_first(case, row, report)
            _, fixed, noise = self.record(case, case.fixed, "fixed", recorder)
            row.noise = worst([row.noise, noise])
            judge_shares(row, fixed, "fixed")
            row.fixed_drift_ratio = fixed["replay"]["baseline_drift_ratio"]
            judge_fixed(case, row, fixed)
            prediction = {"wall_ns_before": report["run"]["wall_ns"]}
            row.change = self.change_of(case, recorder, report)
            if row.change:
                prediction |= self.toll(["whatif", str(path), row.change, "--json"], "whatif.json")
            return prediction
        except (SuiteError, json.JSONDecodeError, KeyError, subprocess.TimeoutExpired) as failure:
            row.problems.append(f"{type(failure).__name__}: {failure}")
            row.right = False
            row.change = row.change or case.known_change(recorder) or ""
            return {}

    def change_of(self, case, recorder, report):
        known = self.fill(case.known_change(recorder) or "")
        if not known.endswith("*"):
            return known
        for finding in report["findings"]:
            if (finding.get("change") or "").startswith(known[:-1]):
                return finding["change"]
        raise SuiteError(f"no finding proposes {known}")

    def judge_first(self, case, row, report):
        if not report["findings"]:
            return
        first = report["findings"][0]
        if case.is_growth:
            first = next((finding for finding in report["findings"] if finding["cause"] == case.cause), first)
        row.found, row.where = first["cause"], place_text(first["where"])
        here = all(place_has(first["where"], name, self.fill(text)) for name, text in case.place(row.recorder).items())
        if row.found in {case.cause, *case.accept} and not here:
            row.problems.append(f"located at '{row.where}'")
        row.right = here and (row.found == case.cause or row.found in case.accept)
        if row.right and row.found != case.cause:
            row.accepted = case.accept[row.found]


def place_text(where):
    return ", ".join(str(where[name]) for name in ("process", "stage", "function", "peer", "path") if where.get(name))


def place_has(where, name, text):
    fields = {"process": ("process", "stage"), "peer": ("peer", "path")}.get(name, (name,))
    return any(text in str(where.get(place) or "") for place in fields)


def judge_shares(row, report, label):
    wall_ns = report["run"]["wall_ns"]
    path_ns = sum(entry["ns"] for entry in report["path"])
    if path_ns != wall_ns:
        row.problems.append(f"{label}: doing adds up to {path_ns} ns of {wall_ns} ns")
    unknown = sum(entry["ns"] for entry in report["path"] if entry["doing"] == "unknown") / max(wall_ns, 1)
    explained = report["run"].get("grade", {}).get("critical_path_explained_ratio")
    unexplained = max(unknown, 1 - explained) if explained is not None else unknown
    row.unexplained_ratio = max(unexplained, 0 if math.isnan(row.unexplained_ratio) else row.unexplained_ratio)
    if unexplained > LIMITS.unexplained_ratio:
        row.problems.append(f"{label}: {unexplained:.1%} of the path unexplained")


def judge_fixed(case, row, report):
    """Queueing behind other programs is the machine's, whatever the run does."""
    gone = case.gone if case.gone is not None else {case.cause, row.found}
    for finding in report["findings"]:
        if finding["cause"] == "cpu-contention" and finding["title"].endswith("held by other programs"):
            continue
        if finding["cause"] in gone and (case.is_growth or finding["priority"] in ("P0", "P1")):
            row.problems.append(f"fixed twin still shows {finding['cause']} as {finding['priority']}")
            row.right = False
            return


def judge_prediction(row, prediction, fixed_ns):
    if "wall_ns_before" in prediction:
        row.gain_measured = prediction["wall_ns_before"] / fixed_ns
    if "wall_ns_after" in prediction:
        after_ns = max(prediction["wall_ns_after"], 1)
        row.gain_predicted = prediction["wall_ns_before"] / after_ns
        row.error_ratio = abs(row.gain_predicted / row.gain_measured - 1)
        row.interval_ratio = prediction["wall_ns_high"] / max(prediction["wall_ns_low"], 1)


# The table and the limits


def percent(ratio):
    return "-" if math.isnan(ratio) else f"{ratio:.1%}"


def times(factor):
    return "-" if math.isnan(factor) else f"{factor:.2f}x"


def table(rows):
    head = ("case", "rung", "", "cause expected", "cause found first", "at", "predicted", "measured", "error", "interval",
            "drift", "unexplained", "outside", "steal", "tries")
    lines = [head]
    for row in rows:
        lines.append((row.case, row.recorder, "right" if row.right else "WRONG", row.expected,
                      row.found + (" (accepted)" if row.accepted else ""), row.where[:48], times(row.gain_predicted),
                      times(row.gain_measured), percent(row.error_ratio), times(row.interval_ratio),
                      percent(row.drift_ratio), percent(row.unexplained_ratio), f"{row.noise.outside_cores:.2f}",
                      percent(row.noise.steal_ratio), str(row.tries)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    right = set(range(6, len(head)))
    text = []
    for line, row in zip(lines, [None, *rows]):
        text.append("  ".join(cell.rjust(width) if i in right else cell.ljust(width)
                              for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
        if row is not None:
            text += [f"    {problem}" for problem in row.problems]
    return text


def allowed(count, rows):
    """An allowed number of exceptions, none when only a few cases were run."""
    return count if len(rows) >= LIMITS.whole_suite_count else 0


def wrong_allowed(rows):
    return len(rows) // LIMITS.wrong_each


def or_infinite(values):
    return [math.inf if math.isnan(value) else value for value in values]


@dataclass(frozen=True)
class Verdict:
    """One limit over the cases of a rung."""

    holds: bool
    sentence: str
    busy: str = ""  # why a limit that does not hold says nothing: what others took of the machine

    @property
    def word(self):
        return "holds" if self.holds else "busy" if self.busy else "BROKEN"

    @property
    def broken(self):
        return not self.holds and not self.busy


def error_median(rows):
    known = [row for row in rows if row.predicts]
    return statistics.median(or_infinite(row.error_ratio for row in known)) if known else 0.0


def error_tail(rows):
    known = sorted(or_infinite(row.error_ratio for row in rows if row.predicts))
    return known[math.ceil(len(known) * TAIL) - 1] if known else 0.0


def interval_widest(rows):
    return max(or_infinite(row.interval_ratio for row in rows if row.predicts), default=1.0)


def drift_largest(rows):
    return max(or_infinite(row.drift_ratio for row in rows), default=0.0)


def drift_most(except_count):
    def figure(rows):
        drifts = sorted(or_infinite(row.drift_ratio for row in rows))
        return drifts[max(len(drifts) - 1 - except_count, 0)] if drifts else 0.0
    return figure


def judge_figure(rows, figure, limit, sentence):
    """A limit on a figure of all cases. Broken when it is broken over the quiet cases alone. A median of a few of
    many is another figure: fewer than half of the cases do not break it."""
    value = figure(rows)
    sentence = sentence.format(value)
    if value <= limit:
        return Verdict(True, sentence)
    quiet = [row for row in rows if row.noise.quiet]
    few = figure in (error_median, error_tail) and 2 * len(quiet) < len(rows)
    if not few and figure(quiet) > limit:
        return Verdict(False, sentence)
    noise = worst(row.noise for row in rows if not row.noise.quiet)
    return Verdict(False, sentence, f"machine was busy: {noise}, {len(quiet)} of {len(rows)} cases measured in quiet")


def checks(recorder, rows):
    """The limits over all cases of a rung."""
    wrong = [row.case for row in rows if not row.right]
    few, except_count = wrong_allowed(rows), allowed(LIMITS.drift_most_except_count, rows)
    yield Verdict(len(wrong) <= few, (
        f"{recorder}: right cause first and gone from the fixed twin in {len(rows) - len(wrong)} of {len(rows)}, "
        f"at least {len(rows) - few}" + (f" (wrong: {', '.join(wrong)})" if wrong else "")))
    yield judge_figure(rows, error_median, LIMITS.error_ratio_median, (
        f"{recorder}: median error of the predicted gain {{:.1%}}, at most {LIMITS.error_ratio_median:.0%}"))
    yield judge_figure(rows, error_tail, LIMITS.error_ratio_tail, (
        f"{recorder}: 90th percentile of the errors {{:.1%}}, at most {LIMITS.error_ratio_tail:.0%}"))
    yield judge_figure(rows, interval_widest, LIMITS.interval_ratio, (
        f"{recorder}: widest interval of a prediction {{:.2f}}x, at most {LIMITS.interval_ratio}x"))
    yield judge_figure(rows, drift_largest, LIMITS.drift_ratio, (
        f"{recorder}: largest baseline drift {{:.1%}}, at most {LIMITS.drift_ratio:.0%}"))
    yield judge_figure(rows, drift_most(except_count), LIMITS.drift_ratio_most, (
        f"{recorder}: baseline drift of all but {except_count} cases {{:.1%}}, at most {LIMITS.drift_ratio_most:.0%}"))
    shares = [row.case for row in rows if row.shares_wrong]
    yield Verdict(not shares, (
        f"{recorder}: doing adds up to wall time and at most {LIMITS.unexplained_ratio:.0%} is unexplained"
        + (f" (not in: {', '.join(shares)})" if shares else "")))


def print_tap(rows, groups, verdicts, skipped):
    """A wrong case within the limit is `ok`, and says so; the table follows as comments."""
    print(f"1..{len(rows) + len(verdicts) + len(skipped)}")
    number = 0
    too_many = set()
    for mine in groups.values():
        if sum(not row.right for row in mine) > wrong_allowed(mine):
            too_many |= {row.recorder for row in mine}
    for row in rows:
        number += 1
        word = "not ok" if not row.right and row.recorder in too_many else "ok"
        note = "" if row.right else f", WRONG: found {row.found}" + (
            "" if row.recorder in too_many else ", within the limit")
        again = f", tried {row.tries} times" if row.tries > 1 else ""
        print(f"{word} {number} - {row.case} on {row.recorder}: {row.expected}{note}{again}")
    for verdict in verdicts:
        number += 1
        print(f"{'not ok' if verdict.broken else 'ok'} {number} - {verdict.sentence}"
              + (f" # SKIP {verdict.busy}" if verdict.busy else ""))
    for name, why in skipped:
        number += 1
        print(f"ok {number} - {name} # SKIP {why}")
    for line in table(rows):
        print(f"# {line}")


def print_person(rows, verdicts, skipped, seconds):
    print("\n".join(table(rows)))
    print()
    for name, why in skipped:
        print(f"skipped  {name}: {why}")
    for verdict in verdicts:
        print(f"{verdict.word:8} {verdict.sentence}" + (f" ({verdict.busy})" if verdict.busy else ""))
    print(f"{sum(verdict.broken for verdict in verdicts)} limits broken, {seconds:.0f} s")


def dry(suite, cases):
    """Times the programs alone."""
    print(f"{'case':18}{'broken':>10}{'fixed':>10}{'gain':>8}")
    for case in cases:
        if case.prepare:
            suite.plain(case, case.prepare, "prepare")
        broken, fixed = [], []
        for _ in range(FIXED_RUN_COUNT):
            with suite.group(case):
                broken.append(suite.plain(case, case.broken, "broken")[0])
            fixed.append(suite.plain(case, case.fixed, "fixed")[0])
        before, after = statistics.median(broken), statistics.median(fixed)
        print(f"{case.name:18}{before / 1e6:7.0f} ms{after / 1e6:7.0f} ms{before / after:7.2f}x", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toll", default=os.environ.get("TOLL", ROOT / "build" / "toll"), help="the program to test")
    parser.add_argument("--recorder", action="append", choices=RECORDERS, help="a rung; every one that works here when not given")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only this case")
    parser.add_argument("--programs", help="the built programs; tests/planted beside toll when not given")
    parser.add_argument("--work", default="/var/tmp", help="a folder on a disk, for a folder of the run's own")
    parser.add_argument("--keep", help="leave recordings and reports in this folder")
    parser.add_argument("--quick", action="store_true", help="each case on the best rung and on another one, in turn")
    parser.add_argument("--json", help="write all results to this file")
    parser.add_argument("--tap", action="store_true", help="print TAP")
    parser.add_argument("--tries", type=int, help=f"judge a case this often, {TRIES_MAX} with --tap, else 1")
    parser.add_argument("--dry", action="store_true", help="only time the programs, without toll")
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args()
    options.toll = pathlib.Path(options.toll).resolve()
    options.programs = pathlib.Path(options.programs or options.toll.parent / "tests" / "planted").resolve()
    options.tries = max(options.tries or (TRIES_MAX if options.tap else 1), 1)
    return options


def rungs_of(case, options):
    """The rungs that a case is judged on, none where all are blind to it; with --quick the best and one of the others,
    in turn."""
    rungs = [rung for rung in options.recorder if rung not in case.blind]
    if not options.quick or len(rungs) < 2:
        return rungs
    best, *rest = rungs
    return [best, rest[CASES.index(case) % len(rest)]]


def groups_of(rows, options):
    """The rows that are held against the limits together: those of a rung; with --quick, which runs a third of
    the cases on each of the others, those of all the others."""
    rungs = [[recorder] for recorder in options.recorder]
    if options.quick and len(options.recorder) > 1:
        rungs = [options.recorder[:1], options.recorder[1:]]
    return {", ".join(names): [row for row in rows if row.recorder in names] for names in rungs}


def judge_all(suite, cases, options):
    rows = []
    for case in cases:
        rungs = rungs_of(case, options)
        if not rungs:
            continue
        with suite.group(case):
            found = suite.judge_case(case, rungs)
        rows += found
        marks = ", ".join(f"{row.recorder} {'right' if row.right else 'WRONG'}" for row in found)
        print(f"{case.name}: {marks}", file=sys.stderr, flush=True)
    return rows


def why_not(case, options, in_memory):
    """Why a case cannot run here; empty when it can."""
    if case.on_disk and in_memory:
        return f"'{options.work}' is not on a disk"
    if case.program and not shutil.which(case.program):
        return f"there is no {case.program} (tools/setup test)"
    try:
        if case.group_bytes:
            MemoryGroup(case.group_bytes).remove()
    except GroupError as failure:
        return f"there is no control group with {case.group_bytes >> 20} MB: {failure}"
    lacking = missing([case.service]) if case.service else []
    return f"there is no {', '.join(lacking)} (tools/setup test)" if lacking else ""


def main():
    options = parse_options()
    if options.list:
        for case in CASES:
            print(f"{case.name:18}{case.cause:20}{case.what}")
        return 0
    for program in [options.programs / "peer_server"] + ([] if options.dry else [options.toll]):
        if not os.access(program, os.X_OK):
            print(f"could not run program '{program}': not built (ninja -C build)", file=sys.stderr)
            return 3
    start_s = time.monotonic()
    in_memory = filesystem_of(options.work) in MEMORY_FILESYSTEMS
    chosen = [case for case in CASES if not options.case or case.name in options.case]
    skipped = [(case.name, why) for case in chosen if (why := why_not(case, options, in_memory))]
    cases = [case for case in chosen if case.name not in dict(skipped)]
    work, servers, services = tempfile.mkdtemp(prefix="toll-planted-", dir=options.work), None, None
    try:
        servers = Servers(options.programs, SERVERS)
        services = Services(sorted({case.service for case in cases if case.service}))
        suite = Suite(options, work)
        suite.names |= servers.ports | services.ports
        suite.server_pids = [child.pid for child in servers.children] + services.pids()
        if not options.recorder and not options.dry:
            refused = suite.refused(RECORDERS)
            skipped += [(f"every case on {recorder}", why) for recorder, why in refused.items()]
            options.recorder = [recorder for recorder in RECORDERS if recorder not in refused]
        skipped += [(f"{case.name} on {rung}", why) for case in cases for rung, why in case.blind.items()
                    if rung in (options.recorder or RECORDERS)]
        if options.dry:
            dry(suite, cases)
            return 0
        rows = judge_all(suite, cases, options)
    except (SuiteError, ServiceError) as failure:
        print(f"could not run the planted suite: {failure}", file=sys.stderr)
        return 3
    finally:
        if servers is not None:
            servers.stop()
        if services is not None:
            services.stop()
        shutil.rmtree(work, ignore_errors=True)
    groups = groups_of(rows, options)
    verdicts = [check for name, mine in groups.items() for check in checks(name, mine)]
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(
            {"rows": [{name: None if isinstance(value, float) and not math.isfinite(value) else value
                       for name, value in asdict(row).items()} for row in rows],
             "limits": [asdict(verdict) for verdict in verdicts]}, indent=1) + "\n")
    if options.tap:
        print_tap(rows, groups, verdicts, skipped)
    else:
        print_person(rows, verdicts, skipped, time.monotonic() - start_s)
    return 1 if any(verdict.broken for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
