"""For pyright, which knows nothing of mypy's native integers: to a caller they are plain ones."""

from typing import TypeAlias

i64: TypeAlias = int
