"""Compile the contracts and write what the rest of the project reads of them.

For every contract under contracts/src that can be deployed:
    shared/tallystick/artifacts/NAME.json    ABI and bytecode, for nodes and tests
    contracts/snapshots/abi/NAME.txt         the ABI as sorted lines, for reviewers
    contracts/snapshots/storage/NAME.json    the storage layout, for reviewers
and contracts/snapshots/sizes.json over all of them. shared/tallystick/artifacts/machine.txt says
which machine they were compiled for, and probe.jsonl what that machine makes of some histories.

The same sources give the same bytes: each run compiles everything anew into a folder of its own,
and no metadata goes into the bytecode. With `--check` nothing is written: the run fails where a
committed file differs from what the sources give.

Exit codes: 0 done; 1 a file is stale, a contract too large or a name taken twice; else forge's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.deploy.fingerprint import FILE as PROBE
from tallystick.schema.version import machine_version
from tallystick.testing.probe import render as render_probe

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "contracts" / "src"
FORGE = ROOT / "contracts/node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
ARTIFACTS = Path("shared/tallystick/artifacts")
SNAPSHOTS = Path("contracts/snapshots")

MACHINE = "machine.txt"

CODE_LIMIT = 24_576  # EIP-170
INITCODE_LIMIT = 49_152  # EIP-3860, without the constructor's arguments

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What forge wrote about one contract that can be deployed."""

    name: str
    output: Json

    @property
    def initcode(self) -> str:
        """Return the code that deploys it, in hexadecimal."""
        return str(self.output["bytecode"]["object"]).removeprefix("0x")

    @property
    def code(self) -> str:
        """Return the code it runs, in hexadecimal."""
        return str(self.output["deployedBytecode"]["object"]).removeprefix("0x")


class Rejected(Exception):
    """The contracts compile and still cannot be exported."""


def main() -> int:
    """Export, or with --check compare; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_sources(Path(folder))
    try:
        files = export(compiled)
    except Rejected as error:
        print(f"contracts: {error}", file=sys.stderr)
        return 1
    files[ARTIFACTS / MACHINE] = machine_version() + "\n"
    files[ARTIFACTS / PROBE] = render_probe()
    return compare(files) if check else write(files)


def compile_sources(folder: Path) -> list[Compiled]:
    """Compile everything under contracts/src into `folder`; give what can be deployed, by name."""
    if not any(SOURCES.rglob("*.sol")):
        return []
    if not FORGE.exists():
        sys.exit("contracts: forge is not installed: run `npm ci --ignore-scripts` in contracts/")
    out = folder / "out"
    # Only the sources: what else is compiled along could change how the compiler names things.
    command: list[str | Path] = [FORGE, "build", SOURCES, "--force", "--ast"]
    command += ["--out", out, "--cache-path", folder / "cache"]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        sys.stderr.write(result.stdout + result.stderr)
        sys.exit(result.returncode)
    return sorted(deployable(out), key=lambda contract: contract.name)


def deployable(out: Path) -> Iterator[Compiled]:
    """The contracts of this project in forge's output that are neither abstract nor libraries.

    A library's functions are internal and so part of its callers' code; one that would have to be
    deployed and linked shows as open links in its caller, which `check_links` refuses.
    """
    for path in out.rglob("*.json"):
        output = json.loads(path.read_bytes())
        source = ROOT / output["ast"]["absolutePath"] if "ast" in output else None
        if source is None or not source.is_relative_to(SOURCES):
            continue
        for node in output["ast"]["nodes"]:
            if node["nodeType"] != "ContractDefinition" or node["name"] != path.stem:
                continue
            if node["contractKind"] == "contract" and not node["abstract"]:
                yield Compiled(name=path.stem, output=output)


def export(contracts: list[Compiled]) -> dict[Path, str]:
    """The text of every file to write, by its path from the root.

    Raises: Rejected where a contract is too large, unlinked, or its name is taken.
    """
    files: dict[Path, str] = {}
    sizes: Json = {}
    for contract in contracts:
        name = contract.name
        if name in sizes:
            raise Rejected(f"two contracts are called {name}")
        check_links(contract)
        sizes[name] = check_sizes(contract)
        files[ARTIFACTS / f"{name}.json"] = dump(artifact(contract), indent=None)
        files[SNAPSHOTS / "abi" / f"{name}.txt"] = "".join(
            line + "\n" for line in sorted(abi_line(entry) for entry in contract.output["abi"])
        )
        files[SNAPSHOTS / "storage" / f"{name}.json"] = dump(storage(contract), indent=2)
    files[SNAPSHOTS / "sizes.json"] = dump(sizes, indent=2)
    return files


def check_links(contract: Compiled) -> None:
    """Refuse what links libraries at deployment. Raises: Rejected."""
    links = contract.output["bytecode"].get("linkReferences") or {}
    if links:
        libraries = ", ".join(sorted(library for file in links.values() for library in file))
        raise Rejected(
            f"{contract.name} links {libraries} at deployment: make their functions internal, "
            "or the part of its own that is called a contract"
        )


def check_sizes(contract: Compiled) -> Json:
    """Return the sizes of code and initcode. Units: bytes. Raises: Rejected over the L1's limits."""
    code, initcode = len(contract.code) // 2, len(contract.initcode) // 2
    for what, size, limit in (("code", code, CODE_LIMIT), ("initcode", initcode, INITCODE_LIMIT)):
        if size > limit:
            raise Rejected(f"{contract.name}: {what} of {size} bytes, over the L1's {limit}")
    return {"code": code, "initcode": initcode}


def artifact(contract: Compiled) -> Json:
    """Return what a node needs of a contract, with the places of its immutables."""
    references = contract.output["deployedBytecode"].get("immutableReferences") or {}
    # Their keys are the compiler's own numbers; where they are is all a reader needs.
    places = sorted((at["start"], at["length"]) for group in references.values() for at in group)
    return {
        "contract": contract.name,
        "abi": contract.output["abi"],
        "bytecode": contract.initcode,
        "deployedBytecode": contract.code,
        "immutableReferences": places,
        "codeSize": len(contract.code) // 2,
    }


def storage(contract: Compiled) -> list[Json]:
    """Each variable with its place, and under a struct its members with theirs."""
    layout: Json = contract.output["storageLayout"]
    types: Json = layout["types"] or {}
    return [variable(entry, types) for entry in layout["storage"]]


def variable(entry: Json, types: Mapping[str, Json]) -> Json:
    """Return where a variable of a contract is stored, and its kind."""
    kind = types[entry["type"]]
    # Through arrays and mappings to what they hold.
    held = kind
    while inner := held.get("value") or held.get("base"):
        held = types[inner]
    place = {
        "label": entry["label"],
        "slot": int(entry["slot"]),
        "offset": entry["offset"],
        "bytes": int(kind["numberOfBytes"]),
        "type": kind["label"],
    }
    members = [variable(member, types) for member in held.get("members", [])]
    return place | {"members": members} if members else place


def abi_line(entry: Json) -> str:
    """One ABI entry as one line of Solidity."""
    kind = entry["type"]
    if kind in ("fallback", "receive"):
        return f"{kind}() {entry['stateMutability']}"
    inputs = ", ".join(map(parameter, entry["inputs"]))
    head = kind if kind == "constructor" else f"{kind} {entry['name']}"
    line = f"{head}({inputs})"
    if entry.get("stateMutability", "nonpayable") != "nonpayable":
        line += f" {entry['stateMutability']}"
    if entry.get("anonymous"):
        line += " anonymous"
    if entry.get("outputs"):
        line += f" returns ({', '.join(map(parameter, entry['outputs']))})"
    return line


def parameter(entry: Json) -> str:
    """Return a parameter as it is written in a signature."""
    parts = [kind_of(entry), "indexed" if entry.get("indexed") else "", entry["name"]]
    return " ".join(part for part in parts if part)


def kind_of(entry: Json) -> str:
    """Return a parameter's kind, a struct as a tuple of its fields' kinds."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    members = ", ".join(map(parameter, entry["components"]))
    return f"({members}){kind.removeprefix('tuple')}"


def dump(value: object, *, indent: int | None) -> str:
    """Return a value as JSON with sorted keys, which ends in a line of its own."""
    separators = (",", ":") if indent is None else None
    return json.dumps(value, indent=indent, separators=separators, sort_keys=True) + "\n"


def present() -> set[Path]:
    """Every file an export owns, as it is on disk now."""
    patterns = (
        (ARTIFACTS, "*.json"),
        (ARTIFACTS, MACHINE),
        (ARTIFACTS, PROBE),
        (SNAPSHOTS, "sizes.json"),
        (SNAPSHOTS / "abi", "*.txt"),
        (SNAPSHOTS / "storage", "*.json"),
    )
    return {path.relative_to(ROOT) for folder, glob in patterns for path in (ROOT / folder).glob(glob)}


def compare(files: Mapping[Path, str]) -> int:
    """Name every exported file that is not what the sources give; return the exit code."""
    stale = [
        path
        for path in sorted(present() | set(files))
        if path not in files or not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != files[path]
    ]
    for path in stale:
        print(f"contracts: {path} is not what the sources give", file=sys.stderr)
    if stale:
        print("contracts: `make contracts` writes them anew", file=sys.stderr)
        return 1
    print(f"contracts: {len(files)} exported files are what the sources give")
    return 0


def write(files: Mapping[Path, str]) -> int:
    """Write the exported files and delete those that are no more; return the exit code."""
    for path in present() - set(files):
        (ROOT / path).unlink()
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    print(f"contracts: wrote {len(files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
