/* A BLAS that computes nothing: hpck-bench --verify must find it out. */
void cblas_sgemm(void);
void cblas_sgemv(void);

void cblas_sgemm(void)
{
}

void cblas_sgemv(void)
{
}
