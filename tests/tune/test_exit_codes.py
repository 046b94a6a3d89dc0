"""Every exit code of hpck-tune --help except that of an interruption, and what is said on the way out."""
import os
import subprocess
import unittest

from harness import TINY, TUNE, TuneTest


class Usage(TuneTest):
    def test_mistakes_are_quoted(self):
        csv = self.path("bad.csv", "m,n,k\n1,2,3\n")
        tiers = self.path("tiers.csv", "m,n,k,transA,transB,batch,layout,tier\n1,2,3,N,N,1,row,gpu\n")
        for arguments, message in (
            ((), "nothing to tune"),
            (("--bugdet", "5s", TINY), "unknown option --bugdet; the nearest is --budget"),
            (("-v", TINY), "unknown option -v"),
            (("--budget",), "--budget needs a value: --budget TIME"),
            (("--budget", "5 minutes", TINY), "--budget 5 minutes: expected a time such as 90s, 10m or 1h30m"),
            (("--budget", "0", TINY), "--budget 0"),
            (("--budget", "-5", TINY), "--budget -5"),
            (("--budget", "1e400", TINY), "--budget 1e400"),
            (("--budget", "99999999999999999999h", TINY), "--budget 99999999999999999999h"),
            (("--evals", "0", TINY), "--evals 0: expected a whole number"),
            (("--evals", "3x", TINY), "--evals 3x"),
            (("--seed=-3", TINY), "--seed -3"),
            (("--jobs", "-1", TINY), "--jobs -1"),
            (("--min-gain", "nan", TINY), "--min-gain nan"),
            (("--time-limit", "soon", TINY), "--time-limit soon"),
            (("--strategy", "clever", TINY), "--strategy clever: expected local, exhaustive or random"),
            (("--format", "xml", TINY), "--format xml: expected text or json"),
            (("--dry-run=yes", TINY), "--dry-run takes no value"),
            (("--suite", "nosuch"), 'there is no suite "nosuch"; there are:'),
            (("--shapes", "/nonexistent/shapes"), "/nonexistent/shapes: cannot be opened"),
            (("--shapes", csv), "bad.csv:1: the columns of a CSV must include"),
            (("--shapes", tiers + ":cl"), 'tiers.csv:1: no row is of tier "cl"; the tiers below are: gpu'),
            (("gemm:f64:nn:m1n1k1",), "gemm:f64:nn:m1n1k1"),
            (("--device", "no such device", "--evals", "1", TINY), "no such device"),
            (("merge", "one"), "hpck-tune merge INTO FROM..."),
            (("bundle", TINY), "bundle: expected problems and targets"),
            (("bundle", "--target", "sm_80"), "bundle: expected problems and targets"),
            (("bundle", "--target", "sm_80,sm_1", TINY), 'cuda: there is no target "sm_1"; known are sm_75 sm_80'),
            (("bundle", "--target", ",", TINY), 'bundle: --target "," names none'),
            (("--target", "sm_80", TINY), "--target sm_80: only the command bundle takes it"),
        ):
            with self.subTest(arguments=arguments):
                code = 3 if "--device" in arguments else 2
                done = self.expect(code, *arguments, message=message)
                self.assertEqual(done.stdout, "")
        self.assertEqual(sorted(os.listdir(self.folder)), ["bad.csv", "tiers.csv"])  # nothing was made

    def test_help_names_every_option_command_variable_and_code(self):
        done = self.expect(0, "--help")
        for word in ("--device", "--budget", "--evals", "--strategy", "--seed", "--db", "--jobs", "--time-limit", "--min-gain",
                     "--dry-run", "--format", "--list-devices", "--list-suites", "--version", "--suite", "--shapes",
                     "show", "verify", "diff", "export", "merge", "prune", "bundle", "--target", "HPCK_DEVICE", "HPCK_DB", "XDG_DATA_HOME", "HPCK_CACHE_DIR",
                     "HPCK_VERBOSE", "POCL_AFFINITY", "HPCK_TUNE_TEST_FAULT", "  0 ", "  1 ", "  2 ", "  3 ", "  4 ",
                     "  130 ", "quickstart"):
            self.assertIn(word, done.stdout)

    def test_version(self):
        self.assertRegex(self.expect(0, "--version").stdout, r"^hpck-tune \d+\.\d+\.\d+\n$")


class Device(TuneTest):
    def test_no_driver(self):
        nowhere = self.path("nowhere")
        self.expect(3, "--evals", "1", TINY, OCL_ICD_VENDORS=nowhere)
        done = self.expect(0, "--list-devices", message="no device", OCL_ICD_VENDORS=nowhere)
        self.assertEqual(done.stdout, "")

    def test_list(self):
        self.assertIn("opencl:0:0", self.expect(0, "--list-devices").stdout)
        self.assertIn('"selector":"opencl:0:0"', self.expect(0, "--list-devices", "--format", "json").stdout)


class Database(TuneTest):
    def test_unreadable(self):
        other = self.path("other.txt", "this is\nanother file\n")
        self.expect(4, "--db", other, "--evals", "1", TINY, message="other.txt is not a tuning database")
        self.expect(4, "--db", self.folder, "--evals", "1", TINY)
        self.expect(4, "--db", "/proc/none/db.jsonl", "--evals", "1", TINY)
        self.expect(4, "show", "--db", self.path("absent"))
        with open(other, encoding="utf-8") as file:
            self.assertEqual(file.read(), "this is\nanother file\n")

    def test_a_database_that_cannot_be_written_any_more(self):
        process = self.start("--evals", "3", TINY)
        self.wait_for_trials(1)
        other = self.path("db.jsonl", "somebody wrote\nanother file here\n")
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 4, err)
        self.assertIn("is not a tuning database", err)
        self.assertIn(f"written:0 to {other}", out)
        with open(other, encoding="utf-8") as file:
            self.assertEqual(file.read(), "somebody wrote\nanother file here\n")


class Output(TuneTest):
    def test_full(self):
        self.tune("--evals", "1", TINY)
        with open("/dev/full", "w") as full:
            for arguments in (("export",), ("show",), ("--help",), ("--evals", "1", TINY)):
                done = subprocess.run([TUNE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=300,
                                      env=self.environment)
                self.assertEqual(done.returncode, 4, arguments)
                self.assertIn("standard output cannot be written", done.stderr)


class Problems(TuneTest):
    def test_one_that_cannot_be_tuned(self):
        result = self.tune("--evals", "1", "gemm:f32:nn:m40000n40000k9000000", code=1)
        self.assertEqual(result["gemm:f32:nn:m40000n40000k9000000"]["result"], "failed")

    def test_an_old_choice_that_is_wrong(self):
        result = self.tune("--evals", "2", TINY, code=1, HPCK_TUNE_TEST_FAULT="wrong@0")
        self.assertEqual(result[TINY]["outcomes"]["wrong"], 1)


if __name__ == "__main__":
    unittest.main()
