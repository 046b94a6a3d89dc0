"""scripts/gpu-acceptance without a GPU: it says so, and its rehearsal on the emulator goes all the way to the report."""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parent / "../../scripts/gpu-acceptance"
BUILD = os.environ["BUILD"]
TINY = "gemm:f32:nn:m24n20k16"
OTHERS = ["conv:fwd:f32:nchw:n1c2h5w5k3r3s3:p1:s1:d1:g1", "reduce:sum:f32:9x33:axes1"]


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
        done = run("--rehearse", "--out", str(self.out), "--budget", "5s", *arguments)
        report, = self.out.glob("*.json")
        text = report.with_suffix(".md").read_text(encoding="utf-8")
        return done, json.loads(report.read_text(encoding="utf-8")), text

    def test_a_rehearsal_tests_tunes_measures_and_reports(self):
        done, report, text = self.rehearse("--tests", "plan", TINY, *OTHERS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(str(self.out), done.stdout)
        self.assertTrue(report["emulated"])
        self.assertEqual([(test["name"], test["outcome"]) for test in report["tests"]], [("plan", "passed")])
        self.assertEqual([one["problem"] for one in report["tuning"] if "problem" in one], [TINY, *OTHERS])
        self.assertEqual([(row["problem"], row["verified"]) for row in report["bench"]],
                         [(problem, True) for problem in (TINY, *OTHERS)])
        self.assertEqual(report["bench"][0]["selected_by"], "exact")
        for words in ("every time below is emulated", "| emulated GFLOP/s or GB/s |", TINY, *OTHERS,
                      "Tests: 1 passed, 0 failed", "Nothing failed", "hpck-bench"):
            self.assertIn(words, text)

    def test_ratios_are_summed_up_by_operation_and_reference(self):
        loader = importlib.machinery.SourceFileLoader("gpu_acceptance", str(SCRIPT))
        script = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
        loader.exec_module(script)
        times = {"ratio_p25": 1.0, "ratio_p75": 1.0}
        row = {"outcome": "passed", "family": "f", "gflops": 5.0, "gbps": 7.0}
        acceptance = script.Acceptance(argparse.Namespace(build=pathlib.Path("build"), tests="plan"))
        acceptance.report.update(
            device={"name": "GPU", "driver": "1"}, emulated=False, revision="r", tuning=[],
            tests=[{"name": "plan", "outcome": "passed"}],
            bench=[{**row, "problem": TINY, "against": {"cublas": {"ratio": 0.5, **times}, "cublas-best": {"absent": "none"}}},
                   {**row, "problem": TINY, "against": {"cublas": {"ratio": 2.0, **times}}},
                   {**row, "problem": OTHERS[1], "against": {"cudnn": {"ratio": 3.0, **times}}},
                   {"problem": OTHERS[0], "outcome": "skipped", "message": "why", "against": {}}])
        text = acceptance.markdown()
        self.assertIn("gemm, cublas / hpck (above 1 hpck is faster): geometric mean 1.00 of 2, worst 0.500", text)
        self.assertIn("reduce, cudnn / hpck (above 1 hpck is faster): geometric mean 3.00 of 1", text)
        self.assertIn(f"| `{OTHERS[1]}` | f | 7.0 | - | - | - | 3.00 [1.00 1.00] |", text)
        table = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual({line.count("|") for line in table}, {8})

    def test_no_test_at_all_is_a_failure(self):
        done, _, text = self.rehearse("--tests", "there_is_no_such_test", TINY)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Failed: no test passed that matches", text)


if __name__ == "__main__":
    unittest.main()
