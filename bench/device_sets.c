/* Uploading, rotating, waiting and reading. */
#include "device_sets.h"

#include <math.h>
#include <stdlib.h>

#include "reference/numerics.h"

static hpck_status device_error(const struct device_sets *sets, hpck_status st, struct error *err)
{
    return st == HPCK_OK ? st : error_set(err, st, "%s", hpck_error_message(sets->handle));
}

static size_t bytes_of(const struct device_tensor *tensor)
{
    return (size_t)(tensor->elements > 0 ? tensor->elements : 1) * dtype_bytes(tensor->dtype);
}

void device_sets_close(struct device_sets *sets)
{
    for (int set = 0; sets->memory && set < sets->set_count; set++)
        for (int i = 0; i < sets->tensor_count; i++)
            if (sets->memory[set][i]) hpck_free(sets->handle, sets->memory[set][i]);
    free(sets->memory);
    sets->memory = NULL;
}

/* Zeros where nothing is given, so that no timed run is the first to touch the memory. */
static hpck_status upload(const struct device_sets *sets, const struct device_tensor *tensor, void **memory,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    bool is_given = tensor->host && tensor->elements > 0;
    void *zeros = is_given ? NULL : calloc(1, bytes_of(tensor));
    if (!is_given && !zeros) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(device_error(sets, hpck_malloc(sets->handle, bytes_of(tensor), memory), err));
    HPCK_TRY(device_error(
        sets, hpck_write(sets->handle, *memory, 0, is_given ? tensor->host : zeros, bytes_of(tensor)), err));
done:
    free(zeros);
    return st;
}

hpck_status device_sets_open(struct device_sets *sets, hpck_handle *handle, const struct device_tensor *tensors,
                             int tensor_count, int copies, struct error *err)
{
    hpck_status st = HPCK_OK;
    *sets = (struct device_sets){ .handle = handle, .tensor_count = tensor_count, .set_count = copies };
    for (int i = 0; i < tensor_count; i++)
        sets->tensor[i] = tensors[i];
    sets->memory = calloc((size_t)copies, sizeof *sets->memory);
    if (!sets->memory) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    for (int set = 0; set < copies; set++)
        for (int i = 0; i < tensor_count; i++)
            HPCK_TRY(upload(sets, &tensors[i], &sets->memory[set][i], err));
done:
    return st;
}

void *const *device_sets_next(struct device_sets *sets)
{
    void *const *set = sets->memory[sets->next_set];
    sets->next_set = (sets->next_set + 1) % sets->set_count;
    return set;
}

hpck_status device_sets_finish(const struct device_sets *sets, struct error *err)
{
    return device_error(sets, hpck_synchronize(sets->handle), err);
}

hpck_status device_sets_try(struct device_sets *sets, int output,
                            hpck_status (*run)(void *state, struct error *err), void *state, void **values,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct device_tensor *tensor = &sets->tensor[output];
    void *host = malloc(bytes_of(tensor));
    if (!host) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    sets->next_set = 0;
    for (int64_t i = 0; i < tensor->elements; i++)
        reference_store(host, (enum reference_dtype)tensor->dtype, i, (double)NAN);
    HPCK_TRY(device_error(sets, hpck_write(sets->handle, sets->memory[0][output], 0, host, bytes_of(tensor)), err));
    HPCK_TRY(run(state, err));
    HPCK_TRY(device_error(sets, hpck_read(sets->handle, host, sets->memory[0][output], 0, bytes_of(tensor)), err));
    *values = host;
    host = NULL;
done:
    free(host);
    return st;
}
