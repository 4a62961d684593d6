# SPDX-License-Identifier: Apache-2.0
"""The binding under a real drain: each test runs a program under span_dump and reads the rows it prints."""

import collections
import os
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest

Span = collections.namedtuple("Span", "id parent track name status ns")


class Rows:
    """What span_dump printed."""

    def __init__(self, text):
        self.lines = [line.split("\t") for line in text.splitlines()]

    def of(self, kind):
        return [line[1:] for line in self.lines if line[0] == kind]

    @property
    def spans(self):
        return [Span(*row) for row in self.of("span")]

    def span(self, name):
        found = [s for s in self.spans if s.name == name]
        assert len(found) == 1, f"{len(found)} spans '{name}'"
        return found[0]

    def usage(self, span):
        return {kind: float(amount) for owner, kind, amount in self.of("usage") if owner == span.id}


def run(program, recorded=True, env=None):
    command = [sys.executable, "-c", "import toll\n" + textwrap.dedent(program)]
    if recorded:
        command.insert(0, os.environ["SPAN_DUMP"])
    done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=60, check=False)
    return done


def record(program):
    done = run(program)
    rows = Rows(done.stdout)
    assert done.returncode == 0 and not done.stderr and rows.of("exit") == [["0"]], done.stdout + done.stderr
    assert rows.of("lost") == [["0"]]
    return rows


class Recorded(unittest.TestCase):
    def test_spans_nest_and_carry_usage(self):
        rows = record("""
            assert toll.active()
            with toll.span("outer"):
                toll.rows(3)
                with toll.span("inner"):
                    toll.rows(4)
                    toll.rows(5)
                    toll.bytes(10)
                    toll.requests()
                    toll.tokens_input(7)
                    toll.tokens_output(8)
                    toll.usage("pages", 0.25)
        """)
        outer, inner = rows.span("outer"), rows.span("inner")
        self.assertEqual((inner.parent, inner.track, inner.status), (outer.id, outer.track, "0"))
        self.assertEqual(rows.usage(outer), {"rows": 3})
        self.assertEqual(rows.usage(inner), {"rows": 9, "bytes": 10, "requests": 1, "tokens_input": 7, "tokens_output": 8, "pages": 0.25})

    def test_an_exception_ends_the_span_and_passes(self):
        rows = record("""
            try:
                with toll.span("outer"):
                    with toll.span("fails"):
                        1 / 0
            except ZeroDivisionError:
                pass
            with toll.span("after"):
                pass
        """)
        self.assertEqual(rows.span("fails").status, "0")
        self.assertEqual(rows.span("after").parent, "0")

    def test_decorated_functions_have_a_span_each_call(self):
        rows = record("""
            @toll.span("named")
            def one(n):
                "doc"
                return one(n - 1) if n else "end"
            @toll.spanned
            def two():
                return 2
            assert one(2) == "end" and one.__doc__ == "doc" and two() == 2
        """)
        self.assertEqual([s.name for s in rows.spans].count("named"), 3)
        self.assertEqual(rows.span("two").parent, "0")

    def test_threads_have_their_own_nesting(self):
        rows = record("""
            import threading
            barrier = threading.Barrier(4)
            def work(i):
                with toll.worker(f"worker {i}"):
                    with toll.span("outside"):
                        barrier.wait()
                        for _ in range(50):
                            with toll.span("inside"):
                                pass
                        barrier.wait()
            threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
            [t.start() for t in threads], [t.join() for t in threads]
        """)
        outside = {s.id: s for s in rows.spans if s.name == "outside"}
        inside = [s for s in rows.spans if s.name == "inside"]
        self.assertEqual((len(outside), len(inside)), (4, 200))
        self.assertTrue(all(s.track == outside[s.parent].track for s in inside))
        self.assertEqual({name for _, kind, name in rows.of("track") if kind == "worker"}, {f"worker {i}" for i in range(4)})
        self.assertEqual(len(rows.of("bind")), 4)

    def test_processes_of_multiprocessing_record_too(self):
        rows = record("""
            import multiprocessing
            @toll.spanned
            def work(n):
                return n * n
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert sum(pool.map(work, range(10))) == 285
        """)
        self.assertEqual([s.name for s in rows.spans].count("work"), 10)

    def test_a_token_crosses_processes(self):
        rows = record("""
            import os, subprocess, sys
            with toll.span("parent"):
                text = toll.token()
                assert 0 < len(text) < 64 and text.isprintable() and " " not in text
                program = "import os, toll\\nwith toll.span('child'): toll.depends(os.environ['POINT']); toll.message_received('x')"
                subprocess.run([sys.executable, "-c", program], env={**os.environ, "POINT": text}, check=True)
        """)
        self.assertEqual(rows.of("edge"), [[rows.span("parent").track, rows.span("child").track, "depends"]])

    def test_counters_are_points_in_order(self):
        rows = record("""
            for depth in (1, 2.5, 0):
                toll.counter("queue depth", depth)
        """)
        self.assertEqual(rows.of("point"), [["queue depth", "1"], ["queue depth", "2.5"], ["queue depth", "0"]])

    def test_any_text_is_a_name(self):
        rows = record("""
            for name in ("häßlich \\N{SNOWMAN}", "tab\\there", "nul\\0here", "x" * 1000, "\\udc80", 42):
                with toll.span(name):
                    pass
        """)
        self.assertEqual([s.name for s in rows.spans], ["häßlich ☃", "tab?here", "nul?here", "x" * 255, "?", "42"])

    def test_an_agent_carries_its_spans(self):
        rows = record("""
            with toll.agent("reviewer"), toll.span("review"):
                pass
        """)
        self.assertEqual(rows.of("track"), [[rows.span("review").track, "agent", "reviewer"]])


class Unrecorded(unittest.TestCase):
    PROGRAM = """
        @toll.span("a")
        def one():
            return 1
        assert one() == 1 and toll.spanned(one)() == 1
        with toll.span("b"), toll.worker("w"), toll.agent("g"):
            toll.rows(1), toll.usage("x", 2), toll.counter("y", 3)
        assert toll.token() == "" and not toll.active()
        toll.depends(""), toll.depends(None), toll.message_received("toll1-0")
    """

    def test_without_a_recorder_nothing_happens(self):
        done = run(self.PROGRAM, recorded=False, env={"TOLL_SESSION": ""})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_an_experiment_holds_the_spans_of_one_name(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(16))
            file.flush()
            env = {"TOLL_SESSION": "", "TOLL_HOLD_SPAN": "b", "TOLL_HOLD_SHARE": "1000", "TOLL_HOLD_FILE": file.name}
            done = run("""
                import time
                for name in ("a", "b", "b"):
                    begin = time.monotonic()
                    with toll.span(name):
                        time.sleep(0.02)
                    print(name, time.monotonic() - begin >= 0.04)
                toll.rows(1), toll.counter("y", 3)
                assert toll.token() == ""
            """, recorded=False, env=env)
            file.seek(0)
            count, length_ns = struct.unpack("<QQ", file.read(16))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.split()[2:], ["b", "True", "b", "True"])
        self.assertEqual(count, 2)
        self.assertGreaterEqual(length_ns, 40_000_000)

    def test_a_session_that_is_gone_is_no_recorder(self):
        done = run(self.PROGRAM, recorded=False, env={"TOLL_SESSION": "/nowhere/at/all"})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_library_that_is_not_there_is_told_and_survived(self):
        done = run(self.PROGRAM, env={"TOLL_LIBRARY": "/nowhere/libtoll.so"})
        self.assertEqual(done.returncode, 0)
        self.assertIn("could not load TOLL_LIBRARY", done.stderr)
        self.assertIn("exit\t0", done.stdout)


if __name__ == "__main__":
    unittest.main()
