"""A candidate that crashes, hangs or computes wrongly costs that candidate only, and is never tried again."""
import unittest

from harness import TINY, TuneTest, records


class Faults(TuneTest):
    def fault(self, kind, outcome, *arguments):
        result = self.tune("--evals", "4", *arguments, TINY, HPCK_TUNE_TEST_FAULT=f"{kind}@1")
        self.assertEqual(result[TINY]["evaluations"], 4)
        self.assertEqual(result[TINY]["outcomes"][outcome], 1)
        self.assertEqual(result[TINY]["outcomes"]["ok"] + result[TINY]["outcomes"]["slow"], 3)
        bad = self.trials()[1]
        self.assertEqual(bad["outcome"], outcome)
        for row in records(self.db):
            self.assertNotEqual((row["family"], row["params"]), (bad["record"]["family"], bad["record"]["params"]))

        again = self.tune("--evals", "6", TINY)
        self.assertEqual(again[TINY]["resumed"], 4)
        tried = [(e["record"]["family"], str(e["record"]["params"])) for e in self.trials()]
        self.assertEqual(len(tried), 6)
        self.assertEqual(len(set(tried)), 6)
        return bad

    def test_crash(self):
        self.assertIn("signal 6", self.fault("crash", "crashed")["message"])

    def test_hang(self):
        self.assertIn("killed", self.fault("hang", "timeout", "--time-limit", "10s")["message"])

    def test_crash_of_the_compiler(self):
        self.assertIn("signal 6", self.fault("crash-compile", "crashed")["message"])

    def test_hang_of_the_compiler(self):
        self.assertIn("not compiled within 10.0 s",
                      self.fault("hang-compile", "timeout", "--time-limit", "10s", "--jobs", "2")["message"])

    def test_without_compilers_the_measuring_process_compiles(self):
        self.assertIn("signal 6", self.fault("crash", "crashed", "--jobs", "0")["message"])

    def test_wrong_result(self):
        self.assertIn("wrong result: C[0][0, 0] = 1.00000002e+30", self.fault("wrong", "wrong")["message"])


if __name__ == "__main__":
    unittest.main()
