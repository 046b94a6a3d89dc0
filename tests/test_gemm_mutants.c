/* Proof that the tests can fail: each mutant is a kernel family with one mistake put into its text - the kind of
 * mistake that people make - and the check that every kernel passes must notice it within a few random problems. The
 * family as it is must pass the very run that gave the mutant away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "strbuf.h"
#include "variants.h"

enum { TRIALS_MAX = 60, SIZE_MAX_OF_TRIALS = 120, TEXTS_MAX = 16 };

/* Every occurrence of `original` becomes `mistake`, in those texts of the family that have it. Writes outside C happen
 * only where alpha is not 1: a plan rehearses its kernel with 1 on memory that has no guard zones. */
struct mutant {
    const char *name;
    const char *family;
    const char *original;
    const char *mistake;
};

/* clang-format off */
static const struct mutant mutants[] = {
    { "gemm_cpu reads C when beta is 0", "gemm_cpu",
      "return beta == 0.0f ? alpha * sum : alpha * sum + beta * LOAD1_OUT(old);",
      "return alpha * sum + beta * LOAD1_OUT(old);" },
    { "gemm_cpu truncates bf16", "gemm_cpu",
      "(u + 0x7fffu + ((u >> 16) & 1u)) >> 16", "u >> 16" },
    { "gemm_cpu's gelu has a short constant", "gemm_cpu", "-0.70710678118654752f", "-0.7071f" },
    { "gemm_cpu writes one row too many", "gemm_cpu",
      "for (int r = 0; r < rows; r++) {\n        const float *s",
      "for (int r = 0; r < min(rows + (out->alpha != 1.0f && out->is_first && out->is_last), THREAD_M); r++) {\n        const float *s" },
    { "gemm_cpu loses the last row", "gemm_cpu",
      "min(block_m, m - top)", "min(block_m, max(m - top - 1, 1L))" },
    { "gemm_cpu writes one column too many", "gemm_cpu",
      "for (; v < columns; v++) {", "for (; v < min(columns + (out->alpha != 1.0f && out->is_first && out->is_last), width); v++) {" },
    { "gemm_cpu loses the last of an odd k", "gemm_cpu",
      "k < depth; k++) {\n        FLOATV b_row", "k < depth - depth % 2; k++) {\n        FLOATV b_row" },
    { "gemm_cpu takes n for ldc", "gemm_cpu", "out.ldc = ldc;", "out.ldc = n;" },
    { "gemm_cpu ignores the work-group's column in the bias", "gemm_cpu",
      "out.bias = bias + offset_bias + left;", "out.bias = bias + offset_bias;" },
    { "gemm_cpu ignores the bias's offset", "gemm_cpu",
      "out.bias = bias + offset_bias + left;", "out.bias = bias + left;" },
    { "gemm_cpu starts every block of k afresh", "gemm_cpu", "out.is_first = k0 == 0;", "out.is_first = 1;" },
    { "gemm_cpu applies alpha to the first block of k only", "gemm_cpu",
      "out->alpha, beta, c + v", "(out->is_first ? out->alpha : 1.0f), beta, c + v" },
    { "gemm_cpu packs batch entries of C tightly", "gemm_cpu",
      "c += offset_c + entry * stride_c;", "c += offset_c + entry * m * n;" },
    { "gemm_cpu uses half a strip for one row too many", "gemm_cpu", "height <= HALF_M", "height <= HALF_M + 1" },
    { "gemm_skinny_cpu reads beyond the end of k", "gemm_skinny_cpu",
      "x[s] = load_some(stream[s] + p, 1, k - p);", "x[s] = LOADV_IN(stream[s] + p);" },
    { "gemm_skinny_cpu computes one column too many", "gemm_skinny_cpu",
      "min(block_l, length - first_j)", "min(block_l, length - first_j + (alpha != 1.0f))" },
    { "gemm_skinny_cpu ignores the bias's offset", "gemm_skinny_cpu",
      "bias + offset_bias + (SMALL_M ? column : r)", "bias + (SMALL_M ? column : r)" },
    { "gemm_skinny_cpu adds batch entries up", "gemm_skinny_cpu",
      "STOREV((FLOATV)(0.0f), sums + i);", "if (entry == first_entry) STOREV((FLOATV)(0.0f), sums + i);" },
    { "gemm_skinny_cpu takes n for ldc", "gemm_skinny_cpu",
      "c_row = SMALL_M ? ldc : 1, c_step = SMALL_M ? 1 : ldc;", "c_row = SMALL_M ? n : 1, c_step = SMALL_M ? 1 : n;" },
    { "gemm_skinny_cpu forgets the last slice of k", "gemm_skinny_cpu", "s < slices", "s + 1 < slices" },
    { "gemm_skinny_cpu counts overlapping slices twice", "gemm_skinny_cpu",
      "min(first_p + slice_k, k)", "min(first_p + slice_k + 1, k)" },
    { "gemm_simt reads beyond the end of k", "gemm_simt", "(place + e < length ? x[e] : 0.0f)", "x[e]" },
    { "gemm_simt writes one column too many", "gemm_simt", "if (e < columns)", "if (e < columns + (alpha != 1.0f))" },
    { "gemm_simt writes one row too many", "gemm_simt", "if (row < m && column < n)", "if (row < m + (alpha != 1.0f) && column < n)" },
    { "gemm_simt swaps the pieces of the register tile", "gemm_simt",
      "piece_m = LOCAL_ID / THREADS_N, piece_n = LOCAL_ID % THREADS_N;",
      "piece_m = LOCAL_ID % THREADS_M, piece_n = LOCAL_ID / THREADS_M;" },
    { "gemm_simt forgets the first element of the bias", "gemm_simt",
      "bias + offset_bias + column, n - column", "bias + column, n - column" },
    { "gemm_simt has one buffer where it needs two", "gemm_simt", "step % 2, full = 1 - put;", "0, full = 0;" },
    { "gemm_simt starts every slice at the first k", "gemm_simt",
      "k_begin * lda + m0 : m0 * lda + k_begin", "m0 : m0 * lda" },
    { "gemm_simt takes the strides of A for B", "gemm_simt", "entry * stride_b", "entry * stride_a" },
    { "conv_implicit_cpu reads the row above", "conv_implicit_cpu", "axis.first = -pad;", "axis.first = -pad - 1;" },
    { "conv_implicit_cpu forgets the dilation", "conv_implicit_cpu", "axis.step = dilation;", "axis.step = 1;" },
    { "conv_implicit_cpu computes one pixel too few", "conv_implicit_cpu",
      "const int strip = min(THREAD_M, pixels - i);", "const int strip = min(THREAD_M, max(pixels - i - 1, 1));" },
    { "conv_implicit_cpu starts every block of channels afresh", "conv_implicit_cpu",
      "if (c > 0) add_sums(", "if (c < 0) add_sums(" },
    { "conv_implicit_cpu ignores the group of the bias", "conv_implicit_cpu",
      "bias + offset_bias + first_channel", "bias + offset_bias + out0" },
    { "conv_winograd_cpu has a wrong coefficient", "conv_winograd_cpu", "o[3] = q1 + 8.0f * q2 + m[5];", "o[3] = q1 + 8.0f * q2;" },
    { "conv_winograd_cpu writes rows that are not there", "conv_winograd_cpu",
      "min((long)OUT_TILE, out_h - row)", "min((long)OUT_TILE, out_h - row + (alpha != 1.0f && row + OUT_TILE > out_h))" },
    { "conv_depthwise_cpu mixes channels up", "conv_depthwise_cpu",
      "filter + offset_filter + out0 * r * s + tap", "filter + offset_filter + tap" },
    { "conv_depthwise_cpu ignores the stride", "conv_depthwise_cpu", "w * (int)step_w) * outputs", "w) * outputs" },
    { "conv_filter_cpu forgets the last slice", "conv_filter_cpu", "slice < slices; slice++", "slice + 1 < slices; slice++" },
    { "conv_filter_cpu forgets the padding", "conv_filter_cpu", "q0 * stride_w - pad_left", "q0 * stride_w" },
    { "conv_simt loses a digit", "conv_simt", "at->high++;", "at->high += 2;" },
    { "conv_simt writes one channel too many", "conv_simt",
      "if (to_column >= columns) continue;", "if (to_column >= columns + (alpha != 1.0f)) continue;" },
};
/* clang-format on */

static char *replace_all(const char *text, const char *original, const char *mistake)
{
    struct strbuf out = { 0 };
    const char *at;
    while ((at = strstr(text, original)) != NULL) {
        strbuf_addn(&out, text, (size_t)(at - text));
        strbuf_add(&out, mistake);
        text = at + strlen(original);
    }
    strbuf_add(&out, text);
    assert_false(out.failed);
    return out.text;
}

/* The family with the mistake in it; its texts are the ones that have the mutated place. */
struct mutated {
    struct family family;
    struct family_text texts[TEXTS_MAX];
};

static void mutate(const struct mutant *mutant, const struct family *original, struct mutated *out)
{
    out->family = *original;
    out->family.texts = out->texts;
    out->family.text_count = 0;
    for (int t = 0; t < original->text_count; t++) {
        const struct family_text *text = &original->texts[t];
        if (text->dialect != DIALECT_OPENCL || strstr(text->source, mutant->original) == NULL) continue;
        assert_true(out->family.text_count < TEXTS_MAX);
        struct family_text *copy = &out->texts[out->family.text_count++];
        *copy = *text;
        copy->source = replace_all(text->source, mutant->original, mutant->mistake);
        copy->hash = "0badc0de0badc0de";
    }
    if (out->family.text_count == 0) {
        fail_msg("no text of %s contains \"%s\" any more: the mutant needs a new place", mutant->family,
                 mutant->original);
    }
}

static void free_mutated(struct mutated *mutated)
{
    for (int t = 0; t < mutated->family.text_count; t++)
        free((char *)mutated->texts[t].source);
}

/* Trials of the family's seeds until one tells the mutant; returns how many it took, 0: none did. */
static int hunt(hpck_handle *handle, const struct family *original, const struct family *mutant)
{
    const struct device_desc *device = handle->backend->describe(handle->device);
    uint64_t seed = 1;
    for (int t = 1; t <= TRIALS_MAX; t++) {
        const int64_t *param = original->seeds + (t % original->seed_count) * original->param_count;
        struct trial trial;
        struct error err = { 0 };
        if (!trial_draw(mutant, device, param, NULL, SIZE_MAX_OF_TRIALS, &seed, &trial)) continue;
        const hpck_status caught = trial_verify(handle, mutant, &trial, &err);
        if (caught == HPCK_OK) continue;
        if (caught != HPCK_INTERNAL) fail_msg("the mutant does not run: %s", error_text(&err));
        print_message("trial %d: %s\n", t, error_text(&err));
        if (trial_verify(handle, original, &trial, &err) != HPCK_OK) {
            fail_msg("the original fails, too: %s", error_text(&err));
        }
        error_free(&err);
        return t;
    }
    return 0;
}

static void mutant_is_caught(void **state)
{
    const struct mutant *mutant = *state;
    const struct family *original = family_find(mutant->family);
    assert_non_null(original);
    const hpck_options options = { .size = sizeof options, .cache_dir = "" };
    hpck_handle *handle = NULL;
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));

    struct mutated mutated;
    mutate(mutant, original, &mutated);
    const int trials = hunt(handle, original, &mutated.family);
    hpck_destroy(handle);
    free_mutated(&mutated);
    if (trials == 0) fail_msg("%s: not noticed in %d trials", mutant->name, (int)TRIALS_MAX);
}

int main(void)
{
    enum { COUNT = sizeof mutants / sizeof mutants[0] };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++) {
        tests[i] = (struct CMUnitTest){ .name = mutants[i].name,
                                        .test_func = mutant_is_caught,
                                        .initial_state = (void *)&mutants[i] };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
