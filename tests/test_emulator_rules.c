/* Rules of PTX that are easily misread, one small kernel each. Those of TMA's swizzle, of matrix descriptors and of mbarriers have their
 * own tests (emulator_tma, emulator_wgmma, emulator_mbarrier). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

/* A kernel of 64 threads in PTX; %0 (32 bits) is what each thread returns, %1 its number, %2 the address of 2048 bytes of shared memory. */
static void run(const char *text, unsigned y[64])
{
    static const char head[] =
        ".version 9.0\n.target sm_90\n.address_size 64\n.visible .entry rule(.param .u64 y)\n{\n"
        ".shared .align 128 .b8 tile[2048];\n.reg .b32 %r<6>;\n.reg .b64 %rd<3>;\n.reg .pred %p1;\n"
        "mov.u32 %r0, 0;\nmov.u32 %r1, %tid.x;\nmov.u32 %r2, tile;\nmov.u32 %r3, %r1;\n"
        "FILL: shl.b32 %r4, %r3, 2;\nadd.u32 %r4, %r4, %r2;\nst.shared.u32 [%r4], %r3;\nadd.u32 %r3, %r3, 64;\n"
        "setp.lt.u32 %p1, %r3, 512;\n@%p1 bra FILL;\nbar.sync 0;\n"
        "{ .reg .pred p, q; .reg .b16 h, k; .reg .b32 a, b, c, d; .reg .b64 l, m; .reg .f32 x, z; .reg .f64 u, "
        "v;\n";
    static const char tail[] =
        "\n}\nld.param.u64 %rd1, [y];\nmul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd1, %rd1, %rd2;\n"
        "st.global.u32 [%rd1], %r0;\nret;\n}\n";
    char *source = malloc(2 * strlen(text) + sizeof head + sizeof tail), *to = source;
    to += sprintf(to, "%s", head);
    for (; *text != '\0'; text++) {
        *to++ = *text;
        if (*text == '%' && text[1] >= '0' && text[1] <= '2') *to++ = 'r';
    }
    strcpy(to, tail);
    emulated_open("h100", 0); /* both warps write the same words */
    void *module = NULL, *kernel = NULL;
    if (cuModuleLoadData(&module, source) != 0) fail_msg("%s", hpckemu_report());
    assert_int_equal(cuModuleGetFunction(&kernel, module, "rule"), 0);
    free(source);
    uint64_t out = emulated_zeros(256);
    void *params[] = { &out };
    emulated_launch(kernel, 1, 1, 64, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(y, out, 256), 0);
}

static void expect_all(const char *text, unsigned value)
{
    unsigned y[64];
    run(text, y);
    for (int t = 0; t < 64; t++)
        if (y[t] != value) fail_msg("%s: thread %d has 0x%x, not 0x%x", text, t, y[t], value);
}

static void loads_extend_to_the_register_and_stores_cut(void **state)
{
    (void)state;
    /* a 32-bit load into a 64-bit register: the upper half is zero, or the sign */
    expect_all("mov.u64 l, 0xffffffffffffffff; ld.shared.u32 l, [%2+4]; shr.u64 l, l, 32; cvt.u32.u64 %0, l;", 0);
    expect_all("st.shared.u32 [%2+4], 0x80000000; ld.shared.s32 l, [%2+4]; shr.u64 l, l, 32; cvt.u32.u64 %0, l;",
               0xffffffff);
    expect_all("st.shared.u8 [%2+4], 0xf0; ld.shared.s8 h, [%2+4]; cvt.u32.u16 %0, h;", 0xfff0);
    expect_all("mov.u64 l, 0x1122334455667788; st.shared.u16 [%2], l; ld.shared.u32 %0, [%2];", 0x7788);
}

static void labels_belong_to_their_block(void **state)
{
    (void)state;
    expect_all("{ W: add.u32 %0, %0, 1; setp.lt.u32 p, %0, 3; @p bra W; } { W: add.u32 %0, %0, 16; setp.lt.u32 p, "
               "%0, 40; @p bra "
               "W; }",
               51);
}

static void barriers_take_registers_and_vote(void **state)
{
    (void)state;
    unsigned y[64];
    expect_all("mov.u32 a, 3; mov.u32 b, 64; bar.sync a, b; bar.sync a; mov.u32 %0, 1;", 1);
    /* numbers and counts in registers: who arrives at barrier 1 still has to wait at barrier 2; and the second warp has 2 for itself */
    expect_all("setp.ge.u32 p, %1, 32; mov.u32 a, 1; mov.u32 b, 2; mov.u32 d, 64; @p bra L; st.shared.u32 [%2], "
               "77; bar.sync b, d; "
               "bar.sync a, d; bra E; L: bar.arrive a, d; bar.sync b, d; E: ld.shared.u32 %0, [%2];",
               77);
    expect_all(
        "setp.lt.u32 p, %1, 32; mov.u32 a, 1; mov.u32 b, 2; mov.u32 c, 32; mov.u32 d, 64; @p bra L; bar.sync b, c; "
        "st.shared.u32 [%2], 77; L: bar.sync a, d; ld.shared.u32 %0, [%2];",
        77);
    expect_all("setp.lt.u32 p, %1, 37; bar.red.popc.u32 %0, 1, p;", 37);
    expect_all("setp.lt.u32 p, %1, 63; bar.red.and.pred q, 1, 64, p; selp.b32 %0, 1, 2, q;", 2);
    expect_all("setp.lt.u32 p, %1, 64; bar.red.and.pred q, 1, p; selp.b32 %0, 1, 2, q;", 1);
    expect_all("setp.eq.u32 p, %1, 40; bar.red.or.pred q, 1, p; selp.b32 %0, 1, 2, q;", 1);
    expect_all("setp.eq.u32 p, %1, 64; bar.red.or.pred q, 1, !p; selp.b32 %0, 1, 2, q;", 1);
    /* two in a row, with different answers */
    expect_all(
        "setp.lt.u32 p, %1, 5; bar.red.popc.u32 a, 0, p; bar.red.popc.u32 b, 0, !p; mad.lo.u32 %0, a, 100, b;",
        559);
    run("setp.lt.u32 p, %1, 32; @p bra L; bar.red.popc.u32 %0, 2, 32, 1; L: ", y);
    for (int t = 0; t < 64; t++)
        assert_int_equal(y[t], t < 32 ? 0 : 32);
}

/* Each group of lanes has its own member mask; they are at the same instruction, and some at another. */
static void every_member_mask_is_a_group(void **state)
{
    (void)state;
    unsigned y[64];
    run("and.b32 a, %1, 24; mov.u32 b, 255; shl.b32 b, b, a; shfl.sync.bfly.b32 c, %1, 4, 6175, b; "
        "redux.sync.add.u32 d, %1, b; mad.lo.u32 %0, d, 1000, c;",
        y);
    for (unsigned t = 0; t < 64; t++)
        assert_int_equal(y[t], 1000 * (8 * (t / 8 * 8) + 28) + (t ^ 4));
    run("and.b32 a, %1, 16; setp.ne.u32 p, a, 0; mov.u32 b, 65535; shl.b32 b, b, a; @p bra L; add.u32 %0, %0, 5; "
        "L: "
        "vote.sync.ballot.b32 c, 1, b; add.u32 %0, %0, c;",
        y);
    for (unsigned t = 0; t < 64; t++)
        assert_int_equal(y[t], t % 32 < 16 ? 0xffff + 5 : 0xffff0000);
}

static void reductions_are_those_of_their_type(void **state)
{
    (void)state;
    expect_all("sub.s32 a, 5, %1; or.b32 a, a, 32; redux.sync.and.b32 %0, 7, 0xffffffff;", 7);
    expect_all(
        "mov.u32 a, 1; and.b32 b, %1, 1; @!p mov.u32 a, 1; setp.eq.u32 p, b, 1; selp.b32 a, 0xffffffff, 1, p; "
        "redux.sync.max.u32 %0, a, 0xffffffff;",
        0xffffffff);
    expect_all("and.b32 b, %1, 1; setp.eq.u32 p, b, 1; selp.b32 a, 0xffffffff, 1, p; redux.sync.max.s32 %0, a, "
               "0xffffffff;",
               1);
    expect_all("and.b32 b, %1, 1; setp.eq.u32 p, b, 1; selp.b32 a, 0xffffffff, 1, p; redux.sync.min.u32 %0, a, "
               "0xffffffff;",
               1);
    expect_all("and.b32 b, %1, 1; setp.eq.u32 p, b, 1; selp.b32 a, 6, 5, p; redux.sync.xor.b32 %0, a, 0xffffffff;",
               0);
    expect_all("and.b32 b, %1, 1; setp.eq.u32 p, b, 1; selp.b32 a, 6, 5, p; redux.sync.or.b32 %0, a, 0xffffffff;",
               7);
    /* all the same, though none holds; and lanes outside of the mask do not count */
    expect_all("and.b32 a, %1, 31; setp.lt.u32 p, a, 16; mov.u32 %0, 1; @!p bra L; setp.lt.u32 q, a, 16; "
               "vote.sync.all.pred q, q, "
               "0xffff; selp.b32 %0, 1, 2, q; L:",
               1);
    expect_all("setp.eq.u32 p, %1, 99; vote.sync.uni.pred q, p, 0xffffffff; selp.b32 %0, 1, 2, q;", 1);
    expect_all("setp.eq.u32 p, %1, 3; vote.sync.uni.pred q, p, 0xffffffff; and.b32 a, %1, 32; setp.eq.u32 p, a, 0; "
               "selp.b32 a, "
               "2, 1, p; selp.b32 b, 1, 2, q; sub.u32 %0, a, b;",
               0);
}

static void comparisons_combine_and_give_both_results(void **state)
{
    (void)state;
    expect_all("setp.lt.u32 p, 1, 2; setp.gt.and.u32 q|p, 5, 7, p; selp.b32 a, 1, 0, q; selp.b32 b, 2, 0, p; "
               "add.u32 %0, a, b;",
               2);
    expect_all(
        "setp.gt.u32 p, 1, 2; setp.gt.u32 q|p, 5, 7; selp.b32 a, 1, 0, q; selp.b32 b, 2, 0, p; add.u32 %0, a, b;",
        2);
    expect_all("setp.gt.u32 p, 1, 2; setp.lt.and.u32 q, 5, 7, p; selp.b32 %0, 1, 0, q;", 0);
    expect_all("setp.lt.u32 p, 1, 2; setp.gt.or.u32 q, 5, 7, p; selp.b32 %0, 1, 0, q;", 1);
    expect_all("setp.lt.u32 p, 1, 2; setp.gt.xor.u32 q, 9, 7, p; selp.b32 %0, 1, 0, q;", 0);
    expect_all("st.shared.u8 [%2], 0xf0; ld.shared.s8 h, [%2]; setp.eq.u16 p, h, 0xfff0; selp.b32 %0, 1, 0, p;", 1);
    /* a number of bfloat16, but a NaN of half precision */
    expect_all("mov.b16 h, 0x3f80; mov.b16 k, 0x7d00; setp.lt.bf16 p, h, k; selp.b32 %0, 1, 0, p;", 1);
}

static void conversions_saturate_and_round_as_they_say(void **state)
{
    (void)state;
    expect_all("cvt.rzi.s32.f32 %0, 0f4F800000;", 0x7fffffff); /* 2^32 */
    expect_all("cvt.rzi.s32.f32 %0, 0fCF800000;", 0x80000000);
    expect_all("cvt.rzi.s32.f32 %0, 0f7FC00000;", 0); /* NaN */
    expect_all("cvt.rzi.u32.f32 %0, 0fBF800000;", 0); /* -1 */
    expect_all("fma.rm.f32 x, 0f3F800001, 0f3F800001, 0f00000000; mov.b32 %0, x;", 0x3f800002);
    expect_all("fma.rp.f32 x, 0f3F800001, 0f3F800001, 0f00000000; mov.b32 %0, x;", 0x3f800003);
}

/* Directed rounding: to the next float that way, whatever the processor's own mode; zeros and NaNs as the ISA has them. */
static void arithmetic_rounds_as_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned value;
    } rules[] = {
        { "add.rz.f32 x, 0f3F800000, 0f33C00000; mov.b32 %0, x;", 0x3f800000 }, /* 1 + 1.5 * 2^-24 */
        { "add.rp.f32 x, 0f3F800000, 0f00000001; mov.b32 %0, x;", 0x3f800001 },
        { "add.rn.f32 x, 0f3F800000, 0f33C00000; mov.b32 %0, x;", 0x3f800001 },
        { "add.rm.f32 x, 0f3F800000, 0fBF800000; mov.b32 %0, x;", 0x80000000 }, /* 1 - 1 is -0 when rounded down */
        { "sub.rz.f32 x, 0f3F800000, 0f3F800000; mov.b32 %0, x;", 0 },
        { "fma.rm.f32 x, 0f00000000, 0fBF800000, 0f00000000; mov.b32 %0, x;", 0x80000000 },
        { "mul.rp.f32 x, 0f00000001, 0f3F000000; mov.b32 %0, x;", 1 }, /* half the least subnormal */
        { "mul.rz.f32 x, 0f00000001, 0f3F000000; mov.b32 %0, x;", 0 },
        { "mul.rp.ftz.f32 x, 0f00000001, 0f3F800000; mov.b32 %0, x;", 0 },
        { "mul.rm.f32 x, 0f7F7FFFFF, 0f40000000; mov.b32 %0, x;", 0x7f7fffff }, /* overflow */
        { "mul.rp.f32 x, 0f7F7FFFFF, 0f40000000; mov.b32 %0, x;", 0x7f800000 },
        { "fma.rm.ftz.f32 x, 0f3F800001, 0f3F800001, 0f80000001; mov.b32 %0, x;", 0x3f800002 },
        { "add.rz.ftz.sat.f32 x, 0f3F800000, 0f33C00000; mov.b32 %0, x;", 0x3f800000 },
        { "add.rz.sat.f32 x, 0fBF800000, 0f33C00000; mov.b32 %0, x;", 0 },
        { "div.rm.f32 x, 0f3F800000, 0f40400000; mov.b32 %0, x;", 0x3eaaaaaa }, /* 1/3 */
        { "div.rp.f32 x, 0f3F800000, 0f40400000; mov.b32 %0, x;", 0x3eaaaaab },
        { "sqrt.rp.f32 x, 0f40000000; mov.b32 %0, x;", 0x3fb504f4 },
        { "sqrt.rz.f32 x, 0f40000000; mov.b32 %0, x;", 0x3fb504f3 },
        { "add.rp.f64 u, 0d3FF0000000000000, 0d0000000000000001; mov.b64 {%0, a}, u;", 1 },
        { "fma.rz.f64 u, 0d3FF0000000000000, 0d3FF0000000000000, 0dBC00000000000000; mov.b64 {%0, a}, u;",
          0xffffffff },
        { "min.f64 u, 0d0000000000000000, 0d8000000000000000; mov.b64 {a, %0}, u;", 0x80000000 },
        { "max.f64 u, 0d8000000000000000, 0d0000000000000000; mov.b64 {a, %0}, u;", 0 },
        { "cvt.rz.f64.s64 u, 0x20000000000001; cvt.rp.f64.s64 v, 0x20000000000001; sub.f64 u, v, u; "
          "cvt.rzi.u32.f64 %0, u;",
          2 },
        { "cvt.rm.f64.s64 u, -0x20000000000001; cvt.rzi.s64.f64 l, u; cvt.u32.u64 %0, l;", 0xfffffffe },
        { "cvt.rp.f64.u64 u, 0xffffffffffffffff; mov.b64 {a, %0}, u;", 0x43f00000 },
        { "cvt.rm.f32.f64 x, 0dBFF0000000000001; mov.b32 %0, x;", 0xbf800001 },
        { "cvt.rzi.s32.f64 %0, 0d7FF8000000000000;",
          0x80000000 }, /* NaN of a double, or to 64 bits: the highest bit */
        { "cvt.rzi.u64.f32 l, 0f7FC00000; mov.b64 {a, %0}, l;", 0x80000000 },
        { "cvt.rni.s32.f32 %0, 0f40200000;", 2 }, /* 2.5 to even */
        { "cvt.rpi.ftz.s32.f32 %0, 0f00000001;", 0 },
        { "cvt.rpi.s32.f32 %0, 0f00000001;", 1 },
        { "cvt.rna.tf32.f32 %0, 0f3F801000;", 0x3f802000 },
        { "cvt.rn.relu.f16.f32 h, 0fBF800000; cvt.u32.u16 %0, h;", 0 },
        /* bfloat16: the tiny third term decides a tie; NaN survives .relu */
        { "mov.b16 h, 0x3f88; mov.b16 k, 0x0100; fma.rn.bf16 h, h, h, k; cvt.u32.u16 %0, h;", 0x3f91 },
        { "mov.b16 h, 0x7fff; fma.rn.relu.bf16 h, h, h, h; cvt.u32.u16 %0, h;", 0x7fff },
        { "mov.b16 h, 0x3c00; add.sat.f16 h, h, h; cvt.u32.u16 %0, h;", 0x3c00 },
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        expect_all(rules[i].text, rules[i].value);
}

/* .ftz: subnormal operands and results are zeros of their sign. NaN loses against a number, unless .NaN says otherwise. */
static void subnormals_are_flushed_and_nans_chosen(void **state)
{
    (void)state;
    expect_all("add.ftz.f32 x, 0f00000001, 0f80000000; mov.b32 %0, x;", 0);
    expect_all("add.f32 x, 0f00000001, 0f80000000; mov.b32 %0, x;", 1);
    expect_all("mul.ftz.f32 x, 0f00800000, 0fBF000000; mov.b32 %0, x;", 0x80000000);
    expect_all("setp.gt.ftz.f32 p, 0f00000001, 0f00000000; selp.b32 %0, 1, 2, p;", 2);
    expect_all("setp.gt.f32 p, 0f00000001, 0f00000000; selp.b32 %0, 1, 2, p;", 1);
    expect_all("min.f32 x, 0f7FC00000, 0f40000000; mov.b32 %0, x;", 0x40000000);
    expect_all("max.NaN.f32 x, 0f7FC00000, 0f40000000; setp.nan.f32 p, x, x; selp.b32 %0, 1, 2, p;", 1);
    expect_all("max.f32 x, 0f80000000, 0f00000000; mov.b32 %0, x;", 0);
    expect_all("setp.lt.f64 p, 0d3FF0000000000000, 0d3FF0000000000001; selp.b32 %0, 1, 2, p;", 1);
    expect_all("mov.b16 h, 0xbc00; mov.b16 k, 0x3c00; setp.lt.f16 p, h, k; selp.b32 %0, 1, 2, p;", 1);
}

/* Both halves of a word at once; and instructions that only some compilers emit. */
static void halves_and_bits_are_taken_apart(void **state)
{
    (void)state;
    expect_all("max.s16x2 %0, 0x8001ffff, 0xffff0001;", 0xffff0001);
    expect_all("min.u16x2 %0, 0x8001ffff, 0xffff0001;", 0x80010001);
    expect_all("add.u16x2 %0, 0x8001ffff, 0x80010001;", 0x00020000);
    expect_all("max.relu.s16x2 %0, 0x8001ffff, 0xfffffffe;", 0);
    expect_all("min.relu.s32 %0, -5, 3;", 0);
}

static void wide_immediates_fill_both_halves(void **state)
{
    (void)state;
    expect_all("st.shared.v2.b64 [%2], {0x1122334455667788, 0}; ld.shared.u32 %0, [%2+4];", 0x11223344);
    expect_all("mov.b64 l, {%1, %1}; mov.b64 {a, b}, l; sub.u32 %0, a, b;", 0);
    expect_all("mov.u32 a, 0x11223344; mov.u32 b, 0x55667788; mov.b64 l, {a, b}; mov.b64 {h, k, _, _}, l; mov.b32 "
               "%0, {h, k};",
               0x11223344);
    expect_all("mov.u32 a, 0x11223344; mov.u32 b, 0x55667788; mov.b64 l, {a, b}; mov.b64 {_, _, h, k}, l; mov.b32 "
               "%0, {h, k};",
               0x55667788);
}

static void atomics_take_vectors(void **state)
{
    (void)state;
    expect_all("ld.param.u64 m, [y]; mov.f32 x, 0f3F800000; mov.f32 z, 0f40000000; setp.eq.u32 p, %1, 0; @p "
               "red.global.add.v2.f32 [m], {x, z}; bar.sync 0; ld.global.u32 %0, [m+4];",
               0x40000000);
}

/* cp.async: the cache policy comes last and is no size of the source; what the source does not fill is zero. */
static void copies_tell_sizes_from_policies(void **state)
{
    (void)state;
    expect_all(
        "ld.param.u64 m, [y]; st.global.u32 [m], 9; mov.u64 l, 0; cp.async.ca.shared.global.L2::cache_hint [%2], "
        "[m], 4, l; cp.async.wait_all; ld.shared.u32 %0, [%2];",
        9);
    expect_all(
        "ld.param.u64 m, [y]; st.global.u32 [m], 9; mov.u64 l, 0; mov.u32 a, 0; "
        "cp.async.ca.shared.global.L2::cache_hint [%2], [m], 4, a, l; cp.async.wait_all; ld.shared.u32 %0, [%2];",
        0);
}

/* Matrix element (row, column) is 32 row + column, of 16 bits; thread t holds columns 2 (t % 4) and on of row t / 4, or the transposed. */
static void matrices_are_stored_transposed(void **state)
{
    (void)state;
    unsigned y[64];
    run("and.b32 a, %1, 3; shl.b32 a, a, 1; and.b32 b, %1, 31; shr.u32 b, b, 2; shl.b32 b, b, 5; add.u32 a, a, b; "
        "add.u32 b, a, 1; "
        "shl.b32 b, b, 16; or.b32 a, a, b; and.b32 b, %1, 39; shl.b32 b, b, 4; add.u32 b, b, %2; "
        "stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [b], {a}; bar.warp.sync 0xffffffff; and.b32 c, %1, 32; "
        "shl.b32 c, c, 4; "
        "and.b32 d, %1, 31; shl.b32 d, d, 2; add.u32 c, c, d; add.u32 c, c, %2; ld.shared.u32 %0, [c];",
        y);
    for (unsigned t = 0; t < 64; t++) {
        unsigned row = t % 32 / 4,
                 column = 2 * (t % 4); /* of memory: element (row, column) is the matrix's (column, row) */
        assert_int_equal(y[t], (32 * column + row) | (32 * (column + 1) + row) << 16);
    }
}

static void mbarriers_are_at_base_and_offset(void **state)
{
    (void)state;
    expect_all("setp.eq.u32 p, %1, 0; @p mbarrier.init.shared.b64 [%2+16], 64; bar.sync 0; "
               "mbarrier.arrive.shared.b64 l, [%2+16]; W: "
               "mbarrier.test_wait.shared.b64 q, [%2+16], l; @!q bra W; mov.u32 %0, 1;",
               1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_extend_to_the_register_and_stores_cut),
        cmocka_unit_test(labels_belong_to_their_block),
        cmocka_unit_test(barriers_take_registers_and_vote),
        cmocka_unit_test(every_member_mask_is_a_group),
        cmocka_unit_test(reductions_are_those_of_their_type),
        cmocka_unit_test(comparisons_combine_and_give_both_results),
        cmocka_unit_test(conversions_saturate_and_round_as_they_say),
        cmocka_unit_test(arithmetic_rounds_as_it_says),
        cmocka_unit_test(subnormals_are_flushed_and_nans_chosen),
        cmocka_unit_test(halves_and_bits_are_taken_apart),
        cmocka_unit_test(wide_immediates_fill_both_halves),
        cmocka_unit_test(atomics_take_vectors),
        cmocka_unit_test(copies_tell_sizes_from_policies),
        cmocka_unit_test(matrices_are_stored_transposed),
        cmocka_unit_test(mbarriers_are_at_base_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
