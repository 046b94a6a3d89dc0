/* The libraries to compare with; a new one is its own file and a line here. */
#include "reference.h"

const struct reference *const references[] = {
    &reference_openblas, &reference_clblast,      &reference_cublas,   &reference_cublas_best, &reference_cudnn,
    &reference_onednn,   &reference_onednn_plain, &reference_self_f32, &reference_cloop,
};
const int reference_count = sizeof references / sizeof *references;
