/* A BLAS that computes nothing: hpck-bench --verify must find it out. */
void cblas_sgemm(void);
void cblas_sgemv(void);

void cblas_sgemm(void)
{
}

void cblas_sgemv(void)
{
}

float cblas_sasum(void);
unsigned long cblas_isamax(void);

float cblas_sasum(void)
{
    return 0.0F;
}

unsigned long cblas_isamax(void)
{
    return 0;
}
