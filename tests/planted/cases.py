# SPDX-License-Identifier: Apache-2.0
"""The planted cases: each a real program with one known cause, and its fixed twin.

In commands, {programs} is the folder of the built programs, {here} this folder, {work} a fresh
folder on a disk, {group} a control group with the case's group_bytes of memory, {port_NAME} the port of the server of
that name (see SERVERS and services.py). Servers run outside the recorded tree.

A place in `where` maps a field of the finding to a text it must contain; `process` also looks at the
stage (without spans a stage is a process), `peer` also at the path. `change` is the change, in the grammar
of `toll whatif`, that is exactly what the fixed twin does, so that its prediction can be held against the
twin; None where the size of the improvement is not known beforehand. A change that ends in `*` is
taken from the finding (the name of a lock is not known before the run).
"""
from dataclasses import dataclass, field

# name -> milliseconds that the server takes for each request
SERVERS = {"at_once": 0, "slow": 20, "archive": 200, "mirror": 300}


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    broken: list
    fixed: list
    cause: str
    where: dict
    change: str | None
    # differences of the proc rung, which has no stacks and so no functions
    where_proc: dict | None = None
    change_proc: str | None = None
    # other first findings that are right too: cause -> why
    accept: dict = field(default_factory=dict)
    # causes that the fixed twin must not show as P0 or P1; None: the one that was found
    gone: set | None = None
    # rungs that cannot tell the cause: rung -> why
    blind: dict = field(default_factory=dict)
    # runs in a control group, {group}, with this much memory
    group_bytes: int = 0
    prepare: list | None = None
    on_disk: bool = False
    service: str | None = None  # a real server that it talks to (services.py)
    # it costs no time: the cause must be among the findings, wherever, and not among the twin's
    is_growth: bool = False
    options: tuple = ()  # of toll run, besides its rung
    program: str | None = None  # that it needs of the machine

    def place(self, recorder):
        return self.where_proc if recorder == "proc" and self.where_proc is not None else self.where

    def known_change(self, recorder):
        return self.change_proc if recorder == "proc" and self.change_proc is not None else self.change


CASES = [
    Case(
        name="hot-function",
        what="one thread, four fifths of its time in one function",
        broken=["{programs}/hot_function"],
        fixed=["{programs}/hot_function", "--fixed"],
        cause="cpu-hot",
        where={"process": "hot_function", "function": "checksum_batch"},
        change="speed:function/checksum_batch=4",
        # the same fix seen from outside: (16000 + 1600) / (4000 + 1600) units of work
        where_proc={"process": "hot_function"},
        change_proc="speed:process/hot_function=3.142857",
    ),
    Case(
        name="one-busy-thread",
        what="one of four threads has all the work, the others wait at a barrier",
        broken=["{programs}/one_busy"],
        fixed=["{programs}/one_busy", "--fixed"],
        cause="cpu-single-thread",
        where={"process": "one_busy"},
        change="workers:process/one_busy=2",
    ),
    Case(
        name="lock-convoy",
        what="four threads hold one lock through 4 ms of waiting each",
        broken=["{programs}/lock_convoy"],
        fixed=["{programs}/lock_convoy", "--fixed"],
        cause="lock-contention",
        where={"process": "lock_convoy"},
        change="remove:lock/*",
    ),
    Case(
        name="fsync-per-record",
        what="each record is made durable on its own",
        broken=["{programs}/fsync_record", "{work}"],
        fixed=["{programs}/fsync_record", "{work}", "--fixed"],
        cause="disk-sync",
        where={"process": "fsync_record"},
        change="remove:wait/disk_sync",
        on_disk=True,
    ),
    Case(
        name="slow-peer",
        what="a chain of requests, each made from the answer before it",
        broken=["{programs}/slow_peer", "{port_slow}"],
        fixed=["{programs}/slow_peer", "{port_at_once}"],
        cause="network-wait",
        where={"process": "slow_peer", "peer": "127.0.0.1:{port_slow}"},
        change="remove:wait/network",
    ),
    Case(
        name="sleep-poll",
        what="a file that a child makes is looked for every 300 ms",
        broken=["{programs}/sleep_poll", "{work}"],
        fixed=["{programs}/sleep_poll", "{work}", "--fixed"],
        cause="sleep-poll",
        where={"process": "sleep_poll"},
        change="remove:wait/sleep",
    ),
    Case(
        name="pipe-middle",
        what="the middle one of three stages joined by pipes is slow",
        broken=["{here}/pipeline.sh", "{programs}"],
        fixed=["{here}/pipeline.sh", "{programs}", "--fixed"],
        cause="pipe-backpressure",
        where={"process": "pipe_filter"},
        change="speed:process/pipe_filter=4",
        accept={"cpu-hot": "the same stage, named by what it does instead of by who waits for it"},
    ),
    Case(
        name="serial-children",
        what="six independent children, one after another",
        broken=["{here}/serial_children.sh", "{programs}", "{port_mirror}"],
        fixed=["{here}/serial_children.sh", "{programs}", "{port_mirror}", "--fixed"],
        cause="serial-independent",
        where={"process": "fetch_one"},
        change="workers:process/fetch_one=6",
    ),
    Case(
        name="grandchild",
        what="a shell waits for a shell that waits for a program that waits for its peer",
        broken=["{here}/grandchild.sh", "{programs}", "{port_slow}"],
        fixed=["{here}/grandchild.sh", "{programs}", "{port_at_once}"],
        cause="network-wait",
        where={"process": "deep_lookup"},
        change="remove:wait/network",
        accept={"child-wait": "found through the wait for the child, and located at the grandchild"},
    ),
    Case(
        name="cpu-contention",
        what="three runnable threads for every core, one of them matters",
        broken=["{programs}/cpu_crowd"],
        fixed=["{programs}/cpu_crowd", "--fixed"],
        cause="cpu-contention",
        where={"process": "cpu_crowd"},
        change="remove:wait/cpu_queue",
    ),
    Case(
        name="page-faults",
        what="fresh memory for every batch",
        broken=["{programs}/fresh_pages"],
        fixed=["{programs}/fresh_pages", "--fixed"],
        cause="page-faults",
        where={"process": "fresh_pages"},
        change=None,
    ),
    Case(
        name="disk-reader",
        what="blocks read from the disk again and again, in random order",
        prepare=["{programs}/disk_reader", "{work}/blocks", "--prepare"],
        broken=["{programs}/disk_reader", "{work}/blocks"],
        fixed=["{programs}/disk_reader", "{work}/blocks", "--fixed"],
        cause="disk-read",
        where={"process": "disk_reader"},
        change="remove:wait/disk_read",
        on_disk=True,
    ),
    Case(
        name="http-loop",
        what="a Python program that fetches independent documents one after another",
        broken=["/usr/bin/python3", "{here}/http_loop.py", "{port_archive}"],
        fixed=["/usr/bin/python3", "{here}/http_loop.py", "{port_archive}", "--fixed"],
        cause="serial-independent",
        where={"peer": "127.0.0.1:{port_archive}"},
        change="workers:peer/127.0.0.1:{port_archive}=8",
        accept={"network-wait": "the wait is the peer's; that the requests are independent is an assumption"},
        # one answer is still waited for when all are asked for at once
        gone={"serial-independent"},
    ),
    Case(
        name="gil-bound",
        what="four threads that compute in pure Python: one at a time has the interpreter's lock",
        broken=["/usr/bin/python3", "{here}/gil_bound.py"],
        fixed=["/usr/bin/python3", "{here}/gil_bound.py", "--fixed"],
        cause="false-parallelism",
        where={"process": "python3", "function": "checksum", "file": "gil_bound.py", "peer": "GIL"},
        change="remove:lock/*",
        accept={"lock-contention": "the lock is the cause; that its holders do nothing but compute, looks alone may not tell"},
        gone={"false-parallelism", "lock-contention"},
    ),
    Case(
        name="python-io",
        what="a Python function that asks a server for one thing after another",
        broken=["/usr/bin/python3", "{here}/python_io.py", "{port_slow}"],
        fixed=["/usr/bin/python3", "{here}/python_io.py", "{port_slow}", "--fixed"],
        cause="network-wait",
        where={"peer": "127.0.0.1:{port_slow}", "function": "fetch_price", "file": "python_io.py"},
        change=None,
        gone={"network-wait"},
    ),
    Case(
        name="straggler",
        what="one of four alike threads has six times the work",
        broken=["{programs}/slow_sibling", "{port_slow}"],
        fixed=["{programs}/slow_sibling", "{port_slow}", "--fixed"],
        cause="straggler",
        where={"process": "slow_sibling"},
        change="set:process/slow_sibling=median",
    ),
    Case(
        name="imbalance",
        what="four threads have fixed shares of 4, 8, 16 and 68 of 96 segments",
        broken=["{programs}/uneven_shares", "{port_slow}"],
        fixed=["{programs}/uneven_shares", "{port_slow}", "--fixed"],
        cause="imbalance",
        where={"process": "uneven_shares"},
        change="set:process/uneven_shares=even",
        gone={"imbalance", "straggler"},
    ),
    Case(
        name="idle-worker",
        what="one thread prepares every batch for two workers that have little left to do",
        broken=["{programs}/idle_pool"],
        fixed=["{programs}/idle_pool", "--fixed"],
        cause="idle-worker",
        where={"process": "idle_pool"},
        change="workers:function/feed_queue=2",
        change_proc="workers:process/idle_pool=2",
    ),
    Case(
        name="small-pool",
        what="two workers wait for a server that would serve sixteen at once",
        broken=["{programs}/small_pool", "{port_slow}"],
        fixed=["{programs}/small_pool", "{port_slow}", "--fixed"],
        cause="config",
        where={"process": "small_pool"},
        change="workers:process/small_pool=16",
    ),
    Case(
        name="spin",
        what="on every core a thread looks at a counter again and again beside one that works",
        broken=["{programs}/spin_collect"],
        fixed=["{programs}/spin_collect", "--fixed"],
        cause="spin",
        where={"process": "spin_collect", "function": "await_part"},
        change="set:function/await_part=block",
        blind={"proc": "without stacks spinning is running"},
    ),
    Case(
        name="redis-chat",
        what="values asked of Redis one at a time instead of through a pipeline",
        broken=["{programs}/chatty_lookup", "{port_redis}"],
        fixed=["{programs}/chatty_lookup", "{port_redis}", "--fixed"],
        cause="chatty-client",
        where={"process": "chatty_lookup", "peer": "127.0.0.1:{port_redis}"},
        change="batch:peer/127.0.0.1:{port_redis}=100",
        service="redis",
    ),
    Case(
        name="row-inserts",
        what="rows into PostgreSQL, one INSERT each",
        broken=["{programs}/row_insert", "{port_postgres}"],
        fixed=["{programs}/row_insert", "{port_postgres}", "--fixed"],
        cause="small-batches",
        where={"process": "row_insert", "peer": "127.0.0.1:{port_postgres}"},
        change="batch:peer/127.0.0.1:{port_postgres}=100",
        service="postgres",
    ),
    Case(
        name="connect-each",
        what="a connection to nginx for every request",
        broken=["{programs}/connect_each", "{port_nginx}"],
        fixed=["{programs}/connect_each", "{port_nginx}", "--fixed"],
        cause="connection-churn",
        where={"process": "connect_each", "peer": "127.0.0.1:{port_nginx}"},
        change="cached:peer/127.0.0.1:{port_nginx}=connection",
        service="nginx",
    ),
    Case(
        name="tiny-writes",
        what="a file written one to sixteen bytes a system call",
        broken=["{programs}/tiny_writes", "{work}"],
        fixed=["{programs}/tiny_writes", "{work}", "--fixed"],
        cause="unbuffered-io",
        where={"process": "tiny_writes"},
        # 64 KB of 8.5 bytes on average
        change="batch:process/tiny_writes=7710",
    ),
    Case(
        name="handle-leak",
        what="files opened and never closed",
        broken=["{programs}/handle_leak"],
        fixed=["{programs}/handle_leak", "--fixed"],
        cause="handle-leak",
        where={"process": "handle_leak"},
        change=None,
        is_growth=True,
    ),
    Case(
        name="memory-leak",
        what="answers that are kept and forgotten, beside a table that is kept on purpose",
        broken=["{programs}/memory_leak"],
        fixed=["{programs}/memory_leak", "--fixed"],
        cause="memory-leak",
        where={"process": "memory_leak", "function": "answer_request"},
        where_proc={"process": "memory_leak", "function": "answer_request"},
        change=None,
        is_growth=True,
        options=("--heap",),
    ),
    Case(
        name="allocation-churn",
        what="a block for each field of each record, dropped with the record",
        broken=["{programs}/allocation_churn"],
        fixed=["{programs}/allocation_churn", "--fixed"],
        cause="allocation-churn",
        where={"process": "allocation_churn", "function": "cut_record"},
        change="speed:function/cut_record=*",
        blind={"proc": "it has no stacks"},
    ),
    Case(
        name="gc",
        what="objects that live just long enough to be copied by the collector again and again",
        broken=["node", "--single-threaded-gc", "{here}/gc_pressure.js"],
        fixed=["node", "--single-threaded-gc", "{here}/gc_pressure.js", "--fixed"],
        cause="gc",
        where={"process": "node"},
        change=None,
        program="node",
        blind={"proc": "it has no stacks"},
    ),
    Case(
        name="queue-growth",
        what="a source twice as fast as the thread that handles its items",
        broken=["{programs}/queue_growth"],
        fixed=["{programs}/queue_growth", "--fixed"],
        cause="queue-growth",
        where={"process": "queue_growth"},
        change=None,
        is_growth=True,
    ),
    Case(
        name="tight-memory",
        what="a table of 48 MB is updated in a control group with 16 MB",
        broken=["{here}/in_group.sh", "{group}", "{programs}/tight_memory", "{work}"],
        fixed=["{programs}/tight_memory", "{work}"],
        cause="memory-reclaim",
        where={"process": "tight_memory"},
        change="remove:wait/reclaim",
        group_bytes=16 << 20,
        blind={"preload": "it sees calls, and no waits for pages"},
        on_disk=True,
    ),
    Case(
        name="late-program",
        what="one of four programs side by side has five times the pages",
        broken=["{here}/late_program.sh", "{programs}", "{port_slow}"],
        fixed=["{here}/late_program.sh", "{programs}", "{port_slow}", "--fixed"],
        cause="straggler",
        where={"process": "fetch_share"},
        change="set:process/fetch_share=median",
        accept={"network-wait": "the late one does nothing but wait for its peer"},
    ),
    Case(
        name="curl-nginx",
        what="documents fetched by curl, one after another, from an nginx that limits each connection",
        broken=["{here}/curl_nginx.sh", "{port_nginx}"],
        fixed=["{here}/curl_nginx.sh", "{port_nginx}", "--fixed"],
        cause="serial-independent",
        where={"process": "curl", "peer": "127.0.0.1:{port_nginx}"},
        change="workers:process/curl=6",
        service="nginx",
    ),
    Case(
        name="slow-names",
        what="a chain of names at a resolver that takes 20 ms for each, over UDP",
        broken=["{programs}/slow_names", "{port_slow}"],
        fixed=["{programs}/slow_names", "{port_at_once}"],
        cause="network-wait",
        where={"process": "slow_names", "peer": "127.0.0.1:{port_slow}"},
        change="remove:wait/network",
    ),
    Case(
        name="slow-query",
        what="rows asked of PostgreSQL one by one by a column without an index",
        prepare=["{programs}/slow_query", "{port_postgres}", "--prepare"],
        broken=["{programs}/slow_query", "{port_postgres}"],
        fixed=["{programs}/slow_query", "{port_postgres}", "--fixed"],
        cause="network-wait",
        where={"process": "slow_query", "peer": "127.0.0.1:{port_postgres}"},
        change="remove:wait/network",
        service="postgres",
    ),
    Case(
        name="connect-query",
        what="a connection to PostgreSQL, a process of the server each, for every query",
        broken=["{programs}/connect_query", "{port_postgres}"],
        fixed=["{programs}/connect_query", "{port_postgres}", "--fixed"],
        cause="connection-churn",
        where={"process": "connect_query", "peer": "127.0.0.1:{port_postgres}"},
        # what a connection costs the other end, a process here, is not known beforehand
        change=None,
        service="postgres",
    ),
    Case(
        name="one-at-a-time",
        what="two threads that compute under one lock, as an interpreter's do",
        broken=["{programs}/one_at_a_time"],
        fixed=["{programs}/one_at_a_time", "--fixed"],
        cause="false-parallelism",
        where={"process": "one_at_a_time"},
        change="remove:lock/*",
        accept={"lock-contention": "the lock is the cause; that its holders do nothing but compute, looks alone may not tell"},
        gone={"false-parallelism", "lock-contention"},
    ),
]
