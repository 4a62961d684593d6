# SPDX-License-Identifier: Apache-2.0
"""How busy the rest of the machine was while something ran.

`/proc/stat` has what all CPUs did and what the hypervisor took away; what the run itself and the
suite's servers used is known from their own counters. The rest is someone else's. Without that,
a figure that is off says nothing: the programs of the suite are measured in wall time.
"""
import os
import pathlib
import resource
import time
from dataclasses import dataclass

# Quiet: what others take stays within what a tick of /proc/stat can be wrong by over a run.
OUTSIDE_CORES_QUIET = 0.15
STEAL_RATIO_QUIET = 0.02
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Noise:
    """The mean over a run: cores used by others, share of all cores taken by the hypervisor."""

    outside_cores: float = 0.0
    steal_ratio: float = 0.0

    @property
    def quiet(self):
        return self.outside_cores < OUTSIDE_CORES_QUIET and self.steal_ratio < STEAL_RATIO_QUIET

    def __str__(self):
        return f"{self.outside_cores:.2f} cores outside, {self.steal_ratio:.1%} steal"


def worst(noises):
    noises = list(noises)
    return Noise(max((noise.outside_cores for noise in noises), default=0.0),
                 max((noise.steal_ratio for noise in noises), default=0.0))


def machine_s():
    """Seconds of all CPUs: busy, stolen, in all."""
    user, nice, system, idle, iowait, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    busy = user + nice + system + irq + softirq
    return busy / TICKS_PER_S, steal / TICKS_PER_S, (busy + idle + iowait + steal) / TICKS_PER_S


def process_s(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # a server's worker that ended
    return sum(map(int, fields[11:15])) / TICKS_PER_S


def own_s(pids):
    """CPU seconds of this process, of its children that ended, and of those in `pids`."""
    used = sum(usage.ru_utime + usage.ru_stime
               for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    return used + sum(map(process_s, pids))


class Meter:
    """Measures from its creation to `read`; `pids` are servers that go on running."""

    def __init__(self, pids=()):
        self.pids = list(pids)
        self.start_s, self.machine, self.own = time.monotonic(), machine_s(), own_s(self.pids)

    def read(self):
        elapsed_s = max(time.monotonic() - self.start_s, 1 / TICKS_PER_S)
        busy_s, steal_s, total_s = (now - then for now, then in zip(machine_s(), self.machine))
        outside_s = busy_s - (own_s(self.pids) - self.own)
        return Noise(max(outside_s, 0.0) / elapsed_s, max(steal_s, 0.0) / max(total_s, 1 / TICKS_PER_S))
