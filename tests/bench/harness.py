"""Runs hpck-bench for the tests of this folder. The program and the libraries to try are named by environment variables
that tests/cmake/bench.cmake sets."""
import json
import os
import subprocess
import tempfile
import unittest

BENCH = os.environ["BENCH"]
TINY = "gemm:f32:nn:m24n20k16"
QUICK = ("--rounds", "3", "--hot")


def run(*arguments, stdin=None, **variables):
    return subprocess.run([BENCH, *arguments], input=stdin, text=True, capture_output=True, timeout=300,
                          env={**os.environ, **variables})


def rows(*arguments, **variables):
    """The objects of a run in JSON that must succeed."""
    done = run(*QUICK, *arguments, "--format", "json", **variables)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class BenchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return path

    def expect(self, code, *arguments, message="", **variables):
        done = run(*arguments, **variables)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(message, done.stderr)
        return done
