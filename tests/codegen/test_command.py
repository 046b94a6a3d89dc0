"""python -m codegen as a person uses it."""

import unittest

from support import WithKernels, codegen


class Command(WithKernels):
    def run_codegen(self, *words, code=0):
        result = codegen("--kernels", self.kernels, *words)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        return result.stdout if code == 0 else result.stderr

    def test_list(self):
        self.assertEqual(self.run_codegen("list"), "odd: every operator of the expressions, at its edges\n")

    def test_check_of_the_real_families(self):
        result = codegen("check")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("all right", result.stdout)

    def test_explain_shows_space_rules_steps_and_seeds(self):
        text = self.run_codegen("explain", "odd")
        for part in (
            "parameters (30 points)",
            "-3,-1,0,2,7",
            "an unknown device takes positive steps",
            "odd_second   if step > 0 and n % 2",
            "__global const float *restrict a",
            "gpu_big: 20",  # 30 points less the 6 of step 0 and the 4 of the rule with the quotes
            "step=2 vector_width=4 huge=0",
        ):
            self.assertIn(part, text)

    def test_explain_takes_a_device_and_a_problem(self):
        text = self.run_codegen("explain", "odd", "device=unknown", "dtype=bf16>f32", "m=64")
        self.assertIn("unknown: 10", text)  # steps 2 and 7 only, less 2 of the rule with the quotes
        self.assertNotIn("gpu_big:", text)
        self.assertIn("__global const ushort *restrict a", text)
        self.assertIn("dtype=bf16>f32 m=64 n=1024", text)

    def test_explain_says_what_it_understands(self):
        self.assertIn("one of odd", self.run_codegen("explain", "even", code=1))
        self.assertIn("one of cpu_avx2", self.run_codegen("explain", "odd", "device=x", code=1))
        self.assertIn("f16>f32", self.run_codegen("explain", "odd", "dtype=f64", code=1))
        self.assertIn("trans_a", self.run_codegen("explain", "odd", "size=3", code=1))

    def test_help_tells_every_command(self):
        text = self.run_codegen("--help")
        for word in ("list", "explain", "emit", "check", "--kernels"):
            self.assertIn(word, text)
        self.assertIn("--list-outputs", self.run_codegen("emit", "--help"))

    def test_usage_errors_exit_2(self):
        self.run_codegen("emit", code=2)
        self.run_codegen("frobnicate", code=2)


if __name__ == "__main__":
    unittest.main()
