"""Runs hpck-bench for the tests of this folder. The program and the libraries to try are named by environment variables
that tests/cmake/bench.cmake sets."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from tool_test import ToolTest  # noqa: E402

BENCH = os.environ["BENCH"]
TINY = "gemm:f32:nn:m24n20k16"
QUICK = ("--rounds", "3", "--hot")


class BenchTest(ToolTest):
    tool = BENCH

    def rows(self, *arguments, **variables):
        """The objects of a run in JSON that must succeed."""
        done = self.expect(0, *QUICK, *arguments, "--format", "json", **variables)
        return [json.loads(line) for line in done.stdout.splitlines()]
