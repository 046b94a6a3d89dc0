/* The order that locks and flags make. For each place that a release pattern has written, the clock of what was done before; who reads
 * it strongly and acquires knows all that from then on. Release pattern: a release, or a fence and a strong write behind it; acquire
 * pattern: an acquire, or a strong read and a fence behind it. Memory is sequentially consistent here, so that the last write is what is
 * read. Limits: scopes are taken as wide enough, lanes of a warp as one thread. */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#include "shadow.h"

struct place {
    const uint8_t *host; /* NULL: free */
    struct sync_clock clock;
};

struct order { /* a hash table, half of it free at least */
    struct place *places;
    uint32_t count, room; /* room: a power of two */
};

enum { ROOM = 64 };

struct order *order_open(void)
{
    struct order *order = calloc(1, sizeof *order);
    if (order == NULL) return NULL;
    *order = (struct order){ .places = calloc(ROOM, sizeof *order->places), .room = ROOM };
    if (order->places != NULL) return order;
    free(order);
    return NULL;
}

void order_close(struct order *order)
{
    if (order == NULL) return;
    free(order->places);
    free(order);
}

void order_start(struct order *order)
{
    memset(order->places, 0, order->room * sizeof *order->places);
    order->count = 0;
}

static struct place *find(const struct order *order, const uint8_t *host)
{
    uint32_t at = (uint32_t)((uintptr_t)host >> 1) * 2654435769u;
    while (order->places[at & (order->room - 1)].host != NULL && order->places[at & (order->room - 1)].host != host)
        at++;
    return &order->places[at & (order->room - 1)];
}

static bool grow(struct order *order)
{
    struct order larger = { .places = calloc((size_t)2 * order->room, sizeof *larger.places),
                            .count = order->count,
                            .room = 2 * order->room };
    if (larger.places == NULL) return false;
    for (uint32_t i = 0; i < order->room; i++)
        if (order->places[i].host != NULL) *find(&larger, order->places[i].host) = order->places[i];
    free(order->places);
    *order = larger;
    return true;
}

static struct sync_clock *make(struct warp *warp, const uint8_t *host)
{
    struct order *order = warp->block->cluster->order;
    struct place *place = find(order, host);
    if (place->host == host) return &place->clock;
    if (2 * order->count >= order->room && !grow(order)) launch_fault(warp, -1, 2, "out of host memory");
    place = find(order, host);
    place->host = host;
    order->count++;
    return &place->clock;
}

void order_access(struct warp *warp, const uint8_t *host, int flags, bool reads, bool writes)
{
    if (warp->block->checker == NULL) return;
    struct place *place = find(warp->block->cluster->order, host);
    if (reads && flags & ORDER_ACQUIRE) shadow_acquire(warp, &place->clock);
    if (reads) shadow_copy(warp, &warp->read, &place->clock);
    if (!writes) return;
    if (!reads) shadow_reset(warp, &place->clock); /* an atomic operation continues the release sequence */
    if (flags & ORDER_RELEASE)
        shadow_release(warp, make(warp, host));
    else if (warp->fenced.seen != NULL)
        shadow_copy(warp, make(warp, host), &warp->fenced);
}

void order_fence(struct warp *warp)
{
    shadow_acquire(warp, &warp->read);
    shadow_release(warp, &warp->fenced);
}
