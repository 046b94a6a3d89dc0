/* From parsed instructions to ops. Every opcode is either a line of a table {name, signature, handler}, its handler
 * written for exactly that type, or belongs to a family (ld, cvt, mma ...) with a decoder of its own. Whatever neither
 * knows, opcode or modifier, is an error when the module is loaded. */
#ifndef EMULATOR_DECODE_H
#define EMULATOR_DECODE_H

#include "op.h"

/* Operand signature of a table entry: definitions, ':' and uses. h 16-bit register, w 32-bit, l 64-bit, x any of them,
 * p predicate, m member mask (32-bit), i immediate (into op->imm), ? before an operand: it may be absent. */
struct opcode {
    const char *name; /* without .rn, .approx, .full, .lo and the like: see decode_name */
    const char *signature;
    op_handler *run;
    enum op_class class;
    enum op_control control;
    uint8_t flags;
};

struct opcode_words { /* an opcode split at its dots */
    const char *word[24];
    bool used[24];
    int count;
    char text[256];
};
void words_split(struct opcode_words *words, const char *opcode);
bool words_take(struct opcode_words *words, const char *word); /* is it there? then it is used */
const char *words_unused(const struct opcode_words *words);    /* a word nobody took, or NULL */

struct type {
    char kind; /* 'u', 's', 'f', 'b', 'h' (bf16), 't' (tf32), 'p' (predicate), 'x' (f16x2), 'y' (bf16x2), 0 */
    uint8_t bits;
};
struct type type_of(const char *word); /* kind 0: not a type */
struct type words_take_type(struct opcode_words *words);

enum { MAX_ROWS = 600 };
struct decoder {
    struct ptx_module *module;
    const struct ptx_kernel *ptx;
    struct kernel *kernel;
    const struct ptx_instruction *source;
    struct op *op;           /* being built */
    uint32_t rows[MAX_ROWS]; /* value ids: registers, then constants */
    uint32_t def_count, use_count;
    uint32_t *pred_of; /* by register: predicate index */
    bool failed;
};

typedef void family_decoder(struct decoder *decoder, struct opcode_words *words);
struct family {
    const char *base;
    family_decoder *decode;
};

/* Parts of families: barrier.cluster in exec_cluster.c, cp.async.bulk and cp.reduce.async.bulk in exec_bulk.c. */
family_decoder decode_cluster_barrier, decode_bulk, decode_bulk_reduction;

void decode_fail(struct decoder *decoder, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Operands, in the order definitions then uses. width: 16, 32, 64, or 0 for any; a wide register sets its bit in op->wide. */
void decode_def(struct decoder *decoder, const struct ptx_operand *operand, int width);
void decode_use(struct decoder *decoder, const struct ptx_operand *operand, int width);
void decode_vector(struct decoder *decoder, const struct ptx_operand *operand, int width, bool define);
uint32_t decode_pred(struct decoder *decoder, const struct ptx_operand *operand);
void decode_address(struct decoder *decoder, const struct ptx_operand *operand, enum ptx_space space);
void decode_constant(struct decoder *decoder, uint64_t value);                     /* a 32-bit use */
const struct ptx_operand *decode_operand(struct decoder *decoder, uint32_t index); /* fails when there are fewer */

bool decode_kernel(struct ptx_module *module, const struct ptx_kernel *ptx, struct kernel *kernel);
void wgmma_guard(struct arena *arena, struct kernel *kernel); /* exec_wgmma.c: wraps what shares its registers */
void allocate_rows(const struct ptx_kernel *ptx, struct kernel *kernel); /* value ids to byte offsets */

extern const struct opcode exec_integer_table[], exec_float_table[], exec_round_table[], exec_bits_table[],
    exec_warp_table[], exec_move_table[];
extern const struct family exec_convert_families[], exec_move_families[], exec_compare_families[],
    exec_memory_families[], exec_atomic_families[], exec_control_families[], exec_mma_families[],
    exec_async_families[], exec_cluster_families[], exec_mbarrier_families[], exec_wgmma_families[],
    exec_wmma_families[], exec_carry_families[], exec_set_families[], exec_call_families[];

#endif
