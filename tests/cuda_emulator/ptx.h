/* A parsed PTX module: kernels, their registers, variables and instructions, all names resolved, nothing decoded. */
#ifndef EMULATOR_PTX_H
#define EMULATOR_PTX_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"

#define PTX_NONE UINT32_MAX

enum ptx_space { SPACE_GENERIC, SPACE_PARAM, SPACE_GLOBAL, SPACE_SHARED, SPACE_LOCAL, SPACE_CONST, SPACE_CLUSTER };

struct ptx_relocation { /* of an initial value: the address of a variable, or some bits of it, goes there */
    const char *name;
    uint64_t offset; /* behind the address */
    uint64_t mask;   /* the bits, moved down to the lowest one */
    uint32_t at, size;
};

struct ptx_variable { /* a parameter or a .shared, .local, .global or .const variable */
    const char *name;
    enum ptx_space space;
    uint32_t offset, size, align, element; /* offset: in its space; element: bytes of its type */
    bool external;                         /* .extern .shared: the dynamic shared memory */
    const uint8_t *init;                   /* .global, .const: initial bytes, or NULL */
    uint64_t address;                      /* .global, .const: where the loader put it */
    struct ptx_relocation *relocations;    /* of init */
    uint32_t relocation_count;
};

enum ptx_operand_kind {
    PTX_REGISTER,
    PTX_IMMEDIATE,
    PTX_SPECIAL,
    PTX_VARIABLE,
    PTX_LABEL,
    PTX_VECTOR,
    PTX_ADDRESS,
    PTX_SINK
};

struct ptx_operand {
    enum ptx_operand_kind kind;
    bool negated;    /* !p */
    bool is_float;   /* of an immediate: 0f or 0d */
    uint32_t reg;    /* PTX_REGISTER; base of a PTX_ADDRESS or PTX_NONE */
    uint32_t second; /* the q of p|q, or PTX_NONE */
    uint64_t value;  /* PTX_IMMEDIATE: bits; PTX_SPECIAL: enum special; PTX_LABEL: instruction index */
    int64_t offset;  /* PTX_ADDRESS */
    struct ptx_variable *variable; /* PTX_VARIABLE; base of a PTX_ADDRESS or NULL */
    const char *name;              /* PTX_LABEL, and for messages */
    struct ptx_operand *items;     /* PTX_VECTOR: elements; PTX_ADDRESS: what follows the first comma */
    uint32_t count;
};

enum { PTX_OPERANDS = 12 };

struct ptx_instruction {
    const char *opcode; /* interned: equal opcodes have equal pointers */
    const char *text;   /* as written, for reports */
    int line;
    uint32_t guard; /* predicate register or PTX_NONE */
    bool guard_negated;
    uint32_t scope; /* where its labels are looked up */
    uint32_t count;
    struct ptx_operand *operands;
};

struct ptx_kernel {
    const char *name;
    struct ptx_variable **params;
    uint32_t param_count, param_size;
    struct ptx_variable **variables; /* .shared and .local */
    uint32_t variable_count;
    uint32_t shared_size, local_size; /* static */
    uint32_t shared_align;            /* of the dynamic part */
    uint8_t *register_bits;           /* by register: 1 (a predicate), 16, 32, 64; register 0 is the carry flag */
    uint32_t register_count;
    struct ptx_instruction *instructions;
    uint32_t instruction_count;
    bool *is_target;                    /* by instruction: a label is here */
    uint32_t max_threads;               /* .maxntid, .reqntid: product, or 0 */
    uint32_t required[3];               /* .reqntid, or 0 */
    uint32_t max_registers, min_blocks; /* .maxnreg, .minnctapersm, or 0 */
    uint32_t cluster[3];                /* .reqnctapercluster, or 0 */
};

struct ptx_module {
    struct arena arena;
    int version;        /* 90 for 9.0 */
    int target;         /* 90 for sm_90 */
    char target_suffix; /* 'a', 'f' or 0 */
    struct ptx_kernel *kernels;
    uint32_t kernel_count;
    struct ptx_variable **variables; /* module scope */
    uint32_t variable_count;
    char error[512];
};

/* False and module->error when the text is not PTX that this emulator knows. */
bool ptx_parse(struct ptx_module *module, const char *text);

/* The opcode that a call of a function of the device becomes (exec_call.c); NULL: it is none. */
const char *ptx_known_function(const char *name);

/* Special registers (PTX ISA section 10), in the order of their names in ptx_special.c. */
enum special {
    SPECIAL_TID_X,
    SPECIAL_TID_Y,
    SPECIAL_TID_Z,
    SPECIAL_NTID_X,
    SPECIAL_NTID_Y,
    SPECIAL_NTID_Z,
    SPECIAL_CTAID_X,
    SPECIAL_CTAID_Y,
    SPECIAL_CTAID_Z,
    SPECIAL_NCTAID_X,
    SPECIAL_NCTAID_Y,
    SPECIAL_NCTAID_Z,
    SPECIAL_LANEID,
    SPECIAL_WARPID,
    SPECIAL_NWARPID,
    SPECIAL_SMID,
    SPECIAL_NSMID,
    SPECIAL_LANEMASK_EQ,
    SPECIAL_LANEMASK_LE,
    SPECIAL_LANEMASK_LT,
    SPECIAL_LANEMASK_GE,
    SPECIAL_LANEMASK_GT,
    SPECIAL_CLOCK,
    SPECIAL_CLOCK64,
    SPECIAL_GLOBALTIMER,
    SPECIAL_DYNAMIC_SMEM,
    SPECIAL_TOTAL_SMEM,
    SPECIAL_CLUSTERID_X,
    SPECIAL_CLUSTERID_Y,
    SPECIAL_CLUSTERID_Z,
    SPECIAL_NCLUSTERID_X,
    SPECIAL_NCLUSTERID_Y,
    SPECIAL_NCLUSTERID_Z,
    SPECIAL_CLUSTER_CTAID_X,
    SPECIAL_CLUSTER_CTAID_Y,
    SPECIAL_CLUSTER_CTAID_Z,
    SPECIAL_CLUSTER_NCTAID_X,
    SPECIAL_CLUSTER_NCTAID_Y,
    SPECIAL_CLUSTER_NCTAID_Z,
    SPECIAL_CLUSTER_CTARANK,
    SPECIAL_CLUSTER_NCTARANK,
    SPECIAL_ENVREG1,
    SPECIAL_ENVREG2,
    SPECIAL_COUNT
};
extern const char *const ptx_special_names[SPECIAL_COUNT];

#endif
