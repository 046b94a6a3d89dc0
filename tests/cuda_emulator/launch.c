/* A kernel launch: clusters of blocks one after the other, each until it is done or stuck. When a cluster is stuck - its warps wait,
 * or spin without anything changing - the next one starts beside it, so that blocks may wait for each other's flags. When none
 * can go on, and none is left to start, that is a deadlock. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "bulk.h"
#include "cluster.h"
#include "lanes.h"
#include "mbarrier.h"
#include "wgmma.h"
#include "schedule.h"

/* Nothing has changed for so long that nothing will: a warp that spins for a whole quantum counts more than one that sleeps. */
enum { IDLE_LIMIT = 16384, IDLE_SPIN = 256 };
enum { ERROR_OUT_OF_MEMORY = 2, ERROR_LAUNCH_TIMEOUT = 702 };

_Noreturn void launch_fault(struct warp *warp, int lane, int error, const char *format, ...)
{
    struct launch *launch = warp->launch;
    char what[1280];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    uint32_t thread[3];
    block_thread(warp, lane, thread);
    const uint32_t *block = warp->block->index;
    snprintf(launch->report, launch->report_size,
             "%s\n    kernel %s, ptx line %d '%s'\n    block (%u,%u,%u), %s (%u,%u,%u)", what,
             launch->kernel->ptx->name, warp->op->source->line, warp->op->source->text, block[0], block[1],
             block[2], lane < 0 ? "warp of thread" : "thread", thread[0], thread[1], thread[2]);
    launch->error = error;
    longjmp(launch->fault, 1);
}

static size_t describe_waiting(const struct warp *warp, char *text, size_t room)
{
    const struct block *block = warp->block;
    int used = snprintf(text, room, " warp %u", warp->index);
    char *end = text + used;
    size_t left = room - (size_t)used;
    if (block->cluster->count > 1) {
        used += snprintf(end, left, " of block %u of the cluster", block->rank);
        end = text + used, left = room - (size_t)used;
    }
    if (warp->state == WARP_READY && warp->waiting.barrier != NULL && warp->waiting.op != NULL) {
        used += snprintf(end, left, " at line %d waits for ", warp->waiting.op->source->line);
        return (size_t)used + mbarrier_describe(&warp->waiting, text + used, room - (size_t)used);
    }
    used += snprintf(end, left, " at line %d", warp->op->source->line);
    return (size_t)used;
}

static _Noreturn void report_deadlock(struct cluster *cluster)
{
    struct warp *stuck = NULL;
    char list[1024] = "";
    size_t used = 0;
    int lane = -1;
    for (uint32_t r = 0; r < cluster->count; r++)
        for (uint32_t w = 0; w < cluster->blocks[r]->warp_count; w++) {
            struct warp *warp = &cluster->blocks[r]->warps[w];
            if (warp->state == WARP_DONE) continue;
            if (stuck == NULL) stuck = warp;
            bool names = warp->waiting.barrier != NULL || warp->state == WARP_AT_BARRIER;
            if (names && stuck->waiting.barrier == NULL) stuck = warp;
            if (used + 256 >= sizeof list) continue;
            if (used != 0) list[used++] = ',';
            used += describe_waiting(warp, list + used, sizeof list - used);
        }
    if (stuck->waiting.barrier != NULL) {
        stuck->op = stuck->waiting.op;
        lane = stuck->waiting.lane;
    }
    launch_fault(stuck, lane, ERROR_LAUNCH_TIMEOUT, "deadlock: nothing can go on;%s", list);
}

struct residents { /* clusters that have started and are not done */
    struct cluster **clusters;
    uint32_t count, most;
    struct cluster *spare; /* memory of the last one that finished */
};

static bool start_next(struct launch *launch, struct residents *residents, uint32_t number)
{
    struct cluster *cluster = residents->spare != NULL ? residents->spare : cluster_new(launch);
    residents->spare = NULL;
    if (cluster == NULL) {
        snprintf(launch->report, launch->report_size, "out of host memory");
        launch->error = ERROR_OUT_OF_MEMORY;
        return false;
    }
    cluster_start(cluster, number);
    residents->clusters[residents->count++] = cluster;
    return true;
}

static void retire(struct residents *residents, uint32_t i)
{
    struct cluster *cluster = residents->clusters[i];
    residents->clusters[i] = residents->clusters[--residents->count];
    if (residents->spare == NULL)
        residents->spare = cluster;
    else
        cluster_free(cluster);
}

/* Where the schedule is drawn: once in so many rounds. */
enum { NEXT_STARTS = 2, BULK_EARLY = 3 };

static void run_clusters(struct launch *launch, struct residents *residents)
{
    uint32_t total = launch->grid[0] * launch->grid[1] * launch->grid[2] /
                     (launch->cluster[0] * launch->cluster[1] * launch->cluster[2]);
    uint32_t next = 0, idle = 0;
    while (next < total || residents->count != 0) {
        if (residents->count == 0 && !start_next(launch, residents, next++)) return;
        uint64_t before = launch->progress;
        launch->spun = false;
        while (next < total && residents->count < residents->most && schedule_chance(launch, NEXT_STARTS))
            if (!start_next(launch, residents, next++)) return;
        if (schedule_chance(launch, BULK_EARLY)) bulk_advance(launch);
        if (residents->count > 1) { /* who comes first */
            const uint32_t first = schedule_first(launch, residents->count);
            struct cluster *swapped = residents->clusters[first];
            residents->clusters[first] = residents->clusters[0];
            residents->clusters[0] = swapped;
        }
        for (uint32_t i = 0; i < residents->count; i++) {
            cluster_round(residents->clusters[i]);
            if (residents->clusters[i]->done == residents->clusters[i]->count) retire(residents, i--);
        }
        if (launch->progress != before) {
            idle = 0;
        } else if (bulk_advance(launch)) {
            idle = 0;
        } else if (next < total && residents->count < residents->most) {
            if (!start_next(launch, residents, next++)) return;
        } else if ((idle += launch->spun ? IDLE_SPIN : 1) > IDLE_LIMIT) {
            report_deadlock(residents->clusters[0]);
        }
    }
}

int launch_run(struct launch *launch)
{
    struct residents *residents = calloc(1, sizeof *residents); /* in memory, not in registers, across longjmp */
    launch->error = ERROR_OUT_OF_MEMORY;
    launch->executed = calloc(launch->kernel->op_count, sizeof *launch->executed);
    if (residents != NULL) {
        uint32_t blocks = launch->cluster[0] * launch->cluster[1] * launch->cluster[2];
        residents->most = launch->cooperative
                              ? launch->grid[0] * launch->grid[1] * launch->grid[2] / blocks
                              : (uint32_t)launch->device->multiprocessors / blocks; /* one fits on each */
        if (residents->most == 0) residents->most = 1;
        residents->clusters = calloc(residents->most + 1, sizeof *residents->clusters);
    }
    if (launch->count) launch->traffic = calloc(launch->kernel->op_count, sizeof *launch->traffic);
    if (residents != NULL && residents->clusters != NULL && launch->executed != NULL &&
        (launch->traffic != NULL || !launch->count)) {
        launch->error = 0;
        if (setjmp(launch->fault) == 0) run_clusters(launch, residents);
        bulk_forget(launch);
        for (uint32_t i = 0; i < residents->count; i++)
            cluster_free(residents->clusters[i]);
        cluster_free(residents->spare);
    }
    if (launch->executed != NULL) counters_collect(launch);
    if (launch->traffic != NULL && launch->print) counters_print(launch);
    if (residents != NULL) free(residents->clusters);
    free(residents);
    free(launch->executed);
    free(launch->traffic);
    return launch->error;
}
