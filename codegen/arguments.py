"""The arguments of a kernel in its text: a parameter list, and the lines at its top that bring in what is no parameter by itself.

In OpenCL all numbers are one parameter, the first: a structure of the integers, then the floats. A driver for CPUs allocates and
frees each argument of each launch, and 45 of them take longer than a small problem."""

# How a dialect spells a parameter. Storage of 16-bit floats is never computed with, only loaded and stored.
STORAGE = {"f32": "float", "f16": "half", "bf16": "ushort", "i64": "long"}
SPELLING = {
    "opencl": {"global": "__global ", "int64": "long", "restrict": "restrict"},
    "cuda": {"global": "", "int64": "long", "restrict": "__restrict__"},
}
LINE = 100  # columns of a generated list


def is_integer(arg):
    return arg.kind in ("call", "value")


def is_number(arg):
    return is_integer(arg) or arg.kind == "scalar"


def numbers(args):
    """[(type, names)] of the members of an OpenCL kernel's structure of numbers."""
    members = [("long", [arg.name for arg in args if is_integer(arg)]), ("float", [arg.name for arg in args if arg.kind == "scalar"])]
    return [(type, names) for type, names in members if names]


def parameter(arg, op, dialect, dtypes):
    """One parameter of a kernel, as the dialect declares it."""
    spell = SPELLING[dialect]
    if arg.kind == "buffer":
        buffer = next(item for item in op.buffers if item.name == arg.name)
        const = "const " if buffer.access == "read" else ""
        restrict = "" if arg.aliased else spell["restrict"] + " "
        return f"{spell['global']}{const}{STORAGE[dtypes[buffer.dtype]]} *{restrict}{arg.name}"
    if arg.kind == "workspace":
        return f"{spell['global']}{arg.type} *{spell['restrict']} {arg.name}"
    if arg.kind == "tensor_map":
        return f"const __grid_constant__ tensor_map {arg.name}"
    if arg.kind == "local":
        return f"__local {arg.type} *restrict {arg.name}" if dialect == "opencl" else f"long {arg.name}_at"
    return f"{'float' if arg.kind == 'scalar' else spell['int64']} {arg.name}"


def parameters(step, op, dialect, dtypes):
    """The parameter list of a step's kernel."""
    single, first = step.args, []
    if dialect == "opencl" and numbers(step.args):
        single = [arg for arg in step.args if not is_number(arg)]
        first = [f"struct {step.kernel}_numbers numbers"]
    return "\n" + wrap(first + [parameter(arg, op, dialect, dtypes) for arg in single], "")


def structures(steps, dialect):
    """The structures of numbers of all steps, before the text."""
    if dialect != "opencl":
        return ""
    texts = []
    for step in steps:
        members = [wrap([f"{type} {names[0]}"] + names[1:], ";", "    ") for type, names in numbers(step.args)]
        if members:
            texts.append("\n".join([f"struct {step.kernel}_numbers {{", *members, "};", ""]))
    return "\n".join(["/* The numbers that kernels take, as one argument each. */", *texts, ""]) if texts else ""


def carve(args):
    """CUDA: the local arguments of a kernel as pieces of its dynamic shared memory."""
    local = [arg for arg in args if arg.kind == "local"]
    if not local:
        return []
    lines = ["    extern __shared__ __align__(1024) unsigned char shared_bytes[];"]
    return lines + [f"    {arg.type} *__restrict__ {arg.name} = ({arg.type} *)(shared_bytes + {arg.name}_at);" for arg in local]


def unpack(args, dialect):
    """What belongs at the top of a kernel: arguments that are no parameters by themselves."""
    if dialect == "opencl":
        lines = []
        for type, names in numbers(args):
            values = [f"{name} = numbers.{name}" for name in names]
            lines.append(wrap([f"{type} {values[0]}"] + values[1:], ";", "    "))
    else:
        lines = carve(args)
    return "\n".join(lines).strip()


def wrap(parts, end, hang=""):
    """The parts with commas between them, indented, as many on each line as fit."""
    lines, line = [], "   "
    for i, part in enumerate(parts):
        word = f" {part}{',' if i + 1 < len(parts) else end}"
        if len(line) + len(word) > LINE:
            lines.append(line)
            line = "   " + hang
        line += word
    return "\n".join(lines + [line])
