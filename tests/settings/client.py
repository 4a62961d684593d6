#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Talks to servers: client.py NAME=PORT… keeps a connection to each, and waits for the slow ones in turn.

PostgreSQL, Redis and ClickHouse are made to take their time; the others answer at once.
"""
import socket
import struct
import sys

SLOW_S = 0.3


def http(sock, path):
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = sock.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"{path}: {answer[:200]}")


def until(sock, mark):
    got = b""
    while mark not in got:
        more = sock.recv(65536)
        if not more:
            sys.exit(f"hung up: {got[:200]}")
        got += more


def postgres(sock):
    body = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
    sock.sendall(struct.pack("!I", len(body) + 4) + body)
    until(sock, b"Z\0\0\0\5I")
    query = f"select pg_sleep({SLOW_S})\0".encode()
    sock.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
    until(sock, b"Z\0\0\0\5I")


def redis(sock):
    sock.sendall(f"BLPOP nothing {SLOW_S}\r\n".encode())
    until(sock, b"*-1\r\n")


ASK = {"postgres": postgres, "redis": redis,
       "nginx": lambda sock: http(sock, "/ok"),
       "clickhouse": lambda sock: http(sock, f"/?query=SELECT%20sleep({SLOW_S})"),
       "victoria": lambda sock: http(sock, "/health"),
       "influx": lambda sock: http(sock, "/query?q=SHOW%20DATABASES")}


def main():
    places = dict(word.split("=") for word in sys.argv[1:])
    socks = {name: socket.create_connection(("127.0.0.1", int(port)), 20) for name, port in places.items()}
    for name, sock in socks.items():
        ASK[name](sock)


main()
