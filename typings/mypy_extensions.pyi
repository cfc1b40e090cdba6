"""For pyright, which knows nothing of mypy's native integers: to a caller they are plain ones."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

T = TypeVar("T")

i16: TypeAlias = int
i32: TypeAlias = int
i64: TypeAlias = int

def mypyc_attr(*attrs: str, **kwattrs: object) -> Callable[[T], T]: ...
