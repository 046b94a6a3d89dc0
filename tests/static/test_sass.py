"""Branches that ptxas 13.0 wrote, with the distance that nvdisasm 13.0 reads in them, and the loops that they make."""

import unittest

import sass

BRANCHES = [  # architecture, low and high word, distance in instructions from the next one
    (75, 0xFFFFDDB000008947, 0x000FEA000383FFFF, -549),
    (75, 0x000005300000A947, 0x000FEA0003800000, 83),
    (80, 0xFFFFF29000000947, 0x000FCA000383FFFF, -215),
    (86, 0xFFFFEE2000007947, 0x000FEA000383FFFF, -286),
    (89, 0xFFFFBCA000008947, 0x000FEA000103FFFF, -1078),
    (89, 0x000007A000008947, 0x000FEA0003800000, 122),
    (90, 0xFFFFFFF000CC8947, 0x000FEA000383FFFF, -205),
    (90, 0x00000084004C8947, 0x000FF60003800000, 2131),
    (100, 0xFFFFFFF000C43947, 0x000FF6000383FFFF, -207),
    (100, 0xFFFFFFF901B07547, 0x000FEC000B83FFFF, -84),
    (100, 0xFFFFFFE100E47547, 0x000FEC000B83FFFF, -455),  # as those before sm_90 have it, a branch to the instruction before
    (100, 0x0000000D08C07547, 0x000FEE000B800000, 240),
    (120, 0xFFFFFFE400700947, 0x000FEC000383FFFF, -420),
    (120, 0xFFFFFFF1007C7547, 0x000FF6000B83FFFF, -225),
    (120, 0x0000000400E08947, 0x000FEC0003800000, 120),
]


class Branches(unittest.TestCase):
    def test_distance_is_what_nvdisasm_reads(self):
        for sm, low, high, distance in BRANCHES:
            with self.subTest(sm=sm, low=hex(low)):
                found = sass.decode(low, high, sm)
                self.assertEqual((found.name, found.distance), ("BRA", distance))

    def test_only_a_branch_backward_is_a_loop(self):
        for sm, low, high, distance in BRANCHES:
            before = [sass.decode(sass.NOP, 0, sm)] * 2200
            code = [*before, sass.decode(low, high, sm), sass.decode(0xFFFFFFF000007947, 0, sm)]
            with self.subTest(sm=sm, low=hex(low)):
                self.assertEqual(sass.loops(code), [(2201 + distance, 2200)] if distance < 0 else [])


if __name__ == "__main__":
    unittest.main()
