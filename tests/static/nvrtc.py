"""NVRTC from Python: a CUDA text to PTX and machine code, with what ptxas says about it. HPCK_STATIC_CACHE names a folder where
that is kept, by text, options and version of NVRTC."""

import collections
import ctypes
import hashlib
import os
import pickle
import re
from pathlib import Path

Usage = collections.namedtuple("Usage", "registers barriers local_bytes stack spill_stores spill_loads")


class Nvrtc:
    def __init__(self):
        self.library = ctypes.CDLL(os.environ["HPCK_NVRTC"])
        self.error_text = self.library.nvrtcGetErrorString
        self.error_text.restype = ctypes.c_char_p
        self.cache = os.environ.get("HPCK_STATIC_CACHE")
        library = Path(os.environ["HPCK_NVRTC"])
        self.version = f"{library.resolve()} {library.stat().st_size} {library.stat().st_mtime_ns}" if library.exists() else None

    def check(self, code, what, log=""):
        if code != 0:
            raise RuntimeError(f"{what}: {self.error_text(code).decode()}\n{log}")

    def text(self, program, name):
        """What a pair of functions like nvrtcGetPTXSize, nvrtcGetPTX gives."""
        size = ctypes.c_size_t()
        self.check(getattr(self.library, f"nvrtcGet{name}Size")(program, ctypes.byref(size)), name)
        buffer = ctypes.create_string_buffer(max(size.value, 1))
        self.check(getattr(self.library, f"nvrtcGet{name}")(program, buffer), name)
        return buffer.raw[: size.value]

    def compile(self, source, options, target):
        """(cubin, PTX, ptxas's messages) for sm_TARGET."""
        if not self.cache or not self.version:
            return self.compile_now(source, options, target)
        key = hashlib.sha256("\0".join([self.version, target, *options, source]).encode()).hexdigest()
        kept = Path(self.cache) / key
        if kept.exists():
            return pickle.loads(kept.read_bytes())
        result = self.compile_now(source, options, target)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_bytes(pickle.dumps(result))
        partial.rename(kept)
        return result

    def compile_now(self, source, options, target):
        program = ctypes.c_void_p()
        create = self.library.nvrtcCreateProgram
        self.check(create(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None), "nvrtcCreateProgram")
        try:
            words = [f"--gpu-architecture=sm_{target}", "--std=c++14", "--disable-warnings", "--ptxas-options=-v", *options]
            array = (ctypes.c_char_p * len(words))(*(word.encode() for word in words))
            code = self.library.nvrtcCompileProgram(program, len(words), array)
            log = self.text(program, "ProgramLog").decode(errors="replace")
            self.check(code, f"sm_{target} {' '.join(options)}", log)
            return self.text(program, "CUBIN"), self.text(program, "PTX").decode(), log
        finally:
            self.library.nvrtcDestroyProgram(ctypes.byref(program))


def usage(log):
    """{kernel: Usage} of ptxas -v."""
    found = {}
    pattern = (
        r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
        r".*?Used (\d+) registers(?:, used (\d+) barriers)?([^\n]*)"
    )
    for name, stack, stores, loads, registers, barriers, rest in re.findall(pattern, log, re.S):
        shared = re.search(r"(\d+) bytes smem", rest)
        numbers = (registers, barriers or 0, shared[1] if shared else 0, stack, stores, loads)
        found[name] = Usage(*map(int, numbers))
    return found
