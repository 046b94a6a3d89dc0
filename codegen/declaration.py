"""What kernels/ declares, read and checked: the device's fields, the operations, the kernel families."""

import keyword
import re
from dataclasses import dataclass, field

from . import expression
from .errors import DeclarationError, one_of
from .expression import ExpressionError, Name
from .toml_file import TomlFile

DTYPES = ("f32", "f16", "bf16")  # the order of hpck_dtype
DIALECTS = ("opencl", "cuda")  # the order of enum dialect
LOCAL_TYPES = ("float", "half", "ushort", "int", "long")

RESERVED = set(keyword.kwlist) | set(
    """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    bool true false point out limit need params defines steps texts seeds not_listed""".split()
)


@dataclass
class Field:
    name: str
    doc: str


@dataclass
class Buffer(Field):
    dtype: str  # "in", "out" or "i64"
    access: str  # "read" or "write"


@dataclass
class Device:
    fields: list
    examples: dict  # name -> {field: value}


@dataclass
class Op:
    name: str
    doc: str
    dtypes: list  # of (in, out)
    problem: list
    traits: list
    calls: list
    scalars: list
    buffers: list
    examples: list  # of ({field: value}, in, out)

    @property
    def fields(self):
        return self.problem + self.traits


@dataclass
class Param:
    name: str
    values: list
    unit: str
    doc: str
    run_time: bool

    @property
    def macro(self):
        return self.name.upper()


@dataclass
class Formula:
    """An expression and its translation."""

    text: str
    term: expression.Term


@dataclass
class Constraint:
    formula: Formula
    reason: str


@dataclass
class Arg:
    name: str
    kind: str  # "buffer", "call", "scalar", "value", "local", "workspace"
    formula: Formula = None  # value: the int64; local: bytes
    type: str = ""  # local and workspace: what the pointer points to


@dataclass
class Step:
    kernel: str
    enabled: Formula
    global_size: list
    local_size: list
    args: list


@dataclass
class Family:
    name: str
    op: Op
    doc: str
    dialects: list
    params: list
    lets: dict  # name -> Formula
    constraints: list
    resources: dict  # name -> Formula
    model_lets: dict
    model: Formula
    defines: dict
    steps: list
    seeds: list  # of {param: value}
    file: TomlFile
    scope: dict = field(repr=False)


RESOURCES = ("local_bytes", "work_items", "registers", "workspace_bytes")


def check_name(table, key, name):
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name.endswith("_"):
        table.fail(key, f"`{name}` is not a name: lower-case letters, digits and _, starting with a letter")
    if name in RESERVED or name.startswith("device_"):
        table.fail(key, f"`{name}` means something else in C or in codegen; choose another name")


def named_tables(top, key):
    tables = top.tables(key)
    for name, table in tables:
        check_name(table, None, name)
    return tables


def plain_fields(top, key):
    fields = []
    for name, table in named_tables(top, key):
        fields.append(Field(name, table.get("doc", str)))
        table.finish()
    return fields


def int_table(table, allowed, skip=()):
    """{name: value} of a table of integers, of which only these names are allowed."""
    values = {}
    for key in table.values:
        if key in skip:
            continue
        if key not in allowed:
            table.fail(key, f"unknown name; valid is {one_of(allowed)}")
        values[key] = table.get(key, int)
        if not 0 <= values[key] < 2**63:
            table.fail(key, "must be between 0 and 2^63 - 1")
    return values


def read_device(root):
    top = TomlFile(root, "device.toml").top
    fields = plain_fields(top, "field")
    names = [f.name for f in fields]
    examples = {}
    for name, table in named_tables(top, "example"):
        table.get("doc", str)
        examples[name] = dict.fromkeys(names, 0) | int_table(table, names, skip=("doc",))
        table.finish()
    top.finish()
    if not examples:
        top.fail("example", "at least one example device is needed: seeds are checked against it")
    return Device(fields, examples)


def parse_dtypes(table, key, text):
    """("f16", "f32") of "f16>f32"."""
    parts = text.split(">")
    if len(parts) > 2 or any(part not in DTYPES for part in parts) or (len(parts) == 2 and parts[0] == parts[1]):
        table.fail(key, f"`{text}` is not a dtype: {one_of(DTYPES)}, or IN>OUT where they differ")
    return parts[0], parts[-1]


def read_op(root, name):
    top = TomlFile(root, f"{name}/op.toml").top
    if top.get("name", str) != name:
        top.fail("name", f"must be `{name}`, the name of the folder")
    buffers = []
    for buffer_name, table in named_tables(top, "buffer"):
        dtype, access = table.get("dtype", str), table.get("access", str)
        if dtype not in ("in", "out", "i64"):
            table.fail("dtype", f"`{dtype}` is unknown; valid is {one_of(('in', 'out', 'i64'))}")
        if access not in ("read", "write"):
            table.fail("access", f"`{access}` is unknown; valid is {one_of(('read', 'write'))}")
        buffers.append(Buffer(buffer_name, table.get("doc", str, ""), dtype, access))
        table.finish()
    op = Op(
        name=name,
        doc=top.get("doc", str),
        dtypes=[parse_dtypes(top, "dtypes", text) for text in top.strings("dtypes")],
        problem=plain_fields(top, "problem"),
        traits=plain_fields(top, "trait"),
        calls=plain_fields(top, "call"),
        scalars=plain_fields(top, "scalar"),
        buffers=buffers,
        examples=[],
    )
    names = [f.name for f in op.fields]
    for group in (op.fields, op.calls + op.scalars + op.buffers):
        seen = set()
        for item in group:
            if item.name in seen:
                top.fail(item.name, "is declared twice")
            seen.add(item.name)
    for table in top.array("example"):
        dtype_in, dtype_out = parse_dtypes(table, "dtype", table.get("dtype", str))
        if (dtype_in, dtype_out) not in op.dtypes:
            table.fail("dtype", f"is none of the operation's dtypes")
        values = dict.fromkeys(names, 0) | int_table(table, names, skip=("dtype",))
        op.examples.append((values, dtype_in, dtype_out))
    if not op.examples:
        top.fail("example", "at least one [[example]] problem is needed: seeds are checked against it")
    top.finish()
    return op


def base_scope(device, op):
    """The names that every family of an operation can use."""
    scope = {}
    for item in op.fields:
        scope[item.name] = Name(item.name, "problem", f"point->problem->field.{op.name}.{item.name}")
    for side in ("in", "out"):
        dtype = f"point->problem->dtype_{side}"
        scope[f"bytes_{side}"] = Name(f"bytes_{side}", "dtype", f"{dtype} == HPCK_F32 ? 4 : 2", 2, 4)
        for dtype_name in DTYPES:
            name = f"is_{dtype_name}_{side}"
            scope[name] = Name(name, "dtype", f"{dtype} == HPCK_{dtype_name.upper()}", 0, 1)
    for item in device.fields:
        name = Name(item.name, "device", f"point->device->{item.name}")
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
            self.scope[f"device.{name}"] = Name(f"device_{name}", "device", old.fetch)
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
        params = self.read_params()
        lets = self.read_lets(top.table("let"))
        family = Family(
            name=name,
            op=self.op,
            doc=doc,
            dialects=dialects,
            params=params,
            lets=lets,
            constraints=[],
            resources=self.read_formulas(top.table("resources"), RESOURCES),
            model_lets={},
            model=None,
            defines=self.read_defines(params),
            steps=self.read_steps(),
            seeds=self.read_seeds(params),
            file=self.file,
            scope=self.scope,
        )
        for table in top.array("constraint"):
            family.constraints.append(Constraint(self.formula(table, "rule"), table.get("reason", str)))
            table.finish()
        self.read_model(family)
        top.finish()
        return family

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
            fetch = f"point->param[{param.macro}]"
            self.add_name(table, name, Name(name, "parameter", fetch, values[0], values[-1]))
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
            self.add_name(table, name, Name(name, "let", "", term.low, term.high, term.real))
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

    def read_model(self, family):
        """[model] may name partial results above `seconds`; nothing else sees them."""
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
        kinds = [key for key in ("value", "local", "workspace") if key in entry]
        allowed = {"value": {"name", "value"}, "local": {"name", "local", "type"}, "workspace": {"name", "workspace"}}
        if len(kinds) != 1 or set(entry) - allowed[kinds[0]] or not all(isinstance(v, str) for v in entry.values()):
            forms = "{ name, value = expression }, { name, local = bytes, type } or { name, workspace = type }"
            table.fail("args", f"{entry!r} must be {forms}")
        if "name" not in entry:
            table.fail("args", f"{entry!r} has no name")
        kind = kinds[0]
        pointee = {"value": "", "local": entry.get("type", "float"), "workspace": entry.get("workspace")}[kind]
        if kind != "value" and pointee not in LOCAL_TYPES:
            table.fail("args", f"`{entry['name']}` has the type `{pointee}`; valid is {one_of(LOCAL_TYPES)}")
        formula = None if kind == "workspace" else self.formula(table, "args", entry[kind])
        return Arg(entry["name"], kind, formula, pointee)

    def read_seeds(self, params):
        seeds = []
        for table in self.top.array("seed"):
            seed = {}
            for param in params:
                if not table.has(param.name):
                    table.fail(None, f"the parameter `{param.name}` is missing; valid is {one_of(param.values)}")
                seed[param.name] = table.get(param.name, int)
                if seed[param.name] not in param.values:
                    table.fail(param.name, f"{seed[param.name]} is not a value of the parameter; valid is {one_of(map(str, param.values))}")
            table.finish()
            seeds.append(seed)
        if not seeds:
            self.top.fail("seed", "a family needs at least one [[seed]]")
        return seeds


@dataclass
class Kernels:
    """Everything below kernels/."""

    root: object
    device: Device
    ops: list
    families: list  # sorted by name


def family_paths(root):
    """[(op, path below root)] of every family, in the order of their names; needs no file to be right."""
    paths = [p.relative_to(root) for p in root.glob("*/*.toml") if p.name != "op.toml"]
    return sorted(((str(path.parent), str(path)) for path in paths), key=lambda item: item[1].rsplit("/", 1)[-1])


def read_kernels(root):
    device = read_device(root)
    op_names = sorted(path.parent.name for path in root.glob("*/op.toml"))
    ops = [read_op(root, name) for name in op_names]
    families = []
    for op_name, path in family_paths(root):
        if op_name not in op_names:
            raise DeclarationError(path, 0, None, f"there is no {op_name}/op.toml beside it")
        families.append(FamilyReader(root, path, device, ops[op_names.index(op_name)]).read())
    return Kernels(root, device, ops, families)
