"""A contract's ABI as a value: calls encoded; results, events and errors decoded by name.

Addresses are 20 bytes wherever they are decoded and either bytes or text where they are encoded.
Structs decode to dictionaries by field name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi import abi as codec
from eth_abi.exceptions import DecodingError, EncodingError
from eth_hash.auto import keccak

from tallystick import artifacts
from tallystick.errors import BadEncoding, BadInput

PANIC_NAMES = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
    0x51: "call of an uninitialised function",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a function, an event or an error."""

    name: str
    type: str
    """The canonical type, a struct as a tuple of its fields' types."""
    indexed: bool
    fields: tuple["Parameter", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A function, an event or an error."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    @property
    def signature(self) -> str:
        """Return the signature that is hashed, without names."""
        return f"{self.name}({','.join(parameter.type for parameter in self.inputs)})"

    @property
    def digest(self) -> bytes:
        """Return keccak of the signature: an event's first topic; its first four bytes are a selector."""
        return keccak(self.signature.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something decoded: the name of the event or error, and its arguments by name."""

    name: str
    args: Mapping[str, Any]

    def __str__(self) -> str:
        if self.name == "Error":
            return str(self.args["message"])
        values = ", ".join(f"{name}={show(value)}" for name, value in self.args.items())
        return f"{self.name}({values})"


class ContractAbi:
    """What a contract offers: its functions, events and errors."""

    def __init__(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self._functions: dict[str, list[Entry]] = {}
        self._events: dict[bytes, Entry] = {}
        self._errors: dict[bytes, Entry] = {}
        self.constructor = Entry(name="constructor", inputs=(), outputs=())
        for given in entries:
            entry = Entry(
                name=given.get("name", ""),
                inputs=tuple(map(_parameter, given.get("inputs", ()))),
                outputs=tuple(map(_parameter, given.get("outputs", ()))),
            )
            if given["type"] == "function":
                self._functions.setdefault(entry.name, []).append(entry)
            elif given["type"] == "event" and not given.get("anonymous"):
                self._events[entry.digest] = entry
            elif given["type"] == "error":
                self._errors[entry.digest[:4]] = entry
            elif given["type"] == "constructor":
                self.constructor = entry

    @property
    def errors(self) -> Mapping[bytes, Entry]:
        """Return its errors by their selectors."""
        return self._errors

    def functions(self) -> list[Entry]:
        """Every function, overloaded ones one by one."""
        return [entry for entries in self._functions.values() for entry in entries]

    def topic(self, event: str) -> bytes:
        """The first topic of the event.

        Raises: BadInput, when there is none of that name.
        """
        return self.event(event).digest

    def event(self, event: str) -> Entry:
        """The event of a name.

        Raises: BadInput, when there is none.
        """
        for entry in self._events.values():
            if entry.name == event:
                return entry
        raise BadInput("the contract has no such event", contract=self.name, event=event)

    def encode_call(self, function: str, *args: Any) -> bytes:
        """Calldata.

        Raises: BadInput, when there is no such function or the arguments do not fit it.
        """
        entry = self._function(function, len(args))
        return entry.digest[:4] + self._encode(entry, args)

    def encode_constructor(self, *args: Any) -> bytes:
        """What follows the bytecode in a deployment.

        Raises: BadInput, when the arguments do not fit.
        """
        return self._encode(self.constructor, args)

    def decode_result(self, function: str, arity: int, data: bytes) -> Any:
        """The value a call returned: alone if there is one, by name or in order if there are more.

        Raises: BadEncoding, when it does not decode (an address without code returns nothing).
        """
        entry = self._function(function, arity)
        values = _decode(entry.outputs, data, f"{self.name}.{function}")
        if len(values) == 1:
            return values[0]
        if all(output.name for output in entry.outputs):
            return {o.name: value for o, value in zip(entry.outputs, values, strict=True)}
        return tuple(values)

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> Named | None:
        """The event, or None when it is not one of this contract's.

        Raises: BadEncoding, when topics or data do not fit the event.
        """
        entry = self._events.get(topics[0]) if topics else None
        if entry is None:
            return None
        indexed = [parameter for parameter in entry.inputs if parameter.indexed]
        plain = tuple(parameter for parameter in entry.inputs if not parameter.indexed)
        if len(indexed) != len(topics) - 1:
            raise BadEncoding("an event has the wrong number of topics", event=entry.name)
        values: dict[str, Any] = {}
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            # of an indexed value that does not fit a word only the hash is in the log
            hashed = parameter.type in ("bytes", "string") or parameter.type[-1] in ")]"
            values[parameter.name] = topic if hashed else _decode((parameter,), topic, entry.name)[0]
        for parameter, value in zip(plain, _decode(plain, data, entry.name), strict=True):
            values[parameter.name] = value
        return Named(
            name=entry.name,
            args={parameter.name: values[parameter.name] for parameter in entry.inputs},
        )

    def _function(self, name: str, arity: int) -> Entry:
        for entry in self._functions.get(name, ()):
            if len(entry.inputs) == arity:
                return entry
        raise BadInput("the contract has no such function", contract=self.name, function=name, arguments=arity)

    def _encode(self, entry: Entry, args: Sequence[Any]) -> bytes:
        types = [parameter.type for parameter in entry.inputs]
        if len(args) != len(types):
            raise BadInput(
                "wrong number of arguments",
                contract=self.name,
                function=entry.signature,
                arguments=len(args),
            )
        values = [_ordered(p, value) for p, value in zip(entry.inputs, args, strict=True)]
        try:
            return bytes(codec.encode(types, values))
        except (EncodingError, TypeError, ValueError) as error:
            raise BadInput(
                f"the arguments do not fit: {error}", contract=self.name, function=entry.signature
            ) from error


@cache
def contract_abi(name: str) -> ContractAbi:
    """The ABI of a compiled contract.

    Raises: BadInput, when there is no such contract.
    """
    return ContractAbi(name, artifacts.load(name).abi)


@cache
def known_errors() -> Mapping[bytes, Entry]:
    """Every error any compiled contract declares, by selector."""
    return {selector: entry for name in artifacts.names() for selector, entry in contract_abi(name).errors.items()}


def decode_revert(data: bytes, errors: Mapping[bytes, Entry] | None = None) -> Named:
    """What a reverted call says: a contract's own error, a message, or a panic."""
    selector = data[:4]
    entry = (known_errors() if errors is None else errors).get(selector)
    try:
        if selector == b"\x08\xc3\x79\xa0":
            return Named(name="Error", args={"message": codec.decode(["string"], data[4:])[0]})
        if selector == b"\x4e\x48\x7b\x71":
            code = codec.decode(["uint256"], data[4:])[0]
            return Named(name="Panic", args={"reason": PANIC_NAMES.get(code, hex(code))})
        if entry is not None:
            values = _decode(entry.inputs, data[4:], entry.name)
            names = [p.name or str(at) for at, p in enumerate(entry.inputs)]
            return Named(name=entry.name, args=dict(zip(names, values, strict=True)))
    except (BadEncoding, DecodingError):
        pass  # a foreign contract's error may share the selector
    return Named(name="Reverted", args={"data": data} if data else {})


def show(value: Any) -> str:
    """A decoded value for a reader."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(show, value)) + "]"
    return str(value)


def _parameter(given: Mapping[str, Any]) -> Parameter:
    fields = tuple(map(_parameter, given.get("components", ())))
    kind = str(given["type"])
    if kind.startswith("tuple"):
        kind = f"({','.join(field.type for field in fields)}){kind[5:]}"
    return Parameter(name=given.get("name", ""), type=kind, indexed=given.get("indexed", False), fields=fields)


def _ordered(parameter: Parameter, value: Any) -> Any:
    """The value with structs given by name put in the order of their fields."""
    if not parameter.fields:
        return value
    if parameter.type.endswith("]"):
        return [_ordered(_element(parameter), item) for item in value]
    if isinstance(value, Mapping):
        unknown = set(value) ^ {field.name for field in parameter.fields}
        if unknown:
            raise BadInput("a struct has missing or unknown fields", fields=sorted(unknown))
        return tuple(_ordered(field, value[field.name]) for field in parameter.fields)
    return tuple(_ordered(f, item) for f, item in zip(parameter.fields, value, strict=True))


def _decode(parameters: tuple[Parameter, ...], data: bytes, what: str) -> list[Any]:
    try:
        values = codec.decode([parameter.type for parameter in parameters], data)
    except (DecodingError, OverflowError) as error:
        raise BadEncoding(f"does not decode: {error}", what=what, data=data) from error
    return [_plain(p, value) for p, value in zip(parameters, values, strict=True)]


def _plain(parameter: Parameter, value: Any) -> Any:
    if parameter.type.endswith("]"):
        return [_plain(_element(parameter), item) for item in value]
    if parameter.fields:
        return {f.name: _plain(f, item) for f, item in zip(parameter.fields, value, strict=True)}
    return bytes.fromhex(value[2:]) if parameter.type == "address" else value


def _element(parameter: Parameter) -> Parameter:
    return Parameter(
        name=parameter.name,
        type=parameter.type[: parameter.type.rindex("[")],
        indexed=False,
        fields=parameter.fields,
    )
