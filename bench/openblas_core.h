/* Which of its kernels OpenBLAS runs. */
#ifndef HPCK_BENCH_OPENBLAS_CORE_H
#define HPCK_BENCH_OPENBLAS_CORE_H

/* Before OpenBLAS is opened from `file`: sets OPENBLAS_CORETYPE where it would not know this CPU; what the user set wins. */
void openblas_name_core(const char *file);

#endif
