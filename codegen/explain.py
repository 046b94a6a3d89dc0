"""Tells a person what a family is: its parameters, its rules, how much of its space is legal, and how it is launched."""

import textwrap

from .arguments import SPELLING, parameter
from .errors import DeclarationError, one_of
from .evaluate import Evaluator, sample, space_point, space_size

COUNTED = 20000  # points that are looked at for each device


def settings(kernels, family, words):
    """(devices, problem) of the words NAME=VALUE; the first example problem with what they say instead."""
    fields, dtype_in, dtype_out = family.op.examples[0]
    fields, devices = dict(fields), kernels.device.examples
    for word in words:
        name, _, value = word.partition("=")
        if name == "device":
            if value not in devices:
                raise DeclarationError(word, 0, None, f"unknown device; valid is {one_of(devices)}")
            devices = {value: devices[value]}
        elif name == "dtype":
            pair = tuple(value.split(">"))
            if (pair[0], pair[-1]) not in family.op.dtypes:
                valid = [x if x == y else f"{x}>{y}" for x, y in family.op.dtypes]
                raise DeclarationError(word, 0, None, f"unknown dtype; valid is {one_of(valid)}")
            dtype_in, dtype_out = pair[0], pair[-1]
        elif name in fields and value.isdecimal():
            fields[name] = int(value)
        else:
            raise DeclarationError(word, 0, None, f"must be device=NAME, dtype=NAME or a size of {one_of(fields)}")
    return devices, (fields, dtype_in, dtype_out)


def print_rows(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print(("  " + "  ".join([*cells, row[-1]])).rstrip())


def explain(kernels, family, words):
    devices, problem = settings(kernels, family, words)
    fields, dtype_in, dtype_out = problem
    print(f"{family.name}: {family.doc}\n\nparameters ({space_size(family)} points)")
    print_rows(
        [
            (p.name, ",".join(map(str, p.values)), p.unit, p.doc + (" (run time)" if p.run_time else ""))
            for p in family.params
        ]
    )
    print("\nconstraints")
    for constraint in family.constraints:
        print(f"  {constraint.formula.text}\n      {constraint.reason}")
    print("\nsteps")
    for step in family.steps:
        print(f"  {step.kernel}   if {step.enabled.text}")
        for name, sizes in (("global", step.global_size), ("local", step.local_size)):
            print(f"      {name:6} {', '.join(f.text for f in sizes)}")
        dialect = next(dialect for dialect in family.dialects if dialect in SPELLING)
        dtypes = {"in": dtype_in, "out": dtype_out, "f32": "f32", "i64": "i64"}
        args = ", ".join(parameter(arg, family.op, dialect, dtypes) for arg in step.args)
        print(textwrap.fill(args, 110, initial_indent="      ", subsequent_indent="      "))
    explain_space(family, devices, problem)


def explain_space(family, devices, problem):
    fields, dtype_in, dtype_out = problem
    evaluator, indices = Evaluator(family), sample(family, COUNTED)
    dtype = dtype_in if dtype_in == dtype_out else f"{dtype_in}>{dtype_out}"
    shown = " ".join(f"{name}={value}" for name, value in fields.items() if value)
    print(f"\nlegal points for dtype={dtype} {shown}")
    if len(indices) < space_size(family):
        print(f"  (of {len(indices)} points spread over the space)")
    for name, device in devices.items():
        reasons = {}
        for index in indices:
            reason = evaluator.reason(device, problem, space_point(family, index))
            reasons[reason] = reasons.get(reason, 0) + 1
        print(f"  {name}: {reasons.pop(None, 0)}")
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            print(f"      {count:>8} refused: {reason}")
    print("\nseeds")
    for seed in family.seeds:
        print("  " + " ".join(f"{name}={value}" for name, value in seed.items()))
        for name, device in devices.items():
            values = evaluator.values(device, problem, tuple(seed.values()))
            if values.reason:
                print(f"      {name}: refused: {values.reason}")
                continue
            local_bytes, work_items, registers, workspace_bytes = values.resources
            print(
                f"      {name}: {values.model * 1e6:.1f} us by the model, {work_items} work-items, {local_bytes} bytes "
                f"local, {registers} registers, {workspace_bytes} bytes workspace"
            )
