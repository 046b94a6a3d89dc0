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
        for problem in family.op.examples:
            values = evaluator.values(device, problem, param)
            if values.reason is None:
                check_launch(family, values, device_name, table)
                reasons = None
            elif reasons is not None:
                reasons.setdefault(values.reason, device_name)
    if reasons:
        what = "; ".join(f"{reason} ({device})" for reason, device in reasons.items())
        table.fail(None, f"is legal on no example device for any example problem: {what}")


def check_launch(family, values, device_name, table):
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
        computed = [arg for arg in step.args if arg.formula]
        need = sum(number for arg, number in zip(computed, numbers) if arg.kind == "local")
        if need > local_bytes:
            table.fail(None, f"{where}: its local arguments take {need} bytes, resources.local_bytes is {local_bytes}")
        for arg, number in zip(computed, numbers):
            if arg.kind == "local" and number <= 0:
                table.fail(None, f"{where}: the local argument `{arg.name}` has {number} bytes; at least 1 is needed")
