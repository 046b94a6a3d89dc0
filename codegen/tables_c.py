"""Writes what all families share: fields.h and ops.c (the operations), families.c, builtin_db.h and builtin_db.c."""

import json

from . import cfile
from .cfile import comment, string
from .errors import DeclarationError


def documented(rows):
    """Lines with their comments in one column; a comment that does not fit goes above its line."""
    lines, column = [], max(len(code) for code, _ in rows)
    for code, doc in rows:
        line = f"    {code.ljust(column)} {comment(doc)}" if doc else f"    {code}"
        lines += [line] if len(line) <= cfile.WIDTH else [f"    {comment(doc)}", f"    {code}"]
    return lines


def struct(name, fields):
    return [f"struct {name} {{", *documented([(f"int64_t {field.name};", field.doc) for field in fields]), "};", ""]


def index_enum(prefix, items, count):
    """The index of each item in its list, and how many there are."""
    rows = [(f"{prefix}_{item.name.upper()},", item.doc) for item in items]
    return ["enum {", *documented(rows + [(f"{prefix}_{count}_COUNT", "")]), "};", ""]


def write_fields(kernels):
    ops = kernels.ops
    names = [f"OP_{op.name.upper()}" for op in ops]
    lines = [
        *cfile.header("device.toml", *[f"{op.name}/op.toml" for op in ops]),
        "#ifndef HPCK_GENERATED_FIELDS_H",
        "#define HPCK_GENERATED_FIELDS_H",
        "",
        "#include <hpck/hpck.h>",
        "",
        "/* What the expressions of a family may ask about a device; 0 means unknown or no. */",
        *struct("device_fields", kernels.device.fields),
        f"enum op_id {{ {', '.join(names)}, OP_COUNT }};",
        "",
    ]
    for op in ops:
        prefix = op.name.upper()
        lines += [comment(op.doc), *struct(f"{op.name}_fields", op.fields)]
        lines += [f"/* What a call of {op.name} brings along, in the order of struct call. */"]
        lines += index_enum(prefix, op.calls, "CALL")
        lines += index_enum(prefix, op.scalars, "SCALAR")
        lines += index_enum(prefix, op.buffers, "BUFFER")

    def most(count):
        return max(count(op) for op in ops)

    lines += [
        "enum {",
        f"    PROBLEM_FIELDS_MAX = {most(lambda op: len(op.fields))},",
        f"    OP_CALLS_MAX = {most(lambda op: len(op.calls))},",
        f"    OP_SCALARS_MAX = {most(lambda op: len(op.scalars))},",
        f"    OP_BUFFERS_MAX = {most(lambda op: len(op.buffers))}",
        "};",
        "",
        "/* The fields of a problem by position or, once the operation is known, by name. */",
        "union problem_fields {",
        "    int64_t value[PROBLEM_FIELDS_MAX];",
        *[f"    struct {op.name}_fields {op.name};" for op in ops],
        "};",
        "",
        "enum buffer_dtype { BUFFER_IN, BUFFER_OUT, BUFFER_F32, BUFFER_I64 }; /* dtype_in or dtype_out of the problem, or fixed */",
        "",
        "struct buffer_desc {",
        "    const char *name;",
        "    enum buffer_dtype dtype;",
        "    bool is_written;",
        "};",
        "",
        "struct dtype_pair {",
        "    hpck_dtype in;",
        "    hpck_dtype out;",
        "};",
        "",
        "/* An operation, for code that must not know it by name. */",
        "struct op_desc {",
        "    const char *name;",
        "    const char *doc;",
        "    const struct dtype_pair *dtypes;",
        "    int dtype_count;",
        "    const char *const *fields; /* names of union problem_fields.value[]: the key, then the traits */",
        "    int key_count;             /* fields that the problem language prints and the tuning database stores */",
        "    int field_count;           /* with the traits */",
        "    const char *const *calls;",
        "    int call_count;",
        "    const char *const *scalars;",
        "    int scalar_count;",
        "    const struct buffer_desc *buffers;",
        "    int buffer_count;",
        "};",
        "",
        "extern const struct op_desc op_descs[OP_COUNT]; /* by enum op_id */",
        "",
        "#endif",
    ]
    text = cfile.block(lines)
    return text.replace("#include <hpck/hpck.h>\n", "#include <stdbool.h>\n#include <stdint.h>\n\n#include <hpck/hpck.h>\n")


def write_ops(kernels):
    lines = cfile.header(*[f"{op.name}/op.toml" for op in kernels.ops])
    lines += ['#include "fields.h"', ""]
    rows = []
    for op in kernels.ops:
        pairs = ", ".join(f"{{ HPCK_{x.upper()}, HPCK_{y.upper()} }}" for x, y in op.dtypes)
        lines.append(f"static const struct dtype_pair {op.name}_dtypes[] = {{ {pairs} }};")
        for kind, items in (("fields", op.fields), ("calls", op.calls), ("scalars", op.scalars)):
            names = ", ".join(string(item.name) for item in items)
            lines.append(f"static const char *const {op.name}_{kind}[] = {{ {names} }};")
        buffers = [
            f"{{ {string(b.name)}, BUFFER_{b.dtype.upper()}, {'true' if b.access == 'write' else 'false'} }}"
            for b in op.buffers
        ]
        lines += cfile.table(f"static const struct buffer_desc {op.name}_buffers[]", buffers)
        rows += [
            f"    [OP_{op.name.upper()}] = {{",
            f"        .name = {string(op.name)},",
            f"        .doc = {string(op.doc)},",
            f"        .dtypes = {op.name}_dtypes,",
            f"        .dtype_count = {len(op.dtypes)},",
            f"        .fields = {op.name}_fields,",
            f"        .key_count = {len(op.problem)},",
            f"        .field_count = {len(op.fields)},",
            f"        .calls = {op.name}_calls,",
            f"        .call_count = {len(op.calls)},",
            f"        .scalars = {op.name}_scalars,",
            f"        .scalar_count = {len(op.scalars)},",
            f"        .buffers = {op.name}_buffers,",
            f"        .buffer_count = {len(op.buffers)},",
            "    },",
        ]
    return cfile.block(lines + ["const struct op_desc op_descs[OP_COUNT] = {", *rows, "};"])


def write_families(kernels):
    names = [family.name for family in kernels.families]
    return cfile.block(
        [
            *cfile.header(*[family.file.path for family in kernels.families]),
            '#include "family.h"',
            "",
            *[f"extern const struct family family_{name};" for name in names],
            "",
            "const struct family *const families[] = {",
            *[f"    &family_{name}," for name in names],
            "};",
            "",
            f"const int family_count = {len(names)};",
        ]
    )


def builtin_records(root):
    """[(path, [line])]: the tuning records that ship in the library."""
    files = []
    for path in sorted(root.glob("tuned/*.jsonl")):
        name, lines = str(path.relative_to(root)), []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                is_record = isinstance(json.loads(line), dict)
            except ValueError:
                is_record = False
            if not is_record:
                raise DeclarationError(f"{root.name}/{name}", number, None, "is not a JSON object, as each line of a tuning database is")
            lines.append(line)
        files.append((name, lines))
    return files


def write_builtin_db(root):
    files = builtin_records(root)
    header = cfile.block(
        [
            "/* Generated by codegen. The tuning database that ships in the library: kernels/tuned/. */",
            "#ifndef HPCK_GENERATED_BUILTIN_DB_H",
            "#define HPCK_GENERATED_BUILTIN_DB_H",
            "",
            "#include <stddef.h>",
            "",
            "extern const char builtin_tunedb[]; /* JSON Lines, terminated */",
            "extern const size_t builtin_tunedb_size; /* without the terminator */",
            "",
            "#endif",
        ]
    )
    lines = [*cfile.header(*[name for name, _ in files] or ["tuned/"]), '#include "builtin_db.h"', ""]
    lines += ['#pragma GCC diagnostic ignored "-Woverlength-strings"', "", "const char builtin_tunedb[] ="]
    text = "".join(line + "\n" for _, records in files for line in records)
    lines += cfile.long_string(text)
    lines[-1] += ";"
    lines += ["", "const size_t builtin_tunedb_size = sizeof builtin_tunedb - 1;"]
    return header, "\n".join(lines) + "\n"


def write_manifest(kernels, texts):
    """What was generated, for tools that would rather not read C: families, their space, and the hash of each text."""
    families = []
    for family in kernels.families:
        families.append(
            {
                "name": family.name,
                "op": family.op.name,
                "doc": family.doc,
                "params": [
                    {"name": p.name, "values": p.values, "unit": p.unit, "doc": p.doc, "run_time": p.run_time}
                    for p in family.params
                ],
                "constraints": [{"rule": c.formula.text, "reason": c.reason} for c in family.constraints],
                "steps": [{"kernel": step.kernel, "args": [arg.name for arg in step.args]} for step in family.steps],
                "texts": [{"file": f"kernels/{text.name}", "hash": text.hash} for text in texts[family.name]],
            }
        )
    return json.dumps({"families": families}, indent=2) + "\n"
