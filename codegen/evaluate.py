"""Evaluates a family's expressions in Python: for check, explain and the test that C agrees with them."""

from dataclasses import dataclass

from . import arith
from .declaration import LIMITS, RESOURCES

HEAD = "(device, problem, dtype_in, dtype_out, param)"


@dataclass
class Values:
    """Everything the C functions of a family compute at a point."""

    reason: object  # None: legal
    resources: tuple
    model: float
    defines: tuple
    steps: tuple  # of (enabled, geometry, values): six sizes; the values of the arguments' formulas


class Evaluator:
    """Calls take a device {field: value}, a problem (fields, dtype_in, dtype_out) and a tuple of parameter values."""

    def __init__(self, family):
        self.family = family
        self.lets = family.lets | family.model_lets
        formulas = [constraint.formula for constraint in family.constraints]
        formulas += [family.resources[name] for name in RESOURCES]
        self.rules = self.function(formulas)
        formulas = [family.model, *family.defines.values()]
        self.step_ends = []  # where each step's values end among those of `rest` behind model and defines
        for step in family.steps:
            formulas += [step.enabled, *step.global_size, *step.local_size]
            formulas += [formula for arg in step.args for formula in arg.formulas]
            self.step_ends.append(len(formulas) - 1 - len(family.defines))
        self.rest = self.function(formulas)
        self.machine = self.function([*family.loop.values(), *family.kernel.values()])
        self.bars = self.function([bar.formula for bar in family.bars])

    def function(self, formulas):
        """One Python function that returns the values of all formulas as a tuple."""
        lines, seen = [], set()

        def declare(name):
            if name.name in seen:
                return
            seen.add(name.name)
            value = name.python
            if name.group == "let":
                term = self.lets[name.name].term
                for inner in term.names:
                    declare(inner)
                value = term.python
            lines.append(f"    {name.name} = {value}")

        for formula in formulas:
            for name in formula.term.names:
                declare(name)
        results = "".join(f"{formula.term.python}, " for formula in formulas)
        source = "\n".join([f"def f{HEAD}:", *lines, f"    return ({results})"])
        namespace = dict(arith.FUNCTIONS)
        exec(compile(source, f"<{self.family.name}>", "exec"), namespace)
        return namespace["f"]

    def judge(self, device, problem, param):
        """(reason, resources): None where the point is legal, else why it is not."""
        values = self.rules(device, *problem, param)
        count = len(self.family.constraints)
        resources = tuple(map(int, values[count:]))
        for constraint, holds in zip(self.family.constraints, values):
            if not holds:
                return constraint.reason, resources
        need = dict(zip(RESOURCES, resources))
        for name, limit, reason in LIMITS:
            if device[limit] != 0 and need[name] > device[limit]:
                return reason, resources
        return None, resources

    def reason(self, device, problem, param):
        return self.judge(device, problem, param)[0]

    def counts(self, device, problem, param):
        """({name: count} of the main loop, of the kernel), as the family declares them for machine code."""
        values = [int(value) for value in self.machine(device, *problem, param)]
        return dict(zip(self.family.loop, values)), dict(zip(self.family.kernel, values[len(self.family.loop) :]))

    def missed_bars(self, device, problem, param):
        """The reasons of the bars that the point does not reach."""
        return [bar.reason for bar, holds in zip(self.family.bars, self.bars(device, *problem, param)) if not holds]

    def values(self, device, problem, param):
        reason, resources = self.judge(device, problem, param)
        model, *rest = self.rest(device, *problem, param)
        rest = tuple(map(int, rest))
        split = len(self.family.defines)
        defines, rest = rest[:split], rest[split:]
        steps, start = [], 0
        for end in self.step_ends:
            steps.append((int(rest[start] != 0), rest[start + 1 : start + 7], rest[start + 7 : end]))
            start = end
        return Values(reason, resources, model, defines, tuple(steps))


def space_size(family):
    size = 1
    for param in family.params:
        size *= len(param.values)
    return size


def space_point(family, index):
    """The index-th point of the grid; the last parameter varies fastest, as in family_space_point()."""
    values = []
    for param in reversed(family.params):
        index, digit = divmod(index, len(param.values))
        values.append(param.values[digit])
    return tuple(reversed(values))


def sample(family, most):
    """Indices of at most about `most` points, spread over the space by a step that shares no factor with the numbers of
    values: all of them where there are few."""
    size = space_size(family)
    step = max(1, size // most)
    while step > 1 and any(len(param.values) > 1 and step % len(param.values) == 0 for param in family.params):
        step += 1
    return range(0, size, step)
