"""CUDA texts: parameters as CUDA spells them, and local arguments as pieces of dynamic shared memory."""

import unittest

from support import WithKernels, codegen


class Cuda(WithKernels):
    def setUp(self):
        super().setUp()
        self.change("gemm/odd.toml", 'dialects = ["opencl"]', 'dialects = ["opencl", "cuda"]')

    def emit(self):
        return codegen("--kernels", self.kernels, "emit", "--out", self.folder / "out")

    def test_a_kernel_with_local_arguments_must_carve_them(self):
        result = self.emit()
        self.assertEqual(result.returncode, 1)
        self.assertIn('write local_arrays("odd_first") at its top', result.stderr)

    def test_local_arguments_are_offsets_into_dynamic_shared_memory(self):
        self.change("gemm/odd.jinja", "    if (get_global_id", '    {{ local_arrays("odd_first") }}\n    if (get_global_id')
        result = self.emit()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = (self.folder / "out/kernels/odd__cuda_f32.cu").read_text()
        self.assertIn("const float *__restrict__ a", text)
        self.assertIn("long values_at, long indices_at)", " ".join(text.split()))
        self.assertIn("    extern __shared__ __align__(1024) unsigned char shared_bytes[];\n", text)
        self.assertIn("    int *__restrict__ indices = (int *)(shared_bytes + indices_at);\n", text)
        opencl = (self.folder / "out/kernels/odd__opencl_f32.cl").read_text()
        self.assertNotIn("shared_bytes", opencl)
        self.assertIn("__local int *restrict indices", opencl)


if __name__ == "__main__":
    unittest.main()
