"""The whole output of the generator: which files, and what is in each."""

from .check import check_family
from .declaration import DIALECTS
from .family_c import write_family
from .read_kernels import family_paths, read_kernels
from .read_op import parse_dtypes, read_op
from .tables_c import write_builtin_db, write_families, write_fields, write_manifest, write_ops
from .text import render_family, text_name
from .toml_file import TomlFile

SHARED = ("fields.h", "ops.c", "families.c", "builtin_db.h", "builtin_db.c", "manifest.json")


def outputs(root):
    """The names of the files that emit() writes. For CMake's configure step: looks at no expression or template."""
    names = list(SHARED)
    for op_name, path in family_paths(root):
        top = TomlFile(root, path).top
        family = path.rsplit("/", 1)[-1].removesuffix(".toml")
        names.append(f"{family}.c")
        dialects = [dialect for dialect in top.strings("dialects") if dialect in DIALECTS]
        pairs = read_op(root, op_name).dtypes
        if top.has("dtypes"):
            pairs = [parse_dtypes(top, "dtypes", text) for text in top.strings("dtypes")]
        names += [f"kernels/{text_name(family, dialect, *pair)}" for dialect in dialects for pair in pairs]
    return names


def generate(root):
    """{name: content} of every output, from declarations that hold together."""
    kernels = read_kernels(root)
    for family in kernels.families:
        check_family(kernels, family)
    texts = {family.name: render_family(kernels, family) for family in kernels.families}
    files = {"fields.h": write_fields(kernels), "ops.c": write_ops(kernels), "families.c": write_families(kernels)}
    files["builtin_db.h"], files["builtin_db.c"] = write_builtin_db(root)
    files["manifest.json"] = write_manifest(kernels, texts)
    for family in kernels.families:
        files[f"{family.name}.c"] = write_family(family, texts[family.name])
        for text in texts[family.name]:
            files[f"kernels/{text.name}"] = text.source
    return files


def emit(root, out):
    """Writes the files below out; those that are already right keep their time, so that nothing is rebuilt for them."""
    for name, content in generate(root).items():
        path = out / name
        if path.is_file() and path.read_bytes() == content.encode():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
