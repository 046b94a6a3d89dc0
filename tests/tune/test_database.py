"""show, export, merge and prune."""
import json
import os
import pathlib
import subprocess
import unittest

from harness import TINY, TUNE, TuneTest, records

OTHER = "gemm:f32:nn:m9n9k9"
SHIP = pathlib.Path(__file__).resolve().parent / "../../scripts/ship-tuning"


class Database(TuneTest):
    def setUp(self):
        super().setUp()
        for evals in ("2", "4", "8"):  # while others use the machine a candidate can look slow, which leaves no record
            self.tune("--evals", evals, TINY)
            if len(records(self.db)) > 1:
                break

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_show(self):
        done = self.expect(0, "show")
        self.assertIn(f"layer 1: {self.db}: {len(records(self.db))} records", done.stdout)
        self.assertIn(f"  {TINY}\n", done.stdout)
        self.assertIn("searched", done.stdout)
        self.assertNotIn(TINY, self.expect(0, "show", OTHER).stdout)
        done = self.expect(0, "--format", "json", "show", TINY)  # options go before and behind the command
        self.assertEqual(done.stdout, self.expect(0, "show", TINY, "--format", "json").stdout)
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], records(self.db))

    def test_what_ships_in_the_library_fits_its_kernels(self):
        shown = self.expect(0, "show", HPCK_DB="").stdout.splitlines()[0]
        self.assertRegex(shown, r"^layer 1: \(built in\): \d+ records$", "run hpck-tune prune on the files of kernels/tuned")

    def ship(self, *arguments):
        return subprocess.run([SHIP, "--build", os.path.dirname(os.path.dirname(TUNE)), "--into", self.folder, *arguments],
                              text=True, capture_output=True)

    def test_the_best_confirmed_records_ship(self):
        first, second = records(self.db)[:2]
        rows = [{**first, "provenance": "measured", "time_ns": 1.0}, {**second, "provenance": "searched", "time_ns": 2.0},
                {**first, "problem": OTHER, "provenance": "measured"},  # never confirmed
                {**second, "problem": "gemm:f32:nn:m7n7k7", "provenance": "searched", "source_hash": "0" * 16}]
        source = self.path("source.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        for keep, times in ((1, [2.0]), (2, [2.0, 1.0]), (2, [2.0, 1.0])):
            done = self.ship("--keep", str(keep), "name", source)
            self.assertEqual(done.returncode, 0, done.stderr)
            shipped = records(self.path("name.jsonl"))
            self.assertEqual([row["time_ns"] for row in shipped], times)
            self.assertEqual({row["problem"] for row in shipped}, {TINY})
        done = self.ship("other", self.path("stale.jsonl", json.dumps(rows[3]) + "\n"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("tune again", done.stderr)
        self.assertFalse(os.path.exists(self.path("other.jsonl")))

    def test_export_and_merge_carry_everything_over(self):
        shared = self.path("shared.jsonl", self.expect(0, "export").stdout)  # what ships in the library, too
        other = self.path("other.jsonl")
        self.tune("--db", other, "--evals", "1", OTHER)
        done = self.expect(0, "merge", self.path("fleet.jsonl"), shared, other)
        self.assertIn(f"shared.jsonl: {len(records(shared))} records", done.stderr)
        fleet = records(self.path("fleet.jsonl"))
        for row in records(self.db) + records(other):
            self.assertIn(row, fleet)
        self.expect(0, "merge", self.path("fleet.jsonl"), shared, other)
        self.assertEqual(records(self.path("fleet.jsonl")), fleet)  # merging again changes nothing

    def test_diff_shows_where_the_best_records_differ(self):
        rows = records(self.db)
        same = self.path("same.jsonl", self.read(self.db))
        self.assertEqual(self.expect(0, "diff", self.db, same).stdout, "")
        winner = [row for row in rows if row["provenance"] == "searched"][0]
        others = [row for row in rows if row is not winner]
        self.assertTrue(others)
        promoted = {**others[0], "provenance": "searched", "time_ns": winner["time_ns"] / 2}
        demoted = {**winner, "provenance": "measured"}
        changed = self.path("changed.jsonl", json.dumps(promoted) + "\n" + json.dumps(demoted) + "\n")
        done = self.expect(1, "diff", self.db, changed)
        self.assertRegex(done.stdout, rf"^{TINY}, .*: 2.00x\n  - .*gemm_.*\n  \+ .*gemm_.*\n$")
        row, = map(json.loads, self.expect(1, "--format", "json", "diff", self.db, changed).stdout.splitlines())
        self.assertEqual([row["a"]["params"], row["b"]["params"]], [winner["params"], promoted["params"]])
        elsewhere = self.path("other.jsonl", json.dumps({**winner, "problem": OTHER}) + "\n")
        done = self.expect(1, "diff", self.db, elsewhere)
        self.assertEqual([line[:3] for line in done.stdout.splitlines() if line[0] == " "], ["  -", "  +"])
        self.expect(2, "diff", self.db, message="hpck-tune diff A B")
        self.expect(4, "diff", self.db, self.path("absent"))

    def test_verify_runs_the_records_again(self):
        rows = [{**row, "time_ns": 1e9} for row in records(self.db)]
        slow = self.path("slow.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        done = self.expect(0, "verify", "--db", slow, TINY)
        self.assertIn(f"records:{len(rows)} fine:{len(rows)} slower:0 illegal:0 bad:0; of other devices:0", done.stdout)
        # a time that nobody reaches, a point that the device cannot run, and a device that is not here
        fast = {**rows[0], "time_ns": 1.0, "spread": 0.0}
        foreign = {**rows[0], "device": {**rows[0]["device"], "name": "another"}}
        mixed = self.path("mixed.jsonl", json.dumps(fast) + "\n" + json.dumps(foreign) + "\n")
        done = self.expect(1, "verify", "--db", mixed, "--format", "json", TINY)
        finding, summary = map(json.loads, done.stdout.splitlines())
        self.assertEqual([finding["problem"], finding["finding"]], [TINY, "slower"])
        self.assertEqual(summary["summary"], {"fine": 0, "slower": 1, "illegal": 0, "bad": 0, "other_devices": 1})
        self.assertIn("records:0", self.expect(0, "verify", "--db", slow, OTHER).stdout)
        bad = self.expect(1, "verify", "--db", slow, "--time-limit", "5s", TINY, HPCK_TUNE_TEST_FAULT="crash@-1")
        self.assertIn(f"bad:{len(rows)};", bad.stdout)

    def test_merge_refuses_what_is_no_database(self):
        before = self.read(self.db)
        note = self.path("note.txt", "hello\n")
        self.expect(4, "merge", self.db, note, message="note.txt is not a tuning database")
        self.expect(4, "merge", self.db, self.path("absent"), message="absent")
        self.expect(4, "merge", note, self.db, message="note.txt is not a tuning database")
        self.assertEqual(self.read(self.db), before)

    def test_prune_removes_stale_and_damaged_lines_only(self):
        rows = records(self.db)
        stale = {**rows[0], "source_hash": "00000000000000ff"}
        newer = {**rows[0], "v": 99}
        with open(self.db, "a", encoding="utf-8") as file:
            file.write(json.dumps(stale) + "\n{damaged\n" + json.dumps(newer) + "\n")
        self.assertIn("passed over: 1 stale, 1 of a newer hpck, 1 damaged", self.expect(0, "show").stdout)
        self.expect(0, "prune", message="removed 2 lines")
        self.assertEqual(records(self.db), rows + [newer])
        self.expect(0, "prune", self.db, message="removed 0 lines")
        self.expect(4, "prune", self.path("absent/db"), message="cannot open " + self.path("absent/db"))
        self.assertFalse(os.path.exists(self.path("absent")))


if __name__ == "__main__":
    unittest.main()
