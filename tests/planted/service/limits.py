#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service with a planted limit, in turn: toll must name it, and predict what more of it brings.

usage: limits.py [--toll PROGRAM] [--shop PROGRAM] [--recorder bpf|perf|proc]... [--case NAME]... [--quick] [--tap]
                 [--seconds N] [--tries N] [--keep FOLDER]

nginx -> shop (shop.c) -> PostgreSQL, loaded by wrk; toll attaches to all three for some seconds. The five
limits: too few workers, one lock, too few connections to the database, a slow query, too little load.
The resource named first must be right on every rung, and the throughput predicted for the change that is
proposed within 15 % of what wrk measures with that change made, nobody recording. A figure that is off
while others used the machine is told as skipped, after --tries. --quick takes the best rung and one of the others, in turn.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from noise import Meter, worst  # noqa: E402
from stack import Shop, Stack, StackError, missing  # noqa: E402

RECORDERS = ("bpf", "perf", "proc")
ERROR_RATIO_MAX = 0.15
WARM_S = 0.7
FIXED_RUN_COUNT = 2
FIXED_S = 3
QUICK_S = 2  # some 450 answers a second: a figure is good to a few percent, of the 15 it may be off
SLOW_QUERY = "select sum(amount) from {} where name like '%f1%'"


@dataclass(frozen=True)
class Limit:
    """One planted limit: what toll must say of it, and the stack with its change made."""

    name: str
    broken: Shop
    fixed: Shop
    clients: int
    kind: str  # service.saturated.kind
    cause: str
    change: str  # of the first finding, {database} for the address
    figure_blind: tuple = ()  # rungs that cannot tell how much, and why


POOLED = Shop(pool=2, query="select pg_sleep(0.005)", outside_us=4000)
QUERYING = Shop(outside_us=2000, query=SLOW_QUERY.format("stock"))
LIMITS = (
    Limit("workers", Shop(workers=4), Shop(workers=8), 32, "workers", "config", "workers:process/shop=8"),
    Limit("lock", Shop(lock_us=4000), Shop(lock_us=4000, ledgers=256), 32, "lock", "lock-contention",
          "remove:lock/", (("proc", "looks at /proc miss where a wait for the lock ends and the sleep under it begins"),)),
    Limit("pool", POOLED, replace(POOLED, pool=4), 32, "connections", "config", "workers:peer/{database}=4"),
    Limit("slow-query", QUERYING, replace(QUERYING, query=SLOW_QUERY.format("stock_half")), 32, "peer", "network-wait",
          "speed:peer/{database}=2"),
    Limit("little-load", Shop(), None, 2, "load", "", ""),
)


class Suite:
    def __init__(self, options, stack, folder):
        self.options, self.stack, self.folder = options, stack, folder
        self.fixed = {}  # name: (requests a second, noise)

    def server_pids(self):
        return self.stack.pids()

    def measure(self, shop, clients, seconds):
        """Nobody records. What wrk says, and what others took meanwhile."""
        self.stack.start(shop)
        meter = Meter(self.server_pids())
        load = self.stack.load_end(self.stack.load(seconds, clients))
        return load, meter.read()

    def fixed_rate(self, limit):
        if limit.name not in self.fixed:
            runs = [self.measure(limit.fixed, limit.clients, QUICK_S if self.options.quick else FIXED_S) for _ in range(FIXED_RUN_COUNT)]
            self.fixed[limit.name] = (statistics.mean(load.requests_per_s for load, _ in runs),
                                      worst(noise for _, noise in runs))
        return self.fixed[limit.name]

    def record(self, limit, recorder):
        """The report of an attached recording of the broken stack, wrk's word, and the noise."""
        file = self.folder / f"{limit.name}-{recorder}.toll"
        self.stack.start(limit.broken)
        meter = Meter(self.server_pids())
        wrk = self.stack.load(int(self.options.seconds + 2), limit.clients)
        time.sleep(WARM_S)
        attach = [self.options.toll, "attach", "-q", "--for", f"{self.options.seconds}s", "--recorder", recorder,
                  "-o", file, *self.stack.pids()]
        done = subprocess.run(list(map(str, attach)), capture_output=True, text=True)
        load = self.stack.load_end(wrk)
        noise = meter.read()
        if done.returncode:
            raise StackError(f"toll attach failed: {done.stderr.strip()}")
        report = subprocess.run([self.options.toll, "report", file, "--format", "json"], capture_output=True, text=True,
                                check=True)
        if self.options.keep:
            shutil.copy(file, self.options.keep)
        return json.loads(report.stdout), load, noise


def what_is_wrong(limit, report, database):
    """Of the resource that was named; "" when all is right."""
    service = report["service"]
    found = service["saturated"]
    if found["kind"] != limit.kind:
        return f"named {found['kind']} {found['name']}, not {limit.kind}"
    findings = report["findings"]
    if not limit.change:
        return "" if not findings else f"found {findings[0]['cause']} where the load is the limit"
    wanted = limit.change.format(database=database)
    if not findings or findings[0]["cause"] != limit.cause or not findings[0]["change"].startswith(wanted):
        return f"proposed {findings[0]['change'] if findings else 'nothing'}, not {wanted}"
    return "" if service["serving"] == "shop" and service["entry"] == "nginx" else "did not see who serves"


def judge(suite, limit, recorder):
    """(wrong, figure off, noise, row)"""
    report, load, noise = suite.record(limit, recorder)
    service = report["service"]
    wrong = what_is_wrong(limit, report, f"127.0.0.1:{suite.stack.database_port}")
    rate_error = service["throughput_per_s"] / load.requests_per_s - 1
    row = [limit.name, recorder, f"{load.requests_per_s:.0f}", f"{service['throughput_per_s']:.0f}",
           service["saturated"]["kind"]]
    off = ""
    if load.failed_count:
        wrong = wrong or f"{load.failed_count} requests failed"
    if abs(rate_error) > ERROR_RATIO_MAX:
        off = f"counted {service['throughput_per_s']:.0f} requests/s where wrk made {load.requests_per_s:.0f}"
    if limit.fixed and not wrong:
        predicted = report["findings"][0]["gain"]["throughput_per_s_after"]
        measured, fixed_noise = suite.fixed_rate(limit)
        noise = worst([noise, fixed_noise])
        error = predicted / measured - 1
        row += [f"{predicted:.0f}", f"{measured:.0f}", f"{error:+.1%}"]
        if abs(error) > ERROR_RATIO_MAX:
            off = f"predicted {predicted:.0f} requests/s, measured {measured:.0f}: {error:+.0%}"
    return wrong, off, noise, row


def refused(options, recorder):
    """Why a rung does not work here; "" when it does."""
    with tempfile.TemporaryDirectory() as folder:
        sleeper = subprocess.Popen(["sleep", "10"])
        try:
            done = subprocess.run([options.toll, "attach", "-q", "--for", "50ms", "--recorder", recorder, "-o",
                                   f"{folder}/a.toll", str(sleeper.pid)], capture_output=True, text=True)
        finally:
            sleeper.kill()
            sleeper.wait()
        return done.stderr.strip().split("\n")[0].removeprefix("toll: ") if done.returncode else ""


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toll", default=os.environ.get("TOLL", ROOT / "build" / "toll"))
    parser.add_argument("--shop", default=ROOT / "build" / "tests" / "planted" / "shop")
    parser.add_argument("--recorder", action="append", choices=RECORDERS)
    parser.add_argument("--case", action="append", choices=[limit.name for limit in LIMITS])
    parser.add_argument("--seconds", type=float, help="how long to record, 3, with --quick 2")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tap", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    options.seconds = options.seconds or (QUICK_S if options.quick else 3)
    return options


class Tap:
    def __init__(self, is_tap):
        self.is_tap, self.count, self.failed = is_tap, 0, 0

    def check(self, name, problem, skip=""):
        self.count += 1
        self.failed += bool(problem) and not skip
        if self.is_tap or problem or skip:
            state = "not ok" if problem and not skip else "ok"
            print(f"{state} {self.count} - {name}" + (f" # SKIP {skip}" if skip else f": {problem}" if problem else ""),
                  flush=True)


def judge_one(suite, tap, limit, recorder):
    blind = dict(limit.figure_blind).get(recorder, "")
    for attempt in range(suite.options.tries):
        wrong, off, noise, row = judge(suite, limit, recorder)
        if not wrong and (not off or blind):
            break
        suite.fixed.pop(limit.name, None)
    print("# " + "  ".join(f"{cell:>12}" for cell in row + [f"try {attempt + 1}", str(noise)]), flush=True)
    tap.check(f"service {limit.name} on {recorder}: what limits it", wrong)
    if not wrong:
        skip = blind if off and blind else f"machine was busy: {noise}; {off}" if off and not noise.quiet else ""
        tap.check(f"service {limit.name} on {recorder}: how much more there would be", off, skip)


def main():
    options = parse_options()
    tap = Tap(options.tap)
    why = missing() or ("" if os.access(options.shop, os.X_OK) else "shop is not built (libpq-dev)")
    if why:
        print(f"ok 1 - service # SKIP {why}\n1..1")
        return 0
    rungs = []
    for recorder in options.recorder or RECORDERS:
        problem = refused(options, recorder)
        if problem:
            tap.check(f"service on {recorder}", problem, problem)
        else:
            rungs.append(recorder)
    with tempfile.TemporaryDirectory(prefix="toll-service-", dir="/var/tmp") as folder:
        try:
            with Stack(folder, options.shop) as stack:
                suite = Suite(options, stack, pathlib.Path(folder))
                print("# " + "  ".join(f"{cell:>12}" for cell in ("limit", "rung", "requests/s", "counted", "named",
                                                                   "predicted", "measured", "error")), flush=True)
                for number, limit in enumerate(LIMITS):
                    others = rungs[1:]
                    for recorder in [*rungs[:1], others[number % len(others)]] if options.quick and others else rungs:
                        if not options.case or limit.name in options.case:
                            judge_one(suite, tap, limit, recorder)
        except StackError as failure:
            print(f"could not run the service suite: {failure}", file=sys.stderr)
            return 3
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
