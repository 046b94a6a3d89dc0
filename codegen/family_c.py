"""Writes <family>.c: the tables and functions that host/core/family.h declares."""

from . import cfile
from .cfile import string
from .declaration import LIMITS, RESOURCES
from .expression import SUM, UNARY



class FamilyWriter:
    def __init__(self, family, texts):
        self.family, self.texts = family, texts
        self.lets = family.lets | family.model_lets
        self.done = {}  # C function already written -> its name

    # ---- functions over a point

    def locals(self, terms):
        """Declarations of everything the terms name, each once, what it is computed from above it."""
        lines, seen = [], set()

        def declare(name):
            if name.name in seen:
                return
            seen.add(name.name)
            value = name.fetch
            if name.group == "let":
                term = self.lets[name.name].term
                for inner in term.names:
                    declare(inner)
                value = term.c
            lines.append(f"    const {'double' if name.real else 'int64_t'} {name.name} = {value};")

        for term in terms:
            for name in term.names:
                declare(name)
        return lines

    def function(self, head, terms, body):
        unused = [] if any(term.names for term in terms) else ["    (void)point;"]
        return [head, "{", *self.locals(terms), *unused, *body, "}", ""]

    def value_function(self, name, term, kind="int64_t"):
        """int64_t NAME(point) { return term; }"""
        head = f"static {kind} {name}(const struct point *point)"
        if len(term.names) == 1 and term.c == term.names[0].name and term.names[0].fetch:
            fetch = term.names[0].fetch
            return [head, "{", f"    return {fetch}{' != 0' if kind == 'bool' else ''};", "}", ""]
        c = term.c
        if kind == "bool" and not (term.low >= 0 and term.high <= 1):
            c = f"{term.inside(SUM)} != 0"
        if kind == "bool" and term.literal is not None:
            c = "true" if term.literal else "false"
        return self.function(head, [term], [f"    return {c};"])

    # ---- sections of the file

    def params(self):
        family = self.family
        rows = [f"PARAM_{param.macro}" for param in family.params]
        lines = ["/* Index of a parameter in struct point. */", f"enum {{ {', '.join(rows)} }};", ""]
        for param in family.params:
            lines.append(f"static const int64_t values_{param.name}[] = {{ {', '.join(map(str, param.values))} }};")
        rows = [
            f"{{ {string(p.name)}, {string(p.unit)}, {string(p.doc)}, values_{p.name}, {len(p.values)}, "
            f"{'true' if p.run_time else 'false'} }}"
            for p in family.params
        ]
        lines += ["", *cfile.table("static const struct param_desc params[]", rows)]
        lines += [f'_Static_assert({len(rows)} <= FAMILY_PARAMS_MAX, "FAMILY_PARAMS_MAX in family.h");', ""]
        return lines

    def defines(self):
        lines, rows = [], []
        for name, formula in self.family.defines.items():
            lines += self.value_function(f"define_{name.lower()}", formula.term)
            rows.append(f"{{ {string(name)}, define_{name.lower()} }}")
        if rows:
            lines += cfile.table("static const struct define_desc defines[]", rows)
            lines += [
                f'_Static_assert({len(rows)} <= FAMILY_DEFINES_MAX, "FAMILY_DEFINES_MAX in family.h");',
                "",
            ]
        return lines

    def arg_row(self, step, arg, lines):
        op = self.family.op.name.upper()
        if arg.kind in ("buffer", "call", "scalar"):
            return f"{{ {string(arg.name)}, ARG_{arg.kind.upper()}, {op}_{arg.name.upper()}, NULL }}"
        if arg.kind == "workspace":
            return f"{{ {string(arg.name)}, ARG_WORKSPACE, 0, NULL }}"
        if arg.kind == "tensor_map":
            index = [other for other in step.args if other.tensor].index(arg)
            return f"{{ {string(arg.name)}, ARG_TENSOR_MAP, {index}, NULL }}"
        key = (arg.name, arg.formula.term.c)
        if key not in self.done:
            name = f"{arg.kind}_{arg.name}"
            if name in self.done.values():  # another step passes something else by this name
                name = f"{name}_of_{step.kernel}"
            self.done[key] = name
            lines += self.value_function(name, arg.formula.term)
        return f"{{ {string(arg.name)}, ARG_{arg.kind.upper()}, 0, {self.done[key]} }}"

    def tensors(self, step, lines):
        """The table of a step's tensor maps; the name it has in C."""
        rows, op = [], self.family.op.name.upper()
        for arg in step.args:
            if not arg.tensor:
                continue
            tensor, name = arg.tensor, f"shape_{arg.name}_of_{step.kernel}"
            sides = [("size", tensor.sizes), ("box", tensor.box)]
            body = [f"    out->{key}[{i}] = {f.term.c};" for key, fs in sides for i, f in enumerate(fs)]
            body.append(f"    out->swizzle_bytes = {tensor.swizzle.term.c};")
            head = f"static void {name}(const struct point *point, struct tensor_shape *out)"
            lines += self.function(head, [f.term for f in arg.formulas], body)
            distances = ", ".join(f"{op}_{call.upper()}" for call in tensor.distances) or "0"
            rows.append(
                f"{{ {op}_{tensor.buffer.name.upper()}, {'true' if tensor.buffer.dtype == 'out' else 'false'}, "
                f"{op}_{tensor.first.upper()}, {len(tensor.sizes)}, {{ {distances} }}, {name} }}"
            )
        if not rows:
            return "NULL"
        lines += cfile.table(f"static const struct tensor_desc tensors_{step.kernel}[]", rows)
        lines += [f'_Static_assert({len(rows)} <= STEP_TENSORS_MAX, "STEP_TENSORS_MAX in family.h");', ""]
        return f"tensors_{step.kernel}"

    def steps(self):
        lines, rows = [], []
        for step in self.family.steps:
            name = step.kernel
            lines += self.value_function(f"enabled_{name}", step.enabled.term, "bool")
            sizes = [("global", step.global_size), ("local", step.local_size)]
            body = [f"    out->{key}[{i}] = {f.term.c};" for key, fs in sizes for i, f in enumerate(fs)]
            lines += self.function(
                f"static void geometry_{name}(const struct point *point, struct geometry *out)",
                [f.term for _, fs in sizes for f in fs],
                body,
            )
            args = [self.arg_row(step, arg, lines) for arg in step.args]
            lines += cfile.table(f"static const struct arg_desc args_{name}[]", args)
            lines += [f'_Static_assert({len(args)} <= STEP_ARGS_MAX, "STEP_ARGS_MAX in family.h");', ""]
            tensors = self.tensors(step, lines)
            rows.append(f"{{ {string(name)}, args_{name}, {len(args)}, {tensors}, enabled_{name}, geometry_{name} }}")
        lines += cfile.table("static const struct step_desc steps[]", rows)
        lines += [f'_Static_assert({len(rows)} <= FAMILY_STEPS_MAX, "FAMILY_STEPS_MAX in family.h");', ""]
        return lines

    def resources(self):
        formulas = self.family.resources
        return self.function(
            "static void resources(const struct point *point, struct resources *out)",
            [formulas[name].term for name in RESOURCES],
            [f"    out->{name} = {formulas[name].term.c};" for name in RESOURCES],
        )

    @staticmethod
    def reject(condition, reason):
        line = f"    if ({condition}) return {string(reason)};"
        if len(line) <= cfile.WIDTH:
            return [line]
        return [f"    if ({condition}) {{", f"        return {string(reason)};", "    }"]

    def valid(self):
        family, body = self.family, []
        terms = [constraint.formula.term for constraint in family.constraints]
        for constraint in family.constraints:
            term = constraint.formula.term
            body += self.reject(term.denied or f"!{term.inside(UNARY)}", constraint.reason)
        limits = []
        for name, limit, reason in LIMITS:
            field = f"limit->{limit}"
            limits += self.reject(f"{field} != 0 && need.{name} > {field}", reason)
        return [
            "static const char *valid(const struct point *point)",
            "{",
            *self.locals(terms),
            *body,
            "    const struct device_fields *limit = point->device;",
            "    struct resources need;",
            "    resources(point, &need);",
            *limits,
            "    return NULL;",
            "}",
            "",
        ]

    def model(self):
        term = self.family.model.term
        return self.function("static double model(const struct point *point)", [term], [f"    return {term.c};"])

    def seeds(self):
        rows = [", ".join(str(seed[p.name]) for p in self.family.params) for seed in self.family.seeds]
        head = [cfile.comment(" ".join(param.name for param in self.family.params))]
        return head + cfile.table("static const int64_t seeds[]", rows)

    def text_table(self):
        lines = [
            "/* C11 promises 4095 characters in a literal; gcc and clang take any length. */",
            '#pragma GCC diagnostic ignored "-Woverlength-strings"',
            "",
        ]
        rows = []
        for i, text in enumerate(self.texts):
            lines.append(cfile.comment(f"kernels/{text.name}"))
            lines.append(f"static const char text_{i}[] =")
            lines += cfile.long_string(text.source)
            lines[-1] += ";"
            lines.append("")
            rows.append(
                f"{{ DIALECT_{text.dialect.upper()}, HPCK_{text.dtype_in.upper()}, HPCK_{text.dtype_out.upper()}, "
                f"text_{i}, {string(text.hash)} }}"
            )
        return lines + cfile.table("static const struct family_text texts[]", rows)

    def descriptor(self):
        family = self.family
        count = len(family.defines)
        return [
            f"extern const struct family family_{family.name};",
            f"const struct family family_{family.name} = {{",
            f"    .name = {string(family.name)},",
            f"    .op = OP_{family.op.name.upper()},",
            f"    .doc = {string(family.doc)},",
            "    .params = params,",
            f"    .param_count = {len(family.params)},",
            f"    .defines = {'defines' if count else 'NULL'},",
            f"    .define_count = {count},",
            "    .steps = steps,",
            f"    .step_count = {len(family.steps)},",
            "    .texts = texts,",
            f"    .text_count = {len(self.texts)},",
            "    .seeds = seeds,",
            f"    .seed_count = {len(family.seeds)},",
            f"    .cuda_target = {string(family.cuda_target) if family.cuda_target else 'NULL'},",
            "    .valid = valid,",
            "    .resources = resources,",
            "    .model = model,",
            "};",
        ]

    def write(self):
        path = self.family.file.path
        head = cfile.header(path, path.replace(".toml", ".jinja"))
        lines = head + ['#include "family.h"', "", '#include "arith.h"', ""]
        for part in (self.params, self.defines, self.steps, self.resources, self.valid, self.model, self.seeds):
            lines += part()
        body = cfile.block(lines)
        texts = "\n".join(self.text_table()) + "\n"  # a line of device text is never broken
        return body + texts + cfile.block(self.descriptor())


def write_family(family, texts):
    return FamilyWriter(family, texts).write()
