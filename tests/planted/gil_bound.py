#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Four threads that compute in pure Python: one at a time has the interpreter's lock. --fixed: processes instead."""

import multiprocessing
import sys
import threading

PARTS = 4
ROUNDS = 30


def checksum(seed):
    value = seed
    for step in range(60000):
        value = (value * 31 + step) % 65521
    return value


def compute(part, results):
    for turn in range(ROUNDS):
        results[part] = (results[part] + checksum(part + turn)) % 65521


def main():
    is_fixed = "--fixed" in sys.argv
    results = multiprocessing.Array("i", PARTS, lock=False) if is_fixed else [0] * PARTS
    worker = multiprocessing.get_context("fork").Process if is_fixed else threading.Thread
    workers = [worker(target=compute, args=(part, results)) for part in range(PARTS)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    print(sum(results))


main()
