/* Three mistakes that oclgrind must find, lest its silence about the real kernels mean nothing. */
__kernel void race(__global int *out)
{
    __local int shared[4];
    shared[get_local_id(0)] = (int)get_local_id(0);
    out[get_local_id(0)] = shared[3 - get_local_id(0)]; /* no barrier */
}

__kernel void beyond(__global int *out)
{
    out[get_local_id(0) + 1] = 1;
}

__kernel void unset(__global int *out)
{
    int x[2];
    x[0] = 1;
    if (x[get_local_id(0) % 2] > 0) out[get_local_id(0)] = 1;
}
