"""What kernels/ declares, as data: the device's fields, the operations, the kernel families."""

from dataclasses import dataclass

from .expression import Term
from .toml_file import TomlFile

DTYPES = ("f32", "f16", "bf16")  # the order of hpck_dtype
DIALECTS = ("opencl", "cuda")  # the order of enum dialect

RESOURCES = ("local_bytes", "work_items", "registers", "workspace_bytes")

# Device limits that every point must keep: resource, device field, reason. A limit of 0 is an unknown one.
LIMITS = (
    ("local_bytes", "local_bytes", "the tiles need more local memory than the device gives a work-group"),
    ("work_items", "max_work_items", "the work-group has more work-items than the device allows"),
    ("workspace_bytes", "max_alloc_bytes", "the workspace exceeds the largest buffer of the device"),
)


@dataclass
class Field:
    name: str
    doc: str


@dataclass
class Buffer(Field):
    dtype: str  # "in", "out", "f32" or "i64"
    access: str  # "read" or "write"


@dataclass
class Device:
    fields: list
    examples: dict  # name -> {field: value}


@dataclass
class Op:
    name: str
    doc: str
    dtypes: list  # of (in, out)
    problem: list
    traits: list
    calls: list
    scalars: list
    buffers: list
    examples: list  # of ({field: value}, in, out)

    @property
    def fields(self):
        return self.problem + self.traits


@dataclass
class Param:
    name: str
    values: list
    unit: str
    doc: str
    run_time: bool

    @property
    def macro(self):
        return self.name.upper()


@dataclass
class Formula:
    """An expression and its translation."""

    text: str
    term: Term


@dataclass
class Constraint:
    formula: Formula
    reason: str


@dataclass
class Tensor:
    """A buffer as the TMA unit sees it; dimension 0 is contiguous. first and distances (of the dimensions from 1 on) are
    call values, in elements."""

    buffer: Buffer
    first: str
    distances: list
    sizes: list  # of Formula, one for each dimension
    box: list
    swizzle: Formula


@dataclass
class Arg:
    name: str
    kind: str  # "buffer", "call", "scalar", "value", "local", "workspace", "tensor_map"
    formula: Formula = None  # value: the int64; local: bytes
    type: str = ""  # local and workspace: what the pointer points to
    tensor: Tensor = None
    aliased: bool = False  # buffer: another one may be the same memory

    @property
    def formulas(self):
        """What is computed when a plan is made."""
        if self.tensor:
            return [*self.tensor.sizes, *self.tensor.box, self.tensor.swizzle]
        return [self.formula] if self.formula else []


@dataclass
class Step:
    kernel: str
    enabled: Formula
    global_size: list
    local_size: list
    args: list


@dataclass
class Family:
    name: str
    op: Op
    doc: str
    dialects: list
    dtypes: list  # of (in, out), from the operation's
    cuda_target: str  # "90a": the only target that the texts compile for; "": any that the device runs
    like: str  # the family whose main loop `beyond` of [loop] compares with, or ""
    params: list
    lets: dict  # name -> Formula
    constraints: list
    resources: dict  # name -> Formula
    model_lets: dict
    model: Formula
    loop: dict  # instruction or limit -> Formula; what the main loop consists of in machine code
    kernel: dict  # the same of the whole kernel
    bars: list  # of Constraint; what seeds are held to
    defines: dict
    steps: list
    seeds: list  # of {param: value}
    file: TomlFile


@dataclass
class Kernels:
    """Everything below kernels/."""

    root: object
    device: Device
    ops: list
    families: list  # sorted by name
