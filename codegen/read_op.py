"""Reads device.toml and op.toml: the fields that expressions may ask for, and what a call brings along."""

import keyword
import re

from . import arith
from .declaration import DTYPES, Buffer, Device, Field, Op
from .errors import one_of
from .toml_file import TomlFile

RESERVED = set(keyword.kwlist) | set(
    """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    bool true false device problem dtype_in dtype_out param point out limit need params defines steps texts seeds""".split()
) | set(arith.FUNCTIONS)


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
        if dtype not in ("in", "out", "f32", "i64"):
            table.fail("dtype", f"`{dtype}` is unknown; valid is {one_of(('in', 'out', 'f32', 'i64'))}")
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
