/* See sum.h. */
#include "sum.h"

/* The exact sum x of terms of total size `total` where fp32 may overflow in some order of addition: x becomes Inf
 * where every order must overflow; returns the error that is left. */
static double overflow(double *x, double total, double gamma, double error)
{
    const double size = fabs(*x);
    if (isnan(*x)) return error;
    if (isinf(*x) || size < total * (1.0 - 1e-9)) return INFINITY; /* terms of both signs: NaN is possible too */
    if (size * (1.0 - gamma) <= FLT_MAX) return INFINITY;
    *x = copysign(INFINITY, *x);
    return error;
}

double reference_sum_finish(const struct reference_sum *s, const struct reference_finish *f, double *bound)
{
    const double scaled = f->alpha * s->sum;
    const double old = f->beta != 0.0 ? f->beta * f->old : 0.0;
    double x = scaled + old + f->bias + f->residual;

    const double alpha = reference_size(f->alpha), beta = reference_size(f->beta);
    const double gamma = reference_gamma(s->terms + 3 + (f->residual != 0.0));
    const double total =
        alpha * s->magnitude + reference_size(old) + reference_size(f->bias) + reference_size(f->residual);
    const double steps = 2.0 * (double)s->terms + 6.0; /* operations whose result may be flushed to 0 */
    double error = alpha * (s->flushed + f->extra) + FLT_MIN * (steps * (1.0 + alpha) + beta);
    if (total > 0.0) error += (gamma + (double)s->terms * DBL_EPSILON) * total;
    if (isinf(f->extra)) error = INFINITY; /* whatever alpha */
    const double peak = fmax(s->magnitude, total);
    if (peak > 0.0 && peak * (1.0 + gamma) > FLT_MAX) error = overflow(&x, total, gamma, error);
    if (isinf(f->alpha) && fabs(s->sum) <= gamma * s->magnitude) error = INFINITY; /* Inf times a 0 or a non-0 */

    const double y = reference_activation(f->activation, x, error, &error);
    if (f->dtype != REFERENCE_F32) error += reference_rounding(f->dtype, fabs(y) + error);
    *bound = error;
    return y;
}
