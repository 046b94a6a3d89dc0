"""What scripts/figures and its siblings share: the command line, the tools with a tuning database of their own, and the Markdown
table. Commands go to standard error as they run, the table to standard output."""
import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import shlex
import subprocess
import sys

NAMES = {"openblas": "OpenBLAS", "clblast": "CLBlast", "onednn": "oneDNN", "self-f32": "hpck's own f32", "c-loop": "plain C"}


def read_options(description, budgets):
    """The command line; `budgets` says how long each suite is tuned when nothing else is said. options.budgets is what to do."""
    def budget(text):
        """[SUITE=]TIME as (suites, time)."""
        suite, _, time = text.rpartition("=")
        if suite not in ("", *budgets):
            raise argparse.ArgumentTypeError(f"{text}: there is no suite {suite}; there are {', '.join(budgets)}")
        if not time:
            raise argparse.ArgumentTypeError(f"{text}: a time is missing, as in {next(iter(budgets))}=4m")
        return (suite,) if suite else tuple(budgets), time

    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR", help="where hpck-tune, hpck-bench and "
                        "hpck-microbench were built; default build/release",
                        default=pathlib.Path(__file__).resolve().parent.parent / "build/release")
    parser.add_argument("--budget", type=budget, metavar="[SUITE=]TIME", action="append", default=[],
                        help="for the hpck-tune run of one suite, or of each; 0: none; may be repeated; default "
                        + ", ".join(f"{suite}={time}" for suite, time in budgets.items()))
    parser.add_argument("--rounds", metavar="N", default="24", help="of hpck-bench; default %(default)s")
    parser.add_argument("--no-tune", action="store_true", help="use the tuning database that an earlier run left in DIR")
    options = parser.parse_args()
    options.budgets = dict(budgets)
    for suites, time in options.budget:
        options.budgets.update(dict.fromkeys(suites, time))
    if options.no_tune:
        options.budgets = dict.fromkeys(budgets, "0")
    return options


class Figures:
    """The tools, and the table that their results end in."""

    def __init__(self, options):
        self.script = pathlib.Path(sys.argv[0]).name
        self.options = options
        self.environment = {**os.environ, "POCL_AFFINITY": os.environ.get("POCL_AFFINITY", "1"),
                            "HPCK_DB": str(options.build / f"{self.script}.jsonl")}
        self.missed = 0
        self.sources = {}

    def run(self, program, *arguments, accept=(0,)):
        """Standard output of a tool; its own messages pass through."""
        path = next((path for path in self.options.build.rglob(program) if path.is_file() and os.access(path, os.X_OK)), None)
        if not path:
            sys.exit(f"{self.script}: {program} is not in {self.options.build}: build it, or name the folder with --build")
        print("$", shlex.join([program, *arguments]), file=sys.stderr, flush=True)
        done = subprocess.run([path, *arguments], stdout=subprocess.PIPE, text=True, env=self.environment)
        if done.returncode not in accept:
            sys.exit(f"{self.script}: {program} ended with code {done.returncode}")
        return done.stdout

    def tune(self):
        for suite, time in self.options.budgets.items():
            if time != "0":
                self.run("hpck-tune", "--suite", suite, "--budget", time)

    def bench(self, arguments, references, every=True):
        """The rows of hpck-bench against one or several references, by problem; every one of them must have a ratio, unless told."""
        text = self.run("hpck-bench", *arguments, "--against", references, "--verify", "--rounds", self.options.rounds,
                        "--format", "json", accept=(0, 1))
        rows = {}
        for row in map(json.loads, text.splitlines()):
            if row["outcome"] != "passed" or every and not any("ratio" in other for other in row["against"].values()):
                sys.exit(f"{self.script}: {row['problem']}: {row.get('message') or row['against']}")
            for name, other in row["against"].items():
                if "ratio" in other:
                    self.sources[NAMES[name]] = other["version"]
            self.sources["device"] = f"{row['device']}, {row['driver']}"
            rows[row["problem"]] = row
        return rows

    def begin(self):
        print("| what | measured | at least | met |\n|---|---|---|---|", flush=True)

    def line(self, what, measured, bar, is_met, remark=""):
        self.missed += not is_met
        print(f"| {what} | {measured} | {bar} | {'yes' if is_met else '**no**'}{remark} |", flush=True)

    def ratios_line(self, what, rows, least_mean, least=None, ratio=None):
        """Of rows by problem, the ratios to the fastest reference of each: their geometric mean, the worst, and the bars of both."""
        ratios = {problem: (ratio or best_ratio)(row) for problem, row in rows.items()}
        mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
        worst = min(ratios, key=ratios.get)
        busy = sum(row["foreign_cpu"] > 0.12 for row in rows.values())
        self.line(f"{what}: geometric mean of {len(ratios)}, worst", f"{mean:#.3g}, {ratios[worst]:#.3g} (`{worst}`)",
                  f"{least_mean:.2f}" + (f", {least:.2f}" if least else ""),
                  mean >= least_mean and ratios[worst] >= (least or 0.0),
                  f", machine busy otherwise in {busy} rows" if busy else "")

    def end(self):
        """The exit code: 1 when a figure is below its bar."""
        print(f"\nMeasured on {datetime.date.today()}, {platform.node()}, {os.cpu_count()} CPUs; "
              + "; ".join(f"{name}: {version}" for name, version in sorted(self.sources.items())) + ".")
        return 1 if self.missed else 0


def best_ratio(row):
    """Of the fastest reference that took part."""
    return min(other["ratio"] for other in row["against"].values() if "ratio" in other)
