/* mma.sync and the matrix loads and stores of a warp (PTX ISA 9.7.14.5). Fragments: with group g = lane / 4, thread t = lane % 4
 * and e elements per 32-bit register, register r of A holds row g + 8 (r % 2) and columns e t + 4 e (r / 2), register r of B rows
 * e t + 4 e r of column g, and the accumulators rows g and g + 8, columns 2 t and 2 t + 1 (figures of 9.7.14.5.4 to .8). Products
 * are accumulated in float, in the order of k; the order of a tensor core is unspecified. */
#include <string.h>

#include "access.h"
#include "decode.h"
#include "half.h"
#include "mma.h"
#include "traffic.h"
#include "undefined.h"

enum { M = 16, N = 8, MAX_K = 16 };

struct mma {
    char kind; /* 'f' half, 'h' bfloat16, 't' tf32 */
    uint32_t k;
    uint32_t a, b, c; /* registers of A, B and of the accumulator */
    bool half_c, half_d;
};

static float element(char kind, uint32_t word, uint32_t j)
{
    if (kind == 't') return as_float(word & ~0x1fffu); /* the lower 13 bits are not looked at */
    uint16_t half = (uint16_t)(word >> 16 * j);
    return kind == 'h' ? bfloat_to_float(half) : half_to_float(half);
}

/* As lane 4 g + t has columns 2 t and 2 t + 1 of row g, two registers laid together lane by lane are 8 rows of C or D. */
static void read_accumulator(struct warp *warp, const struct op *op, uint32_t first, bool half, float c[M][N])
{
    for (uint32_t h = 0; h < 2; h++) {
        float *rows = c[8 * h];
        if (half) {
            const uint32_t *pairs = ROW(const uint32_t, first + h);
            for (uint32_t lane = 0; lane < LANES; lane++) {
                rows[2 * lane] = half_to_float((uint16_t)pairs[lane]);
                rows[2 * lane + 1] = half_to_float((uint16_t)(pairs[lane] >> 16));
            }
        } else {
            const float *even = ROW(const float, first + 2 * h), *odd = ROW(const float, first + 2 * h + 1);
            for (uint32_t lane = 0; lane < LANES; lane++) {
                rows[2 * lane] = even[lane];
                rows[2 * lane + 1] = odd[lane];
            }
        }
    }
}

static void write_accumulator(struct warp *warp, const struct op *op, bool half, float d[M][N])
{
    for (uint32_t h = 0; h < 2; h++) {
        const float *rows = d[8 * h];
        if (half) {
            uint32_t *pairs = ROW(uint32_t, h);
            for (uint32_t lane = 0; lane < LANES; lane++)
                pairs[lane] = float_to_half(rows[2 * lane], ROUND_NEAREST) |
                              (uint32_t)float_to_half(rows[2 * lane + 1], ROUND_NEAREST) << 16;
        } else {
            float *even = ROW(float, 2 * h), *odd = ROW(float, 2 * h + 1);
            for (uint32_t lane = 0; lane < LANES; lane++) {
                even[lane] = rows[2 * lane];
                odd[lane] = rows[2 * lane + 1];
            }
        }
    }
}

/* A register's elements as floats: e of each lane, in the order of the lanes. As lane 4 g + t holds columns e t and on of row g,
 * that is 8 rows of 4 e columns. */
static void unpack(char kind, const uint32_t *row, float *elements)
{
    uint16_t halves[2 * LANES];
    memcpy(halves, row, sizeof halves);
    if (kind == 't')
        for (uint32_t i = 0; i < LANES; i++)
            elements[i] = element(kind, row[i], 0);
    else if (kind == 'h')
        for (uint32_t i = 0; i < 2 * LANES; i++)
            elements[i] = bfloat_to_float(halves[i]);
    else
        for (uint32_t i = 0; i < 2 * LANES; i++)
            elements[i] = half_to_float(halves[i]);
}

void mma_shadow(struct warp *warp, const struct op *op, const struct mma_registers *registers)
{
    const uint32_t first_b = op->defs + registers->a, first_c = first_b + registers->b, sums = registers->m / 4;
    uint32_t rows = 0, columns = 0;
    bool any = false;
    struct origin origin = { 0 };
    for (uint32_t k = op->defs; k < (uint32_t)op->defs + op->uses; k++) {
        uint32_t lanes = undefined_lanes(warp, op, k);
        if (lanes != 0) origin = *undefined_origin(warp, op, k), any = true;
        for (; lanes != 0 && k < first_c; lanes &= lanes - 1) {
            uint32_t g = (uint32_t)__builtin_ctz(lanes) / 4;
            if (k < first_b)
                rows |= 1u << (g + (registers->m == M ? 8 * ((k - op->defs) % 2) : 0));
            else
                columns |= 1u << g;
        }
    }
    if (!any) {
        undefined_clear(warp, op, FULL_MASK);
        return;
    }
    origin.computed = true;
    uint64_t c[M][N] = { { 0 } };
    for (int lane = 0; lane < LANES; lane++)
        for (uint32_t i = 0; i < sums; i++) {
            uint32_t row = (uint32_t)lane / 4 + 8 * (i / 2), column = 2 * ((uint32_t)lane % 4) + i % 2;
            uint64_t bits = undefined_get(warp, op, first_c + (registers->half_c ? i / 2 : i), lane);
            if (registers->half_c) bits = bits >> 16 * (i % 2) & 0xffff;
            c[row][column] = bits != 0 || (rows >> row & 1) || (columns >> column & 1);
        }
    for (int lane = 0; lane < LANES; lane++)
        for (uint32_t i = 0; i < sums; i++) {
            const uint64_t *pair = &c[(uint32_t)lane / 4 + 8 * (i / 2)][2 * ((uint32_t)lane % 4)];
            if (!registers->half_d)
                undefined_set(warp, op, i, lane, pair[i % 2] != 0 ? UINT64_MAX : 0, &origin);
            else if (i % 2 == 0)
                undefined_set(warp, op, i / 2, lane, (pair[0] != 0 ? 0xffff : 0) | (pair[1] != 0 ? 0xffff0000 : 0),
                              &origin);
        }
    undefined_settle(warp, op);
}

/* C += A B for 8 rows. Products of these types are exact in float, so that nothing is lost by rounding them before they are added. */
static void multiply_add(float (*a)[MAX_K], const eight *b, uint32_t k_count, float (*c)[N])
{
    eight sum[M / 2];
    memcpy(sum, c, sizeof sum);
    for (uint32_t k = 0; k < k_count; k++)
        for (uint32_t i = 0; i < M / 2; i++)
            sum[i] += a[i][k] * b[k];
    memcpy(c, sum, sizeof sum);
}

HANDLER(mma)
{
    (void)mask;
    const struct mma *shape = op->detail;
    const uint32_t columns = shape->kind == 't' ? 4 : 8, first_a = op->defs, first_b = first_a + shape->a;
    float a[M][MAX_K], c[M][N], part[2 * LANES];
    eight b[MAX_K];
    for (uint32_t r = 0; r < shape->a; r++) {
        unpack(shape->kind, ROW(const uint32_t, first_a + r), part);
        for (uint32_t g = 0; g < 8; g++)
            memcpy(&a[g + 8 * (r % 2)][columns * (r / 2)], &part[columns * g], columns * sizeof *part);
    }
    for (uint32_t r = 0; r < shape->b; r++) {
        unpack(shape->kind, ROW(const uint32_t, first_b + r), part);
        for (uint32_t i = 0; i < columns; i++)
            for (uint32_t g = 0; g < N; g++)
                b[columns * r + i][g] = part[columns * g + i];
    }
    read_accumulator(warp, op, first_b + shape->b, shape->half_c, c);
    for (uint32_t h = 0; h < 2; h++)
        multiply_add(&a[8 * h], b, shape->k, &c[8 * h]);
    write_accumulator(warp, op, shape->half_d, c);
    if (warp->undefined == NULL) return;
    const struct mma_registers registers = {
        .m = M, .a = shape->a, .b = shape->b, .c = shape->c, .half_c = shape->half_c, .half_d = shape->half_d
    };
    mma_shadow(warp, op, &registers);
}

bool mma_decode_operands(struct decoder *decoder, const uint32_t counts[4], int width)
{
    for (uint32_t i = 0; i < 4; i++) {
        const struct ptx_operand *operand = decode_operand(decoder, i);
        if (operand == NULL) return false;
        if ((operand->kind == PTX_VECTOR ? operand->count : 1) != counts[i]) {
            decode_fail(decoder, "operand %u has to have %u registers", i + 1, counts[i]);
            return false;
        }
        decode_vector(decoder, operand, width, i == 0);
    }
    return true;
}

static void decode_mma(struct decoder *decoder, struct opcode_words *words)
{
    const char *opcode = decoder->source->opcode;
    if (strstr(opcode, ".s32.") != NULL || strstr(opcode, ".f64.") != NULL) {
        decode_mma_exact(decoder, words);
        return;
    }
    struct mma *shape = arena_alloc(&decoder->module->arena, sizeof *shape);
    shape->k = words_take(words, "m16n8k16")  ? 16
               : words_take(words, "m16n8k8") ? 8
               : words_take(words, "m16n8k4") ? 4
                                              : 0;
    bool plain = words_take(words, "sync") && words_take(words, "aligned") && words_take(words, "row") &&
                 words_take(words, "col");
    struct type d = words_take_type(words), a = words_take_type(words), b = words_take_type(words),
                c = words_take_type(words);
    bool known = a.kind == b.kind && a.bits == b.bits && d.kind == 'f' && c.kind == 'f' &&
                 ((a.kind == 'f' && a.bits == 16 && shape->k >= 8) || (a.kind == 'h' && shape->k >= 8) ||
                  (a.kind == 't' && shape->k != 16 && shape->k != 0)) &&
                 (d.bits == 32 || a.kind == 'f') && (c.bits == 32 || a.kind == 'f') && d.bits <= 32 && c.bits <= 32;
    if (!plain || !known) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    uint32_t per_register = a.kind == 't' ? 1 : 2;
    shape->kind = a.kind;
    shape->a = M * shape->k / LANES / per_register;
    shape->b = N * shape->k / LANES / per_register;
    shape->half_c = c.bits == 16;
    shape->half_d = d.bits == 16;
    shape->c = shape->half_c ? 2 : 4;
    const uint32_t counts[] = { shape->half_d ? 2 : 4, shape->a, shape->b, shape->c };
    if (!mma_decode_operands(decoder, counts, 32)) return;
    decoder->op->run = mma;
    decoder->op->detail = shape;
    decoder->op->control = CONTROL_CONVERGE;
    decoder->op->class = CLASS_MMA;
}

/* Matrix q of ldmatrix and stmatrix has its row addresses in lanes 8 q to 8 q + 7; lane l holds elements 2 (l % 4) and the next of
 * row l / 4, or with .trans of column l / 4. op->flags: .trans */
static void fragment_to_matrix(const uint32_t *fragment, bool transposed, uint16_t matrix[8][8])
{
    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint32_t j = 0; j < 2; j++) {
            uint32_t row = lane / 4, column = 2 * (lane % 4) + j;
            uint16_t value = (uint16_t)(fragment[lane] >> 16 * j);
            *(transposed ? &matrix[column][row] : &matrix[row][column]) = value;
        }
}

static void matrix_to_fragment(uint16_t matrix[8][8], bool transposed, uint32_t *fragment)
{
    if (!transposed) {
        memcpy(fragment, matrix, ROW_BYTES);
        return;
    }
    for (uint32_t lane = 0; lane < LANES; lane++) {
        uint32_t row = lane / 4, column = 2 * (lane % 4);
        fragment[lane] = matrix[column][row] | (uint32_t)matrix[column + 1][row] << 16;
    }
}

/* The lanes that hold row addresses ask for 16 bytes each. */
static void count_rows(struct warp *warp, const struct op *op, uint32_t k, uint32_t matrices)
{
    uint64_t address[LANES];
    for (int lane = 0; lane < LANES; lane++)
        address[lane] = access_address(warp, op, k, lane);
    traffic_request(warp, op, (uint32_t)((1ull << 8 * matrices) - 1), op->space, address, 16);
}

/* Where the rows are in host memory, in the order of the lanes that name them. */
static void find_rows(struct warp *warp, const struct op *op, const uint8_t *rows[LANES])
{
    const uint32_t k = op->defs, count = 8u * op->defs;
    uint64_t address[LANES] = { 0 }, bias;
    for (uint32_t i = 0; i < count; i++)
        address[i] = access_address(warp, op, k, (int)i);
    if (access_together(warp, SPACE_SHARED, extent_wide(address, count, 0), 16, &bias) &&
        op->space == SPACE_SHARED) {
        if (warp->launch->check) access_checked(warp, SPACE_SHARED, address, count, 16, ACCESS_READ);
        for (uint32_t i = 0; i < count; i++)
            rows[i] = (const uint8_t *)(uintptr_t)(bias + address[i]);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        rows[i] = access_host(warp, (int)i, op->space, address[i], 16, ACCESS_READ);
}

/* What is undefined in the rows is so in the fragments. */
static void load_unknown(struct warp *warp, const struct op *op, const uint8_t *const rows[LANES])
{
    uint64_t unknown[LANES][2], any = 0;
    for (uint32_t i = 0; i < 8u * op->defs; i++) {
        const uint8_t *defined = undefined_memory(warp, rows[i]);
        unknown[i][0] = undefined_bits(defined, 8);
        unknown[i][1] = undefined_bits(defined + 8, 8);
        any |= unknown[i][0] | unknown[i][1];
    }
    if (any == 0) {
        undefined_clear(warp, op, FULL_MASK);
        return;
    }
    for (uint32_t q = 0; q < op->defs; q++) {
        uint16_t matrix[8][8];
        uint32_t fragment[LANES];
        memcpy(matrix, unknown[8 * q], sizeof matrix);
        matrix_to_fragment(matrix, op->flags, fragment);
        for (int lane = 0; lane < LANES; lane++)
            undefined_read(warp, op, q, lane, fragment[lane], rows[8 * q], fragment[lane] != UINT32_MAX);
    }
    undefined_settle(warp, op);
}

HANDLER(load_matrix)
{
    (void)mask;
    const uint8_t *rows[LANES];
    uint16_t matrix[8][8];
    if (warp->launch->traffic != NULL) count_rows(warp, op, op->defs, op->defs);
    if (warp->undefined != NULL)
        undefined_use(warp, op, op->defs, (uint32_t)((1ull << 8 * op->defs) - 1), "an address");
    find_rows(warp, op, rows);
    for (uint32_t q = 0; q < op->defs; q++) {
        for (uint32_t row = 0; row < 8; row++)
            memcpy(matrix[row], rows[8 * q + row], sizeof matrix[row]);
        matrix_to_fragment(matrix, op->flags, ROW(uint32_t, q));
    }
    if (warp->undefined != NULL) load_unknown(warp, op, rows);
}

HANDLER(store_matrix)
{
    (void)mask;
    warp->launch->progress++;
    if (warp->launch->traffic != NULL) count_rows(warp, op, 0, op->uses - 1u);
    if (warp->undefined != NULL)
        undefined_use(warp, op, 0, (uint32_t)((1ull << 8 * (op->uses - 1u)) - 1), "an address");
    for (uint32_t q = 0; q + 1 < op->uses; q++) {
        uint16_t matrix[8][8];
        fragment_to_matrix(ROW(const uint32_t, 1 + q), op->flags, matrix);
        uint16_t unknown[8][8];
        if (undefined_in(warp, op, 1 + q)) fragment_to_matrix(SHADOW(const uint32_t, 1 + q), op->flags, unknown);
        for (uint32_t row = 0; row < 8; row++) {
            int lane = (int)(8 * q + row);
            uint64_t address = access_address(warp, op, 0, lane);
            uint8_t *host = access_host(warp, lane, op->space, address, 16, ACCESS_WRITE);
            memcpy(host, matrix[row], 16);
            uint8_t *defined = undefined_in(warp, op, 1 + q) ? undefined_memory(warp, host) : NULL;
            for (uint32_t at = 0; defined != NULL && at < 16; at++)
                defined[at] = (uint8_t) ~((const uint8_t *)unknown[row])[at];
        }
    }
}

static void decode_matrix(struct decoder *decoder, struct opcode_words *words, bool is_load)
{
    struct op *op = decoder->op;
    bool plain = words_take(words, "sync") && words_take(words, "aligned") && words_take(words, "m8n8") &&
                 words_take(words, "b16");
    uint32_t count = words_take(words, "x4") ? 4 : words_take(words, "x2") ? 2 : words_take(words, "x1") ? 1 : 0;
    op->flags = words_take(words, "trans");
    op->space = (uint8_t)access_take_space(words);
    if (op->space == SPACE_GENERIC) op->space = SPACE_SHARED;
    const struct ptx_operand *data = decode_operand(decoder, is_load ? 0 : 1),
                             *address = decode_operand(decoder, is_load);
    if (data == NULL || address == NULL) return;
    if (!plain || (data->kind == PTX_VECTOR ? data->count : 1) != count) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    if (!is_load) decode_address(decoder, address, SPACE_SHARED);
    decode_vector(decoder, data, 32, is_load);
    if (is_load) decode_address(decoder, address, SPACE_SHARED);
    op->run = is_load ? load_matrix : store_matrix;
    op->control = CONTROL_CONVERGE;
    op->class = CLASS_MATRIX_LOAD;
}

static void decode_load_matrix(struct decoder *decoder, struct opcode_words *words)
{
    decode_matrix(decoder, words, true);
}

static void decode_store_matrix(struct decoder *decoder, struct opcode_words *words)
{
    decode_matrix(decoder, words, false);
}

const struct family exec_mma_families[] = {
    { "mma", decode_mma }, { "ldmatrix", decode_load_matrix }, { "stmatrix", decode_store_matrix }, { NULL, NULL }
};
