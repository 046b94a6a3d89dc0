"""Runs hpck-tune for the tests of this folder, each test with a folder and a database of its own. The program is named
by the environment variable TUNE, which tests/cmake/tune.cmake sets."""
import json
import os
import subprocess
import tempfile
import time
import unittest

TUNE = os.environ["TUNE"]
TINY = "gemm:f32:nn:m8n8k8"


def records(path):
    """The records of a database, each of which must be a line of JSON."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class TuneTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.db = self.path("db.jsonl")
        self.journal = self.db + ".journal"
        self.environment = {**os.environ, "XDG_DATA_HOME": self.path("data"), "XDG_DATA_DIRS": self.path("system"),
                            "HPCK_DB": self.db}

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return path

    def run_tune(self, *arguments, stdin=None, **variables):
        return subprocess.run([TUNE, *arguments], input=stdin, text=True, capture_output=True, timeout=300,
                              env={**self.environment, **variables})

    def expect(self, code, *arguments, message="", **keywords):
        done = self.run_tune(*arguments, **keywords)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(message, done.stderr)
        return done

    def tune(self, *arguments, code=0, **keywords):
        """The objects of a run in JSON by problem; the summary is under "summary"."""
        done = self.expect(code, "--format", "json", *arguments, **keywords)
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        results = {o["problem"]: o for o in objects if "problem" in o}
        return {**results, "summary": objects[-1]["summary"], "stderr": done.stderr}

    def start(self, *arguments, **variables):
        process = subprocess.Popen([TUNE, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**self.environment, **variables})
        self.addCleanup(process.wait)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def trials(self):
        """The journal's lines; one that is cut off is left out."""
        entries = []
        if os.path.exists(self.journal):
            with open(self.journal, encoding="utf-8") as file:
                for line in file:
                    try:
                        entries.append(json.loads(line))
                    except json.JSONDecodeError:
                        pass
        return entries

    def wait_for_trials(self, count, seconds=120):
        deadline = time.monotonic() + seconds
        while len(self.trials()) < count:
            self.assertLess(time.monotonic(), deadline, f"no {count} trials within {seconds} s")
            time.sleep(0.05)
