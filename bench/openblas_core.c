/* OpenBLAS takes a CPU that is newer than itself for its oldest one, Prescott, and is then several times slower than it
 * could be. It chooses while it is loaded: it is asked once, closed, and told which kernels this CPU can run. */
#include "openblas_core.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool takes_cpu_for_its_oldest(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    char *(*name)(void) = NULL;
    void *address = dlsym(library, "openblas_get_corename");
    memcpy(&name, &address, sizeof address); /* ISO C has no cast from a data to a function pointer */
    bool is_oldest = name && strcmp(name(), "Prescott") == 0;
    dlclose(library);
    return is_oldest;
}

void openblas_name_core(const char *file)
{
#if defined(__x86_64__)
    const char *core = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? "SkylakeX"
                       : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")        ? "Haswell"
                                                                                                : NULL;
    if (!core || getenv("OPENBLAS_CORETYPE") || !takes_cpu_for_its_oldest(file)) return;
    setenv("OPENBLAS_CORETYPE", core, 1);
#else
    (void)file;
#endif
}
