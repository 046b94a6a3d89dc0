"""The command lines of scripts/figures*, with stand-ins for the tools: what is tuned and for how long, what is measured, when a
figure counts as missed."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parent / "../../scripts"
SUITES = pathlib.Path(__file__).resolve().parent / "../../bench/shapes"
# writes down its arguments; hpck-bench then invents a row for every problem of the suites that are named
STAND_IN = f"""#!/usr/bin/python3 -SE
import json, os, pathlib, sys
with open(os.environ["CALLS"], "a") as calls:
    print(pathlib.Path(sys.argv[0]).name, *sys.argv[1:], file=calls)
if "bench" not in sys.argv[0]:
    sys.exit()
words = sys.argv[1:]
problems = [word for word in words if ":" in word]
for option, name in zip(words, words[1:]):
    if option == "--suite":
        problems += [line for line in pathlib.Path("{SUITES}", name + ".suite").read_text().splitlines() if line[:1] != "#"] \\
            if pathlib.Path("{SUITES}", name + ".suite").exists() else ["conv:fwd:f32:nhwc:n1c2h3w3k2r1s1:p0:s1:d1:g1"]
ratio = float(os.environ["RATIO"])
for problem in problems:
    against = {{name: {{"ratio": ratio, "ratio_p25": ratio, "ratio_p75": ratio, "routine": "", "version": "1",
                       "time_us": {{"median": 100.0 * ratio}}}}
               for name in words[words.index("--against") + 1].split(",")}}
    print(json.dumps({{"problem": problem, "outcome": "passed", "device": "d", "driver": "1", "gflops": 1.0, "gbps": 1.0,
                      "bandwidth_share": ratio, "foreign_cpu": 0.0, "against": against, "time_us": {{"median": 100.0}},
                      "latency_us": {{"median": 100.0}}, "launch_us": {{"median": 75.0}}}}))
"""


class Figures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = pathlib.Path(folder.name)
        for name in ("hpck-tune", "hpck-bench"):
            path = self.build / name
            path.write_text(STAND_IN, encoding="utf-8")
            path.chmod(0o755)

    def run_script(self, name, *arguments, ratio=100.0):
        calls = self.build / "calls"
        calls.unlink(missing_ok=True)
        done = subprocess.run([SCRIPTS / name, "--build", self.build, *arguments], text=True, capture_output=True,
                              env={**os.environ, "CALLS": str(calls), "RATIO": str(ratio)})
        lines = calls.read_text().splitlines() if calls.exists() else []
        return done, [line for line in lines if line.startswith("hpck-tune")], [line for line in lines if "bench" in line]

    def test_budgets(self):
        for arguments, expected in (
            (["--budget", "5m"], {"conv_3x3": "5m", "conv_ci": "5m"}),
            (["--budget", "0", "--budget", "conv_ci=1m"], {"conv_ci": "1m"}),
            (["--budget", "conv_ci=1m", "--budget", "0"], {}),
            (["--no-tune", "--budget", "5m"], {}),
        ):
            with self.subTest(arguments=arguments):
                done, tuned, measured = self.run_script("figures-conv", *arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
                tuned = dict(zip((line.split()[2] for line in tuned), (line.split()[4] for line in tuned)))
                self.assertEqual({suite: tuned.get(suite) for suite in expected} if expected else tuned, expected)
                self.assertEqual(len(measured), 7)

    def test_mistakes_are_usage_errors_and_start_nothing(self):
        for arguments, message in ((["--budget", "nosuch=5m"], "there is no suite nosuch; there are conv_3x3"),
                                   (["--budget", "conv_ci="], "a time is missing"), (["--buget", "5m"], "--buget")):
            done, tuned, measured = self.run_script("figures-conv", *arguments)
            self.assertEqual((done.returncode, done.stdout, tuned, measured), (2, "", [], []))
            self.assertIn(message, done.stderr)

    def test_a_missing_tool_is_said(self):
        (self.build / "hpck-bench").unlink()
        done, *_ = self.run_script("figures-conv", "--no-tune")
        self.assertEqual(done.returncode, 1)
        self.assertIn("figures-conv: hpck-bench is not in", done.stderr)

    def test_every_kind_has_a_line_and_a_low_ratio_fails(self):
        done, *_ = self.run_script("figures-conv", "--no-tune", "--rounds", "5", ratio=1.1)
        self.assertEqual(done.returncode, 1)
        lines = [line for line in done.stdout.splitlines() if "geometric mean of" in line]
        self.assertEqual(len(lines), 12)
        met = {line.split(" vs ")[0][2:]: line.endswith("| yes |") for line in lines}
        self.assertTrue(met["backward data, ResNet-50 3x3"] and met["f16"] and met["bf16"] and met["3x3 depthwise"])
        self.assertFalse(met["3x3 stride 1, ResNet-50 and VGG"] or met["nchw"] or met["conv.csv, tier ci"])

    def test_reductions_are_shown_beyond_their_launches_too(self):
        done, tuned, measured = self.run_script("figures-reduce", "--budget", "0", "--budget", "reduce_ci=1m", ratio=0.3)
        self.assertEqual((done.returncode, len(tuned), len(measured)), (1, 1, 3), done.stderr)
        raw, beyond = (line.split("|")[2:5] for line in done.stdout.splitlines() if "suite reduce_ci" in line)
        self.assertEqual((raw[0].split(",")[0].strip(), raw[2].strip()), ("0.300", "**no**"))
        self.assertEqual((beyond[0].split(",")[0].strip(), beyond[2].strip()), ("1.20", "yes")) # 30 / (100 - 75)
        lines = [line for line in done.stdout.splitlines() if line.startswith("| `reduce:")]
        self.assertEqual(len(lines), 14 + 6)

    def test_what_cannot_be_told_from_launches_counts_as_equal(self):
        done, *_ = self.run_script("figures-reduce", "--no-tune", ratio=0.001)
        beyond = next(line for line in done.stdout.splitlines() if "beyond its launches" in line)
        self.assertIn("| 0.300,", beyond) # a tenth of 75, not 0.1, over 25


if __name__ == "__main__":
    unittest.main()
