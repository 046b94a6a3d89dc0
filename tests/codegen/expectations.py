"""Prints what the expressions of every family give in Python, for tests/test_codegen_agree.c to compare with C.

    expectations.py KERNELS_FOLDER [FAMILY...]

The first example device and problem see about 10000 points of each space, the other pairs 500, spread evenly; the day, or
HPCK_TEST_SEED, decides with which they begin, so that in time every point is seen."""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from codegen.declaration import DTYPES
from codegen.evaluate import Evaluator, sample, space_point
from codegen.read_kernels import read_kernels

MANY, SOME = 10000, 500
DAY = int(os.environ.get("HPCK_TEST_SEED", time.time() // 86400))


def numbers(values):
    return " ".join(map(str, values))


def print_family(kernels, family):
    evaluator = Evaluator(family)
    print(f"family {family.name}")
    for i, (device_name, device) in enumerate(kernels.device.examples.items()):
        print(f"device {device_name} {numbers(device.values())}")
        for j, problem in enumerate(family.op.examples):
            fields, dtype_in, dtype_out = problem
            print(f"problem {DTYPES.index(dtype_in)} {DTYPES.index(dtype_out)} {numbers(fields.values())}")
            indices = sample(family, MANY if i == j == 0 else SOME)
            for index in range(DAY % indices.step, indices.stop, indices.step):
                param = space_point(family, index)
                values = evaluator.values(device, problem, param)
                steps = " ".join(f"{enabled} {numbers(sizes)} {numbers(rest)}" for enabled, sizes, rest in values.steps)
                print(
                    f"point {numbers(param)} {numbers(values.resources)} {values.model.hex()} "
                    f"{numbers(values.defines)} {steps} |{values.reason or ''}"
                )


def main():
    kernels = read_kernels(Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:] or [family.name for family in kernels.families]
    for family in kernels.families:
        if family.name in wanted:
            print_family(kernels, family)
    print("end")


try:
    main()
except BrokenPipeError:  # the reader has found a difference
    sys.stderr.close()
    sys.exit(1)
