/* The first GEMM: C = A * B with A 2 x 3, B 3 x 2, row-major fp32, on the best device of the machine. */
#include <stdio.h>

#include <hpck/hpck.h>

int main(void)
{
    const float a[] = { 1, 2, 3, 4, 5, 6 };
    const float b[] = { 1, 0, 0, 1, 1, 1 };
    float c[4];

    hpck_handle *handle = NULL;
    if (hpck_create(&handle, NULL) != HPCK_OK) goto failed;

    hpck_buffer da = { NULL, 0 }, db = { NULL, 0 }, dc = { NULL, 0 };
    if (hpck_malloc(handle, sizeof a, &da.memory) != HPCK_OK) goto failed;
    if (hpck_malloc(handle, sizeof b, &db.memory) != HPCK_OK) goto failed;
    if (hpck_malloc(handle, sizeof c, &dc.memory) != HPCK_OK) goto failed;
    if (hpck_write(handle, da.memory, 0, a, sizeof a) != HPCK_OK) goto failed;
    if (hpck_write(handle, db.memory, 0, b, sizeof b) != HPCK_OK) goto failed;

    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    desc.m = 2, desc.n = 2, desc.k = 3;
    if (hpck_gemm(handle, &desc, 1.0F, da, db, 0.0F, dc, NULL) != HPCK_OK) goto failed;

    if (hpck_read(handle, c, dc.memory, 0, sizeof c) != HPCK_OK) goto failed;
    printf("%g %g\n%g %g\n", c[0], c[1], c[2], c[3]); /* 4 5, 10 11 */
    hpck_free(handle, da.memory);
    hpck_free(handle, db.memory);
    hpck_free(handle, dc.memory);
    hpck_destroy(handle);
    return 0;

failed:
    fprintf(stderr, "hpck: %s\n", hpck_error_message(handle));
    hpck_destroy(handle);
    return 1;
}
