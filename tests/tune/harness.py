"""Runs hpck-tune for the tests of this folder, each test with a folder and a database of its own. The program is named
by the environment variable TUNE, which tests/cmake/tune.cmake sets."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tool_test import ToolTest  # noqa: E402

TUNE = os.environ["TUNE"]
TINY = "gemm:f32:nn:m8n8k8"


def records(path):
    """The records of a database, each of which must be a line of JSON."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class TuneTest(ToolTest):
    tool = TUNE

    def setUp(self):
        super().setUp()
        self.db = self.path("db.jsonl")
        self.journal = self.db + ".journal"
        self.environment.update({"XDG_DATA_HOME": self.path("data"), "XDG_DATA_DIRS": self.path("system"),
                                 "HPCK_DB": self.db})

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
