"""A kernels folder of a test's own: the real device.toml and op.toml, and the family `odd`."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))


class WithKernels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.kernels = self.folder / "kernels"
        (self.kernels / "gemm").mkdir(parents=True)
        shutil.copy(ROOT / "kernels/device.toml", self.kernels)
        shutil.copy(ROOT / "kernels/gemm/op.toml", self.kernels / "gemm")
        for name in ("odd.toml", "odd.jinja"):
            shutil.copy(HERE / "odd" / name, self.kernels / "gemm")

    def change(self, name, old, new):
        """Replaces the first `old` of a file; returns the line on which `new` starts."""
        path = self.kernels / name
        text = path.read_text()
        self.assertIn(old, text)
        before, after = text.split(old, 1)
        path.write_text(before + new + after)
        return before.count("\n") + 1


def codegen(*words, **environment):
    """Runs `python -m codegen` as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "codegen", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
