/* A decoded instruction: a handler and the places of its operands in a warp's register rows. A row holds one 32-bit value
 * for each of 32 lanes (128 bytes); a 64-bit register takes two rows, a 16-bit one sits in the low half of its lanes. */
#ifndef EMULATOR_OP_H
#define EMULATOR_OP_H

#include "ptx.h"

struct warp;
struct op;
typedef void op_handler(struct warp *warp, const struct op *op,
                        uint32_t mask); /* mask: the lanes that execute, never 0 */

enum { LANES = 32, ROW_BYTES = 128 };
enum { PREDICATE_TRUE = 0 };          /* the predicate that is always true */
#define PREDICATE_NEGATED 0x80000000u /* flag in the index of a predicate that is read */

/* What the scheduler has to do itself, before or instead of the handler. */
enum op_control {
    CONTROL_NONE,
    CONTROL_BRANCH,
    CONTROL_EXIT,
    CONTROL_CONVERGE, /* .aligned: all live lanes first have to be here */
    CONTROL_MEMBERS,  /* the lanes of the member mask, the last row, first have to be here */
    CONTROL_BARRIER,  /* CONVERGE, then the warp may have to wait */
    CONTROL_YIELD     /* the handler says by warp->yield that others should run first */
};

/* Kinds of instructions, for the counters and the virtual clock. */
enum op_class {
    CLASS_INTEGER,
    CLASS_FLOAT,
    CLASS_FMA,
    CLASS_DOUBLE,
    CLASS_HALF,
    CLASS_SPECIAL_FUNCTION,
    CLASS_CONVERT,
    CLASS_MOVE,
    CLASS_PREDICATE,
    CLASS_CONTROL,
    CLASS_BARRIER,
    CLASS_WARP,
    CLASS_LOAD_GLOBAL,
    CLASS_STORE_GLOBAL,
    CLASS_LOAD_SHARED,
    CLASS_STORE_SHARED,
    CLASS_OTHER_MEMORY,
    CLASS_ATOMIC,
    CLASS_ASYNC,
    CLASS_MATRIX_LOAD,
    CLASS_MMA,
    CLASS_WGMMA,
    CLASS_COUNT
};
extern const char *const op_class_names[CLASS_COUNT];

struct op {
    op_handler *run;
    uint32_t *rows;   /* byte offsets of rows: the definitions first, then the uses */
    int64_t imm;      /* address offset, count, lop3 table ... */
    uint32_t guard;   /* predicate index, with PREDICATE_NEGATED */
    uint32_t pred[3]; /* [0], [1] written (or 0), [2] read (with PREDICATE_NEGATED) */
    uint32_t target;  /* CONTROL_BRANCH */
    uint16_t defs, uses;
    uint8_t control;      /* enum op_control */
    uint8_t class;        /* enum op_class */
    uint8_t space;        /* enum ptx_space of a memory access */
    uint8_t size, vector; /* of a memory access: bytes per element, elements */
    uint32_t wide;        /* bit per row, the first 32: a 64-bit register */
    uint32_t narrow;      /* the same of 16-bit ones */
    uint8_t rule;         /* how it moves undefined bits (undefined.h) */
    uint8_t flags;        /* the handler's own */
    bool natural;         /* of ld and st: registers are as wide as the type */
    bool holds_registers; /* of wgmma: nobody else may have its rows while it is under way */
    op_handler *inner;    /* what run wraps, where it does */
    bool is_target;       /* a branch comes here: diverged lanes may meet */
    const void *detail;   /* what rare, large instructions need beyond this */
    const struct ptx_instruction *source;
};

/* Rows of the instruction in the warp at hand; the k-th of op->rows. */
#define ROW(type, k) ((type *)__builtin_assume_aligned(warp->rows + op->rows[k], 128))

struct constant { /* a row that holds the same at the start of every block, or a special register */
    uint64_t value;
    enum special special;   /* SPECIAL_COUNT: the value above */
    bool is_dynamic_shared; /* value + where the dynamic shared memory begins */
    bool wide;
    uint32_t row; /* byte offset */
};

struct kernel { /* ready to run */
    const struct ptx_kernel *ptx;
    struct op *ops;
    uint32_t op_count;
    struct constant *constants;
    uint32_t constant_count;
    uint32_t row_bytes; /* of one warp */
    uint32_t pred_count;
    uint8_t *held; /* by row: how wgmma uses it; NULL: there is none */
};
enum { HELD_AS_D = 1, HELD_AS_A = 2 };

#endif
