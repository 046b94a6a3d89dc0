"""The arithmetic that expressions compute with, and the C that is written for them."""

import unittest

from support import ROOT

from codegen import arith, expression
from codegen.expression import Name

TOP, BOTTOM = 2**63 - 1, -(2**63)

SCOPE = {
    "tile": Name("tile", "parameter", "", "", 1, 256),
    "k": Name("k", "problem", "", "", 0),
    "delta": Name("delta", "let", "", ""),
}


def c(text, real=False):
    return expression.parse(text, SCOPE, real).c


class Arithmetic(unittest.TestCase):
    def test_division_rounds_down_and_zero_divides(self):
        self.assertEqual([arith.floor_div(x, 4) for x in (-5, -4, 0, 5)], [-2, -1, 0, 1])
        self.assertEqual([arith.floor_mod(x, -4) for x in (-5, 5, 8)], [-1, -3, 0])
        self.assertEqual((arith.floor_div(7, 0), arith.floor_mod(7, 0), arith.div_real(7, 0)), (0, 0, 0))
        self.assertEqual((arith.ceil_div(7, 0), arith.round_up(7, 0)), (0, 0))
        self.assertEqual((arith.ceil_div(7, 4), arith.ceil_div(-7, 4), arith.round_up(7, 4)), (2, -1, 8))

    def test_sums_and_products_saturate(self):
        self.assertEqual((arith.sat_add(TOP, 1), arith.sat_sub(BOTTOM, 1)), (TOP, BOTTOM))
        self.assertEqual((arith.sat_mul(TOP, TOP), arith.sat_mul(TOP, BOTTOM)), (TOP, BOTTOM))
        self.assertEqual((arith.floor_div(BOTTOM, -1), arith.abs_int(BOTTOM)), (TOP, TOP))

    def test_plain_operators_where_nothing_can_go_wrong(self):
        self.assertEqual(c("tile * tile + 1"), "tile * tile + 1")
        self.assertEqual(c("(tile + 3) // 4 * 4"), "(tile + 3) / 4 * 4")
        self.assertEqual(c("k % tile"), "k % tile")
        self.assertEqual(c("-tile"), "-tile")

    def test_helpers_where_something_can(self):
        self.assertEqual(c("k * k"), "sat_mul(k, k)")
        self.assertEqual(c("delta % tile"), "floor_mod(delta, tile)")
        self.assertEqual(c("tile // (tile - 1)"), "floor_div(tile, tile - 1)")
        self.assertEqual(c("ceil_div(k, tile)"), "ceil_div(k, tile)")

    def test_int_sized_terms_do_not_overflow_an_int(self):
        self.assertEqual(c("(k > 1) * 2147483648"), "(k > 1) * 2147483648")
        self.assertEqual(c("(k > 1) * 65536 * 65536"), "sat_mul((k > 1) * 65536, 65536)")
        self.assertEqual(c("65536 * 65536"), "4294967296")

    def test_parentheses_keep_the_meaning(self):
        self.assertEqual(c("tile - (tile - 1)"), "tile - (tile - 1)")
        self.assertEqual(c("k > 1 and tile > 2 or not k"), "(k > 1 && tile > 2) || !k")
        self.assertEqual(c("not (k == 1)"), "!(k == 1)")
        self.assertEqual(c("1 < tile < 9"), "1 < tile && tile < 9")
        self.assertEqual(c("(1 if k else 2) * tile"), "(k ? 1 : 2) * tile")

    def test_reals_of_the_model(self):
        self.assertEqual(c("k / 2 + tile / k", real=True), "(double)k / 2.0 + div_real((double)tile, (double)k)")
        self.assertEqual(c("min(k, 0.5)", real=True), "min_real((double)k, 0.5)")
        self.assertEqual(c("k // tile", real=True), "(double)(k / tile)")


if __name__ == "__main__":
    unittest.main()
