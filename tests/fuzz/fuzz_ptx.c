/* PTX into the emulated driver: whatever the text says, it loads or is refused with a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver_api.h"
#include "emulator.h"

static void open_device(void)
{
    void *context = NULL;
    setenv("HPCK_EMULATOR_DEVICE", "h100", 1);
    setenv("HPCK_EMULATOR_QUIET", "1", 1);
    if (cuInit(0) != 0 || cuDevicePrimaryCtxRetain(&context, 0) != 0 || cuCtxSetCurrent(context) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = ".version 9.0\n.target sm_90a\n.address_size 64\n";
    static int is_open;
    void *module = NULL;
    if (!is_open) open_device();
    is_open = 1;
    char *text = malloc(sizeof head + size);
    if (text == NULL) return 0;
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, data, size);
    text[sizeof head - 1 + size] = '\0';
    if (cuModuleLoadData(&module, text) == 0) {
        if (cuModuleUnload(module) != 0) abort();
    } else if (*hpckemu_report() == '\0') {
        abort(); /* refused without a word */
    }
    free(text);
    return 0;
}
