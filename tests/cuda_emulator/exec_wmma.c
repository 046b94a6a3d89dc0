/* wmma.load, wmma.mma and wmma.store (PTX ISA 9.7.14.4), which mma.h emits. Which lane holds what of a fragment is left open there; here
 * the elements, row after row, are dealt out in equal shares, lane after lane. Fragments of f16 operands have 16 elements in every shape:
 * their share is repeated. Products are accumulated in float (integers in 32 bits), in the order of k. */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "decode.h"
#include "half.h"
#include "undefined.h"

enum { ROWS_MAX = 32, DEPTH_MAX = 16, HALF_ELEMENTS = 16 };

struct part { /* of a product: A, B, C or D */
    uint32_t rows, columns;
    char
        kind; /* 'f' half, 'h' bfloat16, 't' tf32, 's' 'u' 8-bit integers, 'F' float, 'S' 32-bit integer, 'D' double */
    uint32_t bytes, registers;
};

struct wmma {
    struct part a, b, c, d; /* load and store: a alone */
    bool by_columns, strided;
};

static float as_element(char kind, uint32_t bits)
{
    switch (kind) {
    case 'f':
        return half_to_float((uint16_t)bits);
    case 'h':
        return bfloat_to_float((uint16_t)bits);
    case 't':
        return as_float(bits & ~0x1fffu); /* the lower 13 bits are not looked at */
    case 's':
        return (float)(int8_t)bits;
    case 'u':
        return (float)(uint8_t)bits;
    default:
        return as_float(bits);
    }
}

/* The register that holds the slot; doubles have one each. */
static uint32_t register_of(const struct part *part, uint32_t slot)
{
    return part->bytes == 8 ? slot : slot * part->bytes / 4;
}

/* Element `slot` of a lane's share, as bits. */
static uint64_t get(struct warp *warp, const struct op *op, uint32_t first, const struct part *part, uint32_t lane,
                    uint32_t slot)
{
    if (part->bytes == 8) return ROW(const uint64_t, first + slot)[lane];
    uint32_t per = 4 / part->bytes, word = ROW(const uint32_t, first + slot / per)[lane];
    return part->bytes == 4 ? word : word >> 8 * part->bytes * (slot % per) & ((1u << 8 * part->bytes) - 1);
}

static void set(struct warp *warp, const struct op *op, uint32_t first, const struct part *part, uint32_t lane,
                uint32_t slot, uint64_t bits)
{
    if (part->bytes == 8) {
        ROW(uint64_t, first + slot)[lane] = bits;
        return;
    }
    uint32_t per = 4 / part->bytes, *word = &ROW(uint32_t, first + slot / per)[lane];
    uint32_t shift = 8 * part->bytes * (slot % per),
             mask = part->bytes == 4 ? UINT32_MAX : (1u << 8 * part->bytes) - 1;
    *word = (*word & ~(mask << shift)) | ((uint32_t)bits & mask) << shift;
}

static uint32_t share(const struct part *part)
{
    return part->rows * part->columns / LANES;
}

static uint32_t slots(const struct part *part)
{
    return part->bytes == 8 ? part->registers : part->registers * 4 / part->bytes;
}

/* The address of a lane's element in memory. */
static uint8_t *element(struct warp *warp, const struct op *op, uint32_t address_row, int lane, uint32_t slot,
                        enum access access)
{
    const struct wmma *wmma = op->detail;
    const struct part *part = &wmma->a;
    uint32_t index = (uint32_t)lane * share(part) + slot, row = index / part->columns,
             column = index % part->columns;
    uint32_t stride = wmma->by_columns ? part->rows : part->columns;
    if (wmma->strided) stride = (uint32_t)lane_get(warp, op, (uint32_t)op->defs + op->uses - 1u, lane);
    uint64_t at = wmma->by_columns ? (uint64_t)column * stride + row : (uint64_t)row * stride + column;
    return access_host(warp, lane, (enum ptx_space)op->space,
                       access_address(warp, op, address_row, lane) + at * part->bytes, part->bytes, access);
}

HANDLER(load)
{
    const struct part *part = &((const struct wmma *)op->detail)->a;
    uint64_t bits[LANES][HALF_ELEMENTS] = { { 0 } }, unknown[LANES][HALF_ELEMENTS];
    (void)mask;
    for (uint32_t k = op->defs; k < (uint32_t)op->defs + op->uses; k++)
        undefined_use(warp, op, k, FULL_MASK, "an address");
    for (int lane = 0; lane < LANES; lane++) /* first all, as the address may be in a register that is loaded */
        for (uint32_t slot = 0; slot < share(part); slot++) {
            const uint8_t *host = element(warp, op, op->defs, lane, slot, ACCESS_READ);
            memcpy(&bits[lane][slot], host, part->bytes);
            if (warp->undefined != NULL)
                unknown[lane][slot] = undefined_bits(undefined_memory(warp, host), part->bytes)
                                          << (64 - 8 * part->bytes) >>
                                      (64 - 8 * part->bytes);
        }
    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint32_t slot = 0; slot < slots(part); slot++)
            set(warp, op, 0, part, lane, slot, bits[lane][slot % share(part)]);
    if (warp->undefined == NULL) return;
    uint32_t rows[2 * HALF_ELEMENTS];
    const struct op shadow = undefined_shadow(warp, op, rows);
    struct origin origin = { .op = op, .memory = "shared or global" };
    undefined_clear(warp, op, FULL_MASK);
    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint32_t slot = 0; slot < slots(part); slot++) {
            if (unknown[lane][slot % share(part)] == 0) continue;
            undefined_set(warp, op, register_of(part, slot), (int)lane, 1, &origin); /* marks the row */
            set(warp, &shadow, 0, part, lane, slot, unknown[lane][slot % share(part)]);
        }
}

static void store_shadow(struct warp *warp, const struct op *op, int lane, uint32_t slot, uint8_t *to)
{
    const struct part *part = &((const struct wmma *)op->detail)->a;
    uint32_t rows[2 * HALF_ELEMENTS];
    const struct op shadow = undefined_shadow(warp, op, rows);
    uint64_t bits = ~get(warp, &shadow, 1, part, (uint32_t)lane, slot);
    if (bits == UINT64_MAX) return;
    const struct memory *memory = warp->launch->memory;
    if (to >= memory->base && to < memory->base + memory->capacity)
        undefined_fault(warp, lane, undefined_origin(warp, op, 1 + register_of(part, slot)),
                        "what is stored to global memory");
    memcpy(undefined_memory(warp, to), &bits, part->bytes);
}

HANDLER(store)
{
    const struct part *part = &((const struct wmma *)op->detail)->a;
    (void)mask;
    warp->launch->progress++;
    undefined_use(warp, op, 0, FULL_MASK, "an address");
    for (int lane = 0; lane < LANES; lane++)
        for (uint32_t slot = 0; slot < share(part); slot++) {
            uint64_t bits = get(warp, op, 1, part, (uint32_t)lane, slot);
            uint8_t *to = element(warp, op, 0, lane, slot, ACCESS_WRITE);
            memcpy(to, &bits, part->bytes);
            if (undefined_in(warp, op, 1 + register_of(part, slot))) store_shadow(warp, op, lane, slot, to);
        }
}

static uint64_t bits_at(struct warp *warp, const struct op *op, uint32_t first, const struct part *part,
                        uint32_t row, uint32_t column)
{
    uint32_t index = row * part->columns + column;
    return get(warp, op, first, part, index / share(part), index % share(part));
}

/* An element of D is undefined when anything is in its row of A, its column of B, or its place in C. */
static void find_unknown(struct warp *warp, const struct op *op, uint8_t *unknown, struct origin *origin)
{
    const struct wmma *wmma = op->detail;
    const uint32_t first_a = op->defs, first_b = first_a + wmma->a.registers, first_c = first_b + wmma->b.registers;
    uint32_t rows[4 * HALF_ELEMENTS], any = 0;
    const struct op shadow = undefined_shadow(warp, op, rows);
    for (uint32_t k = op->defs; k < (uint32_t)op->defs + op->uses; k++)
        if (undefined_lanes(warp, op, k) != 0) *origin = *undefined_origin(warp, op, k), any++;
    origin->computed = true;
    for (uint32_t i = 0; any != 0 && i < wmma->d.rows * wmma->d.columns; i++) {
        uint32_t row = i / wmma->d.columns, column = i % wmma->d.columns;
        uint64_t bits = bits_at(warp, &shadow, first_c, &wmma->c, row, column);
        for (uint32_t k = 0; k < wmma->a.columns; k++)
            bits |= bits_at(warp, &shadow, first_a, &wmma->a, row, k) |
                    bits_at(warp, &shadow, first_b, &wmma->b, k, column);
        unknown[i] = bits != 0;
    }
    undefined_clear(warp, op, FULL_MASK);
}

static void write_product(struct warp *warp, const struct op *op, const uint64_t *d)
{
    const struct wmma *wmma = op->detail;
    uint8_t unknown[ROWS_MAX * ROWS_MAX] = { 0 };
    struct origin origin = { .computed = true };
    if (warp->undefined != NULL) find_unknown(warp, op, unknown, &origin);
    for (uint32_t i = 0; i < wmma->d.rows * wmma->d.columns; i++) {
        uint32_t lane = i / share(&wmma->d), slot = i % share(&wmma->d);
        set(warp, op, 0, &wmma->d, lane, slot, d[i]);
        if (!unknown[i]) continue;
        uint32_t rows[4 * HALF_ELEMENTS];
        const struct op shadow = undefined_shadow(warp, op, rows);
        undefined_set(warp, op, register_of(&wmma->d, slot), (int)lane, 1, &origin); /* marks the row */
        set(warp, &shadow, 0, &wmma->d, lane, slot, UINT64_MAX);
    }
}

HANDLER(multiply)
{
    const struct wmma *wmma = op->detail;
    const uint32_t first_a = op->defs, first_b = first_a + wmma->a.registers, first_c = first_b + wmma->b.registers;
    float a[ROWS_MAX][DEPTH_MAX], b[DEPTH_MAX][ROWS_MAX];
    uint64_t d[ROWS_MAX * ROWS_MAX];
    (void)mask;
    for (uint32_t k = 0; k < wmma->a.columns; k++) {
        for (uint32_t row = 0; row < wmma->a.rows; row++)
            a[row][k] = as_element(wmma->a.kind, (uint32_t)bits_at(warp, op, first_a, &wmma->a, row, k));
        for (uint32_t column = 0; column < wmma->b.columns; column++)
            b[k][column] = as_element(wmma->b.kind, (uint32_t)bits_at(warp, op, first_b, &wmma->b, k, column));
    }
    for (uint32_t row = 0; row < wmma->d.rows; row++)
        for (uint32_t column = 0; column < wmma->d.columns; column++) {
            uint32_t c = (uint32_t)bits_at(warp, op, first_c, &wmma->c, row, column);
            uint64_t *to = &d[row * wmma->d.columns + column];
            float sum = wmma->c.kind == 'S'
                            ? 0
                            : as_element(wmma->c.kind, c); /* 16 products of 8 bits are exact in float */
            for (uint32_t k = 0; k < wmma->a.columns; k++)
                sum = __builtin_fmaf(a[row][k], b[k][column], sum);
            *to = wmma->d.kind == 'S'   ? c + (uint32_t)(int32_t)sum
                  : wmma->d.kind == 'f' ? float_to_half(sum, ROUND_NEAREST)
                                        : float_bits(sum);
        }
    write_product(warp, op, d);
}

HANDLER(multiply_doubles)
{
    const struct wmma *wmma = op->detail;
    const uint32_t first_a = op->defs, first_b = first_a + wmma->a.registers, first_c = first_b + wmma->b.registers;
    uint64_t d[ROWS_MAX * ROWS_MAX];
    (void)mask;
    for (uint32_t i = 0; i < wmma->d.rows * wmma->d.columns; i++) {
        uint32_t row = i / wmma->d.columns, column = i % wmma->d.columns;
        double sum = as_double(bits_at(warp, op, first_c, &wmma->c, row, column));
        for (uint32_t k = 0; k < wmma->a.columns; k++)
            sum = __builtin_fma(as_double(bits_at(warp, op, first_a, &wmma->a, row, k)),
                                as_double(bits_at(warp, op, first_b, &wmma->b, k, column)), sum);
        d[i] = double_bits(sum);
    }
    write_product(warp, op, d);
}

/* The registers of a fragment: 8 of every f16 operand, else as many as the share needs. */
static struct part part_of(struct type type, uint32_t rows, uint32_t columns, bool is_operand)
{
    struct part part = { .rows = rows, .columns = columns, .kind = type.kind, .bytes = type.bits / 8 };
    if (type.kind == 'f' && type.bits == 32) part.kind = 'F';
    if (type.kind == 's' && type.bits == 32) part.kind = 'S';
    part.registers = rows * columns * part.bytes / LANES / 4;
    if (type.kind == 'f' && type.bits == 64) {
        part.kind = 'D';
        part.registers = rows * columns / LANES;
    }
    if (is_operand && part.kind == 'f') part.registers = HALF_ELEMENTS / 2;
    bool known = strchr(is_operand ? "fhtsuD" : "fFSD", part.kind) != NULL && part.bytes != 0;
    if (!known || (part.kind == 'u' && part.bytes != 1) || (part.kind == 's' && part.bytes != 1))
        part.registers = 0;
    return part;
}

static bool take_shape(struct opcode_words *words, uint32_t shape[3])
{
    static const uint32_t shapes[][3] = {
        { 16, 16, 16 }, { 8, 32, 16 }, { 32, 8, 16 }, { 16, 16, 8 }, { 8, 8, 4 }
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char text[32];
        snprintf(text, sizeof text, "m%un%uk%u", shapes[i][0], shapes[i][1], shapes[i][2]);
        if (!words_take(words, text)) continue;
        memcpy(shape, shapes[i], sizeof shapes[i]);
        return true;
    }
    return false;
}

static void take_fragment(struct decoder *decoder, uint32_t index, const struct part *part, bool define)
{
    const struct ptx_operand *operand = decode_operand(decoder, index);
    if (operand == NULL) return;
    if (part->registers == 0 || (operand->kind == PTX_VECTOR ? operand->count : 1) != part->registers)
        decode_fail(decoder, "operand %u has to have %u registers", index + 1, part->registers);
    else
        decode_vector(decoder, operand, part->bytes == 8 ? 64 : 32, define);
}

static void decode_transfer(struct decoder *decoder, struct opcode_words *words, struct wmma *wmma,
                            const uint32_t shape[3], bool is_load)
{
    struct op *op = decoder->op;
    bool is_a = is_load && words_take(words, "a"), is_b = is_load && !is_a && words_take(words, "b");
    bool is_sum = words_take(words, is_load ? "c" : "d");
    op->space = (uint8_t)access_take_space(words);
    wmma->by_columns = words_take(words, "col");
    if (!wmma->by_columns && !words_take(words, "row")) decode_fail(decoder, "the layout is missing");
    if (is_a + is_b + is_sum != 1) decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
    wmma->a = part_of(words_take_type(words), is_b ? shape[2] : shape[0], is_a ? shape[2] : shape[1], !is_sum);
    const struct ptx_operand *address = decode_operand(decoder, is_load ? 1 : 0);
    if (address == NULL) return;
    if (is_load) take_fragment(decoder, 0, &wmma->a, true);
    decode_address(decoder, address, (enum ptx_space)op->space);
    if (!is_load) take_fragment(decoder, 1, &wmma->a, false);
    wmma->strided = decoder->source->count > 2;
    if (wmma->strided) decode_use(decoder, decode_operand(decoder, 2), 32);
    op->run = is_load ? load : store;
    op->class = CLASS_MATRIX_LOAD;
}

static void decode_multiply(struct decoder *decoder, struct opcode_words *words, struct wmma *wmma,
                            const uint32_t shape[3])
{
    struct type half = { 'f', 16 }, d, a, b, c;
    for (int i = 0; i < 2; i++) /* of A and of B: the fragments know */
        if (!words_take(words, "row") && !words_take(words, "col")) decode_fail(decoder, "a layout is missing");
    words_take(words, "rn");
    d = words_take_type(words), a = words_take_type(words), b = words_take_type(words), c = words_take_type(words);
    if (b.kind == 0) c = a, a = b = half; /* .f16 operands are not named */
    wmma->a = part_of(a, shape[0], shape[2], true);
    wmma->b = part_of(b, shape[2], shape[1], true);
    wmma->c = part_of(c, shape[0], shape[1], false);
    wmma->d = part_of(d, shape[0], shape[1], false);
    if (a.kind != b.kind || (wmma->d.kind == 'S') != (wmma->c.kind == 'S') ||
        (wmma->d.kind == 'S') != (wmma->a.kind == 's' || wmma->a.kind == 'u') ||
        (shape[2] == 8) != (a.kind == 't') || (shape[2] == 4) != (wmma->a.kind == 'D') ||
        (wmma->a.kind == 'D') != (wmma->d.kind == 'D') || (wmma->c.kind == 'D') != (wmma->d.kind == 'D'))
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
    take_fragment(decoder, 0, &wmma->d, true);
    take_fragment(decoder, 1, &wmma->a, false);
    take_fragment(decoder, 2, &wmma->b, false);
    take_fragment(decoder, 3, &wmma->c, false);
    decoder->op->run = wmma->d.kind == 'D' ? multiply_doubles : multiply;
    decoder->op->class = CLASS_MMA;
}

static void decode_wmma(struct decoder *decoder, struct opcode_words *words)
{
    struct wmma *wmma = arena_alloc(&decoder->module->arena, sizeof *wmma);
    uint32_t shape[3];
    bool plain = words_take(words, "sync") && words_take(words, "aligned") && take_shape(words, shape);
    bool is_load = words_take(words, "load"), is_store = words_take(words, "store"),
         is_product = words_take(words, "mma");
    if (!plain || is_load + is_store + is_product != 1) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    decoder->op->control = CONTROL_CONVERGE;
    decoder->op->detail = wmma;
    if (is_product)
        decode_multiply(decoder, words, wmma, shape);
    else
        decode_transfer(decoder, words, wmma, shape, is_load);
}

const struct family exec_wmma_families[] = { { "wmma", decode_wmma }, { NULL, NULL } };
