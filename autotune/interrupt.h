/* SIGINT and SIGTERM: the first asks the tuner to finish its trial and save, the second ends it at once with exit code
 * 130. Nothing is lost even then: the journal is synced after each trial and the database is replaced in one rename. */
#ifndef HPCK_AUTOTUNE_INTERRUPT_H
#define HPCK_AUTOTUNE_INTERRUPT_H

#include <signal.h>

enum { EXIT_INTERRUPTED = 130 };

void interrupt_install(void);
const volatile sig_atomic_t *interrupt_flag(void); /* becomes 1 at the first signal */

#endif
