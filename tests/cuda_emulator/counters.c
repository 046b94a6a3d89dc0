/* Sums of what a launch did, their names, and the report. */
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "warp.h"
#include "wgmma.h"

const char *const op_class_names[CLASS_COUNT] = {
    [CLASS_INTEGER] = "integer",
    [CLASS_FLOAT] = "float",
    [CLASS_FMA] = "fma",
    [CLASS_DOUBLE] = "double",
    [CLASS_HALF] = "half",
    [CLASS_SPECIAL_FUNCTION] = "special_function",
    [CLASS_CONVERT] = "convert",
    [CLASS_MOVE] = "move",
    [CLASS_PREDICATE] = "predicate",
    [CLASS_CONTROL] = "control",
    [CLASS_BARRIER] = "barrier",
    [CLASS_WARP] = "warp",
    [CLASS_LOAD_GLOBAL] = "load_global",
    [CLASS_STORE_GLOBAL] = "store_global",
    [CLASS_LOAD_SHARED] = "load_shared",
    [CLASS_STORE_SHARED] = "store_shared",
    [CLASS_OTHER_MEMORY] = "other_memory",
    [CLASS_ATOMIC] = "atomic",
    [CLASS_ASYNC] = "async",
    [CLASS_MATRIX_LOAD] = "matrix_load",
    [CLASS_MMA] = "mma",
    [CLASS_WGMMA] = "wgmma",
};

static void add_traffic(struct traffic *sum, const struct traffic *more)
{
    sum->shared_requests += more->shared_requests;
    sum->shared_phases += more->shared_phases;
    sum->shared_wavefronts += more->shared_wavefronts;
    sum->global_requests += more->global_requests;
    sum->global_sectors += more->global_sectors;
    sum->global_needed += more->global_needed;
}

/* Where there are matrix instructions, the others are no arithmetic to speak of. */
static bool is_arithmetic(const struct op *op, bool matrix)
{
    return matrix ? op->class == CLASS_MMA || op->class == CLASS_WGMMA : op->class == CLASS_FMA;
}

static bool synchronises(const struct op *op)
{
    return op->class == CLASS_BARRIER;
}

/* [first, end) of the ops of the main loop: the smallest loop that does nearly all of the arithmetic and synchronises, or where
 * none synchronises, the smallest that does nearly all of the arithmetic. Empty: there is no such loop. */
static void main_loop(const struct launch *launch, uint32_t *first, uint32_t *end)
{
    const struct kernel *kernel = launch->kernel;
    uint64_t total = 0;
    bool matrix = false;
    *first = *end = 0;
    for (uint32_t i = 0; i < kernel->op_count; i++)
        matrix |= is_arithmetic(&kernel->ops[i], true) && launch->executed[i] != 0;
    for (uint32_t i = 0; i < kernel->op_count; i++)
        if (is_arithmetic(&kernel->ops[i], matrix)) total += launch->executed[i];
    bool best_synchronises = false;
    for (uint32_t i = 0; i < kernel->op_count && total != 0; i++) {
        const struct op *op = &kernel->ops[i];
        if (op->control != CONTROL_BRANCH || op->target > i) continue;
        uint64_t inside = 0;
        bool meets = false;
        for (uint32_t j = op->target; j <= i; j++) {
            if (is_arithmetic(&kernel->ops[j], matrix)) inside += launch->executed[j];
            meets |= synchronises(&kernel->ops[j]);
        }
        if (inside < total - total / 4) continue;
        bool smaller = *end == 0 || i + 1 - op->target < *end - *first;
        if (meets == best_synchronises ? smaller : meets) {
            *first = op->target;
            *end = i + 1;
            best_synchronises = meets;
        }
    }
}

void counters_collect(struct launch *launch)
{
    struct counters *counters = &launch->counters;
    uint32_t first = 0, end = 0;
    if (launch->traffic != NULL) main_loop(launch, &first, &end);
    for (uint32_t i = 0; i < launch->kernel->op_count; i++) {
        const struct op *op = &launch->kernel->ops[i];
        counters->instructions[op->class] += launch->executed[i];
        counters->wgmma_products += launch->executed[i] * wgmma_products(op);
        if (op->class == CLASS_LOAD_GLOBAL || op->class == CLASS_STORE_GLOBAL)
            counters->global_bytes += launch->executed[i] * LANES * op->size * op->vector;
        if (launch->traffic == NULL) continue;
        add_traffic(&counters->all, &launch->traffic[i]);
        if (i >= first && i < end) add_traffic(&counters->loop, &launch->traffic[i]);
    }
}

void counters_add(struct counters *sum, const struct counters *more)
{
    for (int class = 0; class < CLASS_COUNT; class ++)
        sum->instructions[class] += more->instructions[class];
    sum->wgmma_products += more->wgmma_products;
    sum->global_bytes += more->global_bytes;
    add_traffic(&sum->all, &more->all);
    add_traffic(&sum->loop, &more->loop);
}

static int64_t get_traffic(const struct traffic *traffic, const char *name)
{
    const struct {
        const char *name;
        uint64_t value;
    } values[] = {
        { "shared_requests", traffic->shared_requests },
        { "shared_conflicts", traffic->shared_wavefronts - traffic->shared_phases },
        { "global_requests", traffic->global_requests },
        { "global_sectors", traffic->global_sectors },
        { "global_wasted", traffic->global_sectors - traffic->global_needed },
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(name, values[i].name) == 0) return (int64_t)values[i].value;
    return -1;
}

int64_t counters_get(const struct counters *counters, const char *name)
{
    for (int class = 0; class < CLASS_COUNT; class ++)
        if (strcmp(name, op_class_names[class]) == 0) return (int64_t)counters->instructions[class];
    if (strcmp(name, "global_bytes") == 0) return (int64_t)counters->global_bytes;
    if (strcmp(name, "wgmma_products") == 0) return (int64_t)counters->wgmma_products;
    if (strncmp(name, "loop_", 5) == 0) return get_traffic(&counters->loop, name + 5);
    return get_traffic(&counters->all, name);
}

static void print_sums(const char *where, const struct traffic *sum)
{
    fprintf(stderr,
            "    %s: shared memory %" PRIu64 " requests, %" PRIu64 " bank conflicts; global memory %" PRIu64
            " requests, %" PRIu64 " sectors, %" PRIu64 " of them wasted\n",
            where, sum->shared_requests, sum->shared_wavefronts - sum->shared_phases, sum->global_requests,
            sum->global_sectors, sum->global_sectors - sum->global_needed);
}

void counters_print(const struct launch *launch)
{
    const struct kernel *kernel = launch->kernel;
    const uint32_t *grid = launch->grid, *threads = launch->threads;
    uint32_t first, end;
    main_loop(launch, &first, &end);
    fprintf(stderr, "hpck emulator: kernel %s, grid (%u,%u,%u), block (%u,%u,%u)\n    warp instructions:",
            kernel->ptx->name, grid[0], grid[1], grid[2], threads[0], threads[1], threads[2]);
    for (int class = 0; class < CLASS_COUNT; class ++)
        if (launch->counters.instructions[class] != 0)
            fprintf(stderr, " %s %" PRIu64, op_class_names[class], launch->counters.instructions[class]);
    fputc('\n', stderr);
    print_sums("all", &launch->counters.all);
    if (end != 0) {
        fprintf(stderr, "    main loop: ptx lines %d to %d\n", kernel->ops[first].source->line,
                kernel->ops[end - 1].source->line);
        print_sums("main loop", &launch->counters.loop);
    }
    for (uint32_t i = 0; i < kernel->op_count; i++) {
        const struct traffic *traffic = &launch->traffic[i];
        uint64_t conflicts = traffic->shared_wavefronts - traffic->shared_phases;
        uint64_t wasted = traffic->global_sectors - traffic->global_needed;
        if (conflicts != 0)
            fprintf(stderr, "    ptx line %d: %" PRIu64 " conflicts in %" PRIu64 " requests: %s\n",
                    kernel->ops[i].source->line, conflicts, traffic->shared_requests, kernel->ops[i].source->text);
        if (wasted != 0)
            fprintf(stderr,
                    "    ptx line %d: %" PRIu64 " of %" PRIu64 " sectors wasted in %" PRIu64 " requests: %s\n",
                    kernel->ops[i].source->line, wasted, traffic->global_sectors, traffic->global_requests,
                    kernel->ops[i].source->text);
    }
}
