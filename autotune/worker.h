/* Trials run in a process of their own, since a kernel may crash or hang the driver. The parent half (worker.c) never
 * touches a driver: it sends requests and waits with a time limit. The child half (worker_main.c) is this program
 * started again with WORKER_COMMAND; the two speak through a socket in plain structs, being the same binary. */
#ifndef HPCK_AUTOTUNE_WORKER_H
#define HPCK_AUTOTUNE_WORKER_H

#include "measure.h"
#include "trial.h"

#define WORKER_COMMAND "--worker" /* hidden: hpck-tune --worker SOCKET DEVICE CACHE_DIR */

/* HPCK_TUNE_TEST_FAULT=crash@N, hang@N, wrong@N, crash-compile@N or hang-compile@N: for tests, a worker of this tuner does
 * that in trial N (from 0). */
#define WORKER_FAULT_VARIABLE "HPCK_TUNE_TEST_FAULT"

enum { WORKER_MESSAGE_MAX = TRIAL_MESSAGE_MAX };

/* First thing a worker says. */
struct worker_hello {
    hpck_status status; /* HPCK_OK: the device is open */
    char message[WORKER_MESSAGE_MAX];
    struct device_desc device;
    enum dialect dialect;
};

/* A candidate as it travels: addresses differ between two processes, places in families[] do not. */
struct worker_candidate {
    int64_t family; /* index into families[] */
    int64_t param[FAMILY_PARAMS_MAX];
};
struct worker_candidate worker_candidate_of(const struct candidate *candidate);

enum worker_task {
    WORKER_MEASURE, /* plan, verify and, in interleaved rounds, time the sides */
    WORKER_COMPILE  /* plan side 0, which leaves its program in the folder of compiled kernels */
};

struct worker_request {
    enum worker_task task;
    int trial; /* its number in this run of the tuner */
    struct problem problem;
    uint64_t seed; /* of the operands' contents */
    int side_count;
    struct worker_candidate side[MEASURE_SIDES_MAX]; /* side 0 is what the others are compared with */
    /* and of WORKER_MEASURE: */
    struct measure_options measure;
    /* Where a side seems to take less than again_below times side 0's time, all are measured once more by `again`, and
     * only that counts: the best of many first looks is mostly the luckiest. 0: never. */
    struct measure_options again;
    double again_below;
    double give_up; /* a side whose first run takes this many times side 0's is SLOW and not measured; 0: all are */
};

struct worker_request worker_compile(const struct problem *problem, const struct candidate *candidate, int trial);

struct worker_side {
    enum outcome outcome;
    char message[WORKER_MESSAGE_MAX];
    struct measure_times time;  /* SLOW: of the first runs */
    struct measure_ratio ratio; /* time / time of side 0; above 1: side 0 is faster */
};

struct worker_reply {
    hpck_status status; /* not HPCK_OK: nothing could be tried (no memory for the operands, ...): see message */
    char message[WORKER_MESSAGE_MAX];
    struct worker_side side[MEASURE_SIDES_MAX]; /* sides that are not OK were left out of the comparison */
    double compile_seconds, verify_seconds, measure_seconds;
    double foreign_cpu;
};

struct worker;

enum worker_end {
    WORKER_ANSWERED,
    WORKER_CRASHED, /* it is gone; the message says how */
    WORKER_TIMEOUT  /* it did not answer in time and was killed */
};

/* Called a few times a second while a worker is waited for; may be NULL. */
typedef void worker_tick(void *context);

/* Starts a process that opens the device. device: as hpck_options.device, NULL: the default; cache_dir: as
 * hpck_options.cache_dir. */
hpck_status worker_launch(const char *device, const char *cache_dir, struct worker **worker, struct error *err);
/* Waits at most limit_seconds for the hello. NO_DEVICE and others: the message is the library's own, and the worker can
 * only be stopped. */
hpck_status worker_greet(struct worker *worker, double limit_seconds, struct worker_hello *hello,
                         struct error *err);
/* Both. */
hpck_status worker_start(const char *device, const char *cache_dir, double limit_seconds, struct worker **worker,
                         struct worker_hello *hello, struct error *err);

/* After anything but WORKER_ANSWERED the worker is dead and can only be stopped. */
enum worker_end worker_ask(struct worker *worker, const struct worker_request *request, double limit_seconds,
                           worker_tick *tick, void *tick_context, struct worker_reply *reply);

/* worker_ask in two parts, for whoever waits for several workers: an answer is there when the socket is readable. */
bool worker_send(struct worker *worker, const struct worker_request *request);
int worker_socket(const struct worker *worker);
enum worker_end worker_answer(struct worker *worker, double limit_seconds, worker_tick *tick, void *tick_context,
                              struct worker_reply *reply);

/* Ends the process if it lives. NULL is allowed. */
void worker_stop(struct worker *worker);

/* The child: argv as after WORKER_COMMAND. Returns the exit code. */
int worker_main(int argc, char **argv);

#endif
