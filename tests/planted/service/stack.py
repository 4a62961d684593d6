# SPDX-License-Identifier: Apache-2.0
"""nginx in front of the shop in front of PostgreSQL, on free ports in a folder of their own; wrk is the load."""
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

START_LIMIT_S = 30
NGINX_CONF = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{backend}; }}
        location = /static {{ return 200 "here\\n"; }}
    }}
}}
"""
# Rows of the table that the slow query reads from end to end, and of the one that the mended query reads.
SCHEMA = """
create table stock as select i as item, md5(i::text) as name, i % 97 as amount from generate_series(1, {rows}) i;
create table stock_half as select * from stock where item <= {rows} / 2;
analyze;
"""


class StackError(Exception):
    """The servers could not be started or the load could not be made."""


def free_port():
    """A port below those the kernel gives to clients, where nobody listens."""
    for _ in range(1000):
        port = random.randint(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise StackError("no free port")


def postgres_folder():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


def missing():
    """What is not installed, as a sentence; "" when all is there."""
    absent = [name for name in ("nginx", "wrk") if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]
    if not postgres_folder():
        absent.append("postgresql")
    return f"{', '.join(absent)} not installed (tools/setup test)" if absent else ""


@dataclass(frozen=True)
class Shop:
    """The application's options: each may be the limit."""

    workers: int = 8
    pool: int = 8
    outside_us: int = 8000
    lock_us: int = 0
    ledgers: int = 1
    query: str = "select 1"


@dataclass(frozen=True)
class Load:
    """What wrk measured."""

    requests_per_s: float
    request_count: int
    failed_count: int


class Servers:
    """Programs in one folder; nginx and the load are common to all."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.nginx, self.nginx_port, self.shop_port = None, free_port(), free_port()

    def _log(self, name):
        return open(self.folder / name, "ab")

    def _spawn(self, command, log, options=None):
        with self._log(log) as out:
            return subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=out, stderr=out,
                                    cwd=self.folder, start_new_session=True, **(options or {}))

    @staticmethod
    def _listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _until(self, condition, what):
        deadline = time.monotonic() + START_LIMIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise StackError(f"{what} does not answer")
            time.sleep(0.05)

    def start_nginx(self):
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(folder=self.folder, port=self.nginx_port, backend=self.shop_port))
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.nginx = self._spawn([nginx, "-p", self.folder, "-e", self.folder / "nginx.error.log", "-c", conf],
                                 "nginx.log")
        self._until(lambda: self._listens(self.nginx_port), "nginx")

    def load(self, seconds, connections, path="/"):
        """Starts wrk; Load comes from load_end."""
        return subprocess.Popen(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
                                 f"http://127.0.0.1:{self.nginx_port}{path}"], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    @staticmethod
    def load_end(wrk):
        text, _ = wrk.communicate()
        rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
        count = re.search(r"(\d+) requests in", text)
        if not rate or not count:
            raise StackError(f"wrk said: {text[-300:]}")
        failed = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", text))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        return Load(float(rate[1]), int(count[1]), failed + (int(bad[1]) if bad else 0))

    def stop(self):
        end(self.nginx)
        self.nginx = None

    def close(self):
        self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Web(Servers):
    """nginx alone, with a page of its own."""

    def __init__(self, folder):
        super().__init__(folder)
        self.start_nginx()

    def pids(self):
        return [self.nginx.pid] + children_of(self.nginx.pid)


class Stack(Servers):
    """PostgreSQL for the life of the object; nginx and the shop per case."""

    def __init__(self, folder, shop_program, rows=20000):
        super().__init__(folder)
        self.shop_program, self.database, self.shop = shop_program, None, None
        self.database_port, self.as_postgres = free_port(), {}
        try:
            self._start_database(rows)
        except StackError:
            self.close()
            raise

    def connection(self):
        return f"host=127.0.0.1 port={self.database_port} user=toll dbname=postgres"

    def _start_database(self, rows):
        data = self.folder / "database"
        data.mkdir()
        if os.geteuid() == 0:  # PostgreSQL refuses root
            user = pwd.getpwnam("postgres")
            os.chmod(self.folder, 0o755)
            os.chown(data, user.pw_uid, user.pw_gid)
            self.as_postgres = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        tools = postgres_folder()
        made = subprocess.run([tools / "initdb", "-D", data, "-A", "trust", "-U", "toll", "--no-locale", "-N"],
                              capture_output=True, text=True, cwd=self.folder, **self.as_postgres)
        if made.returncode:
            raise StackError(f"initdb failed: {made.stderr[-300:]}")
        self.database = self._spawn(
            [tools / "postgres", "-D", data, "-p", self.database_port, "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_parallel_workers_per_gather=0",
             "-c", "jit=off", "-c", "autovacuum=off"], "database.log", self.as_postgres)
        self._until(lambda: self._listens(self.database_port), "PostgreSQL")
        psql = [shutil.which("psql") or tools / "psql", self.connection(), "-qc", SCHEMA.format(rows=rows)]
        self._until(lambda: subprocess.run(psql, capture_output=True).returncode == 0, "PostgreSQL")

    def start(self, shop):
        self.stop()
        self.shop = self._spawn([self.shop_program, self.shop_port, shop.workers, shop.pool, shop.outside_us,
                                 shop.lock_us, shop.ledgers, self.connection(), shop.query], "shop.log")
        self._until(lambda: self._listens(self.shop_port), "the shop")
        self.start_nginx()

    def pids(self):
        """The processes to attach to: each server's first one and its children."""
        pids = []
        for child in (self.nginx, self.shop, self.database):
            pids += [child.pid] + children_of(child.pid)
        return pids

    def stop(self):
        super().stop()
        end(self.shop)
        self.shop = None

    def close(self):
        super().close()
        end(self.database, signal.SIGINT)
        self.database = None


def children_of(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def end(child, how=signal.SIGTERM):
    if child is None:
        return
    child.send_signal(how)
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    child.stdin.close()
