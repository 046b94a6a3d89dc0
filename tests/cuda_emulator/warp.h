/* The state of a running kernel: launch > cluster > block (CTA) > warp. */
#ifndef EMULATOR_WARP_H
#define EMULATOR_WARP_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "device.h"
#include "memory.h"
#include "op.h"

enum warp_state { WARP_READY, WARP_AT_BARRIER, WARP_DONE };
enum { BARRIERS = 16, CLUSTER_BLOCKS = 16 /* with the non-portable size (Programming Guide 13.0, table 30) */ };

struct split { /* lanes of a warp that are at one place */
    uint32_t pc, mask;
    uint32_t need; /* lanes it waits for at pc, or 0: may run */
    uint64_t ran;  /* when it last had its turn */
};

struct checker;
struct undefined;
struct clocks;
struct order;
struct async_copy;
struct mbarrier;
struct bulk;
struct wgmma_state;
struct wgmma_log;

struct
    sync_clock { /* of something that threads synchronise through: what whoever meets it has to know (shadow.h) */
    uint32_t *seen; /* NULL: checks are off, or nobody came yet */
};

struct waiting { /* the last wait that failed, for the report of a deadlock */
    const struct op *op;
    const struct mbarrier *barrier; /* NULL: none */
    uint32_t phase;                 /* its parity */
    int lane;
};

struct warp {
    uint8_t *rows;
    uint32_t *preds;
    struct block *block;
    struct launch *launch;
    uint8_t *shared;     /* the block's shared memory: host address of shared address 0 */
    uint32_t shared_end; /* shared addresses run from SHARED_BASE to here */
    uint32_t live;       /* lanes that have not exited */
    uint32_t active;     /* lanes of the running split */
    uint32_t pc;         /* of the op after the one that runs */
    struct split splits[LANES];
    uint32_t split_count;
    uint64_t turns;
    uint32_t index; /* in the block */
    enum warp_state state;
    uint32_t barrier;      /* WARP_AT_BARRIER: which */
    uint32_t voted, votes; /* of the bar.red that has let it go: threads asked, or 0, and those who agreed */
    bool yield;            /* others should run first */
    bool again;            /* and the op that said so has to run again */
    uint32_t cluster_arrived, cluster_passed; /* lanes that wait at the cluster's barrier, and that it has let go */
    struct waiting waiting;
    struct async_copy *copies; /* cp.async not yet done, exec_async.c */
    uint32_t copy_count, copy_room;
    uint64_t copy_serial;           /* how many it has issued */
    uint32_t copy_group[LANES];     /* groups that each lane has committed */
    uint32_t bulk_group[LANES];     /* of cp.async.bulk, bulk.h */
    struct wgmma_state *wgmma;      /* NULL: it has issued none */
    uint32_t registers;             /* of each thread after setmaxnreg; 0: as at launch */
    const struct op *op;            /* running, for reports */
    struct undefined *undefined;    /* NULL: checks are off */
    struct sync_clock read, fenced; /* order.c: seen by its strong reads, and known at its last fence */
};

struct barrier {
    uint32_t waiting;    /* warps, bit mask */
    uint32_t met;        /* these, and those that only arrived */
    uint32_t arrived;    /* threads, bar.arrive included */
    uint32_t expected;   /* threads; 0: all of the block */
    uint32_t asked, set; /* bar.red: threads with a predicate, and those for which it holds */
};

struct block {
    struct launch *launch;
    struct cluster *cluster;
    uint32_t rank;             /* in the cluster */
    uint32_t number, index[3]; /* in the grid */
    struct warp *warps;
    uint32_t warp_count, done;
    uint8_t *shared;
    uint8_t
        *local; /* of all threads, one after the other; behind it, while checks are on, the bits that are defined */
    size_t local_size;
    struct barrier barriers[BARRIERS];
    struct mbarrier **mbarriers; /* all that were initialised */
    uint32_t mbarrier_count;
    struct wgmma_log *wgmma_log;
    uint32_t spare_registers; /* given back by setmaxnreg.dec */
    struct checker *checker;  /* NULL: checks are off */
};

struct cluster { /* blocks that run together; without clusters one block each */
    struct launch *launch;
    struct block **blocks; /* by rank */
    uint32_t count, done;
    struct sync_clock barrier, barrier_done; /* barrier.cluster */
    struct clocks *clocks;                   /* NULL: checks are off */
    struct order *order;                     /* the same */
};

struct launch {
    const struct kernel *kernel;
    struct memory *memory;
    const struct device_profile *device;
    uint32_t grid[3], threads[3], cluster[3];
    uint32_t dynamic_shared, shared_end;
    uint8_t *params;
    bool cooperative;
    uint64_t workspace; /* of a cooperative launch, for its grid's barrier; 0: none */
    bool check;
    uint64_t *executed; /* by op */
    bool has_seed;      /* schedule.c: the order of everything is drawn */
    uint64_t random;
    bool count, print;           /* traffic, too; and print it */
    struct traffic *traffic;     /* by op, or NULL */
    uint64_t progress;           /* stores, barrier releases, exits: changes that somebody may be waiting for */
    struct bulk *bulk;           /* copies of the async proxy under way, the newest first */
    bool spun;                   /* a warp used up its quantum */
    uint64_t near_low, near_end; /* the allocation of the last fast access */
    struct counters counters;
    jmp_buf fault;
    int error; /* the CUresult of the fault */
    char *report;
    size_t report_size;
};

/* Reports an error of the kernel, with kernel, instruction, block and thread, and ends the launch. lane < 0: the whole warp. */
_Noreturn void launch_fault(struct warp *warp, int lane, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Runs the kernel: 0, or the error whose report is in launch->report. */
int launch_run(struct launch *launch);

/* exec_async.c: some of the warp's copies happen, where the schedule is drawn. */
void async_advance(struct warp *warp);
/* sched.c: runs until the warp is done, waits or yields; afterwards warp->state says which. */
void warp_run(struct warp *warp);
/* barrier.c: the warp arrives, and if it has to wait changes its state. threads 0: all of the block. */
void barrier_arrive(struct warp *warp, uint32_t id, uint32_t threads, bool wait);
void barrier_vote(struct warp *warp, uint32_t id, uint32_t asked, uint32_t set); /* before it arrives */
void barrier_after_exit(struct block *block); /* an exited warp no longer has to come */

#endif
