"""The arithmetic of the expressions, as arith.h has it in C: int64 that saturates, x // 0 == x % 0 == x / 0 == 0."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def saturate(x):
    if INT64_MIN <= x <= INT64_MAX:
        return x
    return INT64_MIN if x < 0 else INT64_MAX


def sat_add(x, y):
    return saturate(x + y)


def sat_sub(x, y):
    return saturate(x - y)


def sat_mul(x, y):
    return saturate(x * y)


def floor_div(x, y):
    return 0 if y == 0 else saturate(x // y)


def floor_mod(x, y):
    return 0 if y == 0 else x % y


def ceil_div(x, y):
    return 0 if y == 0 else saturate(-(-x // y))


def round_up(x, y):
    return sat_mul(ceil_div(x, y), y)


def min_int(x, y):
    return x if x < y else y


def max_int(x, y):
    return x if x > y else y


def abs_int(x):
    return sat_sub(0, x) if x < 0 else x


def min_real(x, y):
    return float(x) if x < y else float(y)


def max_real(x, y):
    return float(x) if x > y else float(y)


def abs_real(x):
    return -x if x < 0 else x


def div_real(x, y):
    return 0.0 if y == 0 else float(x) / float(y)


FUNCTIONS = {name: value for name, value in list(globals().items()) if callable(value)}
