"""Every exit code of hpck-bench --help, and what is said on the way out."""
import json
import os
import signal
import subprocess
import unittest

from harness import BENCH, QUICK, TINY, BenchTest


class Usage(BenchTest):
    def test_mistakes_are_quoted(self):
        for arguments, message in (
            ((), "nothing to measure"),
            (("--dvice", "x", TINY), "unknown option --dvice; the nearest is --device"),
            (("-v", TINY), "unknown option -v"),
            (("--rounds",), "--rounds needs a value"),
            (("--rounds", "0", TINY), "--rounds 0: expected a whole number"),
            (("--rounds", "3x", TINY), "--rounds 3x"),
            (("--limit", "-1", TINY), "--limit -1: expected a number"),
            (("--min-ratio", "nan", TINY), "--min-ratio nan"),
            (("--seed=-3", TINY), "--seed -3"),
            (("--verify=yes", TINY), "--verify takes no value"),
            (("--format", "xml", TINY), "--format xml: expected text, json or csv"),
            (("--against", "mkl", TINY), 'there is no reference "mkl"; expected none alone, or some of: openblas clblast'),
            (("--against", "none,openblas", TINY), 'there is no reference "none"; expected none alone'),
            (("--suite", "nosuch"), 'there is no suite "nosuch"'),
            (("--shapes", "/nonexistent/shapes"), "/nonexistent/shapes"),
            (("gemm:f64:nn:m1n1k1",), "gemm:f64:nn:m1n1k1"),
        ):
            with self.subTest(arguments=arguments):
                done = self.expect(2, *arguments, message=message)
                self.assertEqual(done.stdout, "")

    def test_help_names_every_option_variable_and_code(self):
        done = self.expect(0, "--help")
        for word in ("--device", "--db", "--suite", "--shapes", "--against", "--default", "--verify", "--rounds",
                     "--limit", "--hot", "--cold", "--seed", "--format", "--min-ratio", "--compare", "--threshold",
                     "--junit", "--list-devices", "--list-suites", "--version", "HPCK_DB", "HPCK_OPENBLAS",
                     "HPCK_CLBLAST", "POCL_AFFINITY", "  77 ", "  130 ", "self-f32", "quickstart"):
            self.assertIn(word, done.stdout)

    def test_full_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BENCH, *QUICK, "--against", "none", TINY], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=300)
        self.assertEqual(done.returncode, 4)
        self.assertIn("standard output cannot be written", done.stderr)

    def test_version(self):
        self.assertRegex(self.expect(0, "--version").stdout, r"^hpck-bench \d+\.\d+\.\d+\n$")

    def test_devices_are_listed_in_both_forms(self):
        text = self.expect(0, "--list-devices").stdout.splitlines()
        objects = [json.loads(line) for line in self.expect(0, "--list-devices", "--format", "json").stdout.splitlines()]
        self.assertEqual(len(text), len(objects))
        self.assertTrue(text[0].startswith(objects[0]["selector"]))


class Cuda(BenchTest):
    def test_77_without_a_driver(self):
        for name in ("cublas", "cublas-best", "cudnn"):
            done = self.expect(77, TINY, "--against", name, HPCK_CUDA_DRIVER="/nonexistent/libcuda.so",
                               message=f"hpck-bench: skipped: {name} is not on this machine")
            self.assertIn("/nonexistent/libcuda.so", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_77_where_times_are_emulated(self):
        for name in ("cublas", "openblas"):
            self.expect(77, TINY, "--device", "cuda:0", "--against", name, HPCK_CUDA_DRIVER=os.environ["EMULATOR"],
                        HPCK_CUBLAS=os.environ["FAKE_CUBLAS"], message=f"{name} is not compared: NVIDIA")


class Failures(BenchTest):
    def test_1_where_a_ratio_is_below_the_bar(self):
        done = self.expect(1, TINY, *QUICK, "--against", "self-f32", "--min-ratio", "1e5")
        self.assertIn("is below --min-ratio 100000", done.stdout)
        self.assertIn("tests:1 passed:0 failed:1 skipped:0", done.stdout)

    def test_3_without_a_driver_or_a_matching_device(self):
        self.expect(3, TINY, HPCK_OPENCL_LIBRARY="/nonexistent.so")
        self.expect(3, TINY, "--device", "no such device")
        self.expect(0, "--list-devices", HPCK_OPENCL_LIBRARY="/nonexistent.so")

    def test_4_for_a_file_that_is_none(self):
        garbage = self.path("garbage", "not a database\n")
        self.expect(4, TINY, "--db", garbage, message=garbage)
        self.expect(4, TINY, "--db", self.path("missing"), message="missing")
        self.expect(4, TINY, "--compare", garbage, message=f"{garbage}:1")
        self.expect(4, TINY, "--compare", self.path("missing"), message="missing")
        self.expect(4, TINY, "--compare", self.path("empty.json", ""), message="nothing in it to compare with")

    def test_130_when_interrupted_with_the_rows_so_far(self):
        process = subprocess.Popen([BENCH, TINY, "--rounds", "100000", "--limit", "0", "--against", "none", TINY],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not process.stdout.readline().startswith("problem"):
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertRegex(rest, r"tests:[01] ")


class References(BenchTest):
    def test_absent_one_is_reported_and_77_only_when_asked_for(self):
        done = self.expect(0, TINY, *QUICK, HPCK_OPENBLAS="/nonexistent.so", HPCK_CLBLAST="/nonexistent.so")
        self.assertIn("openblas: absent: ", done.stdout)
        self.assertIn("clblast: absent: ", done.stdout)
        done = self.expect(77, TINY, "--against", "openblas", message="openblas", HPCK_OPENBLAS="/nonexistent.so")
        self.assertEqual(done.stdout, "")

    def test_library_without_the_functions_is_absent(self):
        self.expect(77, TINY, "--against", "clblast", message="has no function CLBlastSgemm",
                    HPCK_CLBLAST=os.environ["IDLE_BLAS"])

    def test_wrong_one_is_found_out(self):
        done = self.run_tool(TINY, *QUICK, "--against", "openblas", "--verify", HPCK_OPENBLAS=os.environ["IDLE_BLAS"])
        self.assertIn("openblas: wrong: C(0,0)", done.stdout)
        self.assertEqual(done.returncode, 0)

    def test_wrong_sums_and_indices_of_sizes_are_found_out(self):
        done = self.run_tool("reduce:sum:f32:100:axes0", "reduce:argmax:f32:3x100:axes1", *QUICK, "--against", "openblas", "--verify",
                             HPCK_OPENBLAS=os.environ["IDLE_BLAS"])
        for routine in ("sasum", "isamax"):
            self.assertIn(f"wrong result: {routine} of row", done.stdout)


class Comparison(BenchTest):
    def baseline(self, **changes):
        done = self.run_tool(TINY, *QUICK, "--against", "none", "--format", "json")
        row = json.loads(done.stdout)
        for field, factor in changes.items():
            row[field] = {key: value * factor for key, value in row[field].items()}
        return self.path("old.json", json.dumps(row) + "\n")

    def test_far_slower_than_before_is_1(self):
        done = self.expect(1, TINY, *QUICK, "--against", "none", "--compare", self.baseline(time_us=0.001))
        self.assertIn("--threshold 0.95", done.stdout)

    def test_far_faster_than_before_is_0(self):
        self.expect(0, TINY, *QUICK, "--against", "none", "--compare", self.baseline(time_us=1000))

    def test_slower_within_the_threshold_is_0(self):
        self.expect(0, TINY, *QUICK, "--against", "none", "--compare", self.baseline(time_us=0.001), "--threshold", "1e-6")

    def test_ratios_decide_where_both_runs_have_them(self):
        ratios = {"ratio": 1000.0, "ratio_p25": 900.0, "ratio_p75": 1100.0}
        row = json.loads(self.run_tool(TINY, *QUICK, "--against", "self-f32", "--format", "json").stdout)
        row["against"]["self-f32"].update(ratios)
        path = self.path("old.json", json.dumps(row) + "\n")
        done = self.expect(1, TINY, *QUICK, "--against", "self-f32", "--compare", path)
        self.assertIn("self-f32: ratio", done.stdout)

    def test_rows_of_another_kind_are_passed_over(self):
        path = self.path("odd.json", '{}\n{"problem": 1}\n' + json.dumps({"problem": TINY, "time_us": "fast"}) + "\n")
        self.expect(0, TINY, *QUICK, "--against", "none", "--compare", path)

    def test_other_problems_and_devices_are_not_compared(self):
        with open(self.baseline(time_us=0.001), encoding="utf-8") as file:
            row = json.loads(file.read())
        for field in ("problem", "device"):
            path = self.path("other.json", json.dumps({**row, field: "another"}) + "\n")
            self.expect(0, TINY, *QUICK, "--against", "none", "--compare", path)


if __name__ == "__main__":
    unittest.main()
