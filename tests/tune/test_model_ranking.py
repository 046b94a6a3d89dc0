"""scripts/model-ranking: what it prints is what the journal holds, and the bar decides the exit code."""
import os
import pathlib
import re
import subprocess
import unittest

SCRIPT = pathlib.Path(__file__).parent / "../../scripts/model-ranking"
PROBLEMS = ("gemm:f32:nn:m63n65k127", "gemm:f32:nt:m1n768k768")


def run(*arguments):
    return subprocess.run([SCRIPT, "--build", os.environ["BUILD"], "--device", "cuda:0", *arguments], text=True,
                          capture_output=True, timeout=500)


class ModelRanking(unittest.TestCase):
    def test_the_models_first_candidates_come_near_the_best(self):
        done = run("--sample", "16", "--local", "8", "--at-least", "0.8", *PROBLEMS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("first 16, emulated us", done.stdout)
        rows = re.findall(r"^\| `(.*)` \| ([\d.]+) \| ([\d.]+) \| 40 \| ([\d.]+) \|$", done.stdout, re.MULTILINE)
        self.assertEqual([row[0] for row in rows], list(PROBLEMS))
        for _, first, best, share in rows:
            self.assertGreaterEqual(float(first), float(best))
            self.assertAlmostEqual(float(best) / float(first), float(share), delta=0.01)
        self.assertRegex(done.stdout, r"geometric mean [01]\.\d+ of 2, at least 0.8\n$")

    def test_below_the_bar_is_1(self):
        done = run("--first", "2", "--sample", "2", "--local", "1", "--at-least", "1.01", PROBLEMS[0])
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
