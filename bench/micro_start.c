/* The first GEMM of a process, from creating the handle to the result: with empty caches, and in a second process that
 * finds on disk what the first one compiled. PoCL keeps a cache of its own, which is emptied and kept along. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "micro.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

enum { SIZE = 512, COLD_STARTS = 5, WARM_STARTS = 15 };

int micro_start_child(void)
{
    int code = 1;
    hpck_handle *handle = NULL;
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    hpck_buffer a = { 0 }, b = { 0 }, c = { 0 };
    hpck_buffer *const buffers[] = { &a, &b, &c };
    double begin = measure_now();

    desc.m = desc.n = desc.k = SIZE;
    if (hpck_create(&handle, NULL) != HPCK_OK) goto done;
    for (int i = 0; i < 3; i++)
        if (hpck_malloc(handle, SIZE * SIZE * sizeof(float), &buffers[i]->memory) != HPCK_OK) goto done;
    double created = measure_now();
    if (hpck_gemm(handle, &desc, 1.0F, a, b, 0.0F, c, NULL) != HPCK_OK) goto done;
    if (hpck_synchronize(handle) != HPCK_OK) goto done;
    double finished = measure_now();
    printf("%.9g %.9g %d\n", created - begin, finished - created, cache_compilations(handle->cache));
    code = 0;
done:
    if (code != 0 && handle) fprintf(stderr, "hpck-microbench: %s\n", hpck_error_message(handle));
    for (int i = 0; i < 3; i++)
        if (buffers[i]->memory) hpck_free(handle, buffers[i]->memory);
    hpck_destroy(handle);
    return code;
}

struct start {
    double create_seconds; /* hpck_create, that is opening the driver, and three buffers */
    double call_seconds;   /* the first hpck_gemm until its result is there */
    int compilations;
};

/* In the child: caches in `folder`, the parent's standard output closed in favour of the pipe. */
static void exec_child(const struct micro *micro, const char *folder, int pipe_end)
{
    char path[128];
    snprintf(path, sizeof path, "%s/hpck", folder);
    setenv("HPCK_CACHE_DIR", path, 1);
    snprintf(path, sizeof path, "%s/pocl", folder);
    mkdir(path, 0700);
    setenv("POCL_CACHE_DIR", path, 1);
    dup2(pipe_end, STDOUT_FILENO);
    execl(micro->program, micro->program, "--first-call", (char *)NULL);
    _exit(127);
}

static bool spawn(const struct micro *micro, const char *folder, struct start *start)
{
    int ends[2];
    char answer[128] = "";
    int status = 1;
    if (pipe(ends) != 0) return false;
    pid_t child = fork();
    if (child == 0) exec_child(micro, folder, ends[1]);
    close(ends[1]);
    FILE *file = fdopen(ends[0], "r");
    bool ok = child > 0 && file && fgets(answer, sizeof answer, file);
    if (file) fclose(file);
    if (child > 0) waitpid(child, &status, 0);
    return ok && status == 0 &&
           sscanf(answer, "%lf %lf %d", &start->create_seconds, &start->call_seconds, &start->compilations) == 3;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

void micro_remove(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool fresh_folder(const char *folder)
{
    micro_remove(folder);
    return mkdir(folder, 0700) == 0;
}

/* The time of an iteration is that of the first call; creating the handle is a counter, in microseconds. */
static void measure_starts(struct gbench *bench, struct micro *micro, bool is_warm)
{
    double create[WARM_STARTS], call[WARM_STARTS];
    struct start start;
    char folder[96];
    int compilations = 0;
    int done = 0;
    snprintf(folder, sizeof folder, "%s/start", micro->folder);
    if (is_warm && (!fresh_folder(folder) || !spawn(micro, folder, &start))) gbench_fail(bench, "no first process");
    while (gbench_next(bench)) { /* as often as it was registered for: at most WARM_STARTS */
        if ((!is_warm && !fresh_folder(folder)) || !spawn(micro, folder, &start)) {
            gbench_fail(bench, "the process failed");
            return;
        }
        gbench_seconds(bench, start.call_seconds);
        create[done] = start.create_seconds;
        call[done] = start.call_seconds;
        compilations += start.compilations;
        done++;
    }
    if (done == 0) return;
    gbench_counter(bench, "call_us", 1e6 * measure_times_of(call, done).median);
    gbench_counter(bench, "create_us", 1e6 * measure_times_of(create, done).median);
    gbench_counter(bench, "compilations", (double)compilations / done);
}

static void cold(struct gbench *bench, void *micro)
{
    measure_starts(bench, micro, false);
}

static void warm(struct gbench *bench, void *micro)
{
    measure_starts(bench, micro, true);
}

void micro_start_add(struct micro *micro)
{
    gbench_add_manual("start/cold", cold, micro, COLD_STARTS);
    gbench_add_manual("start/warm", warm, micro, WARM_STARTS);
}
