"""Renders a family's template into device text: one per dialect and pair of dtypes."""

import hashlib
import json
import traceback
from dataclasses import dataclass

import jinja2

from .errors import DeclarationError, one_of

# How a dialect spells a parameter. Storage of 16-bit floats is never computed with, only loaded and stored.
STORAGE = {"f32": "float", "f16": "half", "bf16": "ushort", "i64": "long"}
SPELLING = {
    "opencl": {"global": "__global ", "int64": "long", "restrict": "restrict"},
    "cuda": {"global": "", "int64": "long", "restrict": "__restrict__"},
}
EXTENSION = {"opencl": "cl", "cuda": "cu"}
LINE = 100  # columns of a generated parameter list


@dataclass
class Text:
    dialect: str
    dtype_in: str
    dtype_out: str
    name: str  # of the readable copy, a specification: gemm_cpu__opencl_f16_f32.cl
    source: str
    hash: str


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


def carve(args, dialect):
    """CUDA: the local arguments of a kernel as pieces of its dynamic shared memory. Nothing where they are parameters."""
    local = [arg for arg in args if arg.kind == "local"]
    if dialect == "opencl" or not local:
        return ""
    lines = ["extern __shared__ __align__(1024) unsigned char shared_bytes[];"]
    lines += [f"{arg.type} *__restrict__ {arg.name} = ({arg.type} *)(shared_bytes + {arg.name}_at);" for arg in local]
    return "\n    ".join(lines)


def wrap(parts):
    """The parameters on lines of their own below the opening parenthesis, as many on each as fit."""
    lines, line = [], "   "
    for i, part in enumerate(parts):
        word = f" {part}{',' if i + 1 < len(parts) else ''}"
        if len(line) + len(word) > LINE:
            lines.append(line)
            line = "   "
        line += word
    return "\n" + "\n".join(lines + [line])


def environment(root):
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(root)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def template_line(error, root):
    """(file, line) of the innermost template in a traceback; Jinja maps its frames back to template lines."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".jinja")]
    if not frames:
        return None, 0
    return frames[-1].filename.removeprefix(str(root.parent) + "/"), frames[-1].lineno


def arg_key(arg):
    key = [arg.name, arg.kind, arg.type, arg.formula.text if arg.formula else ""]
    if arg.tensor:
        key += [arg.tensor.buffer.name, arg.tensor.first, *arg.tensor.distances, *(f.text for f in arg.formulas)]
    return key


def declaration_key(family):
    """What a text depends on without showing it: how it is launched. Values and costs may change freely."""
    formulas = list(family.defines.values())
    steps = []
    for step in family.steps:
        formulas += [step.enabled, *step.global_size, *step.local_size]
        formulas += [formula for arg in step.args for formula in arg.formulas]
        args = [arg_key(arg) for arg in step.args]
        sizes = [[f.text for f in sizes] for sizes in (step.global_size, step.local_size)]
        steps.append([step.kernel, step.enabled.text, sizes, args])
    lets, todo = {}, [name.name for f in formulas for name in f.term.names]
    while todo:
        name = todo.pop()
        if name in family.lets and name not in lets:
            lets[name] = family.lets[name].text
            todo += [inner.name for inner in family.lets[name].term.names]
    params = [[param.name, param.run_time] for param in family.params]
    defines = [[name, formula.text] for name, formula in family.defines.items()]
    return json.dumps([params, defines, steps, sorted(lets.items())] + [family.cuda_target] * bool(family.cuda_target))


def text_name(family, dialect, dtype_in, dtype_out):
    dtype = dtype_in if dtype_in == dtype_out else f"{dtype_in}_{dtype_out}"
    return f"{family}__{dialect}_{dtype}.{EXTENSION[dialect]}"


def render_family(kernels, family):
    """[Text] for every dialect and pair of dtypes."""
    env = environment(kernels.root)
    path = family.file.path.replace(".toml", ".jinja")
    texts = []
    for dialect in family.dialects:
        if dialect not in SPELLING:
            family.file.top.fail("dialects", f"no text can be written in `{dialect}` yet; valid is {one_of(SPELLING)}")
        for dtype_in, dtype_out in family.dtypes:
            source = render(env, path, kernels.root, family, dialect, dtype_in, dtype_out)
            digest = hashlib.sha256((source + declaration_key(family)).encode()).hexdigest()[:16]
            name = text_name(family.name, dialect, dtype_in, dtype_out)
            texts.append(Text(dialect, dtype_in, dtype_out, name, source, digest))
    return texts


def render(env, path, root, family, dialect, dtype_in, dtype_out):
    steps = {step.kernel: step for step in family.steps}
    written, carved, shown = [], [], f"{root.name}/{path}"

    def signature(kernel):
        if kernel not in steps:
            raise LookupError(f"signature(\"{kernel}\"): no step has this kernel; valid is {one_of(steps)}")
        written.append(kernel)
        dtypes = {"in": dtype_in, "out": dtype_out, "f32": "f32", "i64": "i64"}
        return wrap([parameter(arg, family.op, dialect, dtypes) for arg in steps[kernel].args])

    def local_arrays(kernel):
        if kernel not in steps:
            raise LookupError(f"local_arrays(\"{kernel}\"): no step has this kernel; valid is {one_of(steps)}")
        carved.append(kernel)
        return carve(steps[kernel].args, dialect)

    names = {
        "family": family.name,
        "dialect": dialect,
        "dtype_in": dtype_in,
        "dtype_out": dtype_out,
        "signature": signature,
        "local_arrays": local_arrays,
    }
    try:
        source = env.get_template(path).render(names)
    except jinja2.TemplateNotFound as error:
        where, line = template_line(error, root)
        what = "the template is missing" if error.name == path else f"there is no template `{error.name}` below kernels/"
        raise DeclarationError(where or shown, line, None, what) from None
    except jinja2.TemplateSyntaxError as error:
        raise DeclarationError(f"{root.name}/{error.name or path}", error.lineno, None, error.message) from None
    except (jinja2.UndefinedError, LookupError, TypeError, ValueError) as error:
        where, line = template_line(error, root)
        hint = f"; names here are {', '.join(names)}" if isinstance(error, jinja2.UndefinedError) else ""
        raise DeclarationError(where or shown, line, None, f"{error}{hint}") from None
    for kernel in steps:
        if kernel not in written:
            raise DeclarationError(shown, 0, None, f"the kernel of step `{kernel}` is not written with signature(\"{kernel}\")")
        if kernel not in carved and carve(steps[kernel].args, dialect):
            what = f"the kernel of step `{kernel}` has local arguments: write local_arrays(\"{kernel}\") at its top"
            raise DeclarationError(shown, 0, None, what)
    return tidy(source)


def tidy(source):
    """No trailing blanks, no runs of blank lines, one newline at the end: what a careful hand would leave."""
    lines = []
    for line in source.splitlines():
        line = line.rstrip()
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n"
