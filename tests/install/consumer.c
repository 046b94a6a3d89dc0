/* Ten lines of somebody else's program, C and C++ alike. */
#include <hpck/hpck.h>
#include <stdio.h>

int main(void)
{
    size_t count = 0;
    if (hpck_version() != HPCK_VERSION || hpck_devices(NULL, 0, &count) != HPCK_OK) return 1;
    printf("hpck %s: %d device(s)\n", HPCK_VERSION_STRING, (int)count);
    return 0;
}
