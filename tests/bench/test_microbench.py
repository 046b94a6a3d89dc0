"""hpck-microbench measures what docs/figures.md quotes, and a warm second process compiles nothing."""
import json
import os
import subprocess
import unittest


def benchmarks(pattern):
    done = subprocess.run([os.environ["MICROBENCH"], f"--benchmark_filter={pattern}", "--benchmark_min_time=0.02",
                           "--benchmark_format=json"], text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {run["name"].removesuffix("/manual_time").split("/iterations")[0]: run
             for run in json.loads(done.stdout)["benchmarks"]}
    for name, run in found.items():
        assert not run.get("error_occurred"), (name, run["error_message"])
    return found


class Microbench(unittest.TestCase):
    def test_library_costs(self):
        found = benchmarks("problem|select|db_load/1000$")
        self.assertEqual(set(found), {"problem_parse", "problem_print", "select/exact", "select/nearest",
                                      "select/model", "db_load/1000"})

    def test_plan_hit_is_split_into_the_enqueue_and_the_rest(self):
        found = benchmarks("plan_hit")
        self.assertEqual(set(found), {"plan_hit/gemm", "plan_hit/reduce"})
        for run in found.values():
            self.assertGreater(run["enqueue_us"], 0)
            self.assertLess(abs(run["call_us"] - run["enqueue_us"] - run["beyond_us"]), 0.5 * run["call_us"])

    def test_second_process_compiles_nothing_and_is_faster(self):
        found = benchmarks("start")
        self.assertGreaterEqual(found["start/cold"]["compilations"], 1)
        self.assertEqual(found["start/warm"]["compilations"], 0)
        self.assertLess(found["start/warm"]["call_us"], found["start/cold"]["call_us"])

    def test_unknown_argument_is_a_usage_error(self):
        done = subprocess.run([os.environ["MICROBENCH"], "--nonsense"], capture_output=True)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
