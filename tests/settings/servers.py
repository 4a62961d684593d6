#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real servers, each with a development default planted: the configuration investigator must read it from the server itself,
propose what production uses, and bound what that brings by the server's share of the run. Prints TAP.

usage: servers.py [--toll PROGRAM] [--keep FOLDER]
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent / "planted")]
import services  # noqa: E402
from services import Redis, Services, missing, program  # noqa: E402

LIMIT_S = 60


class DurableRedis(Redis):
    def command(self, folder, port):
        (folder / "redis.conf").write_text(
            f"port {port}\nbind 127.0.0.1\nsave \"\"\ndir {folder}\nappendonly yes\nappendfsync always\ndaemonize no\n")
        return [program("redis-server"), str(folder / "redis.conf")]


class Victoria:
    needs = ("victoria-metrics",)

    def command(self, folder, port):
        return [program("victoria-metrics"), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}",
                "-memory.allowedPercent=20"]


class Influx:
    needs = ("influxd",)

    def command(self, folder, port):
        (folder / "influxdb.conf").write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{services.free_port()}"\n'
            f'[meta]\n  dir = "{folder}/meta"\n'
            f'[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n  wal-fsync-delay = "0s"\n'
            f'  index-version = "inmem"\n[http]\n  bind-address = "127.0.0.1:{port}"\n')
        return [program("influxd"), "-config", str(folder / "influxdb.conf")]


class Clickhouse:
    needs = ("clickhouse-server",)

    def command(self, folder, port):
        (folder / "users.xml").write_text(
            "<yandex><profiles><default><log_queries>1</log_queries></default></profiles>"
            "<users><default><password></password><networks><ip>::1</ip><ip>127.0.0.1</ip></networks>"
            "<profile>default</profile><quota>default</quota></default></users>"
            "<quotas><default></default></quotas></yandex>")
        (folder / "config.xml").write_text(
            f"<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>"
            f"<http_port>{port}</http_port><tcp_port>{services.free_port()}</tcp_port>"
            f"<listen_host>127.0.0.1</listen_host><path>{folder}/</path><tmp_path>{folder}/tmp/</tmp_path>"
            f"<users_config>users.xml</users_config><default_profile>default</default_profile>"
            f"<default_database>default</default_database><mark_cache_size>5368709120</mark_cache_size>"
            f"<max_concurrent_queries>20</max_concurrent_queries></yandex>")
        return [program("clickhouse-server"), f"--config-file={folder}/config.xml"]


services.SERVICES.update({"redis": DurableRedis, "victoria": Victoria, "influx": Influx, "clickhouse": Clickhouse})

# name: title, a key, the value planted, the value proposed, whether it is slow (so that a claim is worth it)
PLANTED = {
    "postgres": ("PostgreSQL", "synchronous_commit", "on", "off", True),
    "redis": ("Redis", "appendfsync", "always", "everysec", True),
    "clickhouse": ("ClickHouse", "log_queries", "1", "0", True),
    "nginx": ("nginx", "worker_connections", "512", "4096", False),
    "victoria": ("VictoriaMetrics", "memory.allowedPercent", "20", "60", False),
    "influx": ("InfluxDB", "data.wal-fsync-delay", "0s", "100ms", False),
}


class Tap:
    def __init__(self):
        self.count, self.failed = 0, 0

    def check(self, name, problem):
        """`problem` None: it holds."""
        self.count += 1
        self.failed += problem is not None
        print(f"{'not ' if problem else ''}ok {self.count} - {name}", flush=True)
        if problem:
            print("# " + "\n# ".join(str(problem).splitlines()[:20]), flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)


class Asked:
    """What one investigator answered."""

    def __init__(self, toll, request):
        self.done = subprocess.run([toll, "investigator", request["investigator"]], input=json.dumps(request) + "\n", text=True,
                                   capture_output=True, timeout=LIMIT_S, check=False, env=ENVIRONMENT)
        if self.done.returncode != 0:
            raise SystemExit(f"toll investigator ended with {self.done.returncode}: {self.done.stderr[-500:]}")
        lines = [json.loads(line) for line in self.done.stdout.splitlines()]
        self.claims = [line["claim"] for line in lines if "claim" in line]
        self.cleared = [line["cleared"] for line in lines if "cleared" in line]
        self.votes = [line["vote"] for line in lines if "vote" in line]
        self.notes = [line["note"] for line in lines if "note" in line]


# PostgreSQL is asked as the user that its folder was made with, by what the environment says.
ENVIRONMENT = {**os.environ, "PGUSER": "postgres"}
for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGSERVICE", "PGPASSWORD"):
    ENVIRONMENT.pop(name, None)


def note_of(asked, title):
    return next((note for note in asked.notes if note.startswith(f"{title} at ") and " settings " in note), "")


def slow_problem(asked, name, address):
    title, key, found, proposed, _ = PLANTED[name]
    claims = [c for c in asked.claims if c["where"].get("peer") == address]
    note = note_of(asked, title)
    if name != "clickhouse" and not any(f"set:knob/{key}={proposed}" == c["change"] and f"{key} = {found} (live)" in c["evidence"]
                                        for c in claims):
        return f"no claim that sets {key} from {found} to {proposed}: {claims} {asked.notes}"
    if "asked for" not in note or key not in note:
        return f"not asked, or {key} is not named: {asked.notes}"
    for claim in claims:
        share, gain = claim["critical_ratio"], claim["gain"]
        if not 0.05 < share < 0.95 or gain["factor_high"] > 1 / (1 - share) + 1e-6 or gain["factor"] > 1.5:
            return f"not bounded by the share: {claim}"
        if claim["evidence_class"] != "rule" or claim["cause"] != "config" or not claim["revert"] or not claim["verify"]:
            return f"not whole: {claim}"
    return None


def fast_problem(asked, name, address):
    title, key, _, _, _ = PLANTED[name]
    cleared = [c for c in asked.cleared if c["where"].get("peer") == address]
    if not cleared or "development defaults in" not in cleared[0]["why"] or "at most 1.0" not in cleared[0]["why"]:
        return f"not cleared: {asked.cleared} {asked.notes}"
    if not 1 <= cleared[0]["factor_max"] < 1.05:
        return f"cleared with {cleared[0]['factor_max']}"
    if any(c["where"].get("peer") == address for c in asked.claims):
        return f"a claim about a server that can bring nothing: {asked.claims}"
    if key not in note_of(asked, title):
        return f"{key} is not named: {asked.notes}"
    return None


def votes_problem(toll, request, claims):
    votes = Asked(toll, {**request, "round": "votes", "investigator": "profiling", "claims": claims}).votes
    if len(votes) != 1 or votes[0]["stance"] != "contradict" or votes[0]["factor_max"] > 1.05:
        return f"not contradicted: {votes}"
    own = [{**claims[0], "investigator": "other", "id": "9"}]
    votes = Asked(toll, {**request, "round": "votes", "investigator": "configuration", "claims": own}).votes
    if len(votes) != 1 or votes[0]["stance"] != "contradict" or votes[0]["factor_max"] > 1.05:
        return f"not contradicted by configuration: {votes}"
    return None


def planted_rule_problem(toll, request, folder, address):
    """A rule that promises 50 % whatever the server's share: a claim, and the recording contradicts it."""
    rules = folder / "rules"
    rules.mkdir()
    (rules / "false.yaml").write_text(
        "product: victoriametrics\nrules:\n  - key: memory.allowedPercent\n    development: '< 60'\n    production: 90\n"
        "    why: someone said so\n    source: a page on the web\n    impact: about-50\n    acts_on: reads\n    bound: no\n")
    asked = Asked(toll, {**request, "rules": str(rules)})
    claims = [c for c in asked.claims if c["change"] == "set:knob/memory.allowedPercent=90"]
    if len(claims) != 1 or claims[0]["where"].get("peer") != address or claims[0]["gain"]["factor"] != 1.5:
        return f"no claim of 1.5x: {asked.claims}"
    return votes_problem(toll, request, [{**claims[0], "investigator": "configuration"}])


def workers_problem(toll, request, address):
    """More connections than the server admits are contradicted, fewer supported."""
    def claim(number, count):
        return {"investigator": "profiling", "id": number, "cause": "serial-independent", "where": {"peer": address},
                "objective": "wall", "change": f"workers:peer/{address}={count}", "title": "t", "fix": "f", "rationale": "r",
                "effort": "low", "evidence_class": "measured", "gain": {"factor": 2, "factor_low": 1.9, "factor_high": 2.1}}
    votes = Asked(toll, {**request, "round": "votes", "claims": [claim("1", 10), claim("2", 5000)]}).votes
    stances = [vote["stance"] for vote in votes]
    return None if stances == ["support", "contradict"] and "max_connections" in votes[0]["why"] else f"{votes}"


def judge(toll, tap, running, names, recording, folder):
    request = {"schema": "toll.investigate/1", "round": "claims", "investigator": "configuration",
               "recording": str(recording), "scratch": str(folder), "deadline_s": LIMIT_S}
    address = {name: f"127.0.0.1:{running.ports['port_' + name]}" for name in names}
    asked = Asked(toll, request)
    for name in names:
        slow = PLANTED[name][4]
        problem = (slow_problem if slow else fast_problem)(asked, name, address[name])
        tap.check(f"{PLANTED[name][0]}: {PLANTED[name][1]} is read and {'bounded by its share' if slow else 'cleared'}", problem)
    if "victoria" in names:
        tap.check("a false promise is contradicted", planted_rule_problem(toll, request, folder, address["victoria"]))
    if "postgres" in names:
        tap.check("more connections than are admitted are contradicted", workers_problem(toll, request, address["postgres"]))
    running.stop()
    asked = Asked(toll, request)
    note = next((note for note in asked.notes if "does not run any more: " in note), "")
    gone = [name for name in names if f"{PLANTED[name][0]} at {address[name]}" in note]
    # Not the files of another one, which may lie in the usual place.
    read = [note for note in asked.notes if " settings read " in note]
    tap.check("of a server that is gone it says so and reads nothing else",
              None if len(gone) == len(names) and not read else f"{gone} {read}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--toll", default=os.environ.get("TOLL", str(ROOT / "build" / "toll")))
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    tap = Tap()
    names = []
    for name in PLANTED:
        needs = missing([name])
        if needs:
            tap.skip(f"{PLANTED[name][0]}: its settings are read", f"{', '.join(needs)} is not installed")
        else:
            names.append(name)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="toll-settings-"))
    running = Services(names)
    try:
        recording = folder / "run.toll"
        done = subprocess.run([options.toll, "run", "-q", "--no-store", "-o", str(recording), "--", sys.executable, "-S", "-E",
                               str(HERE / "client.py"), *(f"{name}={running.ports['port_' + name]}" for name in names)],
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        if done.returncode != 0:
            raise SystemExit(f"toll run ended with {done.returncode}: {done.stderr[-500:]}")
        judge(options.toll, tap, running, names, recording, folder)
    finally:
        running.stop()
        if options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


sys.exit(main())
