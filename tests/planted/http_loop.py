#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Planted cause: serial-independent. Eight documents fetched from a server that takes 200 ms for
each, one after another, on a new connection each. Fix: a pool of eight threads.

usage: http_loop.py PORT [--fixed]
"""
import http.client
import sys
from concurrent.futures import ThreadPoolExecutor

DOCUMENT_COUNT = 8


def fetch(port: int, document: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", f"/document/{document}")
        return connection.getresponse().read()
    finally:
        connection.close()


def main() -> int:
    port = int(sys.argv[1])
    documents = range(DOCUMENT_COUNT)
    if "--fixed" in sys.argv[2:]:
        with ThreadPoolExecutor(DOCUMENT_COUNT) as pool:
            answers = list(pool.map(lambda document: fetch(port, document), documents))
    else:
        answers = [fetch(port, document) for document in documents]
    print(f"{len(answers)} documents, {sum(map(len, answers))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
