"""A mistake in a declaration or template is reported with file, line, key and what would be valid; never a traceback."""

import unittest

from support import WithKernels, codegen

FAMILY, TEXT, OP, DEVICE = "gemm/odd.toml", "gemm/odd.jinja", "gemm/op.toml", "device.toml"

# What is broken: file, text there, what it becomes, the key that the message names, parts of the message.
MISTAKES = {
    "unknown name": (FAMILY, 'rule = "step"', 'rule = "stepp"', "constraint[0].rule", ["`stepp`", "step huge", "device.vector_width"]),
    "name of a later let": (FAMILY, 'quotient = "(m', 'quotient = "rest + (m', "let.quotient", ["unknown name `rest`"]),
    "syntax of an expression": (FAMILY, 'rule = "step"', 'rule = "step +"', "constraint[0].rule", ["not an expression"]),
    "division outside the model": (FAMILY, 'rule = "step"', 'rule = "m / 2"', "constraint[0].rule", ["use // "]),
    "fraction outside the model": (FAMILY, 'rule = "step"', 'rule = "m > 0.5"', "constraint[0].rule", ["[model] only"]),
    "operator": (FAMILY, 'rule = "step"', 'rule = "step ** 2"', "constraint[0].rule", ["`step ** 2`", "valid are numbers"]),
    "comparison": (FAMILY, 'rule = "step"', 'rule = "step is m"', "constraint[0].rule", ["one of <, <="]),
    "function": (FAMILY, 'rule = "step"', 'rule = "pow(m, 2)"', "constraint[0].rule", ["one of min, max"]),
    "number of arguments": (FAMILY, 'rule = "step"', 'rule = "ceil_div(m)"', "constraint[0].rule", ["takes 2 arguments"]),
    "number beyond 64 bits": (FAMILY, 'rule = "step"', 'rule = "m < 9223372036854775808"', "constraint[0].rule", ["64 bits"]),
    "code in an expression": (FAMILY, 'rule = "step"', 'rule = "[m][0]"', "constraint[0].rule", ["is not allowed"]),
    "syntax of a file": (FAMILY, "[resources]", "[resources", None, ["line"]),
    "unknown key": (FAMILY, "run_time = true", "runtime = true", "param.huge.runtime", ["unknown key", "run_time"]),
    "unknown table": (FAMILY, "[define]", "[defines]", "defines", ["unknown key", "define"]),
    "missing key": (FAMILY, 'reason = "the step is zero"', "", "constraint[0]", ["`reason` is missing"]),
    "wrong type": (FAMILY, "run_time = true", "run_time = 1", "param.huge.run_time", ["true or false"]),
    "values do not ascend": (FAMILY, "[1, 4]", "[4, 1]", "param.vector_width.values", ["ascend"]),
    "value is no integer": (FAMILY, "[1, 4]", '[1, "4"]', "param.vector_width.values", ["integers"]),
    "parameter named like a field": (FAMILY, "[param.step]", "[param.m]", "param.m", ["already the name of a problem"]),
    "parameter with a word of C": (FAMILY, "[param.step]", "[param.long]", "param.long", ["choose another name"]),
    "wrong family name": (FAMILY, 'name = "odd"', 'name = "even"', "name", ["must be `odd`"]),
    "wrong op": (FAMILY, 'op = "gemm"', 'op = "conv"', "op", ["must be `gemm`"]),
    "unknown dialect": (FAMILY, '["opencl"]', '["metal"]', "dialects", ["one of opencl, cuda"]),
    "requirement of no form": (FAMILY, 'dialects =', 'requires = "sm_9x"\ndialects =', "requires", ["`sm_9x`", "sm_NNa"]),
    "requirement without CUDA": (FAMILY, 'dialects =', 'requires = "sm_90"\ndialects =', "requires", ['["cuda"]']),
    "dtype that the operation lacks": (FAMILY, 'dialects =', 'dtypes = ["f32>f16"]\ndialects =', "dtypes", ["`f32>f16`"]),
    "loop of no instruction": (FAMILY, "dialects =", 'loop = { hmma = "1" }\ndialects =', "loop.hmma", ["upper case"]),
    "like no family": (FAMILY, "dialects =", 'like = "gemm_none"\ndialects =', "like", ["`gemm_none`"]),
    "loop with a limit of the kernel": (FAMILY, "dialects =", 'loop = { registers = "1" }\ndialects =', "loop.registers", ["passes", "at_most", "beyond"]),
    "kernel of no instruction": (FAMILY, "dialects =", 'kernel = { "LDS.x" = "1" }\ndialects =', "kernel.LDS.x", ["registers"]),
    "model without seconds": (FAMILY, "seconds =", "time =", "model", ["`seconds`"]),
    "macro twice": (FAMILY, "FLAGS = ", "STEP = ", "define.STEP", ["macro of the parameter `step`"]),
    "macro in lower case": (FAMILY, "FLAGS = ", "flags = ", "define.flags", ["upper case"]),
    "unknown argument": (FAMILY, '"m", "lda"', '"m", "ldx"', "step[0].args", ["`ldx`", "lda ldb ldc"]),
    "argument twice": (FAMILY, '"m", "lda"', '"lda", "lda"', "step[0].args", ["`lda` is passed twice"]),
    "aliased argument": (FAMILY, 'kernel = "odd_first"', 'aliased = ["m"]\nkernel = "odd_first"', "step[0].aliased", ["`m` is no buffer"]),
    "argument table": (FAMILY, "value = \"rounded\"", "valu = \"rounded\"", "step[0].args", ["{ name, value = expression }"]),
    "type of local memory": (FAMILY, '"int" }', '"integer" }', "step[0].args", ["`integer`", "float, half"]),
    "geometry of two axes": (FAMILY, '["2", "1", "1"]', '["2", "1"]', "step[1].global", ["must have 3 entries"]),
    "kernel of two steps": (FAMILY, '"odd_second"', '"odd_first"', "step[1].kernel", ["another step"]),
    "seed without a parameter": (FAMILY, "huge = 0", "", "seed[0]", ["`huge` is missing"]),
    "seed with a foreign value": (FAMILY, "huge = 0", "huge = 3", "seed[0].huge", ["3 is not a value", "2147483647"]),
    "seed with a foreign key": (FAMILY, "huge = 0", "huger = 0\nhuge = 0", "seed[0].huger", ["unknown key", "huge"]),
    "seed that is legal nowhere": (FAMILY, "step = 2", "step = 0", "seed[0]", ["legal on no example device", "zero"]),
    "seed that cannot be launched": (FAMILY, 'local = ["vector_width"', 'local = ["3"', "seed[0]", ["does not divide global"]),
    "local memory not accounted for": (FAMILY, "65536 + 64", "65536", "seed[0]", ["take 48 bytes", "local_bytes is 0"]),
    "unknown word in a template": (TEXT, "{{ family }}", "{{ families }}", None, ["'families' is undefined", "dtype_in"]),
    "syntax of a template": (TEXT, "{{ family }}", "{{ family }", None, ["unexpected '}'"]),
    "include of nothing": (TEXT, "{{ family }}", '{% include "common/no.jinja" %}', None, ["no template `common/no.jinja`"]),
    "signature of no step": (TEXT, 'signature("odd_first")', 'signature("odd")', None, ["one of odd_first, odd_second"]),
    "arguments of no step": (TEXT, 'arguments("odd_first")', 'arguments("odd")', None, ["one of odd_first, odd_second"]),
    "device field without doc": (DEVICE, 'doc = "1 on a CPU device"', "", "field.is_cpu", ["`doc` is missing"]),
    "example of an unknown field": (DEVICE, "is_cpu = 1", "is_dsp = 1", "example.cpu_avx2.is_dsp", ["one of is_cpu"]),
    "unknown dtype": (OP, '"f16>f32"', '"f16>f64"', "dtypes", ["`f16>f64`", "f32, f16, bf16"]),
    "unknown access": (OP, 'access = "read"', 'access = "reads"', "buffer.a.access", ["one of read, write"]),
}

# Of these the message names the line of the table or step, not of the word that is wrong or missing.
WHOLE_TABLES = {"seed[0]", "constraint[0]", "model", "field.is_cpu", "step[0].args", "step[1].args"}


class Errors(WithKernels):
    def fails(self, *parts):
        result = codegen("--kernels", self.kernels, "check")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        return result.stderr

    def test_the_unchanged_family_is_right(self):
        result = codegen("--kernels", self.kernels, "check")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_each_mistake_names_its_place_and_what_is_valid(self):
        for what, (name, old, new, key, parts) in MISTAKES.items():
            with self.subTest(what):
                original = (self.kernels / name).read_text()
                line = self.change(name, old, new)
                try:
                    message = self.fails(f"kernels/{name}:", *parts)
                    if key:
                        self.assertIn(f": {key}: ", message)
                    if key not in WHOLE_TABLES:
                        self.assertIn(f"kernels/{name}:{line}: ", message)
                finally:
                    (self.kernels / name).write_text(original)

    def test_missing_files_are_named(self):
        (self.kernels / TEXT).unlink()
        self.fails(f"kernels/{TEXT}: the template is missing")
        (self.kernels / OP).unlink()
        self.fails(f"kernels/{FAMILY}: there is no op.toml beside it")
        (self.kernels / DEVICE).unlink()
        self.fails("kernels/device.toml: the file is missing")

    def test_a_mistake_in_an_included_template_names_that_file(self):
        (self.kernels / "common").mkdir()
        (self.kernels / "common/part.jinja").write_text("\n\n{{ nobody }}\n")
        self.change(TEXT, "{{ family }}", '{% include "common/part.jinja" %}')
        self.fails("kernels/common/part.jinja:3: 'nobody' is undefined")

    def test_a_kernel_without_its_signature_is_refused(self):
        self.change(TEXT, '{{ signature("odd_second") }}', "long n")
        self.fails(f"kernels/{TEXT}", "odd_second")

    def test_a_kernel_without_its_arguments_is_refused(self):
        self.change(TEXT, '{{ arguments("odd_second") }}', "")
        self.fails(f"kernels/{TEXT}", "odd_second", "does not begin with arguments")

    def test_a_damaged_tuning_record_is_refused(self):
        (self.kernels / "tuned").mkdir()
        (self.kernels / "tuned/a.jsonl").write_text('{"v": 1}\n\nnonsense\n')
        self.fails("kernels/tuned/a.jsonl:3: ")


if __name__ == "__main__":
    unittest.main()
