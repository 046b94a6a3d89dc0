/* mma.sync of 4- and 8-bit integers and of doubles (PTX ISA 9.7.14.5). With group g = lane / 4, thread t = lane % 4 and e elements per
 * register, register r of A holds row g + 8 (r % 2) and columns e t + 4 e (r / 2) and on, register r of B rows e t + 4 e r and on of
 * column g, and the accumulators rows g and g + 8, columns 2 t and 2 t + 1, as in exec_mma.c; where m is 8 there is no row g + 8. */
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "lanes.h"
#include "mma.h"
#include "undefined.h"

enum { M = 16, N = 8, MAX_K = 64 };

struct form {
    uint32_t m, k, bits; /* of an element */
    bool a_signed, b_signed, saturates, is_double;
    struct mma_registers registers;
};

static int32_t element(uint32_t word, uint32_t i, uint32_t bits, bool is_signed)
{
    uint32_t value = word << (32 - bits * (i + 1));
    return is_signed ? (int32_t)value >> (32 - bits) : (int32_t)(value >> (32 - bits));
}

static uint32_t row_of(const struct form *form, uint32_t lane, uint32_t r)
{
    return lane / 4 + (form->m == M ? 8 * (r % 2) : 0);
}

HANDLER(multiply_integers)
{
    (void)mask;
    const struct form *form = op->detail;
    const uint32_t per = 32 / form->bits, first_a = op->defs, first_b = first_a + form->registers.a;
    const uint32_t first_c = first_b + form->registers.b, halves = form->m / 8;
    int32_t a[M][MAX_K], b[N][MAX_K];
    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint32_t i = 0; i < per; i++) {
            uint32_t k = per * (lane % 4) + i;
            for (uint32_t r = 0; r < form->registers.a; r++)
                a[row_of(form, lane, r)][k + 4 * per * (r / halves)] =
                    element(ROW(const uint32_t, first_a + r)[lane], i, form->bits, form->a_signed);
            for (uint32_t r = 0; r < form->registers.b; r++)
                b[lane / 4][k + 4 * per * r] =
                    element(ROW(const uint32_t, first_b + r)[lane], i, form->bits, form->b_signed);
        }
    uint32_t d[4][LANES];
    for (uint32_t r = 0; r < form->registers.c; r++)
        for (uint32_t lane = 0; lane < LANES; lane++) {
            const int32_t *x = a[lane / 4 + 8 * (r / 2)], *y = b[2 * (lane % 4) + r % 2];
            int64_t sum = ROW(const int32_t, first_c + r)[lane];
            for (uint32_t k = 0; k < form->k; k++)
                sum += x[k] * y[k];
            if (form->saturates) sum = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum;
            d[r][lane] = (uint32_t)sum;
        }
    for (uint32_t r = 0; r < form->registers.c; r++)
        memcpy(ROW(uint32_t, r), d[r], sizeof d[r]);
    if (warp->undefined != NULL) mma_shadow(warp, op, &form->registers);
}

HANDLER(multiply_doubles)
{
    (void)mask;
    const struct form *form = op->detail;
    const uint32_t first_a = op->defs, first_b = first_a + form->registers.a, first_c = first_b + form->registers.b,
                   halves = form->m / 8;
    double a[M][M], b[N][M];
    for (uint32_t lane = 0; lane < LANES; lane++) {
        for (uint32_t r = 0; r < form->registers.a; r++)
            a[row_of(form, lane, r)][lane % 4 + 4 * (r / halves)] = ROW(const double, first_a + r)[lane];
        for (uint32_t r = 0; r < form->registers.b; r++)
            b[lane / 4][lane % 4 + 4 * r] = ROW(const double, first_b + r)[lane];
    }
    double d[4][LANES];
    for (uint32_t r = 0; r < form->registers.c; r++)
        for (uint32_t lane = 0; lane < LANES; lane++) {
            double sum = ROW(const double, first_c + r)[lane];
            for (uint32_t k = 0; k < form->k; k++)
                sum = __builtin_fma(a[lane / 4 + 8 * (r / 2)][k], b[2 * (lane % 4) + r % 2][k], sum);
            d[r][lane] = sum;
        }
    for (uint32_t r = 0; r < form->registers.c; r++)
        memcpy(ROW(double, r), d[r], sizeof d[r]);
    if (warp->undefined != NULL) mma_shadow(warp, op, &form->registers);
}

/* Of the next operand, in the order they are written. */
static uint32_t integer_bits(struct opcode_words *words, bool *is_signed)
{
    for (int i = 1; i < words->count; i++) {
        const char *word = words->word[i];
        bool named = (word[0] == 's' || word[0] == 'u') && (word[1] == '8' || word[1] == '4') && word[2] == '\0';
        if (words->used[i] || !named) continue;
        words->used[i] = true;
        *is_signed = word[0] == 's';
        return (uint32_t)(word[1] - '0');
    }
    return 0;
}

static bool take_shape(struct opcode_words *words, struct form *form)
{
    static const uint32_t shapes[][3] = {
        { 8, 16, 8 },  { 16, 16, 8 }, { 16, 32, 8 }, { 8, 32, 4 },  { 16, 32, 4 },
        { 16, 64, 4 }, { 8, 4, 64 },  { 16, 4, 64 }, { 16, 8, 64 }, { 16, 16, 64 }
    }; /* m, k, bits */
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char text[32];
        snprintf(text, sizeof text, "m%un8k%u", shapes[i][0], shapes[i][1]);
        if (shapes[i][2] != form->bits || !words_take(words, text)) continue;
        form->m = shapes[i][0], form->k = shapes[i][1];
        return true;
    }
    return false;
}

void decode_mma_exact(struct decoder *decoder, struct opcode_words *words)
{
    struct form *form = arena_alloc(&decoder->module->arena, sizeof *form);
    struct op *op = decoder->op;
    bool plain = words_take(words, "sync") && words_take(words, "aligned") && words_take(words, "row") &&
                 words_take(words, "col");
    form->saturates = words_take(words, "satfinite");
    form->is_double = words_take(words, "f64");
    form->bits = form->is_double ? 64 : 0;
    if (form->is_double) {
        words_take(words, "rn");
        plain = plain && words_take(words, "f64") && words_take(words, "f64") && words_take(words, "f64");
    } else {
        form->bits = integer_bits(words, &form->a_signed);
        plain = plain && form->bits == integer_bits(words, &form->b_signed);
        plain = plain && words_take(words, "s32") && words_take(words, "s32");
    }
    if (!plain || !take_shape(words, form)) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    const uint32_t per = form->is_double ? 1 : 32 / form->bits, sums = form->m / 4;
    form->registers = (struct mma_registers){
        .m = form->m, .a = form->m * form->k / LANES / per, .b = N * form->k / LANES / per, .c = sums
    };
    const uint32_t counts[] = { sums, form->registers.a, form->registers.b, sums };
    if (!mma_decode_operands(decoder, counts, form->is_double ? 64 : 32)) return;
    op->run = form->is_double ? multiply_doubles : multiply_integers;
    op->detail = form;
    op->control = CONTROL_CONVERGE;
    op->class = CLASS_MMA;
}
