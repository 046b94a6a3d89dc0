"""python -m codegen: what is declared in kernels/, and the C that follows from it."""

import argparse
import sys
from pathlib import Path

from .declaration import read_kernels
from .emit import emit, outputs
from .errors import DeclarationError

KERNELS = Path(__file__).resolve().parent.parent / "kernels"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--kernels", type=Path, default=KERNELS, metavar="DIR", help="declarations (default: kernels/)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the families, one a line")
    command = commands.add_parser("emit", help="write the generated files")
    command.add_argument("--out", type=Path, metavar="DIR", help="folder to write to")
    command.add_argument("--list-outputs", action="store_true", help="print the names of the files instead")
    args = parser.parse_args(argv)
    try:
        if args.command == "emit":
            if args.list_outputs:
                print("\n".join(outputs(args.kernels)))
            elif args.out is None:
                parser.error("emit: --out DIR is missing")
            else:
                emit(args.kernels, args.out)
        elif args.command == "list":
            for family in read_kernels(args.kernels).families:
                print(f"{family.name}: {family.doc}")
    except DeclarationError as error:
        print(f"kernels/{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
