"""Reads a family's .toml: every expression is translated here, in the scope of the names above it."""

import re

from . import expression
from .declaration import DIALECTS, DTYPES, RESOURCES, Arg, Constraint, Family, Formula, Param, Step, Tensor
from .errors import one_of
from .expression import ExpressionError, Name
from .read_op import check_name, parse_dtypes
from .toml_file import TomlFile

TENSOR_RANK_MAX = 5
LOCAL_TYPES = ("float", "half", "ushort", "int", "long")


def base_scope(device, op):
    """The names that every family of an operation can use. No field of a problem or device is ever negative."""
    scope = {}
    for item in op.fields:
        c, python = f"point->problem->field.{op.name}.{item.name}", f"problem[{item.name!r}]"
        scope[item.name] = Name(item.name, "problem", c, python, low=0)
    for side in ("in", "out"):
        dtype = f"point->problem->dtype_{side}"
        c, python = f"{dtype} == HPCK_F32 ? 4 : 2", f"4 if dtype_{side} == 'f32' else 2"
        scope[f"bytes_{side}"] = Name(f"bytes_{side}", "dtype", c, python, 2, 4)
        for dtype_name in DTYPES:
            name = f"is_{dtype_name}_{side}"
            c, python = f"{dtype} == HPCK_{dtype_name.upper()}", f"int(dtype_{side} == {dtype_name!r})"
            scope[name] = Name(name, "dtype", c, python, 0, 1)
    for item in device.fields:
        name = Name(item.name, "device", f"point->device->{item.name}", f"device[{item.name!r}]", low=0)
        scope[f"device.{item.name}"] = name
        scope.setdefault(item.name, name)
    return scope


class FamilyReader:
    def __init__(self, root, path, device, op):
        self.file = TomlFile(root, path)
        self.top, self.device, self.op = self.file.top, device, op
        self.scope = base_scope(device, op)

    def add_name(self, table, name, new):
        """A parameter or let may hide a device field (device.NAME still means that one), nothing else."""
        check_name(table, None if name not in table.values else name, name)
        old = self.scope.get(name)
        if old is not None and old.group != "device":
            table.fail(None if name not in table.values else name, f"`{name}` is already the name of a {old.group} value")
        if old is not None:
            self.scope[f"device.{name}"] = Name(f"device_{name}", "device", old.fetch, old.python, low=0)
        self.scope[name] = new

    def formula(self, table, key, text=None, real=False):
        text = table.get(key, str) if text is None else text
        try:
            term = expression.parse(text, self.scope, real)
        except ExpressionError as error:
            table.fail(key, str(error))
        if term.real and not real:
            table.fail(key, f"`{text}` must be an integer")
        return Formula(text, term)

    def read(self):
        top = self.top
        name, op_name = top.get("name", str), top.get("op", str)
        stem = re.sub(r".*/|\.toml$", "", self.file.path)
        if name != stem:
            top.fail("name", f"must be `{stem}`, the name of the file")
        check_name(top, "name", name)
        if op_name != self.op.name:
            top.fail("op", f"must be `{self.op.name}`, the name of the folder")
        doc, dialects = top.get("doc", str), top.strings("dialects")
        for dialect in dialects:
            if dialect not in DIALECTS:
                top.fail("dialects", f"`{dialect}` is unknown; valid is {one_of(DIALECTS)}")
        target, constraints = self.read_requires(dialects)
        params = self.read_params()
        lets = self.read_lets(top.table("let"))
        family = Family(
            name=name,
            op=self.op,
            doc=doc,
            dialects=dialects,
            dtypes=self.read_dtypes(),
            cuda_target=target,
            like=top.get("like", str, ""),
            params=params,
            lets=lets,
            constraints=constraints,
            resources=self.read_formulas(top.table("resources"), RESOURCES),
            model_lets={},
            model=None,
            loop=self.read_counts("loop", ["passes", "at_most", "beyond"]),
            kernel=self.read_counts("kernel", ["registers", "exact_registers", "barriers", "in_flight", "occupancy"]),
            bars=[],
            defines=self.read_defines(params),
            steps=self.read_steps(),
            seeds=self.read_seeds(params),
            file=self.file,
        )
        family.constraints += self.read_rules("constraint", real=False)
        self.read_model(family)
        family.bars += self.read_rules("bar", real=True)
        top.finish()
        return family

    def read_dtypes(self):
        """The pairs that the family computes: some of the operation's, or all of them."""
        top = self.top
        pairs = [parse_dtypes(top, "dtypes", text) for text in top.strings("dtypes")] if top.has("dtypes") else self.op.dtypes
        for pair in pairs:
            if pair not in self.op.dtypes:
                top.fail("dtypes", f"`{'>'.join(pair)}` is none of the operation's dtypes")
        return pairs

    def read_requires(self, dialects):
        """(the only target of the texts or "", the constraint that follows): `sm_80` means that and later, `sm_90a` only 9.0."""
        top, text = self.top, self.top.get("requires", str, "")
        if not text:
            return "", []
        match = re.fullmatch(r"sm_(\d{2,3})(a?)", text)
        if not match:
            top.fail("requires", f"`{text}` must be sm_NN, that compute capability and later, or sm_NNa, that one only")
        if dialects != ["cuda"]:
            top.fail("requires", 'is about CUDA: dialects must be ["cuda"]')
        number, exact = int(match[1]), match[2]
        reason = f"its text is for devices of compute capability {number // 10}.{number % 10}{' only' if exact else ' and later'}"
        rule = self.formula(top, "requires", f"device.cuda_sm {'==' if exact else '>='} {number}")
        return match[1] + exact if exact else "", [Constraint(rule, reason)]

    def read_params(self):
        params = []
        for name, table in self.top.tables("param"):
            values = table.get("values", list)
            if not values or not all(type(value) is int and abs(value) < 2**31 for value in values):
                table.fail("values", "must be an array of 32-bit integers")
            if any(x >= y for x, y in zip(values, values[1:])):
                table.fail("values", f"must ascend without repeats, not {values}")
            param = Param(
                name, values, table.get("unit", str, ""), table.get("doc", str), table.get("run_time", bool, False)
            )
            c, python = f"point->param[PARAM_{param.macro}]", f"param[{len(params)}]"
            self.add_name(table, name, Name(name, "parameter", c, python, values[0], values[-1]))
            table.finish()
            params.append(param)
        if not params:
            self.top.fail("param", "a family needs at least one [param.NAME]")
        return params

    def read_lets(self, table, last=None, group="let"):
        """Each value sees the names above it."""
        lets = {}
        for name in table.values:
            if name == last:
                continue
            formula = self.formula(table, name, real=False) if group == "let" else self.model_formula(table, name)
            term = formula.term
            self.add_name(table, name, Name(name, "let", "", "", term.low, term.high, term.real))
            lets[name] = formula
        return lets

    def model_formula(self, table, name):
        """A value of [model]: an integer if it can be one, else a real number."""
        text = table.get(name, str)
        try:
            return Formula(text, expression.parse(text, self.scope))
        except ExpressionError:
            return self.formula(table, name, text, real=True)

    def read_formulas(self, table, names):
        formulas = {name: self.formula(table, name) for name in names}
        table.finish()
        return formulas

    def read_rules(self, name, real):
        rules = []
        for table in self.top.array(name):
            rules.append(Constraint(self.formula(table, "rule", real=real), table.get("reason", str)))
            table.finish()
        return rules

    def read_counts(self, name, limits):
        """Counts of machine instructions by name, and limits. For tests; not part of the C tables."""
        table = self.top.table(name)
        for key in table.values:
            if not re.fullmatch(r"[A-Z][A-Z0-9]*(\.\d+)?", key) and key not in limits:
                what = f"must be the name of an instruction in upper case, like LDS or LDS.128, or {one_of(limits)}"
                table.fail(key, what)
        return self.read_formulas(table, list(table.values))

    def read_model(self, family):
        """[model] may name partial results above `seconds`; only bars see them."""
        table = self.top.table("model")
        if list(table.values)[-1:] != ["seconds"]:
            table.fail(None, "must end with the key `seconds`")
        family.model_lets = self.read_lets(table, last="seconds", group="model")
        family.model = self.formula(table, "seconds", real=True)

    def read_defines(self, params):
        table, defines = self.top.table("define"), {}
        macros = {param.macro: param.name for param in params if not param.run_time}
        for name in table.values:
            if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
                table.fail(name, "must be upper case: it becomes a macro of the text")
            if name in macros:
                table.fail(name, f"is already the macro of the parameter `{macros[name]}`")
            defines[name] = self.formula(table, name)
        return defines

    def read_steps(self):
        steps = []
        for table in self.top.array("step"):
            kernel = table.get("kernel", str)
            check_name(table, "kernel", kernel)
            if kernel in [step.kernel for step in steps]:
                table.fail("kernel", f"`{kernel}` is the kernel of another step; each step has its own")
            enabled = self.formula(table, "enabled", table.get("enabled", str, "1"))
            sizes = [[self.formula(table, key, text) for text in table.strings(key, 3)] for key in ("global", "local")]
            steps.append(Step(kernel, enabled, *sizes, self.read_args(table)))
            table.finish()
        if not steps:
            self.top.fail("step", "a family needs at least one [[step]]")
        return steps

    def read_args(self, table):
        args = []
        for entry in table.get("args", list):
            arg = self.read_arg(table, entry)
            check_name(table, "args", arg.name)
            if arg.name in [other.name for other in args]:
                table.fail("args", f"`{arg.name}` is passed twice")
            args.append(arg)
        buffers = {arg.name: arg for arg in args if arg.kind == "buffer"}
        for name in table.get("aliased", list, []):
            if name not in buffers:
                table.fail("aliased", f"`{name}` is no buffer among the args; valid is {one_of(sorted(buffers))}")
            buffers[name].aliased = True
        return args

    def read_arg(self, table, entry):
        if entry == "workspace":
            return Arg(entry, "workspace", type="float")
        if isinstance(entry, str):
            kinds = {"buffer": self.op.buffers, "call": self.op.calls, "scalar": self.op.scalars, "value": self.op.fields}
            for kind, items in kinds.items():
                if entry in [item.name for item in items]:
                    return Arg(entry, kind, self.formula(table, "args", entry) if kind == "value" else None)
            known = "; ".join(f"{kind}: {' '.join(item.name for item in items)}" for kind, items in kinds.items())
            table.fail("args", f"unknown argument `{entry}`; known are workspace; {known}; or write {{ name, value }}")
        if not isinstance(entry, dict):
            table.fail("args", f"{entry!r} is neither a name nor a table")
        if "tensor" in entry:
            return self.read_tensor(table, entry)
        kinds = [key for key in ("value", "local", "workspace") if key in entry]
        allowed = {"value": {"name", "value"}, "local": {"name", "local", "type"}, "workspace": {"name", "workspace"}}
        if len(kinds) != 1 or set(entry) - allowed[kinds[0]] or not all(isinstance(v, str) for v in entry.values()):
            forms = "{ name, value = expression }, { name, local = bytes, type }, { name, workspace = type } or a tensor map"
            table.fail("args", f"{entry!r} must be {forms}")
        if "name" not in entry:
            table.fail("args", f"{entry!r} has no name")
        kind = kinds[0]
        pointee = {"value": "", "local": entry.get("type", "float"), "workspace": entry.get("workspace")}[kind]
        if kind != "value" and pointee not in LOCAL_TYPES:
            table.fail("args", f"`{entry['name']}` has the type `{pointee}`; valid is {one_of(LOCAL_TYPES)}")
        formula = None if kind == "workspace" else self.formula(table, "args", entry[kind])
        return Arg(entry["name"], kind, formula, pointee)

    def read_tensor(self, table, entry):
        """{ name, tensor = buffer, first = call value, sizes, distances = call values, box, swizzle = bytes }"""
        form = "{ name, tensor = buffer, first, sizes = [...], distances = [...], box = [...], swizzle }"
        lists = ("sizes", "distances", "box")
        if set(entry) != {"name", "tensor", "first", "swizzle", *lists}:
            table.fail("args", f"{entry!r} must be {form}")
        for key, value in entry.items():
            parts = value if key in lists else [value]
            if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
                table.fail("args", f"`{key}` of `{entry['name']}` must be {'strings in [ ]' if key in lists else 'a string'}")
        rank = len(entry["sizes"])
        if not 1 <= rank <= TENSOR_RANK_MAX or len(entry["box"]) != rank or len(entry["distances"]) != rank - 1:
            what = f"has 1 to {TENSOR_RANK_MAX} sizes, as many sides of the box, and one distance less"
            table.fail("args", f"the tensor map `{entry['name']}` {what}")
        if self.top.values.get("dialects") != ["cuda"]:
            table.fail("args", f"`{entry['name']}` is a tensor map, which only CUDA has: dialects must be [\"cuda\"]")
        buffers = {buffer.name: buffer for buffer in self.op.buffers if buffer.dtype != "i64"}
        if entry["tensor"] not in buffers:
            table.fail("args", f"`{entry['tensor']}` is no buffer of {self.op.name}; valid is {one_of(buffers)}")
        calls = [item.name for item in self.op.calls]
        for call in [entry["first"], *entry["distances"]]:
            if call not in calls:
                table.fail("args", f"`{call}` is no call value of {self.op.name}; valid is {one_of(calls)}")
        sizes, box = ([self.formula(table, "args", text) for text in entry[key]] for key in ("sizes", "box"))
        swizzle = self.formula(table, "args", entry["swizzle"])
        tensor = Tensor(buffers[entry["tensor"]], entry["first"], entry["distances"], sizes, box, swizzle)
        return Arg(entry["name"], "tensor_map", tensor=tensor)

    def read_seeds(self, params):
        seeds = []
        for table in self.top.array("seed"):
            seed = {}
            for param in params:
                if not table.has(param.name):
                    table.fail(None, f"the parameter `{param.name}` is missing; valid is {one_of(param.values)}")
                seed[param.name] = table.get(param.name, int)
                if seed[param.name] not in param.values:
                    table.fail(param.name, f"{seed[param.name]} is not a value of the parameter; valid is {one_of(param.values)}")
            table.finish()
            seeds.append(seed)
        if not seeds:
            self.top.fail("seed", "a family needs at least one [[seed]]")
        return seeds
