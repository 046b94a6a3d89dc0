/* Drawing trials and running them. */
#include "trial.h"

#include <string.h>

#include "op_reduce.h"

enum { DRAWS_MAX = 200 }; /* tries to find a problem for which a point is legal */

uint64_t random_below(uint64_t *state, uint64_t below)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* A size next to a multiple of one parameter or of a product of two - whatever the family means by them, tiles are
 * among these - or any small one. */
static int64_t draw_size(const struct family *family, const int64_t *param, int64_t size_max, uint64_t *seed)
{
    const uint64_t params = (uint64_t)family->param_count;
    if (random_below(seed, 4) == 0)
        return 1 + (int64_t)random_below(seed, (uint64_t)(size_max < 40 ? size_max : 40));
    int64_t tile = param[random_below(seed, params)];
    if (random_below(seed, 2) == 0) tile *= param[random_below(seed, params)];
    const int64_t size = tile * (int64_t)(1 + random_below(seed, 3)) + (int64_t)random_below(seed, 3) - 1;
    return size >= 1 && size <= size_max ? size : 1 + (int64_t)random_below(seed, (uint64_t)size_max);
}

static void draw_gemm(const struct family *family, const int64_t *param, const struct problem *like,
                      int64_t size_max, uint64_t *seed, struct problem *problem)
{
    struct gemm_fields *f = &problem->field.gemm;
    f->trans_a = (int64_t)random_below(seed, 2);
    f->trans_b = (int64_t)random_below(seed, 2);
    f->m = draw_size(family, param, size_max, seed);
    f->n = draw_size(family, param, size_max, seed);
    f->k = random_below(seed, 16) == 0 ? 0 : draw_size(family, param, 3 * size_max, seed);
    f->batch = random_below(seed, 3) == 0 ? 1 + (int64_t)random_below(seed, 3) : 1;
    f->bias = (int64_t)random_below(seed, 2);
    f->activation = (int64_t)random_below(seed, 4);
    f->tf32 = problem->dtype_in == HPCK_F32 ? (int64_t)random_below(seed, 2) : 0;
    if (like == NULL) return;
    f->trans_a = like->field.gemm.trans_a;
    f->trans_b = like->field.gemm.trans_b;
    f->bias = like->field.gemm.bias;
    f->activation = like->field.gemm.activation;
    f->tf32 = like->field.gemm.tf32;
}

static void draw_epilogue(uint64_t *seed, struct conv_fields *f)
{
    if (f->direction != 0) return;
    f->bias = (int64_t)random_below(seed, 2);
    f->residual = (int64_t)random_below(seed, 2);
    f->activation = (int64_t)random_below(seed, 4);
}

static int64_t draw_up_to(int64_t most, uint64_t *seed)
{
    return 1 + (int64_t)random_below(seed, (uint64_t)most);
}

/* Every third problem is what networks are made of (a square filter, stride 1, dilation 1 or 2), the others are anything; every fourth of
 * these 1x1 without padding. exact_sums holds whatever does not transform to the bound of a dot product. */
static void draw_conv(const struct family *family, const int64_t *param, const struct problem *like,
                      int64_t size_max, uint64_t *seed, struct problem *problem)
{
    struct conv_fields *f = &problem->field.conv;
    const bool is_plain = random_below(seed, 3) == 0;
    const bool is_pointwise = !is_plain && random_below(seed, 4) == 0;
    const bool is_depthwise = random_below(seed, 3) == 0;
    const int64_t taps = is_pointwise ? 1 : 4;
    const uint64_t margins = is_pointwise ? 1 : 4;
    const int64_t channels = size_max < 80 ? size_max : 80;
    const int64_t pixels = size_max < 30 ? size_max : 30;
    f->direction = (int64_t)random_below(seed, 3);
    f->nhwc = (int64_t)random_below(seed, 2);
    f->krsc = (int64_t)random_below(seed, 2);
    f->n = draw_up_to(3, seed);
    f->groups = random_below(seed, 2) == 0 ? 1 : draw_up_to(3, seed);
    f->c = draw_size(family, param, channels, seed) * f->groups;
    f->k = draw_size(family, param, channels, seed) * f->groups;
    if (is_depthwise) {
        f->groups = f->c;
        f->k = f->c * draw_up_to(2, seed);
    }
    f->h = draw_up_to(pixels, seed);
    f->w = draw_up_to(pixels, seed);
    f->r = is_plain ? 3 : draw_up_to(taps, seed);
    f->s = is_plain ? 3 : draw_up_to(taps, seed);
    f->pad_top = (int64_t)random_below(seed, margins);
    f->pad_bottom = (int64_t)random_below(seed, margins);
    f->pad_left = (int64_t)random_below(seed, margins);
    f->pad_right = (int64_t)random_below(seed, margins);
    f->stride_h = is_plain ? 1 : draw_up_to(3, seed);
    f->stride_w = is_plain ? 1 : draw_up_to(3, seed);
    f->dilation_h = draw_up_to(is_plain ? 2 : 3, seed);
    f->dilation_w = draw_up_to(is_plain ? 2 : 3, seed);
    f->exact_sums = strstr(family->name, "winograd") == NULL;
    f->prepared = f->direction != 2 && random_below(seed, 3) == 0;
    draw_epilogue(seed, f);
    if (like != NULL) {
        const struct conv_fields *same = &like->field.conv;
        f->direction = same->direction;
        f->nhwc = same->nhwc;
        f->krsc = same->krsc;
        f->prepared = same->prepared;
        f->bias = same->bias;
        f->residual = same->residual;
        f->activation = same->activation;
    }
    *problem = problem_canonical(problem);
}

/* Extents by form, so that they are canonical: what is reduced and what is kept alternate. */
static void draw_reduce(const struct family *family, const int64_t *param, const struct problem *like,
                        int64_t size_max, uint64_t *seed, struct problem *problem)
{
    static const struct {
        int rank;
        int64_t axes;
    } shapes[] = { { 1, 1 }, { 2, 2 }, { 3, 5 }, { 2, 1 }, { 3, 2 }, { 4, 5 }, { 4, 10 }, { 5, 21 }, { 1, 0 } };
    struct reduce_fields *f = &problem->field.reduce;
    int64_t *extents = reduce_extents(problem);
    const size_t shape = random_below(seed, sizeof shapes / sizeof *shapes);
    f->operation = (int64_t)random_below(seed, REDUCE_OPERATION_COUNT);
    f->compensated = reduce_has_compensation(f->operation) ? (int64_t)random_below(seed, 2) : 0;
    f->rank = shapes[shape].rank;
    f->axes = shapes[shape].axes;
    if (like != NULL) {
        f->operation = like->field.reduce.operation;
        f->compensated = like->field.reduce.compensated;
    }
    if (reduce_is_normalization(f->operation)) {
        f->rank = 2;
        f->axes = 2;
    }
    for (int i = 0; i < f->rank; i++) {
        const int64_t most = f->rank <= 2 ? 8 * size_max : f->rank == 3 ? size_max : size_max / 4 + 2;
        extents[i] = draw_size(family, param, most, seed);
        if (i > 0 && f->rank == 2 && random_below(seed, 8) == 0) extents[i] *= 20; /* more than one block */
    }
    *problem = problem_canonical(problem);
    f->index64 = reduce_is_arg(f->operation) ? (int64_t)random_below(seed, 2) : 0;
    f->values = reduce_is_arg(f->operation) ? (int64_t)random_below(seed, 2) : 0;
    const bool is_affine = f->operation == REDUCE_LAYERNORM || f->operation == REDUCE_RMSNORM;
    f->scale = is_affine ? (int64_t)random_below(seed, 2) : 0;
    f->shift = is_affine ? (int64_t)random_below(seed, 2) : 0;
    if (like == NULL) return;
    f->index64 = like->field.reduce.index64;
    f->values = like->field.reduce.values;
    f->scale = like->field.reduce.scale;
    f->shift = like->field.reduce.shift;
}

/* A canonical problem for the point; like (may be NULL): one whose kernel shall serve again. */
static void (*const draw_problem[OP_COUNT])(const struct family *family, const int64_t *param,
                                            const struct problem *like, int64_t size_max, uint64_t *seed,
                                            struct problem *problem) = {
    [OP_CONV] = draw_conv,
    [OP_GEMM] = draw_gemm,
    [OP_REDUCE] = draw_reduce,
};

static void draw_options(uint64_t *seed, struct workload_options *options)
{
    static const float factors[][2] = { { 1, 0 }, { 1, 1 }, { -0.75F, 0 }, { 0.5F, -1.25F } };
    const uint64_t which = random_below(seed, 4);
    *options = (struct workload_options)WORKLOAD_OPTIONS_INIT;
    options->seed = random_below(seed, UINT64_MAX);
    options->alpha = factors[which][0];
    options->beta = factors[which][1];
    options->ld_pad = (int64_t)random_below(seed, 3) * 3;
    options->ld_multiple = random_below(seed, 2) == 0 ? 1 : 8;
    options->offset = (int64_t)random_below(seed, 3) * (random_below(seed, 2) == 0 ? 5 : 8);
    options->output_offset = (int64_t)random_below(seed, 2); /* inputs may be aligned where the output is not */
}

static bool draw_once(const struct family *family, const struct device_desc *device, const int64_t *param,
                      const struct trial *like, int64_t size_max, uint64_t *seed, struct trial *trial)
{
    const struct family_text *text = &family->texts[random_below(seed, (uint64_t)family->text_count)];
    memset(trial, 0, sizeof *trial);
    for (int i = 0; i < family->param_count; i++) {
        const struct param_desc *desc = &family->params[i];
        const uint64_t count = (uint64_t)desc->value_count;
        const uint64_t one = random_below(seed, count), two = random_below(seed, count);
        /* The smaller of two: small tiles have edges in small problems. */
        trial->param[i] = desc->run_time ? desc->values[one < two ? one : two] : param[i];
    }
    trial->problem.op = family->op;
    trial->problem.dtype_in = like != NULL ? like->problem.dtype_in : text->dtype_in;
    trial->problem.dtype_out = like != NULL ? like->problem.dtype_out : text->dtype_out;
    draw_problem[family->op](family, trial->param, like != NULL ? &like->problem : NULL, size_max, seed,
                             &trial->problem);
    draw_options(seed, &trial->options);
    workload_traits(&trial->problem, &trial->options);
    return problem_check(&trial->problem, NULL) == HPCK_OK &&
           select_rejection(family, device, text->dialect, &trial->problem, trial->param, INT64_MAX) == NULL;
}

bool trial_draw(const struct family *family, const struct device_desc *device, const int64_t *param,
                const struct trial *like, int64_t size_max, uint64_t *seed, struct trial *trial)
{
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        if (draw_once(family, device, param, like, size_max, seed, trial)) return true;
    }
    return false;
}

hpck_status trial_verify(hpck_handle *handle, const struct family *family, const struct trial *trial,
                         struct error *err)
{
    hpck_status st = HPCK_OK;
    struct workload *workload = NULL;
    hpck_plan *plan = NULL;
    HPCK_TRY(workload_create(handle, &trial->problem, &trial->options, &workload, err));
    st = plan_force(handle, &trial->problem, family, trial->param, &plan);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(handle));
    HPCK_TRY(workload_verify(workload, plan, err));
done:
    plan_free(plan);
    workload_free(workload);
    return st;
}
