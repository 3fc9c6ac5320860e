"""The C of sums of products in blocks of registers: a function for each, see `blocks`.

Vectors are the compilers' own type for them, which narrower processors split by themselves. A
product and the sum that it is added to may be rounded once, as in any BLAS; nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from autograd.lowering.expressions import Places, Pointer, affine, as_met
from autograd.lowering.indices import Affine, Axis, combined, joined, volume
from autograd.lowering.lines import Lines, indented, loop
from autograd.lowering.nests import Load, Nest
from autograd.lowering.products.blocks import Blocks
from autograd.lowering.types import C_TYPES, NO_MEMORY, NOT_FINITE

HEAD = """
#if defined(__clang__)
#define CONTRACTED
#define MAY_CONTRACT _Pragma("clang fp contract(fast)")
#elif defined(__GNUC__)
#define CONTRACTED __attribute__((optimize("O3,fp-contract=fast")))
#define MAY_CONTRACT
#else
#define CONTRACTED
#define MAY_CONTRACT
#endif

#if defined(__has_builtin)
#define HAS_SHUFFLES __has_builtin(__builtin_shufflevector)
#else
#define HAS_SHUFFLES 0
#endif
"""


_VECTOR = re.compile(r"\bvec_(float|double)_(\d+)\b")


def declared(text: str) -> str:
    """The vectors that a text names, and what it does with them."""
    found = sorted({(kind, int(lanes)) for kind, lanes in _VECTOR.findall(text)})
    return "\n".join([HEAD, *[_vector(*one) for one in found]]) if found else ""


def _vector(kind: str, lanes: int) -> str:
    nbytes = lanes * (4 if kind == "float" else 8)
    attributes = f"vector_size({nbytes}), aligned({nbytes // lanes}), may_alias"
    vec = f"vec_{kind}_{lanes}"
    registers = {
        64: [("__AVX512F__", "v")],
        32: [("__AVX512VL__", "v"), ("__AVX__", "x")],
        16: [("__AVX512VL__", "v"), ("__x86_64__", "x"), ("__aarch64__", "w")],
    }
    loaded = "".join(
        f'#{word} defined({known})\n#define LOADED_{vec}(x) __asm__("" : "+{letter}"(x))\n'
        for word, (known, letter) in zip(
            ("if", "elif", "elif"), registers.get(nbytes, ()), strict=False
        )
    )
    return f"""
/* One that is loaded once, though each product could read it from memory: GCC lets them, and they
   wait for the loads then. */
{loaded}{"#else" if loaded else "#if 1"}
#define LOADED_{vec}(x)
#endif

typedef {kind} {vec} __attribute__(({attributes}));

/* The first n numbers, and zeros. */
static inline CONTRACTED {vec} few_{vec}(const {kind} *x, long n) {{
    {vec} some = {{0}};
    for (long l = 0; l < n; l++) some[l] = x[l];
    return some;
}}

/* The sum of all, pair by pair. */
{_summed(kind, lanes)}
"""


def _summed(kind: str, lanes: int) -> str:
    vec, lines, name, size = f"vec_{kind}_{lanes}", [], "some", lanes
    while size > 2:
        half = size // 2
        low, high = (", ".join(map(str, range(k, k + half))) for k in (0, half))
        nbytes = half * (4 if kind == "float" else 8)
        lines += [
            f"typedef {kind} half{half} __attribute__((vector_size({nbytes})));",
            f"const half{half} s{half} = __builtin_shufflevector({name}, {name}, {low})",
            f"    + __builtin_shufflevector({name}, {name}, {high});",
        ]
        name, size = f"s{half}", half
    text = "\n".join(indented([*lines, f"return {name}[0] + {name}[1];"]))
    return f"""static inline CONTRACTED {kind} sum_{vec}({vec} some) {{
#if HAS_SHUFFLES
{text}
#else
    for (long half = {lanes // 2}; half; half /= 2)
        for (long l = 0; l < half; l++) some[l] += some[l + half];
    return some[0];
#endif
}}"""


class BlocksText:
    """The function for one nest, and the call of it for a slice.

    Args:
        name: of the function.
        nest: what is computed.
        blocks: in what blocks.
        places: where values lie; for the function alone.

    Attributes:
        places: the same, which knows then what the function names.
    """

    def __init__(self, name: str, nest: Nest, blocks: Blocks, places: Places) -> None:
        self._name, self._nest, self._blocks, self.places = name, nest, blocks, places
        self._kind = C_TYPES[nest.value.dtype]
        self._vec = f"vec_{self._kind}_{blocks.lanes}"
        self._rows = None if blocks.by_row else blocks.rows  # of which a block may have several
        self._given: list[Pointer] = []
        self._vector = self._place(blocks.vector)
        self._other = self._place(blocks.other)
        out = zip(nest.value.axes, places.strides(nest.value), strict=True)
        place = combined([(Affine(0, ((axis, 1),)), step) for axis, step in out])
        self._out = places.within(nest.value, place)

    def function(self) -> str:
        """Its text."""
        body = self._summed() if self._blocks.along else self._within(self._kept())
        body = [*self._finite(), *body]
        self._given = as_met(self.places.pointers(), "\n".join(body))
        pointers = [f"{kind}restrict {name}" for kind, name, _ in self._given]
        slices = f"long i{self._blocks.slices.number}"
        head = f"static APART CONTRACTED void {self._name}(int64_t *bad, "
        head += f"{', '.join(pointers)}, {slices}) {{"
        return "\n".join([head, "    MAY_CONTRACT", *indented(body), "}"])

    def call(self) -> str:
        """The line that calls it, once there is the text."""
        given = ", ".join(name for _, name, _ in self._given)
        return f"{self._name}(bad, {given}, i{self._blocks.slices.number});"

    # --- places --------------------------------------------------------------------------------

    def _place(self, load: Load) -> Affine:
        place = load.place(self.places.strides(load.value))
        return self.places.within(load.value, place)

    def _row_step(self, place: Affine) -> int:
        """By how much a place grows from one row of a block to the next."""
        return 0 if self._rows is None else place.step(self._rows)

    def _around(self, place: Affine) -> Affine:
        """The part of a place that loops around all blocks say."""
        fixed = {self._blocks.slices, *self._blocks.outer} - {self._rows}
        return Affine(place.start, tuple((a, s) for a, s in place.steps if a in fixed))

    def _of(self, place: Affine, axes: Sequence[Axis]) -> str:
        """What axes add to a place, as text that begins with a plus."""
        part = Affine(0, tuple((a, s) for a, s in place.steps if a in axes))
        return f" + {affine(part)}" if part.steps else ""

    def _read(self, load: Load) -> str:
        return self.places.name(load.value, written=False)

    # --- loops ---------------------------------------------------------------------------------

    def _finite(self) -> Lines:
        """Look at all of a factor that meets a border of zeros."""
        load = self._blocks.finite
        if load is None:
            return []
        steps = zip(load.value.axes, self.places.strides(load.value), strict=True)
        size, name = volume(axis for axis, step in steps if step), self._read(load)
        return [
            "int odd = 0;",
            f"for (long k = 0; k < {size}; k++) odd |= !({name}[k] * 0 == 0);",
            *_ended("odd", NOT_FINITE),
        ]

    def _within(self, lines: Lines) -> Lines:
        for axis in reversed(self._blocks.outer):
            lines = loop(axis, lines)
        return lines

    def _by_rows(self, block: Callable[[str, int], Lines]) -> Lines:
        """Blocks of rows, the last of which may have fewer."""
        rows, down, slices = self._rows, self._blocks.down, self._blocks.slices
        if rows is None:
            return block("0", 1)
        whole, rest = divmod(rows.size, down)
        if slices not in self._nest.value.axes:  # a slice is such a block
            begin = [f"const long r = i{slices.number} * {down};"]
            if not rest:
                return [*begin, *block("r", down)]
            if not whole:
                return [*begin, *block("r", rest)]
            head = f"if (i{slices.number} < {whole}) {{"
            both = [*indented(block("r", down)), "} else {", *indented(block("r", rest))]
            return [*begin, head, *both, "}"]
        lines: Lines = []
        if whole:
            lines += [f"for (long r = 0; r < {whole * down}; r += {down}) {{"]
            lines += [*indented(block("r", down)), "}"]
        if rest:
            lines += ["{", f"    const long r = {whole * down};"]
            lines += [*indented(block("r", rest)), "}"]
        return lines

    def _kept(self) -> Lines:
        """Vectors of the result, each the sum along all that is reduced."""
        blocks = self._blocks
        length, width = volume(blocks.chain), blocks.lanes * blocks.across
        lines = self._by_rows(self._kept_block)
        if length == width:
            return ["const long j = 0;", *lines]
        first = "const long j = b;"
        if length % width:  # the last block begins earlier, and computes some numbers again
            first = f"const long j = b + {width} > {length} ? {length - width} : b;"
        return [f"for (long b = 0; b < {length}; b += {width}) {{", *indented([first, *lines]), "}"]

    def _kept_block(self, row: str, count: int) -> Lines:
        blocks, kind, vec = self._blocks, self._kind, self._vec
        step = self._row_step(self._other)
        out = self._row_step(self._out)
        across = range(blocks.across)
        sums = [[f"a{r}_{c}" for c in across] for r in range(count)]
        name = self.places.name(self._nest.value)
        lines = [
            f"const {kind} *const x = {self._read(blocks.vector)}"
            f" + {affine(self._around(self._vector))} + j;",
            f"const {kind} *const w = {self._read(blocks.other)}"
            f" + {affine(self._around(self._other))} + {row} * {step};",
            f"{kind} *const y = {name} + {affine(self._around(self._out))} + {row} * {out} + j;",
            f"{vec} {', '.join(f'{a} = {{0}}' for row_ in sums for a in row_)};",
        ]
        x, w = self._of(self._vector, blocks.reduced), self._of(self._other, blocks.reduced)
        inner = [f"{vec} x{c} = *(const {vec} *)(x + {c * blocks.lanes}{x});" for c in across]
        inner += [f"LOADED_{vec}(x{c});" for c in across] * (count > 1)
        for r, row_ in enumerate(sums):
            inner.append(f"const {kind} w{r} = w[{r * step}{w}];")
            inner.append(" ".join(f"{a} += w{r} * x{c};" for c, a in enumerate(row_)))
        for axis in reversed(blocks.reduced):
            inner = loop(axis, inner)
        lines += inner
        for r, row_ in enumerate(sums):
            lines += [
                f"*({vec} *)(y + {r * out + c * blocks.lanes}) = {a};" for c, a in enumerate(row_)
            ]
        return lines

    def _summed(self) -> Lines:
        """Sums of vectors, part by part of what is reduced."""
        return self._by_rows(self._summed_rows)

    def _summed_rows(self, row: str, count: int) -> Lines:
        blocks, kind = self._blocks, self._kind
        length, part = volume(blocks.chain), blocks.part
        if length <= part and not blocks.outside and not blocks.runs:
            return self._columns(self._summed_block(row, count, once=True))
        lines = self._columns(self._summed_block(row, count, once=False))
        if length > part:
            bounds = f"const long n = {length} - j < {part} ? {length} - j : {part};"
            head = f"for (long j = 0; j < {length}; j += {part}) {{"
            lines = [head, *indented([bounds, *lines]), "}"]
        else:
            lines = ["const long j = 0;", *lines]
        if blocks.runs:
            head = f"for (long m = 0; m < {blocks.inside[0].size}; m += {blocks.runs}) {{"
            lines = [head, *indented(lines), "}"]
        for axis in reversed(blocks.outside):
            lines = loop(axis, lines)
        size = volume(blocks.outer) * self._starts * count * blocks.across * blocks.lanes
        return [
            f"{kind} *const sums = calloc({size}, sizeof({kind}));",
            *_ended("!sums", NO_MEMORY),
            *lines,
            *self._columns(self._totals(row, count)),
            "free(sums);",
        ]

    def _run(self, axis: Axis, lines: Lines) -> Lines:
        """A loop along so many places of an axis, from m on."""
        i, runs = f"i{axis.number}", self._blocks.runs
        end = f"m + {runs}"
        if axis.size % runs:
            end = f"({end} < {axis.size} ? {end} : {axis.size})"
        return [f"for (long {i} = m; {i} < {end}; {i}++) {{", *indented(lines), "}"]

    @property
    def _starts(self) -> int:
        """Blocks of columns side by side."""
        return -(-volume(self._blocks.columns) // self._blocks.across)

    def _columns(self, lines: Lines) -> Lines:
        """Lines for all columns, block by block, the last of which may begin earlier."""
        across, columns = self._blocks.across, volume(self._blocks.columns)
        if self._starts > 1:
            first = f"const long c = b + {across} > {columns} ? {columns - across} : b;"
            head = f"for (long b = 0; b < {columns}; b += {across}) {{"
            lines = [head, *indented([first, *lines]), "}"]
        return self._within(lines)

    def _sums(self, count: int) -> str:
        """The line that finds the sums of a block."""
        index = combined([(joined(self._blocks.outer), self._starts)])
        place = affine(index) + (f" + b / {self._blocks.across}" if self._starts > 1 else "")
        size = count * self._blocks.across * self._blocks.lanes
        return f"{self._vec} *const s = ({self._vec} *)(sums + ({place}) * {size});"

    def _summed_block(self, row: str, count: int, once: bool) -> Lines:
        """The products of one part; where that is all, their sums too."""
        blocks, kind, vec = self._blocks, self._kind, self._vec
        length, part, lanes = volume(blocks.chain), blocks.part, blocks.lanes
        step = self._row_step(self._other)
        sums = [[f"a{r}_{c}" for c in range(blocks.across)] for r in range(count)]
        begin = "" if once else " + j"
        column = f" + c * {self._vector.step(blocks.columns[0])}" if self._starts > 1 else ""
        lines = [
            f"const {kind} *const x = {self._read(blocks.vector)}"
            f" + {affine(self._around(self._vector))}{self._of(self._vector, blocks.outside)}"
            f"{column}{begin};",
            f"const {kind} *const w = {self._read(blocks.other)}"
            f" + {affine(self._around(self._other))}{self._of(self._other, blocks.outside)}"
            f" + {row} * {step}{begin};",
            f"{vec} {', '.join(f'{a} = {{0}}' for row_ in sums for a in row_)};",
        ]
        x, w = self._of(self._vector, blocks.inside), self._of(self._other, blocks.inside)

        def products(read: Callable[[str], str]) -> Lines:
            found = []
            for c in range(blocks.across):
                place = f"x + {self._column(c, self._vector)}{x} + k"
                found.append(f"const {vec} x{c} = {read(place)};")
            for r, row_ in enumerate(sums):
                found.append(f"{vec} w{r} = {read(f'w + {r * step}{w} + k')};")
                if len(row_) > 1:
                    found.append(f"LOADED_{vec}(w{r});")
                found.append(" ".join(f"{a} += w{r} * x{c};" for c, a in enumerate(row_)))
            return found

        whole = products(lambda place: f"*(const {vec} *)({place})")
        end = f"{part - part % lanes}" if length <= part else f"n - n % {lanes}"
        inner = [f"for (long k = 0; k < {end}; k += {lanes}) {{", *indented(whole), "}"]
        if rest := length % lanes:  # of the last part
            few = products(lambda place: f"few_{vec}({place}, {rest})")
            guard = "" if length <= part else f"if (n % {lanes}) "
            inner += [f"{guard}{{", *indented([f"const long k = {end};", *few]), "}"]
        for axis in reversed(blocks.inside):
            first = blocks.runs and axis is blocks.inside[0]
            inner = self._run(axis, inner) if first else loop(axis, inner)
        lines += inner
        if once:
            lines += self._stored(sums, row)
        else:
            lines.append(self._sums(count))
            for r, row_ in enumerate(sums):
                added = [f"s[{r * blocks.across + c}] += {a};" for c, a in enumerate(row_)]
                lines.append(" ".join(added))
        return ["{", *indented(lines), "}"]

    def _totals(self, row: str, count: int) -> Lines:
        """After all parts."""
        across = self._blocks.across
        sums = [[f"s[{r * across + c}]" for c in range(across)] for r in range(count)]
        return ["{", *indented([self._sums(count), *self._stored(sums, row)]), "}"]

    def _stored(self, sums: Sequence[Sequence[str]], row: str) -> Lines:
        """The sums of vectors, as elements of the result."""
        name = self.places.name(self._nest.value)
        step = self._row_step(self._out)
        around = f"{affine(self._around(self._out))} + {row} * {step}"
        if self._starts > 1:
            around += f" + c * {self._out.step(self._blocks.columns[0])}"
        return [
            f"{name}[{around} + {r * step + self._column(c, self._out)}] = sum_{self._vec}({a});"
            for r, row_ in enumerate(sums)
            for c, a in enumerate(row_)
        ]

    def _column(self, number: int, place: Affine) -> int:
        """By how much a column of a block is further in memory than the first."""
        columns, found = self._blocks.columns, 0
        if self._starts > 1:
            return number * place.step(columns[0])
        for axis in reversed(columns):
            found += number % axis.size * place.step(axis)
            number //= axis.size
        return found


def _ended(condition: str, code: int) -> Lines:
    return [f"if ({condition}) {{", f"    *bad = {code};", "    return;", "}"]
