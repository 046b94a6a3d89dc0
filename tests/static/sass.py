"""Machine code in a cubin, without a disassembler: instructions by name, loops, widths of memory accesses.

Since Volta an instruction has 128 bits: the opcode in bits 0-11 (arithmetic ones spend bits 9-11 on the kinds of their operands),
the guard predicate in bits 12-15 (15: never executed), the width of an access in bits 73-75 (LDGSTS from sm_100: 74-75), the barrier that a load leaves in bits 110-112, those that an
instruction waits for in bits 116-121. The distance of a branch, in units of 4 bytes from the next instruction, starts at bit 34;
from sm_90 on its lowest 8 bits are in bits 16-23. The numbers are those that the
Mesa driver's assembler writes (src/nouveau/compiler/nak), checked on what ptxas 13.0 makes of small kernels."""

import collections
import struct

NEVER, NOP, BRANCHES, INSTRUCTION = 0xF, 0x918, (0x947, 0x547), 16  # the second kind, by a uniform predicate, from sm_100
ELF_FLAGS = 0x30  # the second byte is the architecture
WIDTHS = {0: 8, 1: 8, 2: 16, 3: 16, 4: 32, 5: 64, 6: 128}
BY_9_BITS = {0x023: "FFMA", 0x03C: "HMMA", 0x108: "MUFU", 0x106: "I2F", 0x112: "I2F"}
BY_12_BITS = {
    "LDSM": [0x83B],
    "LDGSTS": [0xFAE],
    "LDG": [0x381, 0x981],
    "STG": [0x386, 0x986],
    "LDS": [0x984],
    "STS": [0x388, 0x988],
    "LDL": [0x983],
    "STL": [0x387, 0x987],
    "BAR": [0xB1D, 0x91D, 0x31D],
    "LDGDEPBAR": [0x9AF],
    "BRA": list(BRANCHES),
    "HGMMA": [0xDF0, 0x9F0, 0x5F0, 0x1F0, 0xFF0, 0x7F0],
    "UTMALDG": [0x5B4, 0x3B4],  # the second to several blocks
    "USETMAXREG": [0x5C8, 0x9C8],
    "UI2F": [0x25A],
    "MEMBAR": [0x992],
    "ERRBAR": [0x9AB],
}
NAMES = {code: name for name, codes in BY_12_BITS.items() for code in codes}
ACCESSES = ("LDG", "STG", "LDS", "STS", "LDGSTS")
Instruction = collections.namedtuple("Instruction", "name width low high distance")  # of a branch, in instructions


def decode(low, high, sm):
    if low >> 12 & 0xF == NEVER:
        return Instruction("dead", 0, low, high, 0)
    code = low & 0xFFF
    name = NAMES.get(code) or (BY_9_BITS.get(code & 0x1FF) if code >> 9 else None) or "other"
    width = 32 << (high >> 10 & 3) if name == "LDGSTS" and sm >= 100 else WIDTHS.get(high >> 9 & 7, 0)
    return Instruction(name, width, low, high, distance(low, high, sm) if name == "BRA" else 0)


def distance(low, high, sm):
    field = (low | high << 64) >> 34 & (1 << 48) - 1
    units = signed(field << 8 | low >> 16 & 0xFF, 56) if sm >= 90 else signed(field, 48)
    return units * 4 // INSTRUCTION


def sections(elf):
    """(name, bytes) of an ELF file's sections."""
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", elf, 0x3A)
    rows = [struct.unpack_from("<IIQQQQIIQQ", elf, table + i * size) for i in range(count)]
    names = rows[names_at][4]
    for row in rows:
        name = elf[names + row[0] : elf.index(b"\0", names + row[0])].decode()
        yield name, elf[row[4] : row[4] + row[5]]


def kernels(cubin):
    """{name: [Instruction]}"""
    found, sm = {}, cubin[ELF_FLAGS + 1]
    for name, code in sections(cubin):
        if name.startswith(".text."):
            words = struct.iter_unpack("<QQ", code[: len(code) // INSTRUCTION * INSTRUCTION])
            found[name[len(".text.") :]] = [decode(*word, sm) for word in words]
    return found


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def loops(instructions):
    """[(first, last)] of every backward branch."""
    last = max(i for i, x in enumerate(instructions) if x.low & 0xFFF != NOP)  # branches to itself, and is never reached
    targets = ((i + 1 + x.distance, i) for i, x in enumerate(instructions) if x.name == "BRA" and i != last)
    return [(first, i) for first, i in targets if 0 <= first < i]


def main_loop(instructions, name, passes):
    """count() of what one pass of the main loop executes at most. That is the innermost loop with the most instructions of that name;
    if it runs for several `passes` each time, the innermost loop around it. Nothing where there is none."""
    found = {loop: count(instructions[loop[0] : loop[1] + 1]) for loop in loops(instructions)}
    inner = max(found, key=lambda loop: (found[loop][name], loop[0] - loop[1]), default=None)
    if inner is None or not found[inner][name]:
        return collections.Counter()
    if passes == 1:
        return found[inner]
    around = [loop for loop in found if loop != inner and loop[0] <= inner[0] and inner[1] <= loop[1]]
    outer = min(around, key=lambda loop: loop[1] - loop[0], default=inner)
    return collections.Counter({key: n + (passes - 1) * found[inner][key] for key, n in found[outer].items()})


def count(instructions):
    """{name: how many}, and of memory accesses also {name.bits: how many}."""
    names = [x.name for x in instructions]
    return collections.Counter(names + [f"{x.name}.{x.width}" for x in instructions if x.name in ACCESSES])


def total(found):
    """Of what count() gives, the instructions that are executed."""
    return sum(n for name, n in found.items() if "." not in name) - found["dead"]


def in_flight(instructions):
    """The most loads from global memory that are issued one after the other before the first of them is waited for."""
    most, loads, barriers = 0, 0, 0
    for x in instructions:
        if x.high >> 52 & 0x3F & barriers or x.name == "BRA":
            loads, barriers = 0, 0
        if x.name == "LDG":
            loads, barriers = loads + 1, barriers | 1 << (x.high >> 46 & 7)
        most = max(most, loads)
    return most
