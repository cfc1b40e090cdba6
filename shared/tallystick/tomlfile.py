"""TOML files, as people write them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tallystick.errors import ConfigError


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds. Raises: ConfigError when it cannot be read, or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            "the configuration cannot be read",
            hint="name a file that is there and that you may read",
            path=str(path),
            reason=error.strerror,
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"the configuration is no TOML: {error}",
            hint="a line is name = value, and text stands in quotes",
            path=str(path),
        ) from error
