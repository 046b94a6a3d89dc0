/* The folder of compiled candidates beside the tuning database (its path + ".kernels"): the compilers fill it, the measuring
 * worker reads it, and the last tuner that uses it removes it. One that a killed run left behind serves the next run. */
#ifndef HPCK_AUTOTUNE_KERNELS_FOLDER_H
#define HPCK_AUTOTUNE_KERNELS_FOLDER_H

#include "error.h"

struct kernels_folder {
    char *path;
    int lock; /* the folder, held shared; -1: not opened */
};

hpck_status kernels_folder_open(struct kernels_folder *folder, const char *db_path, struct error *err);
void kernels_folder_close(struct kernels_folder *folder);

#endif
