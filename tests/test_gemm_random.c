/* hpck_gemm with anything that its header allows: types, layouts, transposes, sizes, leading dimensions, batches by strides and by
 * offsets, epilogues. See random_case.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gemm_case.h"
#include "random_case.h"

enum { CASES = 2, SHAPES = 5, SIZE_MAX_GEMM = 150, SIZE_MAX_EMULATED = 60, BATCH_MAX = 3 };

static int64_t draw_size(struct random_case *c)
{
    const bool is_emulated = c->handle->backend->describe(c->handle->device)->is_emulated;
    if (draw_chance(c, 40)) return 0;
    return draw_from(c, 1, draw_chance(c, 3) ? 8 : is_emulated ? SIZE_MAX_EMULATED : SIZE_MAX_GEMM);
}

static int64_t draw_ld(struct random_case *c, int64_t least)
{
    return draw_chance(c, 2) ? 0 : least + draw_below(c, 9) + (least == 0);
}

/* Entries apart from each other, in any order. */
static void draw_offsets(struct random_case *c, int64_t count, int64_t entry, int64_t *offsets)
{
    int order[BATCH_MAX];
    draw_order(c, order, (int)count);
    for (int64_t i = 0; i < count; i++)
        offsets[i] = order[i] * entry + 3;
}

static int64_t entry_of(int64_t lines, int64_t line, int64_t ld)
{
    return lines * (ld != 0 ? ld : line) + 1;
}

static void run_shape(struct random_case *c, const hpck_gemm_desc *kind)
{
    struct gemm_case t;
    int64_t offsets[3][BATCH_MAX];
    gemm_case_init(&t, c->handle);
    t.desc = *kind;
    t.desc.m = draw_size(c);
    t.desc.n = draw_size(c);
    t.desc.k = draw_size(c);
    const bool is_column = kind->layout == HPCK_COLUMN_MAJOR;
    const bool a_turned = (kind->trans_a == HPCK_TRANS) != is_column,
               b_turned = (kind->trans_b == HPCK_TRANS) != is_column;
    const int64_t line_a = a_turned ? t.desc.m : t.desc.k, lines_a = a_turned ? t.desc.k : t.desc.m;
    const int64_t line_b = b_turned ? t.desc.k : t.desc.n, lines_b = b_turned ? t.desc.n : t.desc.k;
    const int64_t line_c = is_column ? t.desc.m : t.desc.n, lines_c = is_column ? t.desc.n : t.desc.m;
    t.desc.lda = draw_ld(c, line_a);
    t.desc.ldb = draw_ld(c, line_b);
    t.desc.ldc = draw_ld(c, line_c);
    const int64_t entry_a = entry_of(lines_a, line_a, t.desc.lda), entry_b = entry_of(lines_b, line_b, t.desc.ldb);
    const int64_t entry_c = entry_of(lines_c, line_c, t.desc.ldc);
    t.desc.batch = draw_chance(c, 3) ? draw_from(c, 0, BATCH_MAX) : 1;
    if (t.desc.batch > 1 && draw_chance(c, 2)) {
        draw_offsets(c, t.desc.batch, entry_a, offsets[0]);
        draw_offsets(c, t.desc.batch, entry_b, offsets[1]);
        draw_offsets(c, t.desc.batch, entry_c, offsets[2]);
        t.desc.offsets_a = offsets[0];
        t.desc.offsets_b = offsets[1];
        t.desc.offsets_c = offsets[2];
    } else {
        t.desc.stride_a = draw_chance(c, 3) ? 0 : entry_a + draw_below(c, 5);
        t.desc.stride_b = draw_chance(c, 3) ? 0 : entry_b + draw_below(c, 5);
        t.desc.stride_c = entry_c + draw_below(c, 5);
    }
    draw_factors(c, &t.alpha, &t.beta);
    t.has_bias = draw_chance(c, 2);
    t.offset_a = draw_below(c, 9);
    t.offset_b = draw_below(c, 9);
    t.offset_c = draw_below(c, 9);
    t.offset_bias = draw_below(c, 9);
    t.seed = c->random;
    gemm_case_verify(&t);
}

static void run_case(struct random_case *c)
{
    static const hpck_dtype pairs[][2] = { { HPCK_F32, HPCK_F32 },
                                           { HPCK_F16, HPCK_F16 },
                                           { HPCK_BF16, HPCK_BF16 },
                                           { HPCK_F16, HPCK_F32 },
                                           { HPCK_BF16, HPCK_F32 } };
    hpck_gemm_desc kind = HPCK_GEMM_DESC_INIT;
    const hpck_dtype *pair = pairs[draw_below(c, (int64_t)(sizeof pairs / sizeof *pairs))];
    kind.dtype = pair[0];
    kind.dtype_c = pair[1];
    kind.layout = (hpck_layout)draw_below(c, 2);
    kind.trans_a = (hpck_trans)draw_below(c, 2);
    kind.trans_b = (hpck_trans)draw_below(c, 2);
    kind.activation = (hpck_activation)draw_below(c, 4);
    for (int i = 0; i < SHAPES; i++)
        run_shape(c, &kind);
}

static void products_drawn_at_random(void **state)
{
    cases_run(*state, CASES, run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(products_drawn_at_random) };
    return cmocka_run_group_tests(tests, device_setup, device_teardown);
}
