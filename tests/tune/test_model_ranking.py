"""scripts/model-ranking: what it prints is what the journal holds, and the bar decides the exit code."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parent / "../../scripts/model-ranking"
PROBLEMS = ("gemm:f32:nn:m63n65k127", "gemm:f32:nn:m512n1k512:col", "gemm:f32:nn:m129n257k33")


def run(*arguments):
    return subprocess.run([SCRIPT, "--build", os.environ["BUILD"], "--device", "cuda:0", *arguments], text=True,
                          capture_output=True, timeout=500)


class ModelRanking(unittest.TestCase):
    def test_the_models_first_candidates_come_near_the_best(self):
        done = run("--sample", "8", "--local", "12", "--at-least", "0.95", *PROBLEMS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("first 16, emulated us", done.stdout)
        rows = re.findall(r"^\| `(.*)` \| ([\d.]+) \| ([\d.]+) \| 36 \| ([\d.]+) \| [\d.]+ \|$", done.stdout, re.MULTILINE)
        self.assertEqual([row[0] for row in rows], list(PROBLEMS))
        for _, first, best, share in rows:
            self.assertGreaterEqual(float(first), float(best))
            self.assertAlmostEqual(float(best) / float(first), float(share), delta=0.01)
        self.assertRegex(done.stdout, r"geometric mean [01]\.\d+ of 3, at least 0.95; of the first one alone [01]\.\d+\n$")

    def test_a_suite_is_its_problems_and_nothing_to_rank_is_2(self):
        done = run("--suite", "no such suite")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("at suite no such suite", done.stderr)
        self.assertEqual(run().returncode, 2)

    def test_what_a_budget_cuts_off_goes_on_where_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ("--keep", folder, "--dtype", "bf16", "--first", "2", "--sample", "2", "--local", "1", PROBLEMS[0])
            cut = run("--budget", "0s", *words)
            self.assertEqual((cut.returncode, cut.stdout), (3, ""), cut.stdout + cut.stderr)
            self.assertIn("the same command goes on", cut.stderr)
            whole = run(*words)
            self.assertEqual(whole.returncode, 0, whole.stdout + whole.stderr)
            self.assertIn("`gemm:bf16:nn:m63n65k127`", whole.stdout)
            journal = pathlib.Path(folder) / "gemm:bf16:nn:m63n65k127.jsonl.journal"
            trials = journal.read_text()
            again = run(*words)
            self.assertEqual((again.stdout, journal.read_text()), (whole.stdout, trials))
            journal.write_text(trials.replace('"source_hash":"', '"source_hash":"0'))
            stale = run(*words)
            self.assertEqual(stale.returncode, 1)
            self.assertIn("delete it", stale.stderr)
        self.assertEqual(run("--budget", "soon", PROBLEMS[0]).returncode, 2)

    def test_below_the_bar_is_1(self):
        done = run("--first", "2", "--sample", "2", "--local", "1", "--at-least", "1.01", PROBLEMS[0])
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
