"""How deep a stranger's JSON is nested, found out before anybody reads it level by level.

Readers of JSON go down one call a level. Libraries of elliptic curves and of virtual machines raise the process's limit
on that so far that the stack ends first: a hundred kilobytes of brackets would end the process.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

A = TypeVar("A")
MOST_LEVELS: Final = 64
TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)', re.DOTALL)
"""A string, or what is left where one does not end: it always matches, so a hostile one takes no longer than another."""
OTHERS: Final = bytes(each for each in range(256) if each not in b"[]{}")


def is_shallow(document: bytes) -> bool:
    """Whether no more than `MOST_LEVELS` brackets are open at once. All else is the reader's to judge.

    Of more brackets than that, those that are not closed as they were opened are deep, too.
    """
    if document.count(b"[") + document.count(b"{") <= MOST_LEVELS:
        return True
    brackets = TEXT.sub(b"", document).translate(None, OTHERS)
    for _ in range(MOST_LEVELS):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def decode(document: bytes, shape: type[A]) -> A:
    """Read a stranger's JSON as a shape.

    Raises: msgspec.ValidationError when it has another shape, msgspec.DecodeError when it is no JSON, or nested too deep.
    """
    if not is_shallow(document):
        raise msgspec.DecodeError("the brackets are nested too deep, or not closed")
    return msgspec.json.decode(document, type=shape)
