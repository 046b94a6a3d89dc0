/* odd in opencl: f32 to f32. A tab	and "quotes" and ??= stay what they are. */

__kernel void odd_first(
    long m, long lda, float alpha, __global const float *restrict a,
    __global const float *restrict b, __global float *restrict c,
    __global const float *restrict bias, __global const long *restrict batch_offsets, long rounded,
    __local float *restrict values, __local int *restrict indices)
{
    if (get_global_id(0) < m) indices[0] = 1;

}

__kernel void odd_second(
    long n, long rounded, long storage, __global float *restrict workspace)
{
    workspace[0] = (float)(n + rounded + storage);
}
