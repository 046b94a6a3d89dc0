/* The narrow waist between generated code and the library: what codegen writes for every kernel family.
 * Generated files include this header only; nothing else in the library knows a family by name. */
#ifndef HPCK_CORE_FAMILY_H
#define HPCK_CORE_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "problem.h"

enum dialect { DIALECT_OPENCL, DIALECT_CUDA, DIALECT_COUNT };
enum { FAMILY_PARAMS_MAX = 24, FAMILY_DEFINES_MAX = 32, STEP_ARGS_MAX = 64, FAMILY_STEPS_MAX = 4 };
enum { STEP_TENSORS_MAX = 4, TENSOR_RANK_MAX = 5 };

/* Where a family's expressions are evaluated: a device, a canonical problem, and a value for each parameter. */
struct point {
    const struct device_fields *device;
    const struct problem *problem;
    const int64_t *param;
};

struct param_desc {
    const char *name;
    const char *unit;
    const char *doc;
    const int64_t *values; /* ascending */
    int value_count;
    bool run_time; /* true: not a -D, changing it costs no compilation */
};

/* Integer macros that the problem decides, passed with the parameters by -D. */
struct define_desc {
    const char *name;
    int64_t (*value)(const struct point *point);
};

enum arg_kind {
    ARG_BUFFER,    /* memory object: index into the op's [buffer] list */
    ARG_CALL,      /* int64 of the call: index into the op's [call] list */
    ARG_SCALAR,    /* float of the call: index into the op's [scalar] list */
    ARG_VALUE,     /* int64 computed when the plan is made: value() */
    ARG_LOCAL,     /* local memory of value() bytes (OpenCL __local argument) */
    ARG_WORKSPACE, /* the workspace, as a memory object */
    ARG_TENSOR_MAP /* CUDA: a buffer as a tensor whose boxes are copied: index into the step's tensors */
};

struct arg_desc {
    const char *name;
    enum arg_kind kind;
    int index;
    int64_t (*value)(const struct point *point); /* ARG_VALUE and ARG_LOCAL */
};

/* What of a tensor map is known when the plan is made; in elements. */
struct tensor_shape {
    int64_t size[TENSOR_RANK_MAX];
    int64_t box[TENSOR_RANK_MAX];
    int64_t swizzle_bytes; /* 0: none */
};

/* Dimension 0 is contiguous. */
struct tensor_desc {
    int buffer;     /* index into the op's [buffer] list */
    bool is_output; /* its elements are of the problem's output dtype */
    int first;      /* index into the op's [call] list: element where the tensor begins */
    int rank;
    int distance[TENSOR_RANK_MAX - 1]; /* the same: of neighbours in dimension 1, 2, ... */
    void (*shape)(const struct point *point, struct tensor_shape *out);
};

struct geometry {
    int64_t global[3]; /* work-items */
    int64_t local[3];  /* work-items of one work-group; divides global */
};

/* One launch. Steps run in order, each after the one before it. */
struct step_desc {
    const char *kernel; /* name of the function in the text */
    const struct arg_desc *args;
    int arg_count;
    const struct tensor_desc *tensors; /* NULL: no argument is a tensor map */
    bool (*enabled)(const struct point *point);
    void (*geometry)(const struct point *point, struct geometry *out);
};

struct resources {
    int64_t local_bytes;     /* per work-group */
    int64_t work_items;      /* per work-group */
    int64_t registers;       /* estimate per work-item, 32-bit */
    int64_t workspace_bytes; /* per call */
};

/* One source text: everything the preprocessor cannot say is already decided in it. */
struct family_text {
    enum dialect dialect;
    hpck_dtype dtype_in;
    hpck_dtype dtype_out;
    const char *source;
    const char *hash; /* 16 hex digits over the text and the declaration that launches it */
};

struct family {
    const char *name;
    enum op_id op;
    const char *doc;
    const struct param_desc *params;
    int param_count;
    const struct define_desc *defines;
    int define_count;
    const struct step_desc *steps;
    int step_count;
    const struct family_text *texts;
    int text_count;
    const int64_t *seeds; /* seed_count rows of param_count values: good starting points, best first */
    int seed_count;
    const char
        *cuda_target; /* "90a": the only target that the CUDA texts compile for; NULL: any that the device runs */
    /* NULL: legal; else the reason of the first constraint that fails (device limits included). */
    const char *(*valid)(const struct point *point);
    void (*resources)(const struct point *point, struct resources *out);
    double (*model)(const struct point *point); /* estimated seconds; only the order matters */
};

/* Generated: all families, in the order of their names. */
extern const struct family *const families[];
extern const int family_count;

const struct family *family_find(const char *name); /* NULL: none */
const struct family_text *family_text(const struct family *family, enum dialect dialect, const struct problem *p);
int family_param_index(const struct family *family, const char *name);           /* -1: none */
bool family_param_allows(const struct family *family, int index, int64_t value); /* value is one of the list */

/* "tile_m=256 tile_n=128 ..." in the order of the declaration; buffer of size bytes; returns buffer. */
char *family_params_print(const struct family *family, const int64_t *param, char *buffer, size_t size);

/* Number of points of the whole grid, legal or not; and the index-th of them. */
uint64_t family_space_size(const struct family *family);
void family_space_point(const struct family *family, uint64_t index, int64_t *param);

#endif
