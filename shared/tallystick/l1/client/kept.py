"""What a client of L1 remembers, for all the threads that ask it."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The newest few values by block hash. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._values: OrderedDict[bytes, T] = OrderedDict()

    def get(self, key: bytes) -> T | None:
        """The value, if it is kept still."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: bytes, value: T) -> T:
        """Keeps the value, and gives it back."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
