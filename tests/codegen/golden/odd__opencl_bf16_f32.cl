/* The numbers that kernels take, as one argument each. */
struct odd_first_numbers {
    long m, lda, rounded;
    float alpha;
};

struct odd_second_numbers {
    long n, rounded, storage;
};

/* odd in opencl: bf16 to f32. A tab	and "quotes" and ??= stay what they are. */

__kernel void odd_first(
    struct odd_first_numbers numbers, __global const ushort *restrict a,
    __global const ushort *restrict b, __global float *restrict c,
    __global const float *restrict bias, __global const long *restrict batch_offsets,
    __local float *restrict values, __local int *restrict indices)
{
    long m = numbers.m, lda = numbers.lda, rounded = numbers.rounded;
    float alpha = numbers.alpha;
    if (get_global_id(0) < m) indices[0] = 2;

}

__kernel void odd_second(
    struct odd_second_numbers numbers, __global float *restrict workspace)
{
    long n = numbers.n, rounded = numbers.rounded, storage = numbers.storage;
    workspace[0] = (float)(n + rounded + storage);
}
