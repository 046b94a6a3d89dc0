"""A second opinion on sass.py where NVIDIA's nvdisasm is installed (it need not be): the same instructions, counted from its text."""

import collections
import os
import re
import shutil
import subprocess
import tempfile

import sass

TOOL = shutil.which("nvdisasm")
WIDTH = re.compile(r"\.(U8|S8|U16|S16|64|128)\b")
BITS = {"U8": 8, "S8": 8, "U16": 16, "S16": 16, "64": 64, "128": 128}


def counts(cubin):
    """{kernel: {name: how many}} as sass.count() has it, of the names that sass.py knows."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "kernel.cubin")
        with open(path, "wb") as file:
            file.write(cubin)
        text = subprocess.run([TOOL, "-c", path], check=True, capture_output=True, text=True).stdout
    known = {*sass.NAMES.values(), *sass.BY_9_BITS.values()}
    found, kernel = {}, None
    for line in text.splitlines():
        section = re.search(r"-- \.text\.(\w+)", line)
        if section:
            kernel = found.setdefault(section[1], collections.Counter())
        match = re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z0-9]+)(\S*)", line)
        if not match or match[2] not in known or match[1] in ("!PT", "!UPT"):
            continue
        kernel[match[2]] += 1
        if match[2] in sass.ACCESSES:
            width = WIDTH.search(match[3])
            kernel[f"{match[2]}.{BITS[width[1]] if width else 32}"] += 1
    return found


def differences(cubin):
    """{kernel: {name: (sass.py's count, nvdisasm's)}}; nothing where there is no nvdisasm."""
    if not TOOL:
        return {}
    found = {}
    for kernel, theirs in counts(cubin).items():
        ours = sass.count(sass.kernels(cubin)[kernel])
        names = (ours.keys() | theirs.keys()) - {"dead", "other"}
        found[kernel] = {name: (ours[name], theirs[name]) for name in sorted(names) if ours[name] != theirs[name]}
    return found
