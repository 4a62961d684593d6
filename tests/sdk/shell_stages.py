# SPDX-License-Identifier: Apache-2.0
"""toll span and toll mark in a script, under a real drain."""

import os
import subprocess
import unittest


def record(script):
    """span_dump's rows of a shell script in which `toll` is the program under test; and its pid's track."""
    toll = os.path.dirname(os.environ["TOLL"])
    done = subprocess.run([os.environ["SPAN_DUMP"], "bash", "-c", script], capture_output=True, text=True, timeout=60,
                          check=True, env={**os.environ, "PATH": toll + ":" + os.environ["PATH"]})
    return [line.split("\t") for line in done.stdout.splitlines()]


def spans(rows):
    return {row[4]: dict(zip(("id", "parent", "track", "name", "status", "ns"), row[1:])) for row in rows if row[0] == "span"}


class Stages(unittest.TestCase):
    def test_a_span_lasts_as_long_as_its_command(self):
        rows = record("toll span extract -- sh -c 'sleep 0.05; exit 7'")
        self.assertIn(["exit", "7"], rows)
        extract = spans(rows)["extract"]
        self.assertEqual(extract["status"], "0")
        self.assertGreaterEqual(int(extract["ns"]), 50_000_000)

    def test_a_mark_lasts_until_the_next_and_the_last_until_the_end(self):
        rows = record("echo pid $$; toll mark one; sleep 0.05; toll mark two; sleep 0.03; (toll mark inside; true); true")
        found = spans(rows)
        pid = next(row[0].split()[1] for row in rows if row[0].startswith("pid"))
        shell = next(row[1] for row in rows if row[0] == "thread" and row[2:] == [pid, pid])
        self.assertEqual({found["one"]["track"], found["two"]["track"]}, {shell})
        self.assertNotEqual(found["inside"]["track"], shell)
        self.assertGreaterEqual(int(found["one"]["ns"]), 50_000_000)
        self.assertGreaterEqual(int(found["two"]["ns"]), 30_000_000)
        self.assertEqual({s["status"] for s in found.values()}, {"0"})

    def test_a_killed_span_command_leaves_a_cut_span(self):
        rows = record("""
            cd "$(mktemp -d)"
            toll span doomed -- sh -c 'touch started; sleep 0.5' &
            while [ ! -e started ]; do sleep 0.01; done
            kill -9 $!
            wait
            rm -r "$PWD"
        """)
        self.assertEqual(spans(rows)["doomed"]["status"], "1")


if __name__ == "__main__":
    unittest.main()
