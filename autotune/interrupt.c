/* The flag is the one mutable global of the tools: a signal handler has no other way to speak. */
#include "interrupt.h"

#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    if (interrupted) _exit(EXIT_INTERRUPTED);
    interrupted = 1;
}

void interrupt_install(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* results piped into `head` must not kill a run that still has to save */
}

const volatile sig_atomic_t *interrupt_flag(void)
{
    return &interrupted;
}
