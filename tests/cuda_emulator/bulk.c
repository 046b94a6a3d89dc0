/* The queue of bulk copies: the newest happens first, which is as good as any order and finds those who rely on another. */
#include "bulk.h"

#include <stdlib.h>
#include <string.h>

void bulk_issue(struct bulk *bulk)
{
    struct launch *launch = bulk->warp->launch;
    struct bulk *queued = malloc(sizeof *queued);
    if (queued == NULL) launch_fault(bulk->warp, bulk->lane, 2, "out of host memory");
    *queued = *bulk;
    shadow_issue(&queued->view, bulk->warp, bulk->lane);
    queued->next = launch->bulk;
    launch->bulk = queued;
    launch->progress++;
}

static void free_bulk(struct bulk *bulk)
{
    shadow_forget(&bulk->view);
    free(bulk->buffer);
    free(bulk);
}

/* A fault of the copy is laid on who issued it. */
static void perform(struct bulk *bulk, bool only_read)
{
    const struct op *running = bulk->warp->op;
    bulk->warp->op = bulk->op;
    if (bulk->kind != BULK_SEND && bulk->kind != BULK_ARRIVE && bulk->buffer == NULL)
        bulk->warp->launch->counters.global_bytes += bulk->bytes;
    if (bulk->kind == BULK_LOAD) bulk_load(bulk);
    if (bulk->kind == BULK_SEND) bulk_send(bulk);
    if (bulk->kind == BULK_ARRIVE) bulk_arrive(bulk);
    if (bulk->kind == BULK_STORE) {
        if (bulk->buffer == NULL) bulk_read(bulk);
        if (!only_read) bulk_write(bulk);
    }
    bulk->warp->op = running;
    bulk->warp->launch->progress++;
}

bool bulk_advance(struct launch *launch)
{
    struct bulk *newest = launch->bulk;
    if (newest == NULL) return false;
    perform(newest, false);
    launch->bulk = newest->next;
    free_bulk(newest);
    return true;
}

void bulk_commit(struct warp *warp, uint32_t lanes)
{
    FOR_LANES(lanes, warp->bulk_group[i]++;);
}

void bulk_wait(struct warp *warp, uint32_t lanes, uint32_t keep, bool only_read)
{
    struct bulk **link = &warp->launch->bulk;
    while (*link != NULL) {
        struct bulk *bulk = *link;
        bool is_meant = bulk->kind == BULK_STORE && bulk->warp == warp && (lanes >> bulk->lane & 1) &&
                        bulk->group + keep < warp->bulk_group[bulk->lane];
        if (is_meant) {
            perform(bulk, only_read);
            shadow_waited(&bulk->view);
        }
        if (is_meant && !only_read) {
            *link = bulk->next;
            free_bulk(bulk);
        } else {
            link = &bulk->next;
        }
    }
}

void bulk_block_done(struct block *block)
{
    struct bulk **link = &block->launch->bulk;
    while (*link != NULL) {
        struct bulk *bulk = *link;
        bool is_destination = bulk->kind != BULK_STORE && bulk->warp->block->cluster == block->cluster &&
                              (bulk->destinations >> block->rank & 1);
        bool is_source = (bulk->kind == BULK_SEND || bulk->kind == BULK_STORE) && bulk->warp->block == block &&
                         bulk->buffer == NULL;
        if (is_destination || is_source) {
            bulk->warp->op = bulk->op;
            launch_fault(bulk->warp, bulk->lane, 719,
                         "the block exits while this copy %s its shared memory is under way",
                         is_destination ? "to" : "from");
        }
        if (bulk->warp->block == block) {
            perform(bulk, false);
            *link = bulk->next;
            free_bulk(bulk);
        } else {
            link = &bulk->next;
        }
    }
}

void bulk_forget(struct launch *launch)
{
    while (launch->bulk != NULL) {
        struct bulk *next = launch->bulk->next;
        free_bulk(launch->bulk);
        launch->bulk = next;
    }
}
