/* How fast this machine reads memory: the ceiling of everything that is bound by it. */
#ifndef HPCK_BENCH_BANDWIDTH_H
#define HPCK_BENCH_BANDWIDTH_H

#include <stddef.h>

#include "error.h"

struct bandwidth;

/* Persistent pinned threads reading memory that is larger than the caches; the best of several widths and unrollings,
 * chosen here. memory NULL: the probe's own, with cache_bytes of the last level, 0 where that is unknown. */
hpck_status bandwidth_open(int64_t cache_bytes, const void *memory, size_t bytes, struct bandwidth **probe,
                           struct error *err);
void bandwidth_close(struct bandwidth *probe);

size_t bandwidth_bytes(const struct bandwidth *probe);     /* that one run reads */
hpck_status bandwidth_run(void *probe, struct error *err); /* of struct measure_side */

#endif
