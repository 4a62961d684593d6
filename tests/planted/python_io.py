#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Planted cause: network-wait in a Python function: one request after another on one connection, each answered after a
pause. Fix: all that is wanted in one request.

usage: python_io.py PORT [--fixed]
"""
import http.client
import sys

PRICE_COUNT = 24


def fetch_price(connection: http.client.HTTPConnection, item: str) -> int:
    connection.request("GET", f"/price/{item}")
    return len(connection.getresponse().read())


def add_up(connection: http.client.HTTPConnection, items: list) -> int:
    total = 0
    for item in items:
        total += fetch_price(connection, item)
    return total


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    items = [str(number) for number in range(PRICE_COUNT)]
    if "--fixed" in sys.argv[2:]:
        items = [",".join(items)]
    print(add_up(connection, items))
    return 0


if __name__ == "__main__":
    sys.exit(main())
