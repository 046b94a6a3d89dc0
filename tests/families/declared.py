"""What tests/families/FAMILY.toml declare, for the build:

    declared.py table FILE...    a C table of their mutants (tests/support/mutants.h)
    declared.py tests FILE...    CMake commands that add their tests (tests/cmake/declared.cmake)
"""

import sys
import tomllib
from pathlib import Path

KEYS = {
    "": {"devices", "oclgrind", "mutant"},
    "oclgrind": {"point", "problems"},
    "mutant": {"name", "devices", "original", "mistake", "problem", "point"},
}


def check_keys(path, table, kind):
    unknown = sorted(set(table) - KEYS[kind])
    if unknown:
        raise SystemExit(f"{path}: {kind or 'file'}: unknown {', '.join(unknown)}; known are {', '.join(sorted(KEYS[kind]))}")


def read(path):
    """(family, what oclgrind runs, mutants with all their keys)"""
    with open(path, "rb") as file:
        declared = tomllib.load(file)
    check_keys(path, declared, "")
    for kind in ("oclgrind", "mutant"):
        for table in declared.setdefault(kind, []):
            check_keys(path, table, kind)
    defaults = {"devices": declared["devices"], "problem": None, "point": ""}
    return path.stem, declared["oclgrind"], [defaults | mutant for mutant in declared["mutant"]]


def c_string(text):
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def print_table(families):
    print('#include <stddef.h>\n\n#include "mutants.h"\n\nconst struct mutant mutants[] = {')
    count = 0
    for family, _, mutants in families:
        for m in mutants:
            words = [m["name"], family, " ".join(m["devices"]), m["original"], m["mistake"], m["problem"], m["point"]]
            print("    { " + ", ".join(map(c_string, words)) + " },")
            count += 1
    print(f"}};\nconst int mutant_count = {count};")


def print_tests(families):
    quoted = lambda words: " ".join(f'"{word}"' for word in words)
    for family, runs, mutants in families:
        for number, run in enumerate(runs):
            name = family if number == 0 else f"{family}_{number + 1}"
            print(f"oclgrind_test({name} {family} {quoted([run['point'], *run['problems']])})")
        for device in dict.fromkeys(device for mutant in mutants for device in mutant["devices"]):
            print(f"mutants_test({family} {device})")


if __name__ == "__main__":
    {"table": print_table, "tests": print_tests}[sys.argv[1]]([read(Path(name)) for name in sys.argv[2:]])
