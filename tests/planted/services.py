# SPDX-License-Identifier: Apache-2.0
"""Real servers for the planted cases: each on a free port of the loopback, in a folder of its own, gone with the suite.

PostgreSQL refuses to run as root: then it runs as the user that its package made.
"""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_LIMIT_S = 30
STOP_LIMIT_S = 10
POSTGRES_FOLDER = pathlib.Path("/usr/lib/postgresql")


class ServiceError(Exception):
    """A server did not start."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def program(*names):
    """The first of these programs that is there; None."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin",
               *sorted((str(path / "bin") for path in POSTGRES_FOLDER.glob("*")), reverse=True)]
    for name in names:
        found = shutil.which(name, path=os.pathsep.join(folders))
        if found:
            return found
    return None


class Redis:
    needs = ("redis-server",)

    def command(self, folder, port):
        return [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", str(folder), "--daemonize", "no"]


class Nginx:
    needs = ("nginx",)

    def command(self, folder, port):
        (folder / "ok").write_text("ok\n")
        (folder / "limited").write_bytes(b"x" * 100000)
        (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}; root {folder};
        location = /limited {{ sendfile off; output_buffers 1 64k; limit_rate 256k; }}
    }}
}}
""")
        return [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


class Postgres:
    needs = ("initdb", "postgres")

    def command(self, folder, port):
        as_user = []
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            as_user = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
        data = folder / "data"
        made = subprocess.run([*as_user, program("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N",
                               "-E", "UTF8", "--locale=C"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=folder, check=False)
        if made.returncode != 0:
            raise ServiceError(f"initdb ended with status {made.returncode}: {made.stdout.decode()[-300:]}")
        return [*as_user, program("postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                "-c", f"unix_socket_directories={folder}", "-c", "fsync=off", "-c", "autovacuum=off"]


SERVICES = {"redis": Redis, "nginx": Nginx, "postgres": Postgres}


def missing(names):
    """The programs that these services need and that are not there."""
    return [need for name in names for need in SERVICES[name].needs if program(need) is None]


class Services:
    """Running servers; `ports` has port_NAME for each."""

    def __init__(self, names):
        self.children, self.ports = {}, {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="toll-services-", dir="/var/tmp"))
        self.folder.chmod(0o711)
        try:
            for name in names:
                self.start(name)
        except (OSError, KeyError, ServiceError) as failure:
            self.stop()
            raise ServiceError(f"could not start {name}: {failure}") from None

    def start(self, name):
        folder, port = self.folder / name, free_port()
        folder.mkdir(mode=0o700)
        command = SERVICES[name]().command(folder, port)
        with open(self.folder / f"{name}.log", "wb") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                     cwd=folder, start_new_session=True)
        self.children[name] = child
        limit_s = time.monotonic() + START_LIMIT_S
        while not is_open(port):
            if child.poll() is not None or time.monotonic() > limit_s:
                said = (self.folder / f"{name}.log").read_text(errors="replace")[-300:]
                raise ServiceError(f"it does not answer on port {port}: {said}")
            time.sleep(0.02)
        self.ports[f"port_{name}"] = str(port)

    def pids(self):
        """All processes of the servers."""
        found = []
        for child in self.children.values():
            found += family(child.pid)
        return found

    def stop(self):
        for child in self.children.values():
            child.send_signal(signal.SIGINT)
        for child in self.children.values():
            try:
                child.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def family(pid):
    """A process and its descendants."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found
