"""Tuning on emulated CUDA devices: the clock is virtual, so that choices repeat exactly, and nothing of it is mistaken for a
measurement."""
import json
import os
import subprocess
import unittest

from harness import TINY, TuneTest, records

PROBLEM = "gemm:f32:nn:m64n64k64"
REAL = {"v": 1, "device": {"backend": "cuda", "type": "gpu", "vendor": "NVIDIA Corporation", "name": "NVIDIA H100",
                           "architecture": "sm_90", "compute_units": 132, "driver": "CUDA 13.0"}}


class Emulated(TuneTest):
    def tune_on(self, device, db, *arguments, **keywords):
        self.journal = db + ".journal"
        return self.tune("--device", "cuda:0", "--db", db, *arguments, HPCK_EMULATOR_DEVICE=device, **keywords)

    def best_ns(self):
        return min(e["record"]["time_ns"] for e in self.trials() if e["outcome"] == "ok")

    def test_the_same_winner_twice_and_one_for_each_device(self):
        db = self.path("emulated.jsonl")
        first = self.tune_on("a100", db, "--evals", "16", PROBLEM)
        again = self.tune_on("a100", self.path("again.jsonl"), "--evals", "16", PROBLEM)
        self.assertEqual(first[PROBLEM]["new"], again[PROBLEM]["new"])
        self.assertEqual(first[PROBLEM]["gain"], again[PROBLEM]["gain"])
        self.assertTrue(first[PROBLEM]["emulated"])
        self.tune_on("t4", db, "--evals", "16", PROBLEM)
        searched = {row["device"]["architecture"]: row for row in records(db) if row["provenance"] == "searched"}
        self.assertEqual(sorted(searched), ["sm_75", "sm_80"])
        self.assertTrue(all(row["device"]["emulated"] for row in records(db)))
        self.assertGreater(searched["sm_75"]["time_ns"], searched["sm_80"]["time_ns"])
        known = self.tune_on("a100", db, "--evals", "17", PROBLEM)
        self.assertEqual(known[PROBLEM]["old"]["selected_by"], "exact")
        self.assertFalse(os.path.exists(db + ".kernels"))  # what was compiled ahead went with the run

    def test_local_search_comes_near_what_a_larger_search_finds(self):
        self.tune_on("a100", self.path("local.jsonl"), "--evals", "30", PROBLEM)
        near = self.best_ns()
        self.tune_on("a100", self.path("many.jsonl"), "--evals", "50", "--strategy", "exhaustive", PROBLEM)
        self.tune_on("a100", self.path("many.jsonl"), "--evals", "80", "--strategy", "random", PROBLEM)
        self.assertEqual(len(self.trials()), 80)
        self.assertLessEqual(near, 1.05 * self.best_ns())

    def test_every_time_says_emulated(self):
        db = self.path("emulated.jsonl")
        done = self.expect(0, "--device", "cuda:0", "--db", db, "--evals", "2", PROBLEM)
        self.assertRegex(done.stdout, r"[\d.]+ emulated GFLOP/s")
        self.assertRegex(self.expect(0, "show", "--db", db).stdout, r"[\d.]+ emulated us")
        self.assertIn("(emulated)", self.expect(0, "--list-devices").stdout)

    def test_the_users_database_is_left_alone(self):
        for variables in ({}, {"HPCK_DB": ""}):
            self.expect(2, "--device", "cuda:0", "--evals", "1", TINY, message="name a file with --db", **variables)
        user = self.path("data/hpck/tuning.jsonl")
        self.expect(2, "--device", "cuda:0", "--db", user, "--evals", "1", TINY, HPCK_DB="",
                    message="is your own tuning database")
        emulated = self.path("emulated.jsonl")
        self.tune_on("h100", emulated, "--evals", "1", TINY)
        self.expect(2, "merge", user, emulated, HPCK_DB="", message="is your own tuning database")
        self.assertEqual(records(user) if os.path.exists(user) else [], [])

    def test_real_and_emulated_records_do_not_mix(self):
        emulated = self.path("emulated.jsonl")
        self.tune_on("h100", emulated, "--evals", "1", TINY)
        row = {**records(emulated)[0], **REAL}
        real = self.path("real.jsonl", json.dumps(row) + "\n")
        for into, source in ((real, emulated), (emulated, real)):
            with open(into, encoding="utf-8") as file:
                before = file.read()
            self.expect(2, "merge", into, source, message="belong in two files")
            with open(into, encoding="utf-8") as file:
                self.assertEqual(file.read(), before)
        # and a real device does not start from what an emulated one was good at, nor the other way round
        done = self.expect(0, "--dry-run", "--device", "cuda:0", "--db", real, TINY, HPCK_EMULATOR_DEVICE="h100")
        self.assertIn("(model: ", done.stdout)

    def test_a_bundle_serves_a_machine_without_compiler(self):
        problem = "reduce:sum:f32:1024x64:axes1"
        done = subprocess.run([self.tool, "bundle", "--target", "sm_75,sm_80", "--jobs", "2", problem], capture_output=True,
                              timeout=300, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, rb"^bundle: \d+ kernels for sm_75,sm_80, [\d.]+ MB\n$")
        bundle = self.path("kernels.hpck")
        with open(bundle, "wb") as file:
            file.write(done.stdout)
        alone = {"HPCK_NVRTC": "/nonexistent", "HPCK_CACHE_DIR": "", "HPCK_VERBOSE": "cache"}
        bench = os.path.join(os.environ["BUILD"], "bench/hpck-bench")
        for device, code in (("a100", 0), ("t4", 0), ("h100", 1)):
            with self.subTest(device=device):
                done = subprocess.run([bench, "--device", "cuda:0", "--rounds", "1", problem], text=True, capture_output=True,
                                      env={**self.environment, **alone, "HPCK_BUNDLE": bundle, "HPCK_EMULATOR_DEVICE": device})
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertEqual("result=bundle" in done.stderr, code == 0)
                self.assertEqual("the kernel is in no cache or bundle" in done.stdout, code == 1)

    def test_a_candidate_that_crashes_the_compiler_costs_itself_only(self):
        db = self.path("emulated.jsonl")
        result = self.tune_on("h100", db, "--evals", "6", TINY, HPCK_TUNE_TEST_FAULT="crash-compile@2")
        self.assertEqual(result[TINY]["outcomes"]["crashed"], 1)
        self.assertEqual(self.trials()[2]["outcome"], "crashed")


if __name__ == "__main__":
    unittest.main()
