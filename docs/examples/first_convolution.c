/* A layer of a network and its training step: y = relu(x * filter + bias), the gradient of the filter, and what an
 * inference that keeps its filters would call. One image of 4 x 4 with one channel, one filter of 3 x 3, nchw, fp32. */
#include <stdio.h>

#include <hpck/hpck.h>

/* Device memory with what `host` holds; the memory is NULL where that failed. */
static hpck_buffer upload(hpck_handle *handle, const float *host, size_t bytes)
{
    hpck_buffer buffer = { NULL, 0 };
    if (hpck_malloc(handle, bytes, &buffer.memory) != HPCK_OK) return buffer;
    if (hpck_write(handle, buffer.memory, 0, host, bytes) == HPCK_OK) return buffer;
    hpck_free(handle, buffer.memory);
    return (hpck_buffer){ NULL, 0 };
}

int main(void)
{
    const float x[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    const float filter[9] = { 0, -1, 0, -1, 4, -1, 0, -1, 0 }; /* what differs from its neighbours */
    const float bias[1] = { 0.5F };
    float y[16];
    float gradient[9] = { 0 };
    int status = 1;

    hpck_handle *handle = NULL;
    hpck_conv_filter *prepared = NULL;
    hpck_buffer dx = { NULL, 0 }, dfilter = { NULL, 0 }, dbias = { NULL, 0 }, dy = { NULL, 0 },
                dgradient = { NULL, 0 };
    if (hpck_create(&handle, NULL) != HPCK_OK) goto done;
    dx = upload(handle, x, sizeof x);
    dfilter = upload(handle, filter, sizeof filter);
    dbias = upload(handle, bias, sizeof bias);
    dgradient = upload(handle, gradient, sizeof gradient);
    if (dx.memory == NULL || dfilter.memory == NULL || dbias.memory == NULL || dgradient.memory == NULL) goto done;
    if (hpck_malloc(handle, sizeof y, &dy.memory) != HPCK_OK) goto done;

    hpck_conv_desc desc = HPCK_CONV_DESC_INIT; /* forward, n = c = k = 1, stride 1, no padding */
    desc.h = desc.w = 4;
    desc.r = desc.s = 3;
    desc.pad_top = desc.pad_bottom = desc.pad_left = desc.pad_right = 1; /* y is as large as x */

    /* The gradient of the filter where y's own gradient is x, say. No bias or activation there. */
    hpck_conv_desc backward = desc;
    backward.direction = HPCK_CONV_BACKWARD_FILTER;
    if (hpck_conv(handle, &backward, 1.0F, dx, dgradient, 0.0F, dx, NULL) != HPCK_OK) goto done;

    desc.bias = dbias;
    desc.activation = HPCK_RELU;
    if (hpck_conv_prepare(handle, &desc, dfilter, &prepared) != HPCK_OK)
        goto done; /* worth it for filters that stay */
    desc.prepared = prepared;
    if (hpck_conv(handle, &desc, 1.0F, dx, dfilter, 0.0F, dy, NULL) != HPCK_OK) goto done;

    if (hpck_read(handle, y, dy.memory, 0, sizeof y) != HPCK_OK) goto done;
    if (hpck_read(handle, gradient, dgradient.memory, 0, sizeof gradient) != HPCK_OK) goto done;
    for (int i = 0; i < 16; i++)
        printf("%g%c", y[i], i % 4 == 3 ? '\n' : ' ');
    for (int i = 0; i < 9; i++)
        printf("%g%c", gradient[i], i % 3 == 2 ? '\n' : ' ');
    status = 0;
done:
    if (status != 0) fprintf(stderr, "hpck: %s\n", hpck_error_message(handle));
    hpck_conv_filter_destroy(prepared);
    hpck_free(handle, dx.memory);
    hpck_free(handle, dfilter.memory);
    hpck_free(handle, dbias.memory);
    hpck_free(handle, dy.memory);
    hpck_free(handle, dgradient.memory);
    hpck_destroy(handle);
    return status;
}
