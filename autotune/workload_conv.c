/* Convolution as a workload: operands x, filter, y, bias and residual as dense tensors; the direction's one is the output. */
#include "workload_op.h"

#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "conv_prepared.h"
#include "op_conv.h"
#include "reference/conv.h"

enum { OPERAND_X, OPERAND_FILTER, OPERAND_Y, OPERAND_EXTRA };

static const struct conv_fields *fields_of(const struct workload *w)
{
    return &w->problem.field.conv;
}

/* The extents of a tensor by image, channel, row and column. */
struct extents {
    int64_t size[4];
    bool channels_last;
};

static struct extents extents_of(const struct workload *w, int operand)
{
    const struct conv_fields *f = fields_of(w);
    switch (operand) {
    case OPERAND_X:
        return (struct extents){ { f->n, f->c, f->h, f->w }, f->nhwc != 0 };
    case OPERAND_FILTER:
        return (struct extents){ { f->k, f->c / f->groups, f->r, f->s }, f->krsc != 0 };
    default: /* y, and the residual */
        return (struct extents){ { f->n, f->k, conv_rows(f), conv_columns(f) }, f->nhwc != 0 };
    }
}

struct conv_prepared {
    const struct family *family; /* whose parameters the filters are prepared for; NULL: none are */
    int64_t param[FAMILY_PARAMS_MAX];
    hpck_conv_filter *filter[]; /* of each set */
};

static void release_prepared(struct workload *w)
{
    struct conv_prepared *p = w->state;
    for (int i = 0; p != NULL && i < w->options.copies; i++) {
        conv_filter_free(p->filter[i]);
        p->filter[i] = NULL;
    }
    if (p != NULL) p->family = NULL;
}

static void conv_release(struct workload *w)
{
    release_prepared(w);
    free(w->state);
}

/* One matrix for each image, its rows along the last dimension in memory. */
static struct workload_operand tensor(const struct workload *w, const char *name, int operand)
{
    const struct extents x = extents_of(w, operand);
    return (struct workload_operand){
        .name = name,
        .dtype = (enum reference_dtype)w->problem.dtype_in,
        .is_dense = true,
        .count = x.size[0],
        .rows = x.channels_last ? x.size[2] * x.size[3] : x.size[1] * x.size[2],
        .columns = x.channels_last ? x.size[1] : x.size[3],
    };
}

static int residual_operand(const struct workload *w)
{
    return OPERAND_EXTRA + (fields_of(w)->bias != 0);
}

static hpck_status conv_declare(struct workload *w, struct error *err)
{
    static const int written[] = {
        [CONV_FORWARD] = OPERAND_Y,
        [CONV_BACKWARD_DATA] = OPERAND_X,
        [CONV_BACKWARD_FILTER] = OPERAND_FILTER,
    };
    const struct conv_fields *f = fields_of(w);
    hpck_status st = HPCK_OK;
    HPCK_TRY(problem_check(&w->problem, err));
    w->operand[OPERAND_X] = tensor(w, "x", OPERAND_X);
    w->operand[OPERAND_FILTER] = tensor(w, "filter", OPERAND_FILTER);
    w->operand[OPERAND_Y] = tensor(w, "y", OPERAND_Y);
    w->operand_count = OPERAND_EXTRA;
    if (f->bias)
        w->operand[w->operand_count++] = (struct workload_operand){
            .name = "bias",
            .dtype = (enum reference_dtype)w->problem.dtype_in,
            .is_dense = true,
            .count = 1,
            .rows = 1,
            .columns = f->k,
        };
    if (f->residual) w->operand[w->operand_count++] = tensor(w, "residual", OPERAND_Y);
    w->operand[written[f->direction]].is_output = true;
done:
    return st;
}

static void describe(const struct workload *w, int set, hpck_conv_desc *desc)
{
    const struct conv_fields *f = fields_of(w);
    *desc = (hpck_conv_desc)HPCK_CONV_DESC_INIT;
    desc->direction = (hpck_conv_direction)f->direction;
    desc->dtype = w->problem.dtype_in;
    desc->layout = f->nhwc ? HPCK_NHWC : HPCK_NCHW;
    desc->filter_layout = f->krsc ? HPCK_KRSC : HPCK_KCRS;
    desc->n = f->n;
    desc->c = f->c;
    desc->h = f->h;
    desc->w = f->w;
    desc->k = f->k;
    desc->r = f->r;
    desc->s = f->s;
    desc->pad_top = f->pad_top;
    desc->pad_bottom = f->pad_bottom;
    desc->pad_left = f->pad_left;
    desc->pad_right = f->pad_right;
    desc->stride_h = f->stride_h;
    desc->stride_w = f->stride_w;
    desc->dilation_h = f->dilation_h;
    desc->dilation_w = f->dilation_w;
    desc->groups = f->groups;
    desc->activation = (hpck_activation)f->activation;
    desc->math = f->exact_sums ? HPCK_CONV_EXACT_SUMS : HPCK_CONV_ANY;
    if (f->bias) desc->bias = workload_buffer(w, OPERAND_EXTRA, set);
    if (f->residual) desc->residual = workload_buffer(w, residual_operand(w), set);
}

/* The prepared filter of a set for the plan, made at the plan's first run. */
static hpck_status prepare(struct workload *w, hpck_plan *plan, int set, hpck_conv_desc *desc, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct conv_prepared *p = w->state;
    if (p == NULL) {
        p = calloc(1, sizeof *p + (size_t)w->options.copies * sizeof p->filter[0]);
        if (p == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "workload: no memory for prepared filters");
        w->state = p;
    }
    if (plan == NULL) HPCK_TRY(workload_device_error(w, plan_get(w->handle, &w->problem, &plan), err));
    const struct choice *choice = plan_choice(plan);
    if (p->family != choice->family || memcmp(p->param, choice->param, sizeof p->param) != 0) {
        release_prepared(w);
        for (int i = 0; i < w->options.copies; i++) {
            hpck_plan *own = NULL;
            HPCK_TRY(workload_device_error(
                w, plan_force(w->handle, &w->problem, choice->family, choice->param, &own), err));
            st = conv_filter_make(w->handle, own, true, workload_buffer(w, OPERAND_FILTER, i), &p->filter[i]);
            if (st != HPCK_OK) plan_free(own);
            HPCK_TRY(workload_device_error(w, st, err));
        }
        p->family = choice->family;
        memcpy(p->param, choice->param, sizeof p->param);
    }
    desc->prepared = p->filter[set];
done:
    return st;
}

static void conv_traits(struct workload *w)
{
    uint64_t bits = CONV_ALIGN_MAX;
    for (int i = OPERAND_X; i <= OPERAND_Y; i++)
        bits |= (uint64_t)w->operand[i].first * reference_bytes(w->operand[i].dtype);
    w->problem.field.conv.align = (int64_t)(bits & (~bits + 1));
}

static hpck_status conv_run(struct workload *w, hpck_plan *plan, int set, struct error *err)
{
    hpck_conv_desc desc;
    hpck_status st = HPCK_OK;
    describe(w, set, &desc);
    if (fields_of(w)->prepared) HPCK_TRY(prepare(w, plan, set, &desc, err));
    st = conv_execute(w->handle, plan, &desc, w->options.alpha, workload_buffer(w, OPERAND_X, set),
                      workload_buffer(w, OPERAND_FILTER, set), w->options.beta, workload_buffer(w, OPERAND_Y, set),
                      NULL);
    HPCK_TRY(workload_device_error(w, st, err));
done:
    return st;
}

/* ---- the oracle ------------------------------------------------------------------------------------------- */

static struct reference_tensor reference_of(const struct workload *w, int operand, int shape)
{
    const struct workload_operand *x = &w->operand[operand];
    const struct extents e = extents_of(w, shape);
    const int64_t *size = e.size;
    struct reference_tensor t = { .data = x->is_output ? x->initial : x->host, .offset = x->first };
    t.step[0] = size[1] * size[2] * size[3];
    t.step[1] = e.channels_last ? 1 : size[2] * size[3];
    t.step[2] = e.channels_last ? size[3] * size[1] : size[3];
    t.step[3] = e.channels_last ? size[1] : 1;
    return t;
}

static double conv_expect(const struct workload *w, const struct workload_operand *output, int64_t image,
                          int64_t row, int64_t column, double *bound)
{
    const struct conv_fields *f = fields_of(w);
    struct reference_conv reference = {
        .direction = (int)f->direction,
        .dtype = (enum reference_dtype)w->problem.dtype_in,
        .n = f->n,
        .c = f->c,
        .h = f->h,
        .w = f->w,
        .k = f->k,
        .r = f->r,
        .s = f->s,
        .pad_top = f->pad_top,
        .pad_left = f->pad_left,
        .p = conv_rows(f),
        .q = conv_columns(f),
        .stride_h = f->stride_h,
        .stride_w = f->stride_w,
        .dilation_h = f->dilation_h,
        .dilation_w = f->dilation_w,
        .groups = f->groups,
        .alpha = (double)w->options.alpha,
        .beta = (double)w->options.beta,
        .x = reference_of(w, OPERAND_X, OPERAND_X),
        .filter = reference_of(w, OPERAND_FILTER, OPERAND_FILTER),
        .y = reference_of(w, OPERAND_Y, OPERAND_Y),
        .activation = (int)f->activation,
        .may_transform = f->exact_sums == 0,
    };
    if (f->bias) {
        const struct workload_operand *bias = &w->operand[OPERAND_EXTRA];
        reference.bias = (struct reference_tensor){ bias->host, bias->first, { 0, 1, 0, 0 } };
    }
    if (f->residual) reference.residual = reference_of(w, residual_operand(w), OPERAND_Y);
    const struct extents e = extents_of(w, (int)(output - w->operand));
    const int64_t *size = e.size;
    const int64_t last = e.channels_last ? row % size[3] : column; /* the tensor's column */
    const int64_t channel = e.channels_last ? column : row / size[2];
    const int64_t line = e.channels_last ? row / size[3] : row % size[2];
    return reference_conv_value(&reference, (int64_t[]){ image, channel, line, last }, bound);
}

static int64_t conv_terms(const struct workload *w)
{
    const struct conv_fields *f = fields_of(w);
    const int64_t tap = f->exact_sums ? 1 : 60; /* the bound of the transforms costs more than the value */
    switch (f->direction) {
    case CONV_FORWARD:
        return f->c / f->groups * f->r * f->s * tap;
    case CONV_BACKWARD_DATA:
        return f->k / f->groups * f->r * f->s * tap;
    default:
        return f->n * conv_rows(f) * conv_columns(f) * tap;
    }
}

hpck_status workload_conv_operands(const struct workload *w, struct workload_conv_operands *out, struct error *err)
{
    if (w->problem.op != OP_CONV) return error_set(err, HPCK_UNSUPPORTED, "it is not a convolution");
    out->x = workload_host(w, OPERAND_X);
    out->filter = workload_host(w, OPERAND_FILTER);
    out->y = workload_host(w, OPERAND_Y);
    return HPCK_OK;
}

const struct workload_op workload_conv = {
    .op = OP_CONV,
    .declare = conv_declare,
    .traits = conv_traits,
    .run = conv_run,
    .expect = conv_expect,
    .terms = conv_terms,
    .release = conv_release,
};
