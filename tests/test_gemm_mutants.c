/* Proof that the tests can fail: each mutant is a kernel family with one mistake in its text, and must be noticed. Runs on the
 * device that the tests run on, so that ctest calls it once for OpenCL and once for each emulated CUDA device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mutants.h"

/* clang-format off */
static const struct mutant mutants[] = {
    { "gemm_cpu reads C when beta is 0", "gemm_cpu",
      "return beta == 0.0f ? alpha * sum : alpha * sum + beta * LOAD1_OUT(old);",
      "return alpha * sum + beta * LOAD1_OUT(old);", NULL },
    { "gemm_cpu truncates bf16", "gemm_cpu",
      "(u + 0x7fffu + ((u >> 16) & 1u)) >> 16", "u >> 16", NULL },
    { "gemm_cpu's gelu has a short constant", "gemm_cpu", "-0.70710678118654752f", "-0.7071f", NULL },
    { "gemm_cpu writes one row too many", "gemm_cpu",
      "for (int r = 0; r < rows; r++) {\n        const float *s",
      "for (int r = 0; r < min(rows + (out->alpha != 1.0f && out->is_first && out->is_last), THREAD_M); r++) {\n        const float *s", NULL },
    { "gemm_cpu loses the last row", "gemm_cpu",
      "min(block_m, m - top)", "min(block_m, max(m - top - 1, 1L))", NULL },
    { "gemm_cpu writes one column too many", "gemm_cpu",
      "for (; v < columns; v++) {", "for (; v < min(columns + (out->alpha != 1.0f && out->is_first && out->is_last), width); v++) {", NULL },
    { "gemm_cpu loses the last of an odd k", "gemm_cpu",
      "k < depth; k++) {\n        FLOATV b_row", "k < depth - depth % 2; k++) {\n        FLOATV b_row", NULL },
    { "gemm_cpu takes n for ldc", "gemm_cpu", "out.ldc = ldc;", "out.ldc = n;", NULL },
    { "gemm_cpu ignores the work-group's column in the bias", "gemm_cpu",
      "out.bias = bias + offset_bias + left;", "out.bias = bias + offset_bias;", NULL },
    { "gemm_cpu ignores the bias's offset", "gemm_cpu",
      "out.bias = bias + offset_bias + left;", "out.bias = bias + left;", NULL },
    { "gemm_cpu starts every block of k afresh", "gemm_cpu", "out.is_first = k0 == 0;", "out.is_first = 1;", NULL },
    { "gemm_cpu applies alpha to the first block of k only", "gemm_cpu",
      "out->alpha, beta, c + v", "(out->is_first ? out->alpha : 1.0f), beta, c + v", NULL },
    { "gemm_cpu packs batch entries of C tightly", "gemm_cpu",
      "c += offset_c + entry * stride_c;", "c += offset_c + entry * m * n;", NULL },
    { "gemm_cpu uses half a strip for one row too many", "gemm_cpu", "height <= HALF_M", "height <= HALF_M + 1", NULL },
    { "gemm_skinny_cpu reads beyond the end of k", "gemm_skinny_cpu",
      "x[s] = load_some(stream[s] + p, 1, k - p);", "x[s] = LOADV_IN(stream[s] + p);", NULL },
    { "gemm_skinny_cpu computes one column too many", "gemm_skinny_cpu",
      "min(block_l, length - first_j)", "min(block_l, length - first_j + (alpha != 1.0f))", NULL },
    { "gemm_skinny_cpu ignores the bias's offset", "gemm_skinny_cpu",
      "bias + offset_bias + (SMALL_M ? column : r)", "bias + (SMALL_M ? column : r)", NULL },
    { "gemm_skinny_cpu adds batch entries up", "gemm_skinny_cpu",
      "STOREV((FLOATV)(0.0f), sums + i);", "if (entry == first_entry) STOREV((FLOATV)(0.0f), sums + i);", NULL },
    { "gemm_skinny_cpu takes n for ldc", "gemm_skinny_cpu",
      "c_row = SMALL_M ? ldc : 1, c_step = SMALL_M ? 1 : ldc;", "c_row = SMALL_M ? n : 1, c_step = SMALL_M ? 1 : n;", NULL },
    { "gemm_skinny_cpu forgets the last slice of k", "gemm_skinny_cpu", "s < slices", "s + 1 < slices", NULL },
    { "gemm_skinny_cpu counts overlapping slices twice", "gemm_skinny_cpu",
      "min(first_p + slice_k, k)", "min(first_p + slice_k + 1, k)", NULL },
    { "gemm_simt reads beyond the end of k", "gemm_simt", "(place + e < length ? x[e] : 0.0f)", "x[e]", NULL },
    { "gemm_simt writes one column too many", "gemm_simt", "if (e < columns)", "if (e < columns + (alpha != 1.0f))", NULL },
    { "gemm_simt writes one row too many", "gemm_simt", "if (row < m && column < n)", "if (row < m + (alpha != 1.0f) && column < n)", NULL },
    { "gemm_simt swaps the pieces of the register tile", "gemm_simt",
      "piece_m = LOCAL_ID / THREADS_N, piece_n = LOCAL_ID % THREADS_N;",
      "piece_m = LOCAL_ID % THREADS_M, piece_n = LOCAL_ID / THREADS_M;", NULL },
    { "gemm_simt forgets the first element of the bias", "gemm_simt",
      "bias + offset_bias + column, n - column", "bias + column, n - column", NULL },
    { "gemm_simt has one buffer where it needs two", "gemm_simt", "step % 2, full = 1 - put;", "0, full = 0;", NULL },
    { "gemm_simt starts every slice at the first k", "gemm_simt",
      "k_begin * lda + m0 : m0 * lda + k_begin", "m0 : m0 * lda", NULL },
    { "gemm_simt takes the strides of A for B", "gemm_simt", "entry * stride_b", "entry * stride_a", NULL },
    { "conv_implicit_cpu reads the row above", "conv_implicit_cpu", "axis.first = -pad;", "axis.first = -pad - 1;", NULL },
    { "conv_implicit_cpu forgets the dilation", "conv_implicit_cpu", "axis.step = dilation;", "axis.step = 1;", NULL },
    { "conv_implicit_cpu computes one pixel too few", "conv_implicit_cpu",
      "const int strip = min(THREAD_M, pixels - i);", "const int strip = min(THREAD_M, max(pixels - i - 1, 1));", NULL },
    { "conv_implicit_cpu starts every block of channels afresh", "conv_implicit_cpu",
      "if (c > 0) add_sums(", "if (c < 0) add_sums(", NULL },
    { "conv_implicit_cpu ignores the group of the bias", "conv_implicit_cpu",
      "bias + offset_bias + first_channel", "bias + offset_bias + out0", NULL },
    { "conv_winograd_cpu has a wrong coefficient", "conv_winograd_cpu", "o[3] = q1 + 8.0f * q2 + m[5];", "o[3] = q1 + 8.0f * q2;", NULL },
    { "conv_winograd_cpu writes rows that are not there", "conv_winograd_cpu",
      "min((long)OUT_TILE, out_h - row)", "min((long)OUT_TILE, out_h - row + (alpha != 1.0f && row + OUT_TILE > out_h))", NULL },
    { "conv_depthwise_cpu mixes channels up", "conv_depthwise_cpu",
      "filter + offset_filter + out0 * r * s + tap", "filter + offset_filter + tap", NULL },
    { "conv_depthwise_cpu ignores the stride", "conv_depthwise_cpu", "w * (int)step_w) * outputs", "w) * outputs", NULL },
    { "conv_filter_cpu forgets the last slice", "conv_filter_cpu", "slice < slices; slice++", "slice + 1 < slices; slice++", NULL },
    { "conv_filter_cpu forgets the padding", "conv_filter_cpu", "q0 * stride_w - pad_left", "q0 * stride_w", NULL },
    { "conv_simt loses a digit", "conv_simt", "at->high++;", "at->high += 2;", NULL },
    { "conv_simt writes one channel too many", "conv_simt",
      "if (to_column >= columns) continue;", "if (to_column >= columns + (alpha != 1.0f)) continue;", NULL },
    { "gemm_simt does not wait for the others before it multiplies", "gemm_simt",
      "put_b(b_tile + put * ROW_B(TILE_K), b_staged);\n        }\n        BARRIER();",
      "put_b(b_tile + put * ROW_B(TILE_K), b_staged);\n        }", "a100" },
    { "gemm_mma waits for one copy too few", "gemm_mma",
      "COPIES_WAIT(STAGES - 2);\n                    BARRIER();", "COPIES_WAIT(STAGES - 1);\n                    BARRIER();", "a100" },
    { "gemm_mma does not wait for the copies of the others", "gemm_mma",
      "COPIES_WAIT(STAGES - 2);\n                    BARRIER();", "COPIES_WAIT(STAGES - 2);", "a100" },
    { "gemm_mma copies over the tile that is being read", "gemm_mma", "write_at = read_at;\n", "", "a100" },
    { "gemm_mma reads rows beyond the edge", "gemm_mma",
      "(uint)(LINE_A(i) < lines && PLACE_A < length)", "(uint)(PLACE_A < length)", "a100" },
    { "gemm_mma reads beyond the end of k", "gemm_mma",
      "k_first = k_length - (long)(count - 1) * TILE_K;", "k_first = TILE_K;", "a100" },
    { "gemm_mma forgets to permute what it reads of A", "gemm_mma",
      "AT_A(row + LANE % 16, step * 2 + LANE / 16)", "AT_A(row + LANE % 16, 0) + (step * 2 + LANE / 16) * 16", "a100" },
    { "gemm_mma permutes B by the wrong line", "gemm_mma",
      "AT_B(LINE_B(i), PLACE_B / CHUNK)", "AT_B(LINE_B(i) + 1, PLACE_B / CHUNK) - LENGTH_B * ELEMENT", "a100" },
    { "gemm_mma swaps parts of B", "gemm_mma", "part[j + e / 2][e % 2] = ", "part[j + e % 2][e / 2] = ", "a100" },
    { "gemm_mma looks at the first piece of a copy only", "gemm_mma",
      "(p == 0 || PLACE_A + p * (PIECE_A / ELEMENT) < length)", "1", "a100" },
    { "gemm_mma leaves sums where the ring is still read", "gemm_mma",
      "BARRIER(); /* nobody reads the ring any more */", "", "a100" },
    { "gemm_mma writes whole vectors at the edge", "gemm_mma",
      "const int columns = (int)min(n - column, (long)VECTOR);", "const int columns = VECTOR;", "a100" },
    { "gemm_mma takes every address for aligned", "gemm_mma",
      "const int is_aligned = ((unsigned long long)c % 16 | ldc * sizeof(out_t) % 16) == 0;", "const int is_aligned = 1;", "a100" },
    { "gemm_mma starts every slice at the first k", "gemm_mma", "k_begin = min(slice * slice_k, k)", "k_begin = min(0 * slice_k, k)", "a100" },
    { "gemm_mma takes the tf32 words in the wrong order", "gemm_mma",
      "k = step * MMA_K + LANE % 4 + e / 2 * 4", "k = step * MMA_K + LANE % 4 + e % 2 * 4", "a100" },
    { "gemm_mma on sm_75 forgets to put B into the ring", "gemm_mma",
      "PUT_B(write_at);\n                    }", "}", "t4" },
    { "gemm_mma on sm_75 multiplies the first half of k twice", "gemm_mma", "\"r\"(b[half_k])", "\"r\"(b[0])", "t4" },
    { "gemm_mma on sm_75 meets nobody after putting a tile", "gemm_mma",
      "COPIES_WAIT(STAGES - 2);\n                    BARRIER();", "COPIES_WAIT(STAGES - 2);", "t4" },
    { "gemm_mma puts the halves of a word in the wrong order", "gemm_mma",
      "<< p % 2 * 16;", "<< (1 - p % 2) * 16;", "t4" },
};
/* clang-format on */

int main(void)
{
    enum { COUNT = sizeof mutants / sizeof mutants[0] };
    struct CMUnitTest tests[COUNT];
    size_t count = 0;
    for (int i = 0; i < COUNT; i++) {
        if (!mutant_is_of_this_device(&mutants[i])) continue;
        tests[count++] = (struct CMUnitTest){ .name = mutants[i].name,
                                              .test_func = mutant_is_caught,
                                              .initial_state = (void *)&mutants[i] };
    }
    if (count == 0) return 77;
    return _cmocka_run_group_tests("gemm_mutants", tests, count, NULL, NULL);
}
