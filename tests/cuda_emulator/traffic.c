/* Bank conflicts and sectors. The rules are those that the profiler's counters of NVIDIA's devices since sm_50 show;
 * what is not modelled: a phase that could share a wavefront with another one, and L1 hits. */
#include "traffic.h"

#include "access.h"
#include "memory.h"

enum { BANKS = 32, BANK_BYTES = 4, PHASE_BYTES = BANKS * BANK_BYTES, SECTOR_BYTES = 32 };

static uint32_t busiest_bank(const uint64_t *words, uint32_t count)
{
    uint32_t used[BANKS] = { 0 }, busiest = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < i && !seen; j++)
            seen = words[j] == words[i];
        if (seen) continue; /* a word is read once for all lanes that want it */
        uint32_t in_bank = ++used[words[i] % BANKS];
        if (in_bank > busiest) busiest = in_bank;
    }
    return busiest;
}

static void count_shared(struct traffic *traffic, uint32_t mask, const uint64_t address[LANES], uint32_t bytes)
{
    const uint32_t words_each = bytes > BANK_BYTES ? bytes / BANK_BYTES : 1;
    const uint32_t lanes_each = bytes > BANK_BYTES ? PHASE_BYTES / bytes : LANES;
    traffic->shared_requests++;
    for (uint32_t first = 0; first < LANES; first += lanes_each) {
        uint64_t words[LANES];
        uint32_t count = 0;
        for (uint32_t lane = first; lane < first + lanes_each; lane++)
            for (uint32_t w = 0; w < words_each && (mask >> lane & 1); w++)
                words[count++] = address[lane] / BANK_BYTES + w;
        if (count == 0) continue;
        traffic->shared_phases++;
        traffic->shared_wavefronts += busiest_bank(words, count);
    }
}

static void count_global(struct traffic *traffic, uint32_t mask, const uint64_t address[LANES], uint32_t bytes)
{
    uint64_t sector[2 * LANES];
    uint32_t wanted[2 * LANES], count = 0; /* the bytes asked for, one bit each */
    traffic->global_requests++;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        uint64_t from = address[__builtin_ctz(rest)];
        uint64_t bits = ((bytes < 64 ? 1ull << bytes : 0) - 1) << from % SECTOR_BYTES;
        for (uint64_t at = from / SECTOR_BYTES; bits != 0; at++, bits >>= SECTOR_BYTES) {
            uint32_t i = 0;
            while (i < count && sector[i] != at)
                i++;
            if (i == count) {
                sector[count] = at;
                wanted[count++] = 0;
            }
            wanted[i] |= (uint32_t)bits;
        }
    }
    uint32_t asked = 0;
    for (uint32_t i = 0; i < count; i++)
        asked += (uint32_t)__builtin_popcount(wanted[i]);
    traffic->global_sectors += count;
    traffic->global_needed += (asked + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

void traffic_request(struct warp *warp, const struct op *op, uint32_t mask, enum ptx_space space,
                     const uint64_t address[LANES], uint32_t bytes)
{
    const struct launch *launch = warp->launch;
    struct traffic *traffic = &launch->traffic[op - launch->kernel->ops];
    if (mask == 0) return;
    if (space ==
        SPACE_GENERIC) { /* windows are 4 GiB and more: what differs does not matter to banks and sectors */
        uint64_t first = address[__builtin_ctz(mask)];
        space = first >= SHARED_WINDOW ? SPACE_SHARED : first >= LOCAL_WINDOW ? SPACE_LOCAL : SPACE_GLOBAL;
    }
    if (space == SPACE_SHARED)
        count_shared(traffic, mask, address, bytes);
    else if (space == SPACE_GLOBAL)
        count_global(traffic, mask, address, bytes);
}

void traffic_access(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask)
{
    uint64_t address[LANES];
    for (int lane = 0; lane < LANES; lane++)
        address[lane] = access_address(warp, op, k, lane);
    traffic_request(warp, op, mask, op->space, address, (uint32_t)op->size * op->vector);
}
