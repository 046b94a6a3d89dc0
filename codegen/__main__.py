"""python -m codegen: what is declared in kernels/, and the C that follows from it."""

import argparse
import sys
from pathlib import Path

from .emit import emit, generate, outputs
from .errors import DeclarationError, one_of
from .explain import explain
from .read_kernels import read_kernels

KERNELS = Path(__file__).resolve().parent.parent / "kernels"


def parse_args(argv):
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--kernels", type=Path, default=KERNELS, metavar="DIR", help="declarations (default: kernels/)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the families, one a line")
    command = commands.add_parser(
        "explain",
        help="parameters, rules, legal points, launches and seeds of a family",
        description="Shows a family as declared, and what of its space is legal on the example devices of device.toml. "
        "The problem is the first [[example]] of op.toml, changed by the settings.",
    )
    command.add_argument("family")
    command.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="device=gpu_big, dtype=f16, m=64 ...")
    command = commands.add_parser("emit", help="write the generated files", description="Checks, then writes.")
    command.add_argument("--out", type=Path, metavar="DIR", help="folder to write to")
    command.add_argument("--list-outputs", action="store_true", help="print the names of the files instead")
    commands.add_parser("check", help="everything that emit does, except writing")
    args = parser.parse_args(argv)
    args.kernels = args.kernels.resolve()
    if args.command == "emit" and not args.list_outputs and args.out is None:
        parser.error("emit: --out DIR is missing")
    return args


def run(args):
    if args.command == "emit" and args.list_outputs:
        print("\n".join(outputs(args.kernels)))
    elif args.command == "emit":
        emit(args.kernels, args.out)
    elif args.command == "check":
        files = generate(args.kernels)
        print(f"{sum(name.startswith('kernels/') for name in files)} texts, {len(files)} files: all right")
    elif args.command == "list":
        for family in read_kernels(args.kernels).families:
            print(f"{family.name}: {family.doc}")
    elif args.command == "explain":
        kernels = read_kernels(args.kernels)
        families = {family.name: family for family in kernels.families}
        if args.family not in families:
            raise DeclarationError(args.family, 0, None, f"unknown family; valid is {one_of(families)}")
        explain(kernels, families[args.family], args.settings)


def main(argv=None):
    args = parse_args(argv)
    try:
        run(args)
    except DeclarationError as error:
        print(f"codegen: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
