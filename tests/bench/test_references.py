"""The references compute the very problem: verified against the oracle for every layout, transpose and vector form."""
import itertools
import pathlib
import re
import unittest

from harness import BenchTest

MATRICES = [f"gemm:f32:{ta}{tb}:m23n19k17{layout}"
            for ta, tb, layout in itertools.product("nt", "nt", ("", ":col"))]
VECTORS = [f"gemm:f32:{ta}{tb}:{sizes}{layout}" for ta, tb, layout, sizes in
           itertools.product("nt", "nt", ("", ":col"), ("m1n19k17", "m23n1k17"))]
OTHERS = ["gemm:f32:nt:m9n7k5:b3", "gemm:f32:nn:m1n7k5:b3", "gemm:f32:nn:m1n1k1"]
CONVOLUTIONS = [f"conv:{direction}:f32:{form}" for direction in ("fwd", "bwd_data", "bwd_filter") for form in
                ("nchw:n2c8h9w8k12r3s3:p1", "nhwc:n1c8h9w8k12r3s3:p1:s2:g2", "nchw:n1c8h9w8k16r3s2:p0x2+1:d2x1:krsc")]
REDUCTIONS = ["reduce:sum:f32:1000:axes0", "reduce:norm1:f32:7x33:axes1", "reduce:norm2:f32:1000:axes0", "reduce:dot:f32:1000:axes0",
              "reduce:mean:f32:5x70x3:axes1", "reduce:max:f32:5x70x3:axes0,2", "reduce:min:f32:9x33:axes0",
              "reduce:prod:f32:4x9:axes1", "reduce:sumsq:f32:4x9x8:axes0,1", "reduce:argmax:f32:1000:axes0"]
# which of REDUCTIONS each library has, by position
TAKEN = {"c-loop": {0, 1, 2, 3, 4, 5, 6, 8}, "openblas": {0, 1, 2, 3, 9}, "onednn": {0, 1, 2, 4, 5, 6, 7, 8}}
# oneDNN 2 rounds twice in a bf16 softmax, and --verify says so
NORMALIZED = ["reduce:softmax:f32:5x33:axes1", "reduce:logsoftmax:f32:5x33:axes1", "reduce:layernorm:bf16:5x33:axes1",
              "reduce:sum:bf16:7x33:axes1", "reduce:max:bf16>f32:7x33:axes0"]
HAS_ONEDNN = pathlib.Path("/usr/include/oneapi/dnnl/dnnl.h").exists()
NO_LEAKS = {"ASAN_OPTIONS": "use_sigaltstack=0:detect_leaks=0"}  # the leak checker crashes on oneDNN's threads
HALVES = ["gemm:f16:nn:m23n19k17", "gemm:bf16:nt:m23n1k17", "gemm:bf16>f32:nn:m9n7k5:b2"]


class References(BenchTest):
    def check(self, name, problems, **variables):
        found = self.rows(*problems, "--against", name, "--verify", "--rounds", "1", **variables)
        for row in found:
            self.assertIn("ratio", row["against"][name], (row["problem"], row["against"]))
        return found

    def test_openblas_is_right_for_every_problem(self):
        self.check("openblas", MATRICES + VECTORS + OTHERS)

    @unittest.skipUnless(HAS_ONEDNN, "oneDNN's headers are missing")
    def test_onednn_is_right_in_every_direction_and_layout(self):
        self.check("onednn", CONVOLUTIONS, **NO_LEAKS)
        self.check("onednn-plain", CONVOLUTIONS[:2], **NO_LEAKS)

    def test_openblas_is_right_on_patches_in_every_direction_and_layout(self):
        found = self.check("openblas", CONVOLUTIONS + ["conv:fwd:bf16:nchw:n1c5h6w7k3r2s2"])
        routines = [row["against"]["openblas"]["routine"] for row in found]
        self.assertEqual(routines[0], "sgemm on ready patches")
        self.assertIn("one for each group", routines[1])
        self.assertIn("converted to f32", routines[-1])

    def test_clblast_is_right_where_it_has_the_convolution(self):
        found = self.check("clblast", CONVOLUTIONS[:1] + ["conv:fwd:f32:nhwc:n2c5h9w11k7r3s2:p2x0:s2x1:d1x2:krsc"])
        self.assertEqual([row["against"]["clblast"]["routine"] for row in found], ["Sconvgemm", "Sconvgemm in nchw"])
        for problem, reason in ((CONVOLUTIONS[1], "no groups"), (CONVOLUTIONS[2], "pads both ends alike"),
                                (CONVOLUTIONS[3], "forward"), ("conv:fwd:bf16:nchw:n1c5h6w7k3r2s2", "no bf16"),
                                ("conv:fwd:f32:nchw:n1c5h6w7k3r2s2:relu", "without bias")):
            row, = self.rows(problem, "--against", "clblast", "--rounds", "1")
            self.assertIn(reason, row["against"]["clblast"]["absent"])

    def test_openblas_tells_what_it_called(self):
        found = self.check("openblas", ["gemm:f32:nn:m8n8k8"] + HALVES)
        self.assertEqual(found[0]["against"]["openblas"]["routine"], "sgemm")
        for row in found[1:]:
            self.assertIn("converted to f32", row["against"]["openblas"]["routine"])
        self.assertRegex(found[0]["against"]["openblas"]["version"], r"OpenBLAS \d.*threads")

    def test_openblas_knows_a_cpu_newer_than_itself_unless_told_otherwise(self):
        flags = pathlib.Path("/proc/cpuinfo").read_text()
        if re.search(r"\bavx2\b.*\bfma\b|\bfma\b.*\bavx2\b", flags):
            row, = self.check("openblas", ["gemm:f32:nn:m8n8k8"])
            self.assertNotIn("Prescott", row["against"]["openblas"]["version"])
        if re.search(r"\bpni\b", flags):
            row, = self.check("openblas", ["gemm:f32:nn:m8n8k8"], OPENBLAS_CORETYPE="Prescott")
            self.assertIn("Prescott", row["against"]["openblas"]["version"])

    def test_clblast_is_right_for_every_problem(self):
        found = self.check("clblast", MATRICES[::3] + VECTORS[::5] + OTHERS[:1])
        self.assertEqual(found[-1]["against"]["clblast"]["routine"], "SgemmStridedBatched")

    def test_clblast_is_absent_for_what_it_does_not_have(self):
        for row in self.rows("gemm:bf16:nn:m8n8k8", "gemm:f16>f32:nn:m8n8k8", "gemm:f32:nn:m8n8k8:bias:relu",
                        "--against", "clblast", "--rounds", "1"):
            self.assertTrue(row["against"]["clblast"]["absent"])

    def test_reductions_are_right_in_every_library(self):
        names = [name for name in TAKEN if HAS_ONEDNN or name != "onednn"]
        found = self.rows(*REDUCTIONS, "--against", ",".join(names), "--verify", "--rounds", "1", **NO_LEAKS)
        for name in names:
            taken = {place for place, row in enumerate(found) if "ratio" in row["against"][name]}
            self.assertEqual(taken, TAKEN[name], [row["against"][name].get("absent") for row in found])

    @unittest.skipUnless(HAS_ONEDNN, "oneDNN's headers are missing")
    def test_onednn_is_right_in_normalizations_and_bf16(self):
        self.check("onednn", NORMALIZED, **NO_LEAKS)
        row, = self.rows("reduce:softmax:bf16>f32:5x33:axes1", "--against", "onednn,c-loop", "--rounds", "1", **NO_LEAKS)
        self.assertIn("within one type", row["against"]["onednn"]["absent"])
        self.assertIn("f32 only", row["against"]["c-loop"]["absent"])

    def test_self_f32_runs_the_same_sizes_in_f32(self):
        self.check("self-f32", HALVES)

    def test_cold_operands_are_right_too(self):
        found = self.rows("gemm:f32:nn:m1n600k500", "--against", "openblas,clblast", "--verify", "--cold", "--rounds", "1")
        self.assertGreater(found[0]["copies"], 1)
        for name in ("openblas", "clblast"):
            self.assertIn("ratio", found[0]["against"][name])


if __name__ == "__main__":
    unittest.main()
