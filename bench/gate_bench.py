#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""toll gate on the project of examples/ci: an untouched one passes, a planted ten percent of time fails, each again and again;
and while other processes load the machine at random, an untouched one is never said to fail.

TRIALS (20) of each; ONLY=untouched,planted,load for some of them. A trial is a clean clone, built and held against the commit
before."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOLL = os.environ["TOLL"]
SOURCE = pathlib.Path(os.environ["SOURCE"])
TRIALS = int(os.environ.get("TRIALS", "20"))
ONLY = os.environ.get("ONLY", "untouched,planted,load").split(",")
VERDICTS = {0: "pass", 1: "fail", 5: "inconclusive", 6: "noisy"}


def figure(name, value, limit, peer):
    print(f"{name} | {value} | {limit} | {peer}", flush=True)


def git(folder, *words):
    subprocess.run(["git", "-c", "user.email=a@example.org", "-c", "user.name=a", *words], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def repository_make(folder):
    shutil.copytree(SOURCE / "examples" / "ci", folder, ignore=shutil.ignore_patterns("tally", "words.txt"))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a first version")
    source = folder / "tally.c"
    source.write_text(source.read_text() + "/* nothing */\n")
    git(folder, "commit", "-qam", "no change")
    git(folder, "tag", "untouched")
    # A tenth of the time is not the work: starting, reading.
    make = folder / "Makefile"
    make.write_text(make.read_text().replace("EXTRA ?= 0", "EXTRA ?= 11"))
    git(folder, "commit", "-qam", "ten percent more time")
    git(folder, "tag", "planted")


class Load:
    """Processes that spin for a while and then do not, as many and as long as chance has it."""

    def __init__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        chance = random.Random(11)
        while not self.over.is_set():
            spinning = [subprocess.Popen(["sh", "-c", "while :; do :; done"])
                        for _ in range(chance.randint(0, os.cpu_count() + 1))]
            self.over.wait(chance.uniform(0.1, 2))
            for process in spinning:
                process.send_signal(signal.SIGKILL)
                process.wait()
            self.over.wait(chance.uniform(0, 0.5))

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def trial(project, tag, folder):
    clone = folder / "clone"
    git(folder, "clone", "-q", "--branch", tag, str(project), str(clone))
    done = subprocess.run([TOLL, "gate", "-q", "--baseline", "HEAD^", "--no-store"], cwd=clone, capture_output=True, text=True)
    verdict = VERDICTS.get(done.returncode, f"status {done.returncode}")
    lines = (done.stdout + done.stderr).strip().splitlines()
    for line in lines[-1:] if verdict == "pass" else [line for line in lines if not line.startswith(" ")]:
        print(f"{tag}: {verdict}: {line}", file=sys.stderr, flush=True)
    shutil.rmtree(clone)
    return verdict


def trials(name, project, tag, folder):
    start = time.monotonic()
    verdicts = [trial(project, tag, folder) for _ in range(TRIALS)]
    told = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in sorted(set(verdicts)))
    print(f"{name}: {told}, {(time.monotonic() - start) / TRIALS:.1f} s each", file=sys.stderr, flush=True)
    return verdicts, told


def main():
    with tempfile.TemporaryDirectory(prefix="toll-gate-") as name:
        folder = pathlib.Path(name)
        project = folder / "project"
        repository_make(project)
        if "untouched" in ONLY:
            verdicts, told = trials("untouched", project, "untouched", folder)
            figure("gate, an untouched project passes", f"{verdicts.count('pass')} of {TRIALS}", f"at least {TRIALS}", told)
        if "planted" in ONLY:
            verdicts, told = trials("planted", project, "planted", folder)
            figure("gate, ten percent more time fails", f"{verdicts.count('fail')} of {TRIALS}", f"at least {TRIALS}", told)
        if "load" in ONLY:
            with Load():
                verdicts, told = trials("under load", project, "untouched", folder)
            figure("gate, untouched under load at random, said to fail", f"{verdicts.count('fail')} of {TRIALS}", "at most 0",
                   told)


main()
