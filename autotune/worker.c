/* The parent's half: start, ask, wait, kill. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { CHILD_SOCKET = 3, TICK_MS = 200 };

struct worker {
    pid_t pid;
    int socket;
};

struct worker_candidate worker_candidate_of(const struct candidate *candidate)
{
    struct worker_candidate out = { .family = 0 };
    while (families[out.family] != candidate->family)
        out.family++;
    memcpy(out.param, candidate->param, sizeof out.param);
    return out;
}

struct worker_request worker_compile(const struct problem *problem, const struct candidate *candidate, int trial)
{
    struct worker_request request;
    memset(&request, 0, sizeof request); /* padding too: the whole of it travels */
    request.task = WORKER_COMPILE;
    request.trial = trial;
    request.problem = *problem;
    request.side_count = 1;
    request.side[0] = worker_candidate_of(candidate);
    return request;
}

/* In the child, between fork and exec. The worker outlives neither its socket nor its parent. */
static void exec_worker(int socket, const char *device, const char *cache_dir)
{
    char number[16];
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (socket == CHILD_SOCKET)
        fcntl(socket, F_SETFD, 0);
    else
        dup2(socket, CHILD_SOCKET);
    snprintf(number, sizeof number, "%d", CHILD_SOCKET);
    char *const argv[] = { (char *)"hpck-tune",
                           (char *)WORKER_COMMAND,
                           number,
                           (char *)(device ? device : ""),
                           (char *)(cache_dir ? cache_dir : "-"),
                           NULL };
    execv("/proc/self/exe", argv);
    _exit(127);
}

/* Fills buffer, or fails at `deadline`. */
static enum worker_end receive(struct worker *worker, void *buffer, size_t size, double deadline, worker_tick *tick,
                               void *tick_context)
{
    size_t done = 0;
    while (done < size) {
        double left = deadline - measure_now();
        if (left <= 0.0) return WORKER_TIMEOUT;
        struct pollfd waiting = { .fd = worker->socket, .events = POLLIN };
        int ready = poll(&waiting, 1, left * 1000.0 < TICK_MS ? (int)(left * 1000.0) + 1 : TICK_MS);
        if (ready < 0 && errno != EINTR) return WORKER_CRASHED;
        if (ready <= 0) {
            if (tick) tick(tick_context);
            continue;
        }
        ssize_t n = recv(worker->socket, (char *)buffer + done, size - done, 0);
        if (n == 0 || (n < 0 && errno != EINTR)) return WORKER_CRASHED;
        if (n > 0) done += (size_t)n;
    }
    return WORKER_ANSWERED;
}

static bool send_all(struct worker *worker, const void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = send(worker->socket, (const char *)buffer + done, size - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

/* Reaps the process, killing it first unless it has already gone, and says how it ended. */
static void bury(struct worker *worker, char *message, size_t size)
{
    int status = 0;
    if (worker->pid <= 0) return;
    kill(worker->pid, SIGKILL); /* a process that has already died keeps the status it died with */
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        ;
    worker->pid = 0;
    if (!message) return;
    if (WIFSIGNALED(status))
        snprintf(message, size, "the worker was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(message, size, "the worker left with exit code %d", WEXITSTATUS(status));
}

hpck_status worker_launch(const char *device, const char *cache_dir, struct worker **worker, struct error *err)
{
    hpck_status st = HPCK_OK;
    int sockets[2] = { -1, -1 };
    struct worker *w = calloc(1, sizeof *w);

    if (!w) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "worker: no memory");
    w->socket = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        HPCK_FAIL(err, HPCK_IO, "worker: no socket: %s", strerror(errno));
    fflush(NULL);
    w->pid = fork();
    if (w->pid == 0) exec_worker(sockets[1], device, cache_dir);
    if (w->pid < 0) HPCK_FAIL(err, HPCK_IO, "worker: cannot be started: %s", strerror(errno));
    close(sockets[1]);
    sockets[1] = -1;
    w->socket = sockets[0];
    sockets[0] = -1;
    *worker = w;
    w = NULL; /* the caller's now */
done:
    if (sockets[0] >= 0) close(sockets[0]);
    if (sockets[1] >= 0) close(sockets[1]);
    worker_stop(w);
    return st;
}

hpck_status worker_greet(struct worker *worker, double limit_seconds, struct worker_hello *hello, struct error *err)
{
    hpck_status st = HPCK_OK;
    char how[WORKER_MESSAGE_MAX];
    switch (receive(worker, hello, sizeof *hello, measure_now() + limit_seconds, NULL, NULL)) {
    case WORKER_ANSWERED:
        break;
    case WORKER_CRASHED:
        bury(worker, how, sizeof how);
        HPCK_FAIL(err, HPCK_NO_DEVICE, "the device cannot be opened: %s", how);
    case WORKER_TIMEOUT:
        HPCK_FAIL(err, HPCK_TIMEOUT, "the device did not open within %.0f s", limit_seconds);
    }
    if (hello->status != HPCK_OK) HPCK_FAIL(err, hello->status, "%s", hello->message);
done:
    return st;
}

hpck_status worker_start(const char *device, const char *cache_dir, double limit_seconds, struct worker **worker,
                         struct worker_hello *hello, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct worker *w = NULL;
    HPCK_TRY(worker_launch(device, cache_dir, &w, err));
    HPCK_TRY(worker_greet(w, limit_seconds, hello, err));
    *worker = w;
    w = NULL; /* the caller's now */
done:
    worker_stop(w);
    return st;
}

bool worker_send(struct worker *worker, const struct worker_request *request)
{
    return send_all(worker, request, sizeof *request);
}

int worker_socket(const struct worker *worker)
{
    return worker->socket;
}

enum worker_end worker_answer(struct worker *worker, double limit_seconds, worker_tick *tick, void *tick_context,
                              struct worker_reply *reply)
{
    enum worker_end end = receive(worker, reply, sizeof *reply, measure_now() + limit_seconds, tick, tick_context);
    if (end == WORKER_ANSWERED) return end;
    *reply = (struct worker_reply){ .status = HPCK_INTERNAL };
    bury(worker, reply->message, sizeof reply->message);
    if (end == WORKER_TIMEOUT)
        snprintf(reply->message, sizeof reply->message, "no answer within %.1f s: the worker was killed",
                 limit_seconds);
    return end;
}

enum worker_end worker_ask(struct worker *worker, const struct worker_request *request, double limit_seconds,
                           worker_tick *tick, void *tick_context, struct worker_reply *reply)
{
    worker_send(worker, request); /* a worker that does not take it is gone: so says its answer */
    return worker_answer(worker, limit_seconds, tick, tick_context, reply);
}

void worker_stop(struct worker *worker)
{
    if (!worker) return;
    if (worker->socket >= 0) close(worker->socket);
    bury(worker, NULL, 0);
    free(worker);
}
