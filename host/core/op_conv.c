/* Convolution in the problem language: conv:fwd:f16:nhwc:n32c64h56w56k64r3s3:p1:s2:d1:g1:bias:relu */
#include "op_conv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conv_gemm.h"
#include "op.h"
#include "strbuf.h"

#define EXPECTED_DIRECTION "a direction (fwd, bwd_data or bwd_filter)"
#define EXPECTED_DTYPE     "a dtype (f32, f16 or bf16)"
#define EXPECTED_LAYOUT    "a layout (nchw or nhwc)"
#define EXPECTED_SIZES     "the sizes n, c, h, w, k, r and s, each from 0 to 9223372036854775807"
#define EXPECTED_SUFFIX                                                                                            \
    "p<padding>, s<stride>, d<dilation>, g<groups>, kcrs, krsc, prepared, bias, residual, relu, gelu or silu, "    \
    "each once"

static const char *const directions[] = {
    [CONV_FORWARD] = "fwd",
    [CONV_BACKWARD_DATA] = "bwd_data",
    [CONV_BACKWARD_FILTER] = "bwd_filter",
};
static const char *const activations[] = {
    [HPCK_IDENTITY] = "",
    [HPCK_RELU] = "relu",
    [HPCK_GELU] = "gelu",
    [HPCK_SILU] = "silu",
};
enum {
    DIRECTION_COUNT = sizeof directions / sizeof directions[0],
    ACTIVATION_COUNT = sizeof activations / sizeof activations[0]
};

static struct problem example(void)
{
    return (struct problem){ .op = OP_CONV,
                             .dtype_in = HPCK_F32,
                             .dtype_out = HPCK_F32,
                             .field.conv = { .nhwc = 1,
                                             .krsc = 1,
                                             .n = 1,
                                             .c = 64,
                                             .h = 56,
                                             .w = 56,
                                             .k = 64,
                                             .r = 3,
                                             .s = 3,
                                             .stride_h = 1,
                                             .stride_w = 1,
                                             .dilation_h = 1,
                                             .dilation_w = 1,
                                             .groups = 1,
                                             .align = CONV_ALIGN_MAX } };
}

/* ---- derived sizes ------------------------------------------------------------------------------------------ */

/* Positions of a filter of `taps` in `size` elements with padding, a stride apart; 0: it does not fit once, -1: the
 * numbers do not fit in int64. */
static int64_t positions(int64_t size, int64_t before, int64_t after, int64_t taps, int64_t stride,
                         int64_t dilation)
{
    int64_t padded, reach;
    if (__builtin_add_overflow(size, before, &padded) || __builtin_add_overflow(padded, after, &padded) ||
        __builtin_mul_overflow(dilation, taps - 1, &reach) || reach == INT64_MAX)
        return -1;
    return padded < reach + 1 ? 0 : (padded - reach - 1) / stride + 1;
}

int64_t conv_rows(const struct conv_fields *f)
{
    return positions(f->h, f->pad_top, f->pad_bottom, f->r, f->stride_h, f->dilation_h);
}

int64_t conv_columns(const struct conv_fields *f)
{
    return positions(f->w, f->pad_left, f->pad_right, f->s, f->stride_w, f->dilation_w);
}

/* ---- text --------------------------------------------------------------------------------------------------- */

static bool parse_direction(struct word word, struct conv_fields *f)
{
    for (int i = 0; i < DIRECTION_COUNT; i++) {
        if (!word_is(word, directions[i])) continue;
        f->direction = i;
        return true;
    }
    return false;
}

static bool parse_layout(struct word word, struct conv_fields *f)
{
    f->nhwc = word_is(word, "nhwc");
    f->krsc = f->nhwc;
    return f->nhwc || word_is(word, "nchw");
}

/* The word up to `separator` into *head, what follows it into *rest; false: it has none. */
static bool split(struct word word, char separator, struct word *head, struct word *rest)
{
    const char *at = word.length > 0 ? memchr(word.text, separator, word.length) : NULL;
    *head = word;
    *rest = word;
    if (at == NULL) return false;
    head->length = (size_t)(at - word.text);
    *rest = (struct word){ at + 1, word.length - head->length - 1 };
    return true;
}

/* "3", or "3x5" for rows and columns. */
static bool parse_pair(struct word word, int64_t *h, int64_t *w)
{
    struct word first, second;
    split(word, 'x', &first, &second);
    return word_size(first, h) && word_size(second, w);
}

/* "1", or "1+0" for before and after. */
static bool parse_margin(struct word word, int64_t *before, int64_t *after)
{
    struct word first, second;
    split(word, '+', &first, &second);
    return word_size(first, before) && word_size(second, after);
}

static bool parse_padding(struct word word, struct conv_fields *f)
{
    struct word rows, columns;
    split(word, 'x', &rows, &columns);
    return parse_margin(rows, &f->pad_top, &f->pad_bottom) && parse_margin(columns, &f->pad_left, &f->pad_right);
}

/* Each suffix once, in any order; `seen` has a bit per kind. */
static bool parse_suffix(struct word word, struct conv_fields *f, unsigned *seen)
{
    enum {
        PADDING = 1,
        STRIDE = 2,
        DILATION = 4,
        GROUPS = 8,
        FILTER = 16,
        BIAS = 32,
        RESIDUAL = 64,
        ACTIVATION = 128,
        PREPARED = 256
    };
    unsigned kind = 0;
    const struct word value = { word.text + 1, word.length > 0 ? word.length - 1 : 0 };
    if (word_is(word, "kcrs") || word_is(word, "krsc")) {
        kind = FILTER;
        f->krsc = word_is(word, "krsc");
    } else if (word_is(word, "prepared")) {
        kind = PREPARED;
        f->prepared = 1;
    } else if (word_is(word, "bias")) {
        kind = BIAS;
        f->bias = 1;
    } else if (word_is(word, "residual")) {
        kind = RESIDUAL;
        f->residual = 1;
    } else if (word.length > 1 && word.text[0] == 'p') {
        kind = parse_padding(value, f) ? PADDING : 0;
    } else if (word.length > 1 && word.text[0] == 'd') {
        kind = parse_pair(value, &f->dilation_h, &f->dilation_w) ? DILATION : 0;
    } else if (word.length > 1 && word.text[0] == 'g' && word_size(value, &f->groups)) {
        kind = GROUPS;
    } else if (word.length > 1 && word.text[0] == 's' && parse_pair(value, &f->stride_h, &f->stride_w)) {
        kind = STRIDE;
    }
    for (int i = 1; i < ACTIVATION_COUNT; i++) {
        if (!word_is(word, activations[i])) continue;
        kind = ACTIVATION;
        f->activation = i;
    }
    bool is_new = kind != 0 && (*seen & kind) == 0;
    *seen |= kind;
    return is_new;
}

static const char *parse(struct words *words, struct problem *problem, struct word *word)
{
    struct conv_fields *f = &problem->field.conv;
    int64_t *sizes[] = { &f->n, &f->c, &f->h, &f->w, &f->k, &f->r, &f->s };
    unsigned seen = 0;
    if (!words_next(words, word) || !parse_direction(*word, f)) return EXPECTED_DIRECTION;
    if (!words_next(words, word) || !word_dtypes(*word, problem)) return EXPECTED_DTYPE;
    if (!words_next(words, word) || !parse_layout(*word, f)) return EXPECTED_LAYOUT;
    if (!words_next(words, word) || !word_sizes(*word, "nchwkrs", sizes)) return EXPECTED_SIZES;
    while (words_next(words, word))
        if (!parse_suffix(*word, f, &seen)) return EXPECTED_SUFFIX;
    f->align = CONV_ALIGN_MAX; /* each tensor in a buffer of its own */
    return NULL;
}

static void print_pair(struct strbuf *text, char letter, int64_t h, int64_t w)
{
    strbuf_addf(text, ":%c%" PRId64, letter, h);
    if (w != h) strbuf_addf(text, "x%" PRId64, w);
}

static void print_margin(struct strbuf *text, int64_t before, int64_t after)
{
    strbuf_addf(text, "%" PRId64, before);
    if (after != before) strbuf_addf(text, "+%" PRId64, after);
}

static void print(const struct problem *problem, char *buffer, size_t size)
{
    const struct conv_fields *f = &problem->field.conv;
    struct strbuf text = { 0 };
    const bool is_known = f->direction >= 0 && f->direction < DIRECTION_COUNT;
    const bool is_active = f->activation > 0 && f->activation < ACTIVATION_COUNT;
    strbuf_addf(&text, "conv:%s:%s:%s", is_known ? directions[f->direction] : "?", dtype_name(problem->dtype_in),
                f->nhwc ? "nhwc" : "nchw");
    strbuf_addf(&text, ":n%" PRId64 "c%" PRId64 "h%" PRId64 "w%" PRId64 "k%" PRId64 "r%" PRId64 "s%" PRId64 ":p",
                f->n, f->c, f->h, f->w, f->k, f->r, f->s);
    print_margin(&text, f->pad_top, f->pad_bottom);
    if (f->pad_left != f->pad_top || f->pad_right != f->pad_bottom) {
        strbuf_add(&text, "x");
        print_margin(&text, f->pad_left, f->pad_right);
    }
    print_pair(&text, 's', f->stride_h, f->stride_w);
    print_pair(&text, 'd', f->dilation_h, f->dilation_w);
    strbuf_addf(&text, ":g%" PRId64, f->groups);
    if (f->krsc != f->nhwc) strbuf_add(&text, f->krsc ? ":krsc" : ":kcrs");
    if (f->prepared) strbuf_add(&text, ":prepared");
    if (f->bias) strbuf_add(&text, ":bias");
    if (f->residual) strbuf_add(&text, ":residual");
    if (is_active) strbuf_addf(&text, ":%s", activations[f->activation]);
    snprintf(buffer, size, "%s", text.text != NULL ? text.text : "");
    strbuf_free(&text);
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

/* True when the product of the factors does not fit in int64; a factor of 0 makes every product fit. */
static bool overflows(const int64_t *factors, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        if (factors[i] == 0) return false;
    for (int i = 0; i < count; i++)
        if (__builtin_mul_overflow(product, factors[i], &product)) return true;
    return false;
}

static const char *check_shape(const struct conv_fields *f)
{
    if (f->n < 0 || f->c < 0 || f->h < 0 || f->w < 0 || f->k < 0) return "n, c, h, w and k must not be negative";
    if (f->r < 1 || f->s < 1) return "the filter's r and s must be at least 1";
    if (f->pad_top < 0 || f->pad_bottom < 0 || f->pad_left < 0 || f->pad_right < 0)
        return "padding must not be negative";
    if (f->stride_h < 1 || f->stride_w < 1) return "strides must be at least 1";
    if (f->dilation_h < 1 || f->dilation_w < 1) return "dilations must be at least 1";
    if (f->groups < 1) return "groups must be at least 1";
    if (f->c % f->groups != 0) return "the channels c must be a multiple of groups";
    if (f->k % f->groups != 0) return "the channels k must be a multiple of groups";
    if (f->direction != CONV_FORWARD && (f->bias || f->residual || f->activation != HPCK_IDENTITY))
        return "bias, residual and activation belong to fwd only";
    if (f->direction == CONV_BACKWARD_FILTER && f->prepared) return "bwd_filter has no filter to prepare";
    return NULL;
}

static const char *check(const struct problem *problem)
{
    const struct conv_fields *f = &problem->field.conv;
    const char *rule = check_shape(f);
    if (rule != NULL) return rule;
    const int64_t bytes = (int64_t)dtype_bytes(problem->dtype_in);
    const int64_t p = conv_rows(f);
    const int64_t q = conv_columns(f);
    if (p < 0 || q < 0) return "the padded and dilated extents must fit in 63 bits";
    if (p == 0) return "the output needs at least one row: h + padding >= d * (r - 1) + 1";
    if (q == 0) return "the output needs at least one column: w + padding >= d * (s - 1) + 1";
    if (overflows((int64_t[]){ bytes, f->n, f->c, f->h, f->w }, 5)) return "the bytes of x must fit in 63 bits";
    if (overflows((int64_t[]){ bytes, f->k, f->c / f->groups, f->r, f->s }, 5))
        return "the bytes of the filter must fit in 63 bits";
    if (overflows((int64_t[]){ bytes, f->n, f->k, p, q }, 5)) return "the bytes of y must fit in 63 bits";
    if (overflows((int64_t[]){ 2, f->n, f->k, p, q, f->c / f->groups, f->r, f->s }, 8))
        return "the operations 2 * n * k * p * q * c / groups * r * s must fit in 63 bits";
    return NULL;
}

/* A filter of one row and one column is stored alike in both layouts. */
static struct problem canonical(const struct problem *problem)
{
    struct problem same = *problem;
    struct conv_fields *f = &same.field.conv;
    if (f->r == 1 && f->s == 1) f->krsc = f->nhwc;
    return same;
}

static double elements_x(const struct conv_fields *f)
{
    return (double)f->n * (double)f->c * (double)f->h * (double)f->w;
}

static double elements_y(const struct conv_fields *f)
{
    return (double)f->n * (double)f->k * (double)conv_rows(f) * (double)conv_columns(f);
}

static double elements_filter(const struct conv_fields *f)
{
    return (double)f->k * (double)(f->c / f->groups) * (double)f->r * (double)f->s;
}

/* Of the direct sum, products with padding included, as everybody counts: all directions do the same work. */
static double flops(const struct problem *problem)
{
    const struct conv_fields *f = &problem->field.conv;
    return 2.0 * elements_y(f) * (double)(f->c / f->groups) * (double)f->r * (double)f->s;
}

static double bytes(const struct problem *problem)
{
    const struct conv_fields *f = &problem->field.conv;
    const double y = elements_y(f);
    return (double)dtype_bytes(problem->dtype_in) *
           (elements_x(f) + elements_filter(f) + y + (f->bias ? (double)f->k : 0.0) + (f->residual ? y : 0.0));
}

/* What a kernel is built around must be the same: direction, layouts, whether groups split channels or make it
 * depthwise. Another stride, dilation or filter size counts like twice as much of one size, another epilogue like a
 * quarter; padding changes nothing. */
static double distance(const struct problem *pa, const struct problem *pb)
{
    const struct conv_fields *a = &pa->field.conv;
    const struct conv_fields *b = &pb->field.conv;
    if (a->direction != b->direction || a->nhwc != b->nhwc) return INFINITY;
    double sizes = size_doublings(a->n * conv_rows(a) * conv_columns(a), b->n * conv_rows(b) * conv_columns(b)) +
                   size_doublings(a->c / a->groups, b->c / b->groups) +
                   size_doublings(a->k / a->groups, b->k / b->groups) + size_doublings(a->groups, b->groups) +
                   0.5 * size_doublings(conv_columns(a), conv_columns(b));
    double forms = 1.0 * (a->r != b->r || a->s != b->s) +
                   1.0 * (a->stride_h != b->stride_h || a->stride_w != b->stride_w) +
                   1.0 * (a->dilation_h != b->dilation_h || a->dilation_w != b->dilation_w) +
                   0.5 * (a->prepared != b->prepared) + 0.25 * (a->krsc != b->krsc) + 0.25 * (a->bias != b->bias) +
                   0.25 * (a->residual != b->residual) + 0.25 * (a->activation != b->activation);
    return sizes + forms;
}

/* Some convolutions are products of matrices. */
static bool restate(const struct problem *problem, enum op_id op, struct problem *stated)
{
    struct conv_gemm gemm;
    if (op != OP_GEMM || !conv_as_gemm(problem, &gemm)) return false;
    *stated = (struct problem){ OP_GEMM, problem->dtype_in, problem->dtype_out, { .gemm = gemm.fields } };
    return true;
}

const struct op op_conv = {
    .example = example,
    .parse = parse,
    .print = print,
    .check = check,
    .canonical = canonical,
    .flops = flops,
    .bytes = bytes,
    .distance = distance,
    .restate = restate,
};
