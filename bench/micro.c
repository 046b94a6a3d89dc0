/* hpck-microbench: what the library costs apart from the kernels, measured with Google Benchmark. */
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int code = 1;
    char program[4096];
    struct micro micro = { .folder = "/tmp/hpck-microbench-XXXXXX" };

    setenv("POCL_AFFINITY", "1", 0); /* as the other tools do */
    if (argc == 2 && strcmp(argv[1], "--first-call") == 0) return micro_start_child();

    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0 || !mkdtemp(micro.folder)) {
        perror("hpck-microbench");
        return 1;
    }
    program[length] = '\0';
    micro.program = program;
    if (hpck_create(&micro.handle, NULL) != HPCK_OK) {
        fprintf(stderr, "hpck-microbench: %s\n", micro.handle ? hpck_error_message(micro.handle) : "no memory");
        goto done;
    }
    micro_problem_add(&micro);
    micro_select_add(&micro);
    micro_plan_add(&micro);
    micro_start_add(&micro);
    code = gbench_run(&argc, argv) ? 0 : 2;
done:
    hpck_destroy(micro.handle);
    micro_remove(micro.folder);
    return code;
}
