"""The vocabulary a layout is declared in: field types, fields, structs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """A fixed-width big-endian field.

    Shape: packed into `limbs` integers, each of the `struct` code `code`; `limbs` > 1 only for values that may not fit
    an i64, which Python keeps as 32-bit limbs, the most significant first.
    """

    name: str
    code: str
    bytes: int
    limbs: int
    solidity: str


U8 = FieldType(name="u8", code="B", bytes=1, limbs=1, solidity="uint8")
U16 = FieldType(name="u16", code="H", bytes=2, limbs=1, solidity="uint16")
U32 = FieldType(name="u32", code="I", bytes=4, limbs=1, solidity="uint32")
U64 = FieldType(name="u64", code="Q", bytes=8, limbs=1, solidity="uint64")
I64 = FieldType(name="i64", code="q", bytes=8, limbs=1, solidity="int64")
ADDRESS = FieldType(name="address", code="I", bytes=20, limbs=5, solidity="address")
BITS64 = FieldType(name="bits64", code="I", bytes=8, limbs=2, solidity="uint64")
BITS128 = FieldType(name="bits128", code="I", bytes=16, limbs=4, solidity="uint128")
BITS256 = FieldType(name="bits256", code="I", bytes=32, limbs=8, solidity="uint256")
HASH = FieldType(name="hash", code="32s", bytes=32, limbs=1, solidity="bytes32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One named field of a struct, or `count` of them in a row; `group` repeats a whole struct instead.

    `key` says by which type of ordinals one of them is found, empty when it is by its place alone. `also` are the names, each
    with what it means, of those who keep another thing in it.
    """

    name: str
    doc: str
    type: FieldType | None = None
    group: Struct | None = None
    count: int = 1
    key: str = ""
    also: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it is called."""
        return self.name, *(name for name, _ in self.also)

    @property
    def words(self) -> int:
        """Flat i64 words it takes in memory."""
        one = self.type.limbs if self.type else self.inner.words
        return one * self.count

    @property
    def bytes(self) -> int:
        """Bytes it takes when packed."""
        one = self.type.bytes if self.type else self.inner.bytes
        return one * self.count

    @property
    def inner(self) -> Struct:
        """The repeated struct of a group field."""
        if self.group is None:
            raise TypeError(f"field {self.name} is not a group")
        return self.group


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    """A fixed-length struct; `tag` is its cell tag, 0 for what is not a cell.

    `index` says in words by what it is found, `key` by which type of ordinals; empty when that is put together.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    tag: int = 0
    index: str = ""
    key: str = ""
    also: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it is called."""
        return self.name, *(name for name, _ in self.also)

    @property
    def words(self) -> int:
        """Return how many words it takes in a table."""
        return sum(field.words for field in self.fields)

    @property
    def bytes(self) -> int:
        """Return how many bytes it takes when packed."""
        return sum(field.bytes for field in self.fields)


def f(name: str, type_: FieldType, doc: str, count: int = 1, key: str = "", **also: str) -> Field:
    """Declare a plain field; `also` says by name what others keep in it."""
    return Field(name=name, type=type_, doc=doc, count=count, key=key, also=tuple(also.items()))
