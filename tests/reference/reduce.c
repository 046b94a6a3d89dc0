/* Reductions by their definitions, with what the error bounds need summed along the way. */
#include "reduce.h"

#include "sum.h"

enum operation {
    SUM,
    PROD,
    MIN,
    MAX,
    MEAN,
    NORM1,
    NORM2,
    SUMSQ,
    LOGSUMEXP,
    ANY,
    ALL,
    ARGMIN,
    ARGMAX,
    MEANVAR,
    DOT,
    SOFTMAX,
    LOG_SOFTMAX,
    LAYERNORM,
    RMSNORM
}; /* = enum reduce_operation */

static const double UNIT = 0x1p-24;

/* ---- elements ------------------------------------------------------------------------------------------------ */

/* Walks over the elements in row-major order. */
struct walk {
    const struct reference_reduce *reduce;
    int64_t index[REFERENCE_REDUCE_DIMS];
    int64_t x, x2;
    bool is_over;
};

static struct walk walk_begin(const struct reference_reduce *r)
{
    struct walk walk = { .reduce = r, .x = r->x_first, .x2 = r->x2_first };
    for (int i = 0; i < r->dims; i++)
        walk.is_over |= r->extent[i] == 0;
    return walk;
}

static void walk_next(struct walk *walk)
{
    const struct reference_reduce *r = walk->reduce;
    for (int i = r->dims; i-- > 0;) {
        walk->x += r->x_step[i];
        walk->x2 += r->x2_step[i];
        if (++walk->index[i] < r->extent[i]) return;
        walk->x -= r->extent[i] * r->x_step[i];
        walk->x2 -= r->extent[i] * r->x2_step[i];
        walk->index[i] = 0;
    }
    walk->is_over = true;
}

static double element(const struct walk *walk)
{
    return reference_load(walk->reduce->x, walk->reduce->dtype_in, walk->x);
}

static double element2(const struct walk *walk)
{
    return reference_load(walk->reduce->x2, walk->reduce->dtype_in, walk->x2);
}

static int64_t count_of(const struct reference_reduce *r)
{
    int64_t count = 1;
    for (int i = 0; i < r->dims; i++)
        count *= r->extent[i];
    return count;
}

static int64_t log2_of(int64_t count)
{
    return count > 1 ? ilogb((double)count) : 0;
}

/* Additions that a term takes part in. Rows: 3 in a tile, 8 tiles of a block, 128 lanes, and blocks as a tree. Else tiles of 8, chains of 64 of
 * them and of what these come to, one for each segment at most, or trees of blocks. Segments are what the fastest reduced dimension
 * leaves. Never more than there are terms. */
static int64_t depth_of(const struct reference_reduce *r)
{
    const int64_t count = count_of(r);
    int64_t fastest = INT64_MAX, segments = count;
    for (int i = 0; i < r->dims; i++) {
        const int64_t step = r->x_step[i] < 0 ? -r->x_step[i] : r->x_step[i];
        if (r->extent[i] <= 1 || step == 0 || step > fastest) continue;
        fastest = step;
        segments = count / r->extent[i];
    }
    int64_t depth = 140 + count / 512 + segments + log2_of(count);
    if (r->is_row) depth = 20 + log2_of(count / 8192 + segments); /* no more blocks than that */
    return depth < count ? depth : count;
}

/* ---- statistics of all elements ------------------------------------------------------------------------------- */

struct sums {
    int64_t count;
    double sum, magnitude; /* of the terms: x, |x|, x * x, x * x2 */
    double largest;        /* of |term| */
};

static double term_of(const struct walk *walk)
{
    double x = element(walk);
    switch (walk->reduce->operation) {
    case NORM1:
        return fabs(x);
    case NORM2:
    case SUMSQ:
    case RMSNORM:
        return x * x;
    case DOT:
        return x * element2(walk);
    default:
        return x;
    }
}

/* Neumaier's sum: long rows must not lose what the bound resolves. */
static struct sums sums_of(const struct reference_reduce *r)
{
    struct sums s = { .count = count_of(r) };
    double lost = 0.0;
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk)) {
        double term = term_of(&walk);
        double sum = s.sum + term;
        lost += fabs(s.sum) >= fabs(term) ? s.sum - sum + term : term - sum + s.sum;
        s.sum = sum;
        s.magnitude += fabs(term);
        s.largest = fmax(s.largest, fabs(term));
    }
    if (isfinite(s.sum)) s.sum += lost;
    return s;
}

/* What rounding may do to the sum; products and absolute values bring one rounding of their own. */
static double sum_error(const struct reference_reduce *r, const struct sums *s)
{
    double flushed = FLT_MIN * (2.0 * (double)s->count + 8.0);
    if (!isfinite(s->magnitude)) return isfinite(s->sum) ? INFINITY : 0.0;
    if (s->magnitude * 1.01 > FLT_MAX) return INFINITY; /* an order of addition may overflow */
    if (!r->compensated) return reference_gamma(depth_of(r) + 3) * s->magnitude + flushed;
    double roundings = (double)s->count * 2.0 * UNIT;
    return 2.0 * UNIT * fabs(s->sum) + roundings * roundings * s->magnitude + flushed;
}

struct moments {
    int64_t count, depth;
    double mean, variance; /* divided by count */
    double first;          /* the first element, which kernels subtract */
    double reach;          /* the largest distance from it */
};

static struct moments moments_of(const struct reference_reduce *r)
{
    struct moments m = { .count = count_of(r), .depth = depth_of(r) };
    double sum = 0.0;
    double squares = 0.0;
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk)) {
        double x = element(&walk);
        if (walk.x == r->x_first) m.first = isfinite(x) ? x : 0.0;
        sum += x - m.first;
        m.reach = fmax(m.reach, fabs(x - m.first));
    }
    m.mean = m.first + sum / (double)m.count;
    if (!isfinite(m.reach)) { /* Inf has no distance from a mean */
        m.mean = NAN;
        m.reach = 0.0;
    }
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk))
        squares += (element(&walk) - m.mean) * (element(&walk) - m.mean);
    m.variance = squares / (double)m.count;
    return m;
}

/* A node of the tree adds weighted differences: four roundings each. */
static double mean_error(const struct moments *m)
{
    return reference_gamma(4 * m->depth + 8) * m->reach + 2.0 * UNIT * fabs(m->mean) + FLT_MIN;
}

static double variance_error(const struct moments *m)
{
    double gamma = reference_gamma(8 * m->depth + 16);
    double off = reference_gamma(4 * m->depth + 8) * m->reach;
    return gamma * (m->variance + sqrt(m->variance) * m->reach) + off * off + FLT_MIN;
}

struct exponentials {
    double largest, sum; /* sum of exp(x - largest) */
    bool has_nan;
};

static struct exponentials exponentials_of(const struct reference_reduce *r)
{
    struct exponentials e = { .largest = -INFINITY };
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk)) {
        double x = element(&walk);
        e.has_nan |= isnan(x);
        e.largest = fmax(e.largest, x);
    }
    if (!isfinite(e.largest)) return e;
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk))
        e.sum += exp(element(&walk) - e.largest);
    return e;
}

/* Relative: each node multiplies by two exponentials and adds; an exponent of up to 88 in size is off by a rounding. */
static double exponentials_error(const struct reference_reduce *r)
{
    return reference_gamma(8 * depth_of(r) + 200) + (double)count_of(r) * FLT_MIN;
}

/* ---- reductions ------------------------------------------------------------------------------------------------ */

static double log_sum_exp(const struct reference_reduce *r, double *error)
{
    struct exponentials e = exponentials_of(r);
    *error = 0.0;
    if (e.has_nan) return NAN;
    if (!isfinite(e.largest)) return e.largest;
    double log_sum = log(e.sum);
    *error = exponentials_error(r) + 4.0 * UNIT * fabs(log_sum) + 2.0 * UNIT * fabs(e.largest) +
             2.0 * UNIT * fabs(e.largest + log_sum) + FLT_MIN;
    return e.largest + log_sum;
}

static double product(const struct reference_reduce *r, double *error)
{
    double x = 1.0;
    double up = 0.0;   /* powers of two that only the large factors make */
    double down = 0.0; /* ... the small ones */
    bool is_plain = true;
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk)) {
        double factor = element(&walk);
        x *= factor;
        is_plain &= isfinite(factor) && factor != 0.0;
        if (isfinite(factor) && factor != 0.0) *(fabs(factor) > 1.0 ? &up : &down) += fabs(log2(fabs(factor)));
    }
    *error = is_plain ? reference_gamma(count_of(r) + 1) * fabs(x) + FLT_MIN : 0.0;
    if (up > 126.0 || down > 124.0) *error = INFINITY; /* some order overflows or underflows on the way */
    return x;
}

/* min, max and their indices: the first NaN, else the lowest index of the extreme. */
static double extreme(const struct reference_reduce *r, bool is_max, int64_t *place)
{
    double best = is_max ? -INFINITY : INFINITY;
    int64_t index = 0;
    *place = 0;
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk), index++) {
        double x = element(&walk);
        bool is_better = (is_max ? x > best : x < best) || (isnan(x) && !isnan(best));
        if (!is_better) continue;
        best = x;
        *place = index;
    }
    return best;
}

static double truth(const struct reference_reduce *r, bool is_any)
{
    bool result = !is_any;
    for (struct walk walk = walk_begin(r); !walk.is_over; walk_next(&walk))
        result = is_any ? result || element(&walk) != 0.0 : result && element(&walk) != 0.0;
    return result ? 1.0 : 0.0;
}

static double plain(const struct reference_reduce *r, double *error)
{
    int64_t place;
    struct sums s;
    *error = 0.0;
    switch (r->operation) {
    case PROD:
        return product(r, error);
    case MIN:
    case ARGMIN:
        return extreme(r, false, &place);
    case MAX:
    case ARGMAX:
        return extreme(r, true, &place);
    case ANY:
        return truth(r, true);
    case ALL:
        return truth(r, false);
    case LOGSUMEXP:
        return log_sum_exp(r, error);
    default:
        break;
    }
    s = sums_of(r);
    *error = sum_error(r, &s);
    if (r->operation == MEAN) {
        *error = *error / (double)s.count + 2.0 * UNIT * reference_size(s.sum) / (double)s.count + FLT_MIN;
        return s.sum / (double)s.count;
    }
    if (r->operation == NORM2) { /* scaled: overflow and underflow have no part in it */
        double norm = sqrt(s.sum);
        *error = isfinite(norm) ? (0.5 * reference_gamma(depth_of(r) + 3) + 8.0 * UNIT) * norm + FLT_MIN : 0.0;
        return norm;
    }
    return s.sum;
}

static double rounded(const struct reference_reduce *r, double value, double error, double *bound)
{
    if (r->dtype_out != REFERENCE_F32 && isfinite(value))
        error += reference_rounding(r->dtype_out, fabs(value) + error);
    *bound = error;
    return value;
}

/* ---- normalisations --------------------------------------------------------------------------------------------- */

static double normalization(const struct reference_reduce *r, double *error)
{
    int64_t count = count_of(r);
    double x = reference_load(r->x, r->dtype_in, r->x_first + r->column * r->x_step[r->dims - 1]);
    double scale = r->scale ? reference_load(r->scale, r->dtype_in, r->scale_first + r->column) : 1.0;
    double shift = r->shift ? reference_load(r->shift, r->dtype_in, r->shift_first + r->column) : 0.0;
    double y, spread;
    if (r->operation == SOFTMAX || r->operation == LOG_SOFTMAX) {
        struct exponentials e = exponentials_of(r);
        double relative = exponentials_error(r);
        *error = 0.0;
        if (e.has_nan || !isfinite(e.largest)) return NAN;
        double distance = x - e.largest;
        if (r->operation == SOFTMAX) {
            y = exp(distance) / e.sum;
            *error = isfinite(distance) ? (relative + (fabs(distance) + 16.0) * UNIT) * y + 2.0 * FLT_MIN : FLT_MIN;
            return y;
        }
        y = distance - log(e.sum);
        *error =
            isfinite(y) ? relative + UNIT * (4.0 * fabs(log(e.sum)) + 2.0 * fabs(distance) + 2.0 * fabs(y)) : 0.0;
        return y;
    }
    double center = 0.0, center_error = 0.0;
    if (r->operation == LAYERNORM) {
        struct moments m = moments_of(r);
        center = m.mean;
        /* distances are taken from the first element, so the mean itself is not rounded */
        center_error = mean_error(&m) - 2.0 * UNIT * fabs(m.mean) + 2.0 * UNIT * m.reach;
        spread = m.variance + r->epsilon;
        *error = variance_error(&m);
    } else {
        struct sums s = sums_of(r);
        spread = s.sum / (double)count + r->epsilon;
        *error = sum_error(r, &s) / (double)count + 2.0 * UNIT * spread;
    }
    if (isnan(spread)) return NAN;
    double root = 1.0 / sqrt(spread);
    y = (x - center) * root * scale + shift;
    if (!(spread > *error)) { /* fp32 may see no spread, or overflow on the way to it */
        *error = INFINITY;
        return y;
    }
    double relative = 0.5 * *error / (spread - *error) + 10.0 * UNIT;
    *error = fabs(scale) * (center_error * root * (1.0 + relative) + relative * fabs((x - center) * root)) +
             4.0 * UNIT * (fabs((x - center) * root * scale) + fabs(shift)) + FLT_MIN * (1.0 + root + fabs(scale));
    return y;
}

/* ---- together ---------------------------------------------------------------------------------------------------- */

double reference_reduce_value(const struct reference_reduce *r, enum reference_reduce_output output, double *bound)
{
    double error;
    double value;
    int64_t place;
    *bound = 0.0;
    if (output == REFERENCE_REDUCE_INDEX) {
        extreme(r, r->operation == ARGMAX, &place);
        return (double)place;
    }
    if (r->operation == MEANVAR) {
        struct moments m = moments_of(r);
        if (output == REFERENCE_REDUCE_Y) return rounded(r, m.mean, mean_error(&m), bound);
        double divisor = (double)m.count - r->correction;
        double stretch = (double)m.count / divisor;
        if (divisor <= 0.0) return NAN;
        return rounded(r, m.variance * stretch, (variance_error(&m) + 4.0 * UNIT * m.variance) * stretch, bound);
    }
    if (r->operation >= SOFTMAX) {
        value = normalization(r, &error);
        return rounded(r, value, error, bound);
    }
    value = plain(r, &error);
    double old = r->beta != 0.0 ? r->beta * reference_load(r->y_in, r->dtype_out, r->y_index) : 0.0;
    double scaled = r->alpha * value;
    if (r->alpha != 1.0 || r->beta != 0.0)
        error = (isinf(error) ? INFINITY : fabs(r->alpha) * error) +
                3.0 * UNIT * (reference_size(scaled) + fabs(old)) + FLT_MIN;
    return rounded(r, scaled + old, error, bound);
}
