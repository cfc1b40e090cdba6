"""URLs whose user, path and query may be an access key: what of them may be shown, and what of them can be used."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tallystick.errors import BadInput

ADDRESS: Final = re.compile(r"\b(https?|wss?)://(?:[^\s/?#@'\"<>]*@)?([^\s/?#@'\"<>,;)]+)[^\s'\"<>,;)]*", re.IGNORECASE)


def parts_of(url: str, what: str, hint: str) -> SplitResult:
    """Return the parts of an http or https URL.

    Raises: BadInput, without the URL, when it is none.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise BadInput(f"{what} is an http or https URL", hint=hint)


def shown(parts: SplitResult) -> str:
    """Return of a URL what may be shown: where it leads, and nothing of what is said there."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def without_secrets(text: str) -> str:
    """Return a text with every URL in it cut to what may be shown."""
    return ADDRESS.sub(r"\1://\2", text)
