"""The files that emit writes: the same bytes at every run, equal to the golden sample, and none rewritten in vain.

After a wanted change:  python3 tests/codegen/test_output.py --update   and review the difference of tests/codegen/golden/."""

import re
import sys
import unittest

from support import HERE, ROOT, WithKernels, codegen

GOLDEN = ("odd.c", "kernels/odd__opencl_f32.cl", "kernels/odd__opencl_bf16_f32.cl")


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Output(WithKernels):
    def emit(self, name, **environment):
        result = codegen("--kernels", self.kernels, "emit", "--out", self.folder / name, **environment)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return self.folder / name

    def test_two_runs_give_the_same_bytes(self):
        first = files(self.emit("first", PYTHONHASHSEED="1", TZ="UTC"))
        second = files(self.emit("second", PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C"))
        self.assertEqual(first, second)
        for content in first.values():
            self.assertNotIn(str(self.folder).encode(), content)

    def test_the_real_families_give_the_same_bytes_twice(self):
        for name, seed in (("first", "1"), ("second", "2")):
            result = codegen("emit", "--out", self.folder / name, PYTHONHASHSEED=seed)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(files(self.folder / "first"), files(self.folder / "second"))
        for name, content in files(self.folder / "first").items():
            # f16 operands begin at any element, and PoCL 3.1 takes addresses of wide vload_half for multiples of 16 bytes
            wide = re.findall(rb"(?:WIDE\(vload_half\)|vload_half(?:8|16)) *\(", content) if name.endswith(".cl") else []
            self.assertEqual(wide, [], f"{name}: halves are read by load_halves (kernels/common/dtype.jinja)")

    def test_the_listed_outputs_are_the_written_ones(self):
        listed = codegen("--kernels", self.kernels, "emit", "--list-outputs").stdout.split()
        self.assertEqual(sorted(listed), sorted(files(self.emit("out"))))

    def test_an_unchanged_file_keeps_its_time(self):
        out = self.emit("out")
        before = {path: path.stat().st_mtime_ns for path in out.rglob("*.c")}
        self.change("gemm/odd.toml", 'doc = "a divisor', 'doc = "the divisor')
        self.emit("out")
        changed = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
        self.assertEqual(changed, {"odd.c"})

    def test_the_sample_is_the_golden_one(self):
        out = self.emit("out")
        for name in GOLDEN:
            self.assertEqual((out / name).read_text(), (HERE / "golden" / name.split("/")[-1]).read_text(), name)

    def hash_after(self, name, old, new):
        self.change(name, old, new)
        source = (self.emit("out") / "odd.c").read_text()
        return [line.split('"')[1] for line in source.splitlines() if "{ DIALECT_OPENCL" in line]

    def test_the_hash_follows_the_text_and_its_launch_only(self):
        first = self.hash_after("gemm/odd.toml", "# A family", "# a family")
        self.assertEqual(len(set(first)), 5)
        self.assertEqual(first, self.hash_after("gemm/odd.toml", "values = [1, 4]", "values = [1, 4, 8]"))
        self.assertEqual(first, self.hash_after("gemm/odd.toml", "seconds = \"1e-6", "seconds = \"2e-6"))
        self.assertEqual(first, self.hash_after("gemm/odd.toml", "registers = \"fourth\"", "registers = \"square\""))
        launched = self.hash_after("gemm/odd.toml", 'rest = "(m - 5)', 'rest = "(m - 6)')
        self.assertFalse(set(first) & set(launched))
        written = self.hash_after("gemm/odd.jinja", "workspace[0]", "workspace[1]")
        self.assertFalse(set(launched) & set(written))

    def test_tuning_records_are_built_in(self):
        (self.kernels / "tuned").mkdir()
        (self.kernels / "tuned/b.jsonl").write_text('{"b": "\\"??/"}\n')
        (self.kernels / "tuned/a.jsonl").write_text('\n{"a": 1}\n')
        source = (self.emit("out") / "builtin_db.c").read_text()
        self.assertIn('    "{\\"a\\": 1}\\n"\n    "{\\"b\\": \\"\\\\\\"?\\?/\\"}\\n";', source)


def update():
    case = Output()
    case.setUp()
    out = case.emit("out")
    for name in GOLDEN:
        (HERE / "golden" / name.split("/")[-1]).write_text((out / name).read_text())
    case.doCleanups()


if __name__ == "__main__":
    update() if "--update" in sys.argv else unittest.main()
