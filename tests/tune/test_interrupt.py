"""Signals, kills and company: an interrupted run saves and goes on later, a killed one leaves readable files, and two
tuners on one database lose nothing."""
import json
import os
import random
import signal
import time
import unittest

from harness import TINY, TuneTest, records

OTHER = "gemm:f32:nn:m9n9k9"


class Interrupt(TuneTest):
    def interrupt(self, number):
        process = self.start("--budget", "5m", "--format", "json", TINY, OTHER)
        self.wait_for_trials(2)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        results = {o["problem"]: o for o in map(json.loads, out.splitlines()) if "problem" in o}
        self.assertEqual(results[TINY]["result"], "not confirmed")
        self.assertEqual(results[OTHER]["result"], "not tuned")
        rows = records(self.db)
        self.assertTrue(rows)
        self.assertTrue(all(row["provenance"] == "measured" for row in rows))
        return len(self.trials())

    def test_first_signal_saves_and_the_run_goes_on_later(self):
        done = self.interrupt(signal.SIGINT)
        again = self.tune("--evals", str(done + 1), TINY)
        self.assertIn(f"going on after {done} trials", again["stderr"])
        self.assertEqual([again[TINY]["resumed"], again[TINY]["evaluations"]], [done, done + 1])
        self.assertEqual(sum(row["provenance"] == "searched" for row in records(self.db)), 1)

    def test_sigterm_is_the_same(self):
        self.interrupt(signal.SIGTERM)

    def test_a_signal_while_compiling_saves_at_once(self):
        process = self.start("--budget", "5m", "--jobs", "1", TINY, HPCK_TUNE_TEST_FAULT="hang-compile@8")
        self.wait_for_trials(1)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertTrue(records(self.db))

    def test_second_signal_leaves_at_once(self):
        process = self.start("--budget", "5m", TINY, HPCK_TUNE_TEST_FAULT="hang@1")
        self.wait_for_trials(1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(process.poll())  # trial 1 hangs, and the first signal waits for it
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 130)


class Kill(TuneTest):
    def test_kill_at_random_moments_leaves_readable_files(self):
        dice = random.Random(1)
        seen = 0
        for _ in range(6):
            process = self.start("--evals", "400", "--budget", "5m", TINY)
            time.sleep(dice.uniform(0.2, 2.5))
            process.kill()
            process.wait()
            if os.path.exists(self.db):
                records(self.db)
                self.expect(0, "show", "--db", self.db)
            self.assertGreaterEqual(len(self.trials()), seen)
            seen = len(self.trials())
        result = self.tune("--evals", str(seen + 2), TINY)
        self.assertEqual(result[TINY]["resumed"], seen)
        self.assertTrue(records(self.db))

    def test_the_workers_do_not_outlive_the_tuner(self):
        process = self.start("--budget", "5m", "--jobs", "2", TINY, HPCK_TUNE_TEST_FAULT="hang@1")
        self.wait_for_trials(1)
        time.sleep(1)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        self.assertEqual(len(children), 3)  # two compile, one measures
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while any(map(self.is_running, children)) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual([child for child in children if self.is_running(child)], [])

    @staticmethod
    def is_running(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] != "Z"  # dead, not yet reaped by its new parent
        except OSError:
            return False


class Company(TuneTest):
    def test_two_tuners_on_one_database_lose_nothing(self):
        processes = [self.start("--evals", "4", problem) for problem in (TINY, OTHER)]
        for process in processes:
            _, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual({row["problem"] for row in records(self.db)}, {TINY, OTHER})
        self.assertEqual(len(self.trials()), 8)
        with open(self.journal, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 8)


class Journal(TuneTest):
    def test_damage_is_reported_and_passed_over(self):
        self.tune("--evals", "2", TINY)
        with open(self.journal, "a", encoding="utf-8") as file:
            file.write('{"v":1,"outcome":"ok"\n{"v":99}\n\x01\x02\n')
        again = self.tune("--evals", "3", TINY)
        self.assertIn("passed over 2 damaged, 0 stale and 1 unknown lines", again["stderr"])
        self.assertEqual([again[TINY]["resumed"], again[TINY]["evaluations"]], [2, 3])


if __name__ == "__main__":
    unittest.main()
