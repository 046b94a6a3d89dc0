/* Any bytes as a file of the kernel cache: refused with a reason, or the program in them lies within them; as part of a bundle
 * its extent does. And whatever
 * key and program are written come back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cache_entry.h"

static void check(int holds)
{
    if (!holds) abort(); /* what libFuzzer takes for a failure */
}

static void read_back(struct bytes key, struct bytes program)
{
    struct bytes back = { NULL, 0 };
    void *data = NULL;
    size_t size = 0;
    check(cache_entry_print(key, program, &data, &size, NULL) == HPCK_OK);
    check(cache_entry_parse((struct bytes){ data, size }, key, &back) == NULL);
    check(back.size == program.size && memcmp(back.data, program.data, program.size) == 0);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes key = { "key", 3 };
    struct bytes program = { NULL, 0 };
    if (cache_entry_parse((struct bytes){ data, size }, key, &program) == NULL) {
        const uint8_t *start = program.data;
        check(start >= data && program.size <= size && start + program.size == data + size);
    }
    uint64_t key_size = 0;
    uint64_t extent = 0;
    if (cache_entry_extent(data, size, &key_size, &extent) == NULL) check(extent <= size && key_size <= extent);
    size_t cut = size == 0 ? 0 : data[0] % (size + 1);
    read_back((struct bytes){ data, cut }, (struct bytes){ data + cut, size - cut });
    return 0;
}
