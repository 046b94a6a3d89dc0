"""What hpck-bench prints: the fields of its JSON, its CSV, its table, its JUnit file."""
import csv
import io
import json
import unittest
import xml.etree.ElementTree

from harness import QUICK, TINY, BenchTest


class Json(BenchTest):
    def test_carries_what_traces_a_number(self):
        row, = self.rows(TINY, "--against", "none")
        self.assertEqual(row["problem"], TINY)
        for field in ("device", "driver", "version", "date", "family", "selected_by"):
            self.assertTrue(row[field] and isinstance(row[field], str), field)
        self.assertTrue(all(isinstance(value, int) for value in row["params"].values()) and row["params"])
        self.assertEqual((row["outcome"], row["rounds"], row["seed"], row["against"]), ("passed", 3, 1, {}))
        self.assertTrue(-1 <= row["foreign_cpu"] <= 1)

    def test_times_are_ordered_and_speeds_follow_from_them(self):
        row, = self.rows("gemm:f32:nn:m64n32k48", "--against", "none")
        time = row["time_us"]
        self.assertTrue(0 < time["min"] <= time["median"] <= time["p90"])
        self.assertAlmostEqual(row["gflops"] * time["median"] * 1e3, 2 * 64 * 32 * 48, delta=20)
        self.assertAlmostEqual(row["gbps"] * time["median"] * 1e3, 4 * (64 * 48 + 48 * 32 + 64 * 32), delta=5)

    def test_latency_is_of_a_call_that_is_waited_for(self):
        row, = self.rows_by_default(TINY)
        self.assertGreaterEqual(row["latency_us"]["median"], row["time_us"]["median"])

    def test_launches_are_measured_where_calls_are_short(self):
        short, long = self.rows_by_default(TINY, "gemm:f32:nn:m512n512k512")
        launch = short["launch_us"]
        self.assertTrue(0 < launch["min"] <= launch["median"] <= launch["p90"])
        self.assertNotIn("launch_us", long)

    def test_ratio_is_the_references_time_over_ours(self):
        row, = self.rows(TINY, "--against", "self-f32", "--rounds", "8")
        other = row["against"]["self-f32"]
        self.assertTrue(other["ratio_p25"] <= other["ratio"] <= other["ratio_p75"])
        bounds = (other["time_us"]["min"] / row["time_us"]["p90"] / 2, other["time_us"]["p90"] / row["time_us"]["min"] * 2)
        self.assertTrue(bounds[0] < other["ratio"] < bounds[1])

    def test_verified_is_null_unless_asked_for(self):
        self.assertIs(self.rows(TINY, "--against", "none")[0]["verified"], None)
        self.assertIs(self.rows(TINY, "--against", "none", "--verify")[0]["verified"], True)

    def test_default_is_what_the_model_chooses_without_a_database(self):
        row, = self.rows(TINY, "--against", "none", "--default", "--verify")
        self.assertEqual(row["default"]["selected_by"], "model")
        self.assertTrue(row["default"]["family"] and row["default"]["params"] and row["default"]["ratio"] > 0)

    def test_rows_of_a_csv_keep_their_names_and_layout(self):
        shapes = self.path("shapes.csv", "name,m,n,k,transA,transB,batch,layout\nsmall,8,9,10,T,N,2,col\n")
        row, = self.rows("--shapes", shapes, "--against", "none")
        self.assertEqual((row["name"], row["problem"]), ("small", "gemm:f32:tn:m8n9k10:b2:col"))

    def rows_by_default(self, *problems):
        done = self.run_tool(*problems, "--against", "none", "--rounds", "1", "--format", "json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_memory_bound_problems_rotate_through_operands(self):
        bound, compute = "gemm:f32:nn:m1n512k512", "gemm:f32:nn:m256n256k256"
        copies = [row["copies"] for row in self.rows_by_default(bound, compute)]
        self.assertGreater(copies[0], 1)
        self.assertEqual(copies[1], 1)
        self.assertEqual(self.rows(bound, "--hot", "--against", "none")[0]["copies"], 1)
        self.assertGreater(self.rows(compute, "--cold", "--against", "none")[0]["copies"], 1)


class OtherForms(BenchTest):
    def test_csv_has_as_many_fields_as_its_header(self):
        done = self.run_tool(TINY, "gemm:bf16:nn:m8n8k8", *QUICK, "--format", "csv", "--default")
        self.assertEqual(done.returncode, 0, done.stderr)
        header, *body = csv.reader(io.StringIO(done.stdout))
        self.assertEqual([len(row) for row in body], [len(header)] * 2)
        self.assertEqual(body[0][header.index("problem")], TINY)
        self.assertGreater(float(body[0][header.index("time_us_median")]), 0)

    def test_table_ends_with_the_counts(self):
        done = self.run_tool(TINY, *QUICK, "--against", "self-f32")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(TINY, done.stdout)
        self.assertIn("self-f32: geometric mean ", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "tests:1 passed:1 failed:0 skipped:0")

    def test_results_and_remarks_are_kept_apart(self):
        done = self.run_tool(TINY, *QUICK, "--against", "none", "--format", "json")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn("tests:1 passed:1", done.stderr)

    def test_junit_names_every_problem_and_failure(self):
        path = self.path("junit.xml")
        converting = "gemm:f16>f32:nn:m8n8k8"  # > must be escaped
        self.run_tool(TINY, converting, *QUICK, "--against", "self-f32", "--min-ratio", "1e5", "--junit", path)
        suite = xml.etree.ElementTree.parse(path).getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("2", "2", "0"))
        self.assertEqual([case.get("name") for case in suite], [TINY, converting])
        self.assertIn("--min-ratio", suite[0][0].get("message"))

    def test_junit_of_a_good_run_has_no_failure(self):
        path = self.path("junit.xml")
        self.run_tool(TINY, *QUICK, "--against", "none", "--junit", path)
        case, = xml.etree.ElementTree.parse(path).getroot()
        self.assertEqual(len(case), 0)


if __name__ == "__main__":
    unittest.main()
