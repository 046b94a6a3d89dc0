"""scripts/gpu-acceptance without a GPU: it says so, and its rehearsal on the emulator goes all the way to the report."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parent / "../../scripts/gpu-acceptance"
BUILD = os.environ["BUILD"]
TINY = "gemm:f32:nn:m24n20k16"


def run(*arguments, **variables):
    return subprocess.run([SCRIPT, "--build", BUILD, *arguments], text=True, capture_output=True, timeout=500,
                          env={**os.environ, **variables})


class Acceptance(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name) / "results"

    def test_77_without_a_gpu(self):
        done = run("--out", str(self.out), HPCK_CUDA_DRIVER="/nonexistent/libcuda.so")
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("there is no CUDA device here", done.stderr)
        self.assertFalse(self.out.exists())

    def test_an_emulator_does_not_pass_for_a_gpu(self):
        done = run("--out", str(self.out), HPCK_CUDA_DRIVER=os.environ["EMULATOR"])
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertFalse(self.out.exists())

    def rehearse(self, *arguments):
        done = run("--rehearse", "--out", str(self.out), "--budget", "5s", *arguments, TINY)
        report, = self.out.glob("*.json")
        text = report.with_suffix(".md").read_text(encoding="utf-8")
        return done, json.loads(report.read_text(encoding="utf-8")), text

    def test_a_rehearsal_tests_tunes_measures_and_reports(self):
        done, report, text = self.rehearse("--tests", "plan")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(str(self.out), done.stdout)
        self.assertTrue(report["emulated"])
        self.assertEqual([(test["name"], test["outcome"]) for test in report["tests"]], [("plan", "passed")])
        self.assertEqual(report["tuning"][0]["problem"], TINY)
        row, = report["bench"]
        self.assertEqual((row["problem"], row["verified"], row["selected_by"]), (TINY, True, "exact"))
        for words in ("every time below is emulated", "| emulated GFLOP/s |", TINY, "Tests: 1 passed, 0 failed",
                      "Nothing failed", "hpck-bench"):
            self.assertIn(words, text)

    def test_no_test_at_all_is_a_failure(self):
        done, _, text = self.rehearse("--tests", "there_is_no_such_test")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Failed: no test passed that matches", text)


if __name__ == "__main__":
    unittest.main()
