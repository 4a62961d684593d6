#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the command-line cases, tests/cli/<verb>/<case>/, and prints TAP.

    TOLL=build/toll tests/cli/run.py [-j N] [verb | verb/case ...]

A case is a folder: `cmd` (bash), and what it should print and return: `out`, `err` (empty
when absent) and `exit` (0 when absent). A line `...` stands for any number of lines, `[..]`
within a line for any text. `skip` (bash) prints a reason when the case cannot run here;
`timeout` holds seconds. UPDATE=1 rewrites what does not match, TOLL_CLI_CASES names cases as the
command line does. tests/README.md has the rest.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
TIMEOUT_S = 60
DETAIL_LINES_MAX = 40
SECOND_TRIES_MAX = 6  # more failures at once are no accident
LONGEST_SHOWN = 12


def line_matches(pattern, line):
    if "[..]" not in pattern:
        return pattern == line
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("[..]")), line) is not None


def matches(expected, actual):
    """Whether lines `actual` fit the pattern `expected`, in which `...` skips lines."""
    fits = {0}  # how many pattern lines may be used up so far
    fits |= {k + 1 for k in range(len(expected)) if all(e == "..." for e in expected[:k + 1])}
    for line in actual:
        after = set()
        for k in fits:
            if k > 0 and expected[k - 1] == "...":
                after.add(k)
            if k < len(expected) and expected[k] != "..." and line_matches(expected[k], line):
                after.add(k + 1)
        for k in sorted(after):
            while k < len(expected) and expected[k] == "...":
                k += 1
                after.add(k)
        fits = after
        if not fits:
            return False
    return len(expected) in fits


def ended_in(pid, limit_s):
    """Whether a child ends in time. It is not waited for."""
    number = os.pidfd_open(pid)
    try:
        return bool(select.select([number], [], [], limit_s)[0])
    finally:
        os.close(number)


class Case:
    def __init__(self, folder, toll):
        self.folder = folder
        self.toll = toll
        self.name = str(folder.relative_to(HERE))
        self.problems = []
        self.notes = []
        self.skipped = None
        self.took_s, self.cpu_s = 0.0, 0.0  # its processes' processor time, but for those that were left behind

    def read(self, name, default=""):
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else default

    def environment(self, home):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("TOLL", "XDG_", "LC_", "GITHUB_", "MAKE", "MFLAGS", "DEBUGINFOD_")) and k not in ("LANG", "LANGUAGE", "UPDATE", "NO_COLOR")}
        env.update({
            "PATH": f"{home}/bin:{os.environ['PATH']}", "HOME": home, "TMPDIR": f"{home}/tmp",
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "TOLL_BIN": str(self.toll),
            "CASE": str(self.folder), "SOURCE": str(SOURCE), "BUILD": str(self.toll.parent)})
        if "TOLL_SANITIZER" in os.environ:
            env["TOLL_SANITIZER"] = os.environ["TOLL_SANITIZER"]
        return env

    def bash(self, script, home, work, timeout_s):
        """Runs one script in a process group of its own, which does not outlive it."""
        out, err = pathlib.Path(home, "out"), pathlib.Path(home, "err")
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            child = subprocess.Popen(["bash", str(script)], cwd=work, env=self.environment(home),
                                     stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file, start_new_session=True)
            in_time = ended_in(child.pid, timeout_s)
            # before it is waited for: until then its number is its own
            os.killpg(child.pid, signal.SIGKILL)
            _, raw_status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(raw_status)
            status = child.returncode if in_time else "timeout"
            self.cpu_s += used.ru_utime + used.ru_stime

        def text(path):
            return path.read_bytes().decode("utf-8", "backslashreplace").replace(home, "[..]")
        return status, text(out), text(err)

    def run(self):
        home = tempfile.mkdtemp(prefix="toll-cli-")
        start_s = time.monotonic()
        try:
            for name in ("bin", "tmp", "work"):
                os.mkdir(f"{home}/{name}")
            os.symlink(self.toll, f"{home}/bin/toll")
            if (self.folder / "skip").exists():
                self.skipped = self.bash(self.folder / "skip", home, f"{home}/work", TIMEOUT_S)[1].strip() or None
            if not self.skipped:
                self.judge(*self.bash(self.folder / "cmd", home, f"{home}/work", self.timeout_s()))
        finally:
            subprocess.run(["chmod", "-R", "u+rwX", home], stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(home, ignore_errors=True)
            self.took_s = time.monotonic() - start_s
        return self

    def timeout_s(self):
        return int(self.read("timeout", TIMEOUT_S))

    def run_again(self):
        """Once more, alone: a case that passes now met a busy machine, and is named."""
        first, self.problems = self.problems, []
        self.run()
        if not self.problems:
            self.notes = ["failed beside others and passed alone; at first:", *first]
        return self

    def judge(self, status, out, err):
        self.compare("exit", f"{status}\n", "0\n")
        self.compare("out", out)
        self.compare("err", err)

    def compare(self, name, actual, default=""):
        expected = self.read(name, default)
        if matches(expected.splitlines(), actual.splitlines()):
            return
        if os.environ.get("UPDATE"):
            if actual == default:
                (self.folder / name).unlink(missing_ok=True)
            else:
                (self.folder / name).write_text(actual, encoding="utf-8")
            return
        self.problems += list(difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), f"{name} expected", f"{name} found", lineterm=""))[:DETAIL_LINES_MAX]


def find_cases(wanted, toll):
    cases = [Case(cmd.parent, toll) for cmd in sorted(HERE.glob("*/*/cmd"))]
    found = {word: [c for c in cases if c.name == word or c.name.startswith(word.rstrip("/") + "/")] for word in wanted}
    for word, some in found.items():
        if not some:
            sys.exit(f"no such case: {word}")
    chosen = {c for some in found.values() for c in some}
    return [c for c in cases if c in chosen] if wanted else cases


def tell(number, case):
    print(f"{'not ok' if case.problems else 'ok'} {number} - {case.name}" + (f" # SKIP {case.skipped}" if case.skipped else ""))
    for line in case.problems or case.notes:
        print(f"# {line}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="runs the command-line cases and prints TAP")
    parser.add_argument("-j", type=int, default=min(12, 3 * (os.cpu_count() or 1)), help="cases at a time: most wait more than they compute")
    parser.add_argument("cases", nargs="*", help="verb, or verb/case")
    args = parser.parse_args()
    # ignored where this was started with &, and so in every case
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    toll = pathlib.Path(os.environ.get("TOLL", SOURCE / "build" / "toll")).resolve()
    if not os.access(toll, os.X_OK):
        sys.exit(f"could not run the cases with '{toll}': no such program (build it, or set TOLL)")
    cases = find_cases(args.cases or os.environ.get("TOLL_CLI_CASES", "").split(), toll)
    if not cases:
        sys.exit(f"no such case: {HERE}")
    print(f"1..{len(cases)}", flush=True)
    again = []
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        # the longest first, or one of them is left alone at the end
        done = {case: pool.submit(case.run) for case in sorted(cases, key=Case.timeout_s, reverse=True)}
        for number, case in enumerate(cases, 1):
            done[case].result()
            if case.problems and args.j > 1 and not os.environ.get("UPDATE"):
                again.append((number, case))
            else:
                tell(number, case)
    for tries, (number, case) in enumerate(again):
        tell(number, case.run_again() if tries < SECOND_TRIES_MAX else case)
    if twice := [case.name for _, case in again if case.notes]:
        print(f"# {len(twice)} passed only alone: {', '.join(twice)}")
    busiest = sorted(cases, key=lambda case: -case.cpu_s)[:LONGEST_SHOWN]
    print(f"# {sum(case.cpu_s for case in cases):.0f} s of processors; the most: "
          + ", ".join(f"{case.name} {case.cpu_s:.1f} s" for case in busiest))
    longest = sorted(cases, key=lambda case: -case.took_s)[:LONGEST_SHOWN]
    print(f"# {sum(case.took_s for case in cases):.0f} s of cases, {args.j} at a time; the longest: "
          + ", ".join(f"{case.name} {case.took_s:.1f} s" for case in longest))
    return 1 if any(case.problems for case in cases) else 0


sys.exit(main())
