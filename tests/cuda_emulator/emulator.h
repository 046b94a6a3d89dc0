/* What libhpckemu.so exports beyond the driver API, for tests. */
#ifndef HPCK_EMULATOR_H
#define HPCK_EMULATOR_H

#include <stdint.h>

/* The report of the last fault or load error: what, kernel, instruction, block, thread. "" when there was none. */
const char *hpckemu_report(void);
/* Switches the checker (races and uninitialised reads) for the launches from now on. Uninitialised global memory is only
 * known when HPCK_EMULATOR_CHECK=1 was set before cuInit. */
void hpckemu_set_check(int on);
/* Draws the order of everything in the launches from now on; 0: as late as is legal. Returns the seed so far. */
uint64_t hpckemu_set_seed(uint64_t seed);
/* Switches counting of bank conflicts and sectors for the launches from now on. */
void hpckemu_set_count(int on);
/* Counters of all launches since the last reset, by name (docs/cuda-emulator.md); -1: no such counter. */
int64_t hpckemu_counter(const char *name);
void hpckemu_reset_counters(void);
/* Makes the process forget the device and read HPCK_EMULATOR_DEVICE anew at the next cuInit. */
void hpckemu_shutdown(void);

#endif
