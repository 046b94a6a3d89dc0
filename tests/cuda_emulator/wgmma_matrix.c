/* The arithmetic of wgmma and where its operands are in shared memory (PTX ISA 9.7.15.5.1, matrix descriptors and canonical layouts).
 * A piece is 16 bytes that lie together. K-major: 16 bytes of k of one row (of m or n), 8 rows make a core matrix; M- or N-major: 16 bytes
 * of rows of one k. Products are accumulated in float in the order of k; the order of a tensor core is unspecified. */
#include "wgmma.h"

#include <string.h>

#include "half.h"
#include "mma.h"
#include "undefined.h"

enum { PIECE = 16, HALF = 8 /* of the warp's rows: D has rows g and g + 8 in different registers */ };

struct descriptor {
    uint32_t start, leading, stride, width, mask;
    bool transposed; /* M- or N-major */
};

static struct descriptor descriptor_of(struct warp *warp, uint64_t bits, bool transposed)
{
    static const uint32_t widths[] = { 16, 128, 64, 32 },
                          masks[] = { 0, 7, 3, 1 }; /* by the swizzle mode, bits 62 and 63 */
    if (bits >> 49 & 7)
        launch_fault(warp, -1, 719, "a matrix base offset in descriptor %llx is not emulated",
                     (unsigned long long)bits);
    return (struct descriptor){ .start = (uint32_t)(bits & 0x3fff) << 4,
                                .leading = (uint32_t)(bits >> 16 & 0x3fff) << 4,
                                .stride = (uint32_t)(bits >> 32 & 0x3fff) << 4,
                                .width = widths[bits >> 62],
                                .mask = masks[bits >> 62],
                                .transposed = transposed };
}

/* The piece that begins with that row of m or n and that k; bytes: of an element. */
static const uint8_t *piece(struct warp *warp, struct wgmma_issue *issue, const struct descriptor *from,
                            uint32_t row, uint32_t k, uint32_t bytes)
{
    uint32_t address = from->start;
    if (!from->transposed) {
        uint32_t at = k * bytes;
        address +=
            row / 8 * from->stride + row % 8 * from->width + at % from->width + at / from->width * from->leading;
    } else if (from->mask == 0) { /* without swizzle the two distances change places */
        address += row * bytes / PIECE * from->stride + k / 8 * from->leading + k % 8 * PIECE;
    } else {
        uint32_t at = row * bytes;
        address += at / from->width * from->leading + at % from->width + k / 8 * from->stride + k % 8 * from->width;
    }
    address ^= (address >> 7 & from->mask) << 4;
    if (address < SHARED_BASE || address > warp->shared_end || PIECE > warp->shared_end - address)
        launch_fault(warp, -1, 700, "wgmma reads shared memory at 0x%x: the block has 0x%x to 0x%x", address,
                     SHARED_BASE, warp->shared_end);
    shadow_async(&issue->view, warp->block, address, PIECE, ACCESS_READ);
    return warp->shared + address;
}

/* Which of the piece's bytes are undefined, a bit for each. */
static uint32_t unknown_bytes(const struct warp *warp, const uint8_t *piece)
{
    const uint8_t *defined = warp->undefined != NULL ? undefined_memory(warp, piece) : NULL;
    uint32_t unknown = 0;
    for (uint32_t i = 0; defined != NULL && i < PIECE; i++)
        unknown |= (uint32_t)(defined[i] != 0xff) << i;
    return unknown;
}

static float eight_bits(uint8_t value, char kind)
{
    bool is_e4m3 = kind == '4';
    int mantissa_bits = is_e4m3 ? 3 : 2, bias = is_e4m3 ? 7 : 15;
    int exponent = (value & 0x7f) >> mantissa_bits, mantissa = value & ((1 << mantissa_bits) - 1);
    float sign = value & 0x80 ? -1.0f : 1.0f;
    if (is_e4m3 && (value & 0x7f) == 0x7f) return NAN;
    if (!is_e4m3 && exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexpf((float)mantissa, 1 - bias - mantissa_bits);
    return sign * ldexpf((float)(mantissa | 1 << mantissa_bits), exponent - bias - mantissa_bits);
}

/* The elements of a piece (or of registers) as floats. */
static void convert(const uint8_t *from, char kind, bool negate, float *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = 0;
        if (kind == 't') {
            memcpy(&word, from + 4 * i, 4);
            to[i] = as_float(word & ~0x1fffu);
        } else if (kind == 'f' || kind == 'h') {
            memcpy(&word, from + 2 * i, 2);
            to[i] = kind == 'h' ? bfloat_to_float((uint16_t)word) : half_to_float((uint16_t)word);
        } else {
            to[i] = eight_bits(from[i], kind);
        }
        if (negate) to[i] = -to[i];
    }
}

static uint32_t bytes_of(char kind)
{
    return kind == 't' ? 4 : kind == 'f' || kind == 'h' ? 2 : 1;
}

/* `rows` rows of m or n from the first: to[row][k]; and in unknown a bit for each with undefined elements. */
static void gather(struct warp *warp, struct wgmma_issue *issue, const struct descriptor *from, char kind,
                   bool negate, uint32_t first, uint32_t rows, float to[][WGMMA_K_MAX], uint32_t *unknown)
{
    const struct wgmma_form *form = issue->op->detail;
    const uint32_t bytes = bytes_of(kind), count = PIECE / bytes;
    float elements[PIECE];
    if (!from->transposed) {
        for (uint32_t row = 0; row < rows; row++)
            for (uint32_t k = 0; k < form->k; k += count) {
                const uint8_t *found = piece(warp, issue, from, first + row, k, bytes);
                convert(found, kind, negate, &to[row][k], count);
                if (unknown_bytes(warp, found) != 0) *unknown |= 1u << row;
            }
        return;
    }
    for (uint32_t row = 0; row < rows; row += count)
        for (uint32_t k = 0; k < form->k; k++) {
            const uint8_t *found = piece(warp, issue, from, first + row, k, bytes);
            const uint32_t undefined = unknown_bytes(warp, found);
            convert(found, kind, negate, elements, count);
            for (uint32_t i = 0; i < count; i++) {
                to[row + i][k] = elements[i];
                if (undefined >> i * bytes & ((1u << bytes) - 1)) *unknown |= 1u << (row + i);
            }
        }
}

/* A's fragment: as of mma.sync, register r holds row g + 8 (r % 2) and columns e t + 4 e (r / 2) and on (figure of 9.7.15.5.2). */
static void gather_registers(struct warp *warp, const struct op *op, bool negate, float to[][WGMMA_K_MAX],
                             uint32_t *unknown)
{
    const struct wgmma_form *form = op->detail;
    const uint32_t count = 4 / bytes_of(form->a_kind);
    for (uint32_t r = 0; r < form->a_rows; r++)
        for (uint32_t lane = 0; lane < LANES; lane++) {
            const uint8_t *from = (const uint8_t *)&ROW(const uint32_t, form->d_rows + r)[lane];
            if (undefined_in(warp, op, form->d_rows + r) &&
                undefined_get(warp, op, form->d_rows + r, (int)lane) != 0)
                *unknown |= 1u << (lane / 4 + 8 * (r % 2));
            convert(from, form->a_kind, negate, &to[lane / 4 + 8 * (r % 2)][count * (lane % 4 + 4 * (r / 2))],
                    count);
        }
}

/* d[p] += a b[p] for the 32 lanes: lane 4 g + t has row g of a and columns 2 t + p of b, so that b repeats after four lanes. Products of
 * these types are exact in float, so that nothing is lost by rounding them before they are added. */
static void multiply_add(float (*a)[LANES], float (*b)[2][8], uint32_t k_count, float *even, float *odd)
{
    eight x[4], y[4];
    memcpy(x, even, sizeof x);
    memcpy(y, odd, sizeof y);
    for (uint32_t k = 0; k < k_count; k++) {
        const eight *row = (const eight *)(const void *)a[k], *columns = (const eight *)(const void *)b[k];
        for (uint32_t g = 0; g < 4; g++) {
            x[g] += row[g] * columns[0];
            y[g] += row[g] * columns[1];
        }
    }
    memcpy(even, x, sizeof x);
    memcpy(odd, y, sizeof y);
}

static void unpack_halves(const uint32_t *row, float *even, float *odd)
{
    for (uint32_t i = 0; i < LANES; i++) {
        even[i] = half_to_float((uint16_t)row[i]);
        odd[i] = half_to_float((uint16_t)(row[i] >> 16));
    }
}

static void pack_halves(const float *even, const float *odd, uint32_t *row)
{
    for (uint32_t i = 0; i < LANES; i++)
        row[i] = float_to_half(even[i], ROUND_NEAREST) | (uint32_t)float_to_half(odd[i], ROUND_NEAREST) << 16;
}

/* Columns 8 j to 8 j + 7 of D: registers 4 j to 4 j + 3 as floats {row half, column parity}, 2 j and 2 j + 1 as halves. */
static void multiply_columns(struct warp *warp, const struct wgmma_issue *issue, uint32_t j,
                             float a[2][WGMMA_K_MAX][LANES], float (*b)[2][8])
{
    const struct op *op = issue->op;
    const struct wgmma_form *form = op->detail;
    for (uint32_t h = 0; h < 2; h++) {
        float spare[2][LANES] = { { 0 } }, *even = spare[0], *odd = spare[1];
        if (!form->half_d) {
            even = ROW(float, 4 * j + 2 * h);
            odd = ROW(float, 4 * j + 2 * h + 1);
            if (!issue->accumulate) {
                memset(even, 0, ROW_BYTES);
                memset(odd, 0, ROW_BYTES);
            }
        } else if (issue->accumulate) {
            unpack_halves(ROW(const uint32_t, 2 * j + h), even, odd);
        }
        multiply_add(a[h], b, form->k, even, odd);
        if (form->half_d) pack_halves(even, odd, ROW(uint32_t, 2 * j + h));
    }
}

/* A of one warp, spread over the lanes as D is: to[half][k][lane]. */
static void spread_a(struct warp *warp, struct wgmma_issue *issue, float to[2][WGMMA_K_MAX][LANES],
                     uint32_t *unknown)
{
    const struct wgmma_form *form = issue->op->detail;
    float rows[WGMMA_WARP_ROWS][WGMMA_K_MAX];
    if (form->a_in_registers) {
        gather_registers(warp, issue->op, form->negate_a, rows, unknown);
    } else {
        struct descriptor from = descriptor_of(warp, issue->a, form->transpose_a);
        gather(warp, issue, &from, form->a_kind, form->negate_a, warp->index % WARPGROUP * WGMMA_WARP_ROWS,
               WGMMA_WARP_ROWS, rows, unknown);
    }
    for (uint32_t h = 0; h < 2; h++)
        for (uint32_t k = 0; k < form->k; k++)
            for (uint32_t lane = 0; lane < LANES; lane++)
                to[h][k][lane] = rows[lane / 4 + HALF * h][k];
}

/* Columns 8 j to 8 j + 7 of D are undefined where their row of A or column of B is, and stay so where D is added to. */
static void spread_unknown(struct warp *warp, const struct wgmma_issue *issue, uint32_t j, uint32_t rows,
                           uint32_t columns)
{
    const struct op *op = issue->op;
    const struct wgmma_form *form = op->detail;
    const struct origin origin = { .op = op, .memory = "shared", .computed = true };
    for (uint32_t r = 0; r < 4; r++)
        for (uint32_t lane = 0; lane < LANES; lane++) {
            uint32_t k = form->half_d ? 2 * j + r / 2 : 4 * j + r, row = lane / 4 + HALF * (r / 2);
            uint64_t element = !form->half_d ? UINT32_MAX : r % 2 == 0 ? 0xffff : 0xffff0000;
            bool unknown = (rows >> row & 1) || (columns >> (2 * (lane % 4) + r % 2) & 1);
            uint64_t old = undefined_in(warp, op, k) ? undefined_get(warp, op, k, (int)lane) : 0;
            uint64_t kept = issue->accumulate ? ((old & element) != 0 ? element : 0) : 0;
            uint64_t bits = (old & ~element) | kept | (unknown ? element : 0);
            if (bits != old)
                undefined_set(warp, op, k, (int)lane, bits,
                              unknown || old == 0 ? &origin : undefined_origin(warp, op, k));
        }
}

void wgmma_multiply(struct warp *warps, struct wgmma_issue *const issues[WARPGROUP])
{
    const struct wgmma_form *form = issues[0]->op->detail;
    float a[WARPGROUP][2][WGMMA_K_MAX][LANES], columns[8][WGMMA_K_MAX], b[WGMMA_K_MAX][2][8];
    uint32_t unknown_rows[WARPGROUP] = { 0 };
    for (uint32_t w = 0; w < WARPGROUP; w++)
        spread_a(&warps[w], issues[w], a[w], &unknown_rows[w]);
    struct descriptor from = descriptor_of(&warps[0], issues[0]->b, form->transpose_b);
    for (uint32_t j = 0; j < form->n / 8; j++) {
        uint32_t unknown_columns = 0;
        gather(&warps[0], issues[0], &from, form->b_kind, form->negate_b, 8 * j, 8, columns, &unknown_columns);
        for (uint32_t k = 0; k < form->k; k++)
            for (uint32_t i = 0; i < 8; i++) {
                b[k][0][i] = columns[2 * (i % 4)][k];
                b[k][1][i] = columns[2 * (i % 4) + 1][k];
            }
        for (uint32_t w = 0; w < WARPGROUP; w++) {
            multiply_columns(&warps[w], issues[w], j, a[w], b);
            if (warps[w].undefined != NULL)
                spread_unknown(&warps[w], issues[w], j, unknown_rows[w], unknown_columns);
        }
    }
}
