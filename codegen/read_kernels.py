"""Reads everything below kernels/."""

from .declaration import Kernels
from .errors import DeclarationError
from .read_family import FamilyReader
from .read_op import read_device, read_op


def family_paths(root):
    """[(op, path below root)] of every family, in the order of their names; needs no file to be right."""
    paths = [path.relative_to(root) for path in root.glob("*/*.toml") if path.name != "op.toml"]
    return [(path.parent.name, path.as_posix()) for path in sorted(paths, key=lambda path: path.stem)]


def read_kernels(root):
    device = read_device(root)
    op_names = sorted(path.parent.name for path in root.glob("*/op.toml"))
    ops = [read_op(root, name) for name in op_names]
    families = []
    for op_name, path in family_paths(root):
        if op_name not in op_names:
            raise DeclarationError(f"{root.name}/{path}", 0, None, "there is no op.toml beside it")
        families.append(FamilyReader(root, path, device, ops[op_names.index(op_name)]).read())
    params = {family.name: {param.name for param in family.params} for family in families}
    compiled = {family.name: {param.name for param in family.params if not param.run_time} for family in families}
    for family in families:
        if family.like and not compiled.get(family.like, {"?"}) <= params[family.name]:
            what = f"`{family.like}` must be a family whose parameters but for those of run time `{family.name}` has, too"
            family.file.top.fail("like", what)
    return Kernels(root, device, ops, families)
