"""A run of hpck-tune: what it writes, that the library then selects it, and that budget and inputs are respected."""
import json
import os
import time
import unittest

from harness import TINY, TuneTest, records

OTHER = "gemm:f32:nt:m7n9k5"


class Run(TuneTest):
    def test_writes_ranked_records_that_selection_then_finds(self):
        first = self.tune("--evals", "4", TINY)
        self.assertIn(first[TINY]["old"]["selected_by"], ("model", "nearest", "related"))  # by what ships in the library
        self.assertEqual(first[TINY]["evaluations"], 4)
        self.assertEqual(sum(first["summary"]["outcomes"].values()), 4)
        self.assertGreater(first[TINY]["gflops"], 0)
        self.assertGreaterEqual(first[TINY]["regret"], 0)
        rows = records(self.db)
        self.assertTrue(all(row["problem"] == TINY for row in rows))
        best = [row for row in rows if row["provenance"] == "searched"]
        self.assertEqual(len(best), 1)
        self.assertEqual(best[0]["params"], first[TINY]["new"]["params"])
        self.assertGreater(best[0]["samples"], 0)

        again = self.tune("--evals", "5", TINY)
        self.assertEqual(again[TINY]["old"]["selected_by"], "exact")
        self.assertEqual(again[TINY]["old"]["params"], best[0]["params"])
        self.assertEqual([again[TINY]["resumed"], again[TINY]["evaluations"]], [4, 5])
        self.assertEqual(sum(row["provenance"] == "searched" for row in records(self.db)), 1)

    def test_takes_problems_from_everywhere_and_each_once(self):
        csv = self.path("list.csv", "name,m,n,k,transA,transB,batch,layout,tier\n"
                                    "a,8,8,8,N,N,1,row,ci\nb,9,9,9,N,N,1,row,gpu\n")
        trace = self.path("trace.txt", f"# traced\n{OTHER}\n")
        done = self.expect(0, "--dry-run", "--shapes", csv + ":ci", "--shapes", trace, "-", TINY,
                           "gemm:f32:nn:m8n8k8:col", stdin="gemm:f32:nn:m3n3k3\n")
        problems = [line.split(": ")[0] for line in done.stdout.splitlines() if line.startswith("gemm:")]
        self.assertEqual(problems, [TINY, OTHER, "gemm:f32:nn:m3n3k3"])

    def test_dry_run_touches_nothing(self):
        done = self.expect(0, "--dry-run", TINY)
        self.assertRegex(done.stdout, r"\d+ points, \d+ legal, \d+ different here, \d+ compilations")
        self.assertEqual(os.listdir(self.folder), [])

    def test_text_names_old_and_new_and_the_file(self):
        done = self.expect(0, "--evals", "2", TINY)
        self.assertRegex(done.stdout, rf"{TINY}: (kept|improved), \d+\.\d\dx \[")
        self.assertIn("    old  gemm_", done.stdout)
        self.assertIn("problems:1 ", done.stdout)
        self.assertIn("evaluations now:2 ok:", done.stdout)
        self.assertIn("seconds compiling:", done.stdout)
        self.assertIn("written:1 to " + self.db, done.stdout)
        self.assertNotIn("\x1b", done.stderr)

    def test_budget_is_wall_clock_for_the_list(self):
        begin = time.monotonic()
        result = self.tune("--budget", "8s", "--strategy", "random", TINY, OTHER)
        self.assertLess(time.monotonic() - begin, 8 + 15)  # the last trial and the confirmation, on a busy machine
        self.assertGreater(result[TINY]["evaluations"], 0)
        self.assertIn(TINY, {row["problem"] for row in records(self.db)})

    def test_a_seed_repeats_the_choice_of_candidates(self):
        tried = []
        for name in ("a", "b"):
            self.db = self.path(name)
            self.journal = self.db + ".journal"
            self.tune("--db", self.db, "--evals", "4", "--strategy", "random", "--seed", "5", TINY)
            tried.append([entry["record"]["params"] for entry in self.trials()])
        self.assertEqual(tried[0], tried[1])

    def test_no_choice_is_confirmed_without_what_a_changed_kernel_had_won_with(self):
        self.tune("--evals", "4", TINY)
        first, second = records(self.db)[:2]
        stale = {**second, "source_hash": "0" * 16, "time_ns": first["time_ns"] / 4, "provenance": "searched"}
        self.db = self.path("stale.jsonl", json.dumps({**first, "provenance": "searched"}) + "\n" + json.dumps(stale) + "\n")
        result = self.tune("--db", self.db, "--evals", "1", TINY)
        self.assertEqual([result[TINY]["old"]["params"], result[TINY]["evaluations"]], [first["params"], 1])
        measured = [row["params"] for row in records(self.db) if row["source_hash"] == second["source_hash"]]
        self.assertIn(second["params"], measured)  # although the search had no time for it

    def test_related_shapes_start_from_each_other(self):
        self.tune("--evals", "3", TINY)
        result = self.tune("--evals", "2", "gemm:f32:nn:m8n8k16")
        self.assertEqual(result["gemm:f32:nn:m8n8k16"]["old"]["selected_by"], "nearest")


if __name__ == "__main__":
    unittest.main()
