/* Two small kernel families in the place of the generated ones, for tests of what must hold for any family. To be
 * included by one file of a test program: its definitions of `families` come before the library's. */
#ifndef HPCK_TESTS_FAKE_FAMILIES_H
#define HPCK_TESTS_FAKE_FAMILIES_H

#include "family.h"

#define FAKE_HASH "0123456789abcdef"

static const struct family_text fake_texts[] = {
    { DIALECT_OPENCL, HPCK_F32, HPCK_F32, "kernel", FAKE_HASH },
    { DIALECT_OPENCL, HPCK_F16, HPCK_F16, "kernel", "fedcba9876543210" },
};

static int64_t fake_round_up(int64_t value, int64_t step)
{
    return (value + step - 1) / step * step;
}

/* fake_tile: a tile of C per work-item; the model charges for whole tiles and prefers large ones. */

static const int64_t fake_tile_m_values[] = { 1, 8, 64 };
static const int64_t fake_tile_n_values[] = { 8, 64 };
static const struct param_desc fake_tile_params[] = {
    { "tile_m", "rows", "rows of the tile", fake_tile_m_values, 3, false },
    { "tile_n", "columns", "columns of the tile", fake_tile_n_values, 2, false },
};
static const int64_t fake_tile_seeds[] = { 64, 8, 8, 8, 1, 64 };

static const char *fake_tile_valid(const struct point *point)
{
    if (!point->device->is_cpu) return "fake_tile is for a CPU";
    return point->param[0] * point->param[1] > 512 ? "the tile must fit the registers" : NULL;
}

static void fake_tile_resources(const struct point *point, struct resources *out)
{
    (void)point;
    *out = (struct resources){ .work_items = 1 };
}

static double fake_tile_model(const struct point *point)
{
    const struct gemm_fields *gemm = &point->problem->field.gemm;
    double rows = (double)fake_round_up(gemm->m, point->param[0]);
    double columns = (double)fake_round_up(gemm->n, point->param[1]);
    return 1e-9 * rows * columns * (double)gemm->k * (1.0 + 4.0 / (double)point->param[0]);
}

static const struct family fake_tile = {
    .name = "fake_tile",
    .op = OP_GEMM,
    .doc = "a tile of C per work-item",
    .params = fake_tile_params,
    .param_count = 2,
    .texts = fake_texts,
    .text_count = 2,
    .seeds = fake_tile_seeds,
    .seed_count = 3,
    .valid = fake_tile_valid,
    .resources = fake_tile_resources,
    .model = fake_tile_model,
};

/* fake_split: slices of k in a workspace; the model finds it slow, and a record may know better. */

static const int64_t fake_split_values[] = { 1, 2, 4 };
static const struct param_desc fake_split_params[] = {
    { "split_k", "slices", "slices of k", fake_split_values, 3, true },
};
static const int64_t fake_split_seeds[] = { 1 };

static const char *fake_split_valid(const struct point *point)
{
    return point->problem->field.gemm.k < point->param[0] ? "each slice needs a part of k" : NULL;
}

static void fake_split_resources(const struct point *point, struct resources *out)
{
    const struct gemm_fields *gemm = &point->problem->field.gemm;
    int64_t slices = point->param[0];
    *out =
        (struct resources){ .work_items = 1, .workspace_bytes = slices > 1 ? 4 * slices * gemm->m * gemm->n : 0 };
}

static double fake_split_model(const struct point *point)
{
    const struct gemm_fields *gemm = &point->problem->field.gemm;
    return 30e-9 * (double)gemm->m * (double)gemm->n * (double)gemm->k;
}

static const struct family fake_split = {
    .name = "fake_split",
    .op = OP_GEMM,
    .doc = "slices of k",
    .params = fake_split_params,
    .param_count = 1,
    .texts = fake_texts,
    .text_count = 1,
    .seeds = fake_split_seeds,
    .seed_count = 1,
    .valid = fake_split_valid,
    .resources = fake_split_resources,
    .model = fake_split_model,
};

const struct family *const families[] = { &fake_split, &fake_tile };
const int family_count = 2;

#endif
