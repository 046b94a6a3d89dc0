/* Address checks and translation: PTX ISA 5.1 (state spaces) and 6.4.1 (naturally aligned accesses). */
#include "access.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "decode.h"
#include "order.h"
#include "shadow.h"
#include "undefined.h"

static const char *const verbs[] = { [ACCESS_READ] = "read",
                                     [ACCESS_STRONG_READ] = "read",
                                     [ACCESS_WRITE] = "write",
                                     [ACCESS_STRONG_WRITE] = "write",
                                     [ACCESS_ATOMIC] = "atomic access" };

enum { ERROR_ILLEGAL_ADDRESS = 700, ERROR_MISALIGNED_ADDRESS = 716 };

struct shared_place access_shared(struct warp *warp, int lane, bool cluster, uint64_t address, uint32_t bytes,
                                  enum access access)
{
    struct shared_place place = { warp->block, (uint32_t)address };
    if (cluster && address >> CLUSTER_SHIFT != 0) {
        place.block = cluster_block(warp, address, &place.address);
        if (place.block != NULL) address = place.address;
    }
    if (place.block == NULL || address < SHARED_BASE || address > warp->shared_end ||
        bytes > warp->shared_end - address)
        launch_fault(warp, lane, ERROR_ILLEGAL_ADDRESS,
                     "out-of-bounds shared-memory %s of %u bytes at 0x%" PRIx64 ": the block has 0x%x to 0x%x",
                     verbs[access], bytes, address, SHARED_BASE, warp->shared_end);
    if (place.block != warp->block && place.block->done == place.block->warp_count)
        launch_fault(warp, lane, ERROR_ILLEGAL_ADDRESS,
                     "shared-memory %s in block %u of the cluster, which has already exited", verbs[access],
                     place.block->rank);
    if (place.block->checker != NULL) shadow_shared(warp, lane, place.block, place.address, bytes, access);
    return place;
}

static uint8_t *global_host(struct warp *warp, int lane, uint64_t address, uint32_t bytes, enum access access)
{
    struct memory *memory = warp->launch->memory;
    uint8_t *host = memory_host(memory, address, bytes);
    if (host == NULL) {
        const struct allocation *near = memory_find(memory, address);
        char where[128] = "no allocation is below it";
        if (near != NULL)
            snprintf(where, sizeof where, "%" PRIu64 " bytes into the %zu bytes allocated at 0x%" PRIx64,
                     address - near->address, near->size, near->address);
        launch_fault(warp, lane, ERROR_ILLEGAL_ADDRESS,
                     "out-of-bounds global-memory %s of %u bytes at 0x%" PRIx64 ", %s", verbs[access], bytes,
                     address, where);
    }
    if (access == ACCESS_WRITE || access == ACCESS_STRONG_WRITE) memory_define(memory, address, bytes);
    return host;
}

uint8_t *access_host(struct warp *warp, int lane, enum ptx_space space, uint64_t address, uint32_t bytes,
                     enum access access)
{
    const struct ptx_kernel *ptx = warp->launch->kernel->ptx;
    if (address & (bytes - 1))
        launch_fault(warp, lane, ERROR_MISALIGNED_ADDRESS, "misaligned %s of %u bytes at 0x%" PRIx64, verbs[access],
                     bytes, address);
    bool cluster = space == SPACE_GENERIC || space == SPACE_CLUSTER;
    if (space == SPACE_GENERIC && address >= LOCAL_WINDOW) {
        space = address >= SHARED_WINDOW ? SPACE_SHARED : address >= PARAM_WINDOW ? SPACE_PARAM : SPACE_LOCAL;
        address -= address >= SHARED_WINDOW ? SHARED_WINDOW : address >= PARAM_WINDOW ? PARAM_WINDOW : LOCAL_WINDOW;
    }
    switch (space) {
    case SPACE_SHARED:
    case SPACE_CLUSTER: {
        struct shared_place place = access_shared(warp, lane, cluster, address, bytes, access);
        return place.block->shared + place.address;
    }
    case SPACE_PARAM:
        if (address > ptx->param_size || bytes > ptx->param_size - address || access >= ACCESS_WRITE)
            launch_fault(warp, lane, ERROR_ILLEGAL_ADDRESS, "%s of %u bytes at 0x%" PRIx64 " of %u parameter bytes",
                         verbs[access], bytes, address, ptx->param_size);
        return warp->launch->params + address;
    case SPACE_LOCAL:
        if (address > ptx->local_size || bytes > ptx->local_size - address)
            launch_fault(warp, lane, ERROR_ILLEGAL_ADDRESS,
                         "out-of-bounds local-memory %s of %u bytes at 0x%" PRIx64, verbs[access], bytes, address);
        address += (uint64_t)(LANES * warp->index + (uint32_t)lane) * ptx->local_size;
        if (warp->undefined != NULL && (access == ACCESS_WRITE || access == ACCESS_STRONG_WRITE))
            memset(warp->block->local + warp->block->local_size + address, 0xff, bytes);
        return warp->block->local + address;
    default:
        return global_host(warp, lane, address, bytes, access);
    }
}

static inline bool is_defined(const uint8_t *defined, uint32_t bytes)
{
    uint64_t bits = UINT64_MAX;
    for (; bytes > 8; bytes -= 8, defined += 8) {
        uint64_t part;
        memcpy(&part, defined, sizeof part);
        bits &= part;
    }
    return (bits & ~undefined_bits(defined, bytes)) == UINT64_MAX;
}

bool access_checked(struct warp *warp, enum ptx_space space, const uint64_t address[], uint32_t count,
                    uint32_t bytes, enum access access)
{
    struct memory *memory = warp->launch->memory;
    const bool is_shared = space == SPACE_SHARED;
    if (is_shared) shadow_lanes(warp, address, count, bytes, access);
    if (access == ACCESS_WRITE) {
        for (uint32_t i = 0; i < count && !is_shared; i++)
            memory_define(memory, address[i], bytes);
        return true;
    }
    const uint8_t *defined = is_shared ? shadow_defined(warp->block->checker) : memory->defined;
    const uint64_t first = is_shared ? 0 : GLOBAL_WINDOW;
    for (uint32_t i = 0; i < count && defined != NULL; i++)
        if (!is_defined(defined + (address[i] - first), bytes)) return false;
    return true;
}

enum ptx_space access_take_space(struct opcode_words *words)
{
    static const struct {
        const char *word;
        enum ptx_space space;
    } spaces[] = { { "global", SPACE_GLOBAL },      { "shared", SPACE_SHARED },
                   { "shared::cta", SPACE_SHARED }, { "shared::cluster", SPACE_CLUSTER },
                   { "param", SPACE_PARAM },        { "param::entry", SPACE_PARAM },
                   { "param::func", SPACE_PARAM },  { "local", SPACE_LOCAL },
                   { "const", SPACE_CONST } };
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (words_take(words, spaces[i].word)) return spaces[i].space;
    return SPACE_GENERIC;
}

int access_take_hints(struct opcode_words *words)
{
    static const struct {
        const char *word;
        int order;
    } orders[] = { { "volatile", ORDER_STRONG },
                   { "relaxed", ORDER_STRONG },
                   { "mmio", ORDER_STRONG },
                   { "acquire", ORDER_STRONG | ORDER_ACQUIRE },
                   { "release", ORDER_STRONG | ORDER_RELEASE },
                   { "acq_rel", ORDER_STRONG | ORDER_ACQUIRE | ORDER_RELEASE } };
    static const char *const hints[] = { "weak",
                                         "cta",
                                         "cluster",
                                         "gpu",
                                         "sys",
                                         "nc",
                                         "ca",
                                         "cg",
                                         "cs",
                                         "lu",
                                         "cv",
                                         "wb",
                                         "wt",
                                         "L1::evict_normal",
                                         "L1::evict_unchanged",
                                         "L1::evict_first",
                                         "L1::evict_last",
                                         "L1::no_allocate",
                                         "L2::64B",
                                         "L2::128B",
                                         "L2::256B" };
    int order = 0;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (words_take(words, orders[i].word)) order |= orders[i].order;
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        words_take(words, hints[i]);
    return order;
}
