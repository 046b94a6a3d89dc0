"""Renders a family's template into device text: one per dialect and pair of dtypes."""

import hashlib
import json
import traceback
from dataclasses import dataclass

import jinja2

from .arguments import SPELLING, parameters, structures, unpack
from .errors import DeclarationError, one_of

EXTENSION = {"opencl": "cl", "cuda": "cu"}


@dataclass
class Text:
    dialect: str
    dtype_in: str
    dtype_out: str
    name: str  # of the readable copy, a specification: gemm_cpu__opencl_f16_f32.cl
    source: str
    hash: str


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
    written, unpacked, shown = [], [], f"{root.name}/{path}"

    def signature(kernel):
        if kernel not in steps:
            raise LookupError(f"signature(\"{kernel}\"): no step has this kernel; valid is {one_of(steps)}")
        written.append(kernel)
        dtypes = {"in": dtype_in, "out": dtype_out, "f32": "f32", "i64": "i64"}
        return parameters(steps[kernel], family.op, dialect, dtypes)

    def arguments(kernel):
        if kernel not in steps:
            raise LookupError(f"arguments(\"{kernel}\"): no step has this kernel; valid is {one_of(steps)}")
        unpacked.append(kernel)
        return unpack(steps[kernel].args, dialect)

    names = {
        "family": family.name,
        "dialect": dialect,
        "dtype_in": dtype_in,
        "dtype_out": dtype_out,
        "signature": signature,
        "arguments": arguments,
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
        if kernel not in unpacked:
            what = f"the kernel of step `{kernel}` does not begin with arguments(\"{kernel}\")"
            raise DeclarationError(shown, 0, None, what)
    return tidy(structures(family.steps, dialect) + source)


def tidy(source):
    """No trailing blanks, no runs of blank lines, none after an opening brace, one newline at the end: what a careful hand would leave."""
    lines = []
    for line in source.splitlines():
        line = line.rstrip()
        if line or (lines and lines[-1] and not lines[-1].endswith("{")):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n"
