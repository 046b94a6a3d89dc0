"""Checks what only evaluation can show: every seed must be a point that some device can launch."""

import math

from .evaluate import Evaluator
from .toml_file import Table


def check_family(kernels, family):
    evaluator = Evaluator(family)
    tables = family.file.top.array("seed")
    for i, (seed, table) in enumerate(zip(family.seeds, tables)):
        if seed in family.seeds[:i]:
            table.fail(None, "is the same point as an earlier seed")
        check_seed(kernels, family, evaluator, tuple(seed.values()), table)


def check_seed(kernels, family, evaluator, param, table: Table):
    """A seed must be legal somewhere, and wherever it is legal it must be launchable."""
    reasons = {}
    for device_name, device in kernels.device.examples.items():
        for fields, *dtypes in family.op.examples:
            problem = (fields, *(dtypes if tuple(dtypes) in family.dtypes else family.dtypes[0]))
            values = evaluator.values(device, problem, param)
            if values.reason is None:
                check_launch(family, values, problem[1:], device_name, table)
                reasons = None
            elif reasons is not None:
                reasons.setdefault(values.reason, device_name)
    if reasons:
        what = "; ".join(f"{reason} ({device})" for reason, device in reasons.items())
        table.fail(None, f"is legal on no example device for any example problem: {what}")


def check_launch(family, values, dtypes, device_name, table):
    local_bytes, work_items = values.resources[:2]
    if not (math.isfinite(values.model) and values.model >= 0):
        table.fail(None, f"the model gives {values.model} seconds on {device_name}")
    for step, (enabled, sizes, numbers) in zip(family.steps, values.steps):
        if not enabled:
            continue
        where = f"step {step.kernel} on {device_name}"
        total, local = sizes[:3], sizes[3:]
        if any(size < 1 for size in local) or any(x < 0 or x % y for x, y in zip(total, local)):
            table.fail(None, f"{where}: local {list(local)} does not divide global {list(total)}")
        if math.prod(local) > work_items:
            table.fail(None, f"{where}: local {list(local)} is more than resources.work_items = {work_items}")
        rest = iter(numbers)
        computed = [(arg, [next(rest) for _ in arg.formulas]) for arg in step.args]
        locals_ = [(arg, numbers[0]) for arg, numbers in computed if arg.kind == "local"]
        need = sum(number for _, number in locals_)
        if need > local_bytes:
            table.fail(None, f"{where}: its local arguments take {need} bytes, resources.local_bytes is {local_bytes}")
        for arg, number in locals_:
            if number <= 0:
                table.fail(None, f"{where}: the local argument `{arg.name}` has {number} bytes; at least 1 is needed")
        for arg, numbers in computed:
            if arg.tensor:
                check_tensor(arg, numbers, dtypes, where, table)


def check_tensor(arg, numbers, dtypes, where, table):
    """What the driver demands of a tensor map; the backend says the same of what a call brings along."""
    rank, bytes_of = len(arg.tensor.sizes), {"f32": 4, "f16": 2, "bf16": 2}
    sizes, box, swizzle = numbers[:rank], numbers[rank:-1], numbers[-1]
    row = box[0] * bytes_of[dtypes[0 if arg.tensor.buffer.dtype == "in" else 1]]
    if any(not 1 <= size <= 2**32 for size in sizes):
        table.fail(None, f"{where}: the sizes {sizes} of `{arg.name}` must be between 1 and 2^32")
    if any(not 1 <= size <= 256 for size in box):
        table.fail(None, f"{where}: the box {box} of `{arg.name}` must be between 1 and 256 in every dimension")
    if swizzle not in (0, 32, 64, 128):
        table.fail(None, f"{where}: the swizzle of `{arg.name}` is {swizzle} bytes; valid is 0, 32, 64 or 128")
    if row % 16 or 0 < swizzle < row:
        limit = f", at most {swizzle}" if swizzle else ""
        table.fail(None, f"{where}: a row of the box of `{arg.name}` has {row} bytes; valid are multiples of 16{limit}")
