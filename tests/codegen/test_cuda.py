"""CUDA texts: parameters as CUDA spells them, and local arguments as pieces of dynamic shared memory."""

import unittest

from support import WithKernels, codegen


class Cuda(WithKernels):
    def setUp(self):
        super().setUp()
        self.change("gemm/odd.toml", 'dialects = ["opencl"]', 'dialects = ["opencl", "cuda"]')

    def emit(self):
        return codegen("--kernels", self.kernels, "emit", "--out", self.folder / "out")

    def test_local_arguments_are_offsets_into_dynamic_shared_memory(self):
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

    def test_requires_is_a_constraint_and_sm_90a_a_target(self):
        self.change("gemm/odd.toml", '["opencl", "cuda"]', '["cuda"]\nrequires = "sm_90a"')
        self.change("gemm/odd.toml", "[[seed]]", '[[constraint]]\nrule = "cuda_sm != 90"\nreason = "not here"\n\n[[seed]]')
        result = self.emit()  # the two rules leave no device at all, each with its reason
        self.assertEqual(result.returncode, 1)
        self.assertIn("its text is for devices of compute capability 9.0 only (cpu_avx2); not here (gpu_cuda)", result.stderr)
        self.change("gemm/odd.toml", '"cuda_sm != 90"', '"cuda_sm == 90"')
        result = self.emit()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn('.cuda_target = "90a",', (self.folder / "out/odd.c").read_text())
        self.change("gemm/odd.toml", 'requires = "sm_90a"', 'requires = "sm_80"')
        self.assertEqual(self.emit().returncode, 0)
        text = (self.folder / "out/odd.c").read_text()
        self.assertIn(".cuda_target = NULL,", text)
        self.assertIn('"its text is for devices of compute capability 8.0 and later"', text)

    MAP = (
        '{ name = "map", tensor = "a", first = "offset_a", sizes = ["max(k, 1)", "m", "batch"], distances = ["lda", "stride_a"], '
        'box = ["8", "4", "1"], swizzle = "32" }'
    )

    def with_map(self, entry):
        self.change("gemm/odd.toml", '["opencl", "cuda"]', '["cuda"]\ndtypes = ["f16"]')
        self.change("gemm/odd.toml", '"m", "lda"', f'"m", {entry}, "lda"')
        return self.emit()

    def test_a_tensor_map_is_an_argument_and_a_table(self):
        result = self.with_map(self.MAP)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = " ".join((self.folder / "out/kernels/odd__cuda_f16.cu").read_text().split())
        self.assertIn("const __grid_constant__ tensor_map map,", text)
        text = " ".join((self.folder / "out/odd.c").read_text().split())
        self.assertIn("{ GEMM_A, false, GEMM_OFFSET_A, 3, { GEMM_LDA, GEMM_STRIDE_A }, shape_map_of_odd_first }", text)
        self.assertIn("out->box[1] = 4;", text)
        self.assertIn("out->swizzle_bytes = 32;", text)

    def test_mistakes_in_a_tensor_map(self):
        mistakes = {
            '"offset_a"': ('"offset"', "`offset` is no call value of gemm; valid is one of lda"),
            '"lda", "stride_a"': ('"lda"', "has 1 to 5 sizes, as many sides of the box, and one distance less"),
            'tensor = "a"': ('tensor = "batch_offsets"', "`batch_offsets` is no buffer of gemm; valid is one of a, b, c, bias"),
            ', swizzle = "32"': ("", "must be { name, tensor = buffer, first, sizes"),
            '"8", "4"': ('8, "4"', "`box` of `map` must be strings in [ ]"),
            '"32"': ('"33"', "the swizzle of `map` is 33 bytes; valid is 0, 32, 64 or 128"),
            '["8"': ('["24"', "a row of the box of `map` has 48 bytes; valid are multiples of 16, at most 32"),
            '"4", "1"]': ('"257", "1"]', "the box [8, 257, 1] of `map` must be between 1 and 256"),
            '"max(k, 1)"': ('"0"', "of `map` must be between 1 and 2^32"),
        }
        for old, (new, message) in mistakes.items():
            with self.subTest(old):
                self.tearDown()
                self.setUp()
                result = self.with_map(self.MAP.replace(old, new))
                self.assertEqual(result.returncode, 1)
                self.assertIn(message, result.stderr)

    def test_opencl_has_no_tensor_maps(self):
        self.change("gemm/odd.toml", '"m", "lda"', f'"m", {self.MAP}, "lda"')
        self.assertIn('`map` is a tensor map, which only CUDA has: dialects must be ["cuda"]', self.emit().stderr)

    def test_a_family_may_compute_some_of_the_dtypes(self):
        self.change("gemm/odd.toml", '["opencl", "cuda"]', '["opencl"]\ndtypes = ["bf16", "f16>f32"]')
        self.assertEqual(self.emit().returncode, 0)
        names = sorted(path.name for path in (self.folder / "out/kernels").iterdir())
        self.assertEqual(names, ["odd__opencl_bf16.cl", "odd__opencl_f16_f32.cl"])


if __name__ == "__main__":
    unittest.main()
