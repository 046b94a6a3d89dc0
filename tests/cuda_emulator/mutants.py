#!/usr/bin/env python3
"""Do the emulator's tests notice when one of its rules is wrong? Each mutant is compiled into a copy of the library, which is
preloaded into the test that has to fail. Exit code 77, with the reason: the test is skipped here."""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", "-fno-strict-aliasing", "-ffp-contract=off", "-D_DEFAULT_SOURCE",
         "-D_POSIX_C_SOURCE=200809L", "-w"]

TIMEOUT = 10  # seconds; the tests take 1 or 2. A mutant may hang

# name: the test that has to fail, then edits (file, text, replacement); a misreading that loads and descriptors share has two.
MUTANTS = {
    "TMA swizzles by the wrong address bits": ("tma", [("bulk_copy.c", "address >> 7 &", "address >> 8 &")]),
    "nobody swizzles": ("tma", [("bulk_copy.c", "map->swizzle_mask) << 4", "0) << 4"),
                                ("wgmma_matrix.c", "from->mask) << 4", "0) << 4")]),
    "elements outside of the tensor are not zero": ("tma", [("bulk_copy.c", "uint8_t bytes[CHUNK] = { 0 };",
                                                             "uint8_t bytes[CHUNK] = { 1 };")]),
    "stores are not clipped below": ("tma", [("bulk_copy.c", "x < 0 ? -x : 0", "0")]),
    "multicast reaches only its issuer": ("tma", [("exec_bulk.c", "bulk->destinations == 0 ||",
                                                   "(bulk->destinations = 1u << rank) == 0 ||")]),
    "accesses of whole warps are not told to the checker": ("faults", [("access.c", "if (is_shared) shadow_lanes(",
                                                                        "if (false) shadow_lanes(")]),
    "asynchronous copies of whole warps are not told to the checker": ("faults", [("exec_async.c",
        "!access_checked(warp, SPACE_SHARED, copy->to, LANES, 16, ACCESS_WRITE)", "false")]),
    "what whole warps read is taken for defined": ("faults", [("access.c", "if (!is_defined(", "if (false && !is_defined(")]),
    "of many readers only the first is known": ("faults", [("shadow.c", "note_reader(checker, word, by->agent, by->now);", "")]),
    "proxy fences are not needed": ("tma", [("shadow.c", "if (by->me == NOBODY)", "if (false)")]),
    "a store has read its source when it is issued": ("tma", [("bulk.c", "launch->bulk = queued;",
                                                               "launch->bulk = queued; if (queued->kind == BULK_STORE) bulk_read(queued);")]),
    "transaction bytes do not hold a phase back": ("mbarrier", [("mbarrier.c", "|| barrier->transactions != 0", "")]),
    "parities are the other way round": ("mbarrier", [("exec_mbarrier.c", "(barrier->phase & 1) != (operand & 1)",
                                                       "(barrier->phase & 1) == (operand & 1)")]),
    "dropped arrivals are still expected": ("mbarrier", [("exec_mbarrier.c", "barrier->expected -= count;", "")]),
    "no-swizzle MN-major distances are not exchanged": ("wgmma", [("wgmma_matrix.c", "PIECE * from->stride + k / 8 * from->leading",
                                                                   "PIECE * from->leading + k / 8 * from->stride")]),
    "swizzled MN-major distances are exchanged": ("wgmma", [("wgmma_matrix.c", "from->width * from->leading + at % from->width + k / 8 * from->stride",
                                                             "from->width * from->stride + at % from->width + k / 8 * from->leading")]),
    "registers may be read before the wait": ("wgmma", [("wgmma.c", "if (reg->as_d != 0 ||", "if (false && reg->as_d != 0 ||")]),
    "wgmma.fence is not needed": ("wgmma", [("wgmma.c", "if (reg->touched == state->epoch)", "if (false)")]),
    "a wait for wgmma keeps no group": ("wgmma", [("wgmma.c", "state->queue[count].group + keep < state->committed",
                                                   "state->queue[count].group < state->committed")]),
    "wgmma multiplies when it is committed": ("wgmma", [("wgmma.c", "state_of(warp)->committed++;",
                                                         "state_of(warp)->committed++; wgmma_wait(warp, 0);")]),
    "a warp that spins never gives way": ("kernels", [("sched.c", "progress.back_branches >= QUANTUM", "false")]),
    "tensor maps have any stride": ("tma", [("driver_tensor.c", "stride % 16 != 0 || ", "")]),
    "stmatrix ignores .trans": ("rules", [("exec_mma.c", "fragment_to_matrix(ROW(const uint32_t, 1 + q), op->flags, matrix)",
                                           "fragment_to_matrix(ROW(const uint32_t, 1 + q), false, matrix)")]),
    "votes count everybody": ("rules", [("exec_warp.c", "set == mask : set == 0", "set == FULL_MASK : set == 0")]),
    "only the first member mask counts": ("rules", [("sched.c", "rest &= ~group;", "rest = 0;")]),
    "relaxed writes release": ("faults", [("order.c", "else if (warp->fenced.seen != NULL)\n        shadow_copy(warp, make(warp, host), &warp->fenced);",
                                           "else\n        shadow_release(warp, make(warp, host));")]),
    "relaxed reads acquire": ("faults", [("order.c", "if (reads && flags & ORDER_ACQUIRE)", "if (reads)")]),
    "numbers of barriers in registers are 0": ("rules", [("exec_control.c", "uniform(warp, op, op->defs, mask, \"barrier's number\");", "0;")]),
    "loads leave the upper half of a register": ("rules", [("exec_memory.c", "decoder->ptx->register_bits[list[v].reg] != 8 * op->size))",
                                                            "false))")]),
    "a directed rounding is one to the nearest": ("rules", [("exec_round.c", "in(double_to_float(value, rounding), flags)",
                                                             "in(double_to_float(value, ROUND_NEAREST), flags)")]),
    "registers of A are exchanged": ("mma", [("exec_mma.c", "&a[g + 8 * (r % 2)][columns * (r / 2)]", "&a[g + 8 * (r / 2)][columns * (r % 2)]")]),
}


def link(build, edits, folder):
    sources = {}
    for name, text, replacement in edits:
        source = sources.get(name) or (HERE / name).read_text()
        if source.count(text) != 1:
            sys.exit(f"{name} has '{text}' {source.count(text)} times")
        sources[name] = source.replace(text, replacement)
    objects = {path.name: path for path in build.glob("tests/cuda_emulator/CMakeFiles/hpckemu.dir/*.o")}
    for name, source in sources.items():
        path = folder / name
        path.write_text(source)
        objects[name + ".o"] = folder / (name + ".o")
        subprocess.run(["cc", *FLAGS, f"-I{HERE}", "-c", path, "-o", objects[name + ".o"]], check=True)
    library = folder / "mutant.so"
    subprocess.run(["cc", "-shared", "-o", library, *objects.values(), "-lm", "-lpthread"], check=True)
    return library


def run(build, test, library):
    environment = dict(os.environ, LD_PRELOAD=str(library))
    return subprocess.run([build / "tests" / f"test_emulator_{test}"], env=environment, capture_output=True, timeout=TIMEOUT).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build
    survivors = []
    with tempfile.TemporaryDirectory() as place:
        library = link(build, [], Path(place))
        for test in sorted({test for test, _ in MUTANTS.values()}):
            result = run(build, test, library)
            if result != 0:
                print("skipped: NVRTC is missing" if result == 77 else f"emulator_{test} fails without a mutant")
                sys.exit(result)
    for name, (test, edits) in MUTANTS.items():
        with tempfile.TemporaryDirectory() as place:
            try:
                killed = run(build, test, link(build, edits, Path(place))) != 0
            except subprocess.TimeoutExpired:
                killed = True
        print(f"{'killed  ' if killed else 'SURVIVES'}  {name} (emulator_{test})")
        if not killed:
            survivors.append(name)
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
