#!/usr/bin/env python3
"""Compiles a third-party program with nvcc, once, and runs it on the emulated CUDA device.

The program is linked with cuda_runtime.c instead of the CUDA runtime. CUTLASS comes from PyPI. What is compiled or fetched is
kept in the build folder. Exit code 77, with the reason: nvcc or CUTLASS cannot be had here.
"""
import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CUTLASS = ("nvidia_cutlass", "4.2.0.0")
FLAGS = ["-std=c++17", "-O1", "-w", "-DNDEBUG", "--expt-relaxed-constexpr", "--expt-extended-lambda", "--no-compress"]

# name: source, architecture, device that the emulator plays, macros
PROGRAMS = {
    "cub": ("cub.cu", "80", "a100", []),
    "libcudacxx": ("libcudacxx.cu", "80", "a100", []),
    "libcudacxx_sm90": ("libcudacxx.cu", "90", "h100", []),
    "wmma": ("wmma.cu", "75", "t4", []),
    "cutlass_sm75": ("cutlass_sm75.cu", "75", "t4", []),
    "cutlass_sm80": ("cutlass_sm80.cu", "80", "a100", []),
    "cutlass_sm90_pingpong": ("cutlass_sm90.cu", "90a", "h100", ["-DPINGPONG"]),
    "cutlass_sm90_cluster": ("cutlass_sm90.cu", "90a", "h100", ["-DCLUSTER"]),
}


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def find_nvcc():
    for candidate in (os.environ.get("CUDACXX"), shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc"):
        if candidate and Path(candidate).exists():
            return Path(candidate).resolve()
    skip("there is no nvcc (CUDACXX, PATH, /usr/local/cuda)")


def fetch_cutlass(folder):
    """The folder of CUTLASS's headers; tests that run side by side fetch it once."""
    name, version = CUTLASS
    place = folder / f"{name}-{version}"
    source = place / "cutlass_library" / "source"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not source.exists():
            pip = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                                  "--disable-pip-version-check", "--retries", "1", "--timeout", "20", "--dest", str(folder),
                                  f"{name}=={version}"], capture_output=True, text=True)
            wheels = sorted(folder.glob(f"{name}-{version}-*.whl"))
            if pip.returncode != 0 or not wheels:
                lines = (pip.stdout + pip.stderr).strip().splitlines()
                skip(f"{name} {version} cannot be had from PyPI: {lines[-1] if lines else 'pip says nothing'}")
            unpacked = folder / "unpacked"
            with zipfile.ZipFile(wheels[0]) as wheel:
                wheel.extractall(unpacked)
            if not (unpacked / "cutlass_library" / "source" / "include" / "cutlass" / "cutlass.h").exists():
                skip(f"{wheels[0].name} carries no headers")
            unpacked.rename(place)
    return source


def compiled(program, nvcc, folder, includes):
    """The program's executable but for the link with the emulator: compiled anew when anything that it is made of changed."""
    source, architecture, _, macros = PROGRAMS[program]
    command = [str(nvcc), *FLAGS, *macros, "-gencode", f"arch=compute_{architecture},code=compute_{architecture}",
               *(f"-I{path}" for path in includes), "-c", str(HERE / source)]
    version = subprocess.run([str(nvcc), "--version"], capture_output=True, text=True, check=True).stdout
    made_of = [" ".join(command), version, (HERE / source).read_text(), (HERE / "harness.h").read_text()]
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]
    result = folder / f"{program}-{key}.o"
    if not result.exists():
        for old in folder.glob(f"{program}-*.o"):
            old.unlink()
        partial = folder / f"{program}.partial.o"
        subprocess.run([*command, "-o", str(partial)], check=True)
        partial.rename(result)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="folder for what is fetched and compiled")
    parser.add_argument("--emulator", type=Path, required=True, help="libhpckemu.so")
    parser.add_argument("program", choices=PROGRAMS)
    arguments = parser.parse_args()
    program, folder = arguments.program, arguments.build.resolve()
    nvcc = find_nvcc()
    folder.mkdir(parents=True, exist_ok=True)
    includes = []
    if program.startswith("cutlass"):
        source = fetch_cutlass(folder / "cutlass")
        includes = [source / "include", source / "tools" / "util" / "include"]
    program_object = compiled(program, nvcc, folder, includes)
    runtime, executable = folder / f"{program}.runtime.o", folder / program
    emulator = arguments.emulator.resolve()
    toolkit = nvcc.parent.parent / "include"
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-isystem", str(toolkit), f"-I{HERE.parent / 'cuda_emulator'}",
                    "-c", str(HERE / "cuda_runtime.c"), "-o", str(runtime)], check=True)
    subprocess.run(["c++", str(program_object), str(runtime), str(emulator), f"-Wl,-rpath,{emulator.parent}", "-ldl", "-o",
                    str(executable)], check=True)
    environment = dict(os.environ, HPCK_EMULATOR_DEVICE=PROGRAMS[program][2], HPCK_EMULATOR_CHECK="1")
    sys.exit(subprocess.run([str(executable)], env=environment).returncode)


if __name__ == "__main__":
    main()
