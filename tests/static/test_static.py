"""What ptxas makes of a CUDA family's seeds, without running anything:

    test_static.py FAMILY [all] [print]

Every seed is compiled for sm_80 (or the only target that the family compiles for), for sm_75 where that is legal and for one other
architecture in turn, with dtypes and transposes (other examples of the operation) in turn; `all`: for every architecture. Nothing may
be spilled or lie in local memory, registers and shared memory must fit, and the main loop and the kernel must consist of what the
family's [loop] and [kernel] say, beside the main loop of the family that it is like; seeds reach the family's [[bar]]s. Rows of cutlass.csv are kernels of CUTLASS with the same tiles,
whose main loop may be a tenth shorter at most. Where there is nvdisasm, it must count the same instructions. `print` shows the loops.
HPCK_NVRTC names the compiler; exit 77 without it."""

import csv
import dataclasses
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import disassembler
import sass
from codegen.evaluate import Evaluator
from codegen.read_kernels import read_kernels
from codegen.text import render_family
from nvrtc import Nvrtc, usage

# Shared memory of a block, multiprocessors, threads and blocks of each: CUDA C++ Programming Guide 13.0, table 30, and data sheets.
ARCHITECTURES = {
    75: (65536, 40, 1024, 16),
    80: (166912, 108, 2048, 32),
    86: (101376, 84, 1536, 16),
    89: (101376, 128, 1536, 24),
    90: (232448, 132, 2048, 32),
    100: (232448, 148, 2048, 32),
    120: (101376, 170, 1536, 24),
}
REGISTERS = 65536  # of a multiprocessor
RESERVED = 1024  # bytes of shared memory for each block, and of a multiprocessor beyond what a block may have
SIZE = 4096  # m = n = k, where every copy and store is of 16 bytes
FEW = 4  # rows of what is for few rows only
ALIGNMENT = 16
OF_CUTLASS = 1.10  # times its instructions


def device(kernels, sm):
    local_bytes, units = ARCHITECTURES[sm][:2]
    fields = dict.fromkeys((field.name for field in kernels.device.fields), 0)
    known = dict(is_gpu=1, compute_units=units, max_work_items=1024, local_bytes=local_bytes, vector_width=1, sub_group=32,
                 cuda_sm=sm, has_tensor_maps=int(sm >= 90), max_alloc_bytes=1 << 36)  # fmt: skip
    return fields | {name: value for name, value in known.items() if name in fields}


def occupancy(sm, work_items, registers, local_bytes):
    """Percent of a multiprocessor's threads that run at once. Registers are given to warps by 256, in four partitions."""
    most_bytes, _, threads, blocks = ARCHITECTURES[sm]
    warps = 4 * (REGISTERS // 4 // (32 * -(-registers // 8 * 8)))
    by_memory = (most_bytes + RESERVED) // (local_bytes + RESERVED)
    return 100 * work_items * min(warps * 32 // work_items, by_memory, threads // work_items, blocks) // threads


def gemm(family, turn, rows=SIZE):
    """A large product; one with few rows has few columns in every other turn."""
    fields = dict.fromkeys((field.name for field in family.op.fields), 0)
    m, n = (rows, SIZE) if turn % 2 else (SIZE, rows)
    fields |= dict(m=m, n=n, k=SIZE, batch=1, trans_a=turn // 2 % 2, trans_b=turn % 2)
    return fields | dict(align_a=ALIGNMENT, align_b=ALIGNMENT)


def problems(family, turn):
    """(fields, dtype_in, dtype_out), the one whose turn it is first: a large GEMM with all transposes, the same with few rows, examples
    of other operations."""
    for later in range(turn, turn + len(family.dtypes) * len(family.op.examples)):
        dtype_in, dtype_out = family.dtypes[later % len(family.dtypes)]
        if family.op.name == "gemm":
            for rows in (SIZE, FEW):
                yield gemm(family, later, rows) | dict(tf32=int(dtype_in == "f32")), dtype_in, dtype_out
        else:
            yield family.op.examples[later % len(family.op.examples)][0], dtype_in, dtype_out


class Report:
    def __init__(self):
        self.failures, self.checked = 0, 0

    def expect(self, holds, what):
        self.checked += 1
        if not holds:
            self.failures += 1
            print(f"FAILED: {what}")


class Checker:
    def __init__(self, family_name, is_printing):
        self.kernels = read_kernels(ROOT / "kernels")
        self.family = next(family for family in self.kernels.families if family.name == family_name)
        self.evaluator = Evaluator(self.family)
        self.texts = {(t.dtype_in, t.dtype_out): t.source for t in render_family(self.kernels, self.family) if t.dialect == "cuda"}
        self.is_printing, self.nvrtc, self.report = is_printing, Nvrtc(), Report()
        self.like = Checker(self.family.like, False) if self.family.like else None

    def options(self, seed, values):
        words = [f"-D{p.macro}={seed[p.name]}" for p in self.family.params if not p.run_time]
        return words + [f"-D{name}={value}" for name, value in zip(self.family.defines, values.defines)]

    def check(self, sm, seed, turn):
        """True: the seed is legal there for the problem of this turn or a later one, and was checked."""
        where = device(self.kernels, sm)
        for asked in problems(self.family, turn):
            if self.evaluator.reason(where, asked, tuple(seed.values())) is None:
                name = self.compile(sm, seed, asked)
                for reason in self.evaluator.missed_bars(where, asked, tuple(seed.values())):
                    self.report.expect(False, f"{name}: {reason}")
                return True
        return False

    def compile(self, sm, seed, asked, most=None):
        """Checks the point's machine code; its name."""
        where, param = device(self.kernels, sm), tuple(seed.values())
        values = self.evaluator.values(where, asked, param)
        target = self.family.cuda_target or str(sm)
        fields, dtype_in, dtype_out = asked
        trans = "nt"[fields.get("trans_a", 0)] + "nt"[fields.get("trans_b", 0)]
        name = f"{self.family.name} {dtype_in}>{dtype_out} {trans} sm_{target} {' '.join(f'{k}={v}' for k, v in seed.items())}"
        cubin, ptx, log = self.nvrtc.compile(self.texts[dtype_in, dtype_out], self.options(seed, values), target)
        self.report.expect(".local" not in ptx, f"{name}: the PTX has local memory")
        self.check_resources(name, values, where, cubin, log)
        loop, kernel = self.evaluator.counts(where, asked, param)
        if self.like:
            macros = dict(zip(self.family.defines, values.defines))
            most = self.like.loop_total(sm, seed, macros, dtype_in, dtype_out) + loop.pop("beyond")
        if most is not None:
            loop["at_most"] = min(most, loop.get("at_most", most))
        code = sass.kernels(cubin)[self.family.steps[0].kernel]
        if loop:
            self.check_loop(name, loop, self.main_loop(cubin, next(iter(loop)), loop.pop("passes", 1)))
        self.check_kernel(f"{name}: the kernel", sm, kernel, code, usage(log)[self.family.steps[0].kernel], values)
        return name

    def loop_total(self, sm, seed, macros, dtype_in, dtype_out):
        """Instructions in the main loop for a large problem at that point, with those of the macros that are this family's, too."""
        where, asked = device(self.kernels, sm), (gemm(self.family, 0), dtype_in, dtype_out)
        seed = {p.name: seed.get(p.name, p.values[0]) for p in self.family.params}
        values = self.evaluator.values(where, asked, tuple(seed.values()))
        own = dict(zip(self.family.defines, values.defines))
        values = dataclasses.replace(values, defines=[macros.get(name, own[name]) for name in own])
        cubin, _, _ = self.nvrtc.compile(self.texts[dtype_in, dtype_out], self.options(seed, values), self.family.cuda_target or str(sm))
        loop, _ = self.evaluator.counts(where, asked, tuple(seed.values()))
        return sass.total(self.main_loop(cubin, next(iter(loop)), loop.get("passes", 1)))

    def main_loop(self, cubin, name, passes):
        """Of the step whose loop has the most instructions of that name."""
        kernels = sass.kernels(cubin)
        return max((sass.main_loop(kernels[step.kernel], name, passes) for step in self.family.steps if step.kernel in kernels),
                   key=lambda found: found[name])  # fmt: skip

    def check_cutlass(self, row):
        fields = gemm(self.family, 0) | dict(trans_a=int(row["trans"][0] == "t"), trans_b=int(row["trans"][1] == "t"))
        seed = {p.name: int(row.get(p.name) or p.values[0]) for p in self.family.params}
        asked = fields, row["dtype"], row["dtype"]
        reason = self.evaluator.reason(device(self.kernels, int(row["sm"])), asked, tuple(seed.values()))
        self.report.expect(reason is None, f"cutlass.csv: {dict(row)}: {reason}")
        if reason is None:
            self.compile(int(row["sm"]), seed, asked, int(OF_CUTLASS * int(row["loop"])))

    def check_resources(self, name, values, where, cubin, log):
        for code in ("C7508", "C7510"):  # wgmma that ptxas serialises
            self.report.expect(code not in log, f"{name}: ptxas says {code}")
        for kernel, used in usage(log).items():
            memory = used.stack, used.spill_stores, used.spill_loads
            self.report.expect(not any(memory), f"{name}: {kernel} has {memory} bytes of stack and spills")
            room = REGISTERS // values.resources[1] // 8 * 8
            self.report.expect(used.registers <= min(room, 255), f"{name}: {kernel} has {used.registers} registers, {room} fit")
            local_bytes = used.local_bytes or values.resources[0]
            holds = local_bytes <= values.resources[0] <= where["local_bytes"]
            self.report.expect(holds, f"{name}: {kernel} has {local_bytes} bytes of shared memory, {values.resources[0]} declared")
        for kernel, instructions in sass.kernels(cubin).items():
            local = sum(x.name in ("LDL", "STL") for x in instructions)
            self.report.expect(local == 0, f"{name}: {kernel} goes to local memory {local} times")
        for kernel, difference in disassembler.differences(cubin).items():
            self.report.expect(not difference, f"{name}: {kernel}: nvdisasm counts otherwise: {difference}")

    def check_loop(self, name, wanted, found):
        total = sass.total(found)
        if self.is_printing:
            shown = " ".join(f"{key}={value}" for key, value in sorted(found.items()))
            print(f"{name}: {total} of at most {wanted.get('at_most', 0)}: {shown}")
        self.check_counts(f"{name}: the main loop", wanted, found, dict(at_most=total))

    def check_kernel(self, name, sm, wanted, code, used, values):
        """Instructions at least as many as declared, since ptxas may write code twice."""
        wanted, most = dict(wanted), {key: wanted[key] for key in ("registers", "barriers") if key in wanted}
        exact = wanted.pop("exact_registers", used.registers)
        self.report.expect(used.registers == exact, f"{name} has {used.registers} registers, not {exact}")
        self.check_counts(name, most, {}, used._asdict())
        found = sass.count(code) | dict(
            in_flight=sass.in_flight(code),
            occupancy=occupancy(sm, values.resources[1], used.registers, max(used.local_bytes, values.resources[0])),
        )
        if self.is_printing:
            shown = " ".join(f"{key}={found.get(key, 0)}" for key in wanted if key not in most)
            print(f"{name}: {used.registers} registers {shown}")
        for key in wanted.keys() - most.keys():
            self.report.expect(found.get(key, 0) >= wanted[key], f"{name} has {found.get(key, 0)} {key}, fewer than {wanted[key]}")

    def check_counts(self, what, wanted, found, limited):
        """Instructions must be as many as declared, `limited` things at most as many."""
        for key, value in wanted.items():
            if key in limited:
                self.report.expect(limited[key] <= value, f"{what} has {limited[key]} ({key}), more than {value}")
            else:
                self.report.expect(found[key] == value, f"{what} has {found[key]} {key}, not {value}")


def main(family_name, *words):
    if not os.environ.get("HPCK_NVRTC"):
        print("no NVRTC")
        return 77
    checker = Checker(family_name, "print" in words)
    only = re.match(r"\d+", checker.family.cuda_target)
    always = [int(only[0])] if only else [80, 75]
    others = [] if only else [sm for sm in ARCHITECTURES if sm not in always]
    for turn, seed in enumerate(checker.family.seeds):
        for sm in always:
            checker.check(sm, seed, turn)
        for i in range(len(others)):
            if checker.check(others[(turn + i) % len(others)], seed, turn + 1) and "all" not in words:
                break
    with open(Path(__file__).parent / "cutlass.csv", encoding="utf-8") as rows:
        for row in csv.DictReader(line for line in rows if not line.startswith("#")):
            if row["family"] == family_name:
                checker.check_cutlass(row)
    report = checker.report
    print(f"{family_name}: {report.checked} checks, {report.failures} failed")
    return 1 if report.failures or not report.checked else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
