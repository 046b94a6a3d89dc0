/* One point of a kernel family, as people write it, and its check on a problem. */
#ifndef HPCK_TESTS_POINT_H
#define HPCK_TESTS_POINT_H

#include "trial.h"

/* "NAME=VALUE[,NAME=VALUE...]" to a full point; parameters that are not named have the value of the family's first seed. */
hpck_status point_parse(const struct family *family, const char *text, int64_t *param, struct error *err);

/* Runs the problem three times: tight operands, padded and shifted ones aligned to 8 elements with beta, and not aligned at all
 * without (where the family takes them; NaN between the operands would stay NaN with beta). The last trial is what failed, if one did. UNSUPPORTED: the point is not legal. */
hpck_status point_verify(hpck_handle *handle, const struct family *family, const int64_t *param,
                         const char *problem, struct trial *last, struct error *err);

#endif
