"""What a kind of record sets, needs and begins with is declared once; both languages' code follows from it."""

from __future__ import annotations

import re
from dataclasses import replace
from types import ModuleType

import pytest

from tallystick.records.signing import make
from tallystick.schema.names import Phase, Scope
from tallystick.schema.record_kinds import RECORDS
from tallystick.schema.record_model import Authority, RecordField, RecordKind
from tallystick.schema.structs import REGISTERS
from tallystick.schema.targets import arguments_target, solidity_target
from tallystick.state.arguments import set_args
from tallystick.state.layout import Registers
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Lots
from tests.meta.tree import ROOT, files, shown

INVENTED = RecordKind(
    name="invented_kind",
    number=39,
    authority=Authority.OWNER_OR_AGENT,
    scope=Scope.PLACE | Scope.CANCEL,
    phase=Phase.TRANSFER,
    primary="Invented",
    doc="Nothing takes it yet.",
    fields=(
        RecordField(name="account", limit=255, signed="account", register="arg_account"),
        RecordField(name="agent", limit=15),
        RecordField(name="nonce", limit=255, signed="nonce"),
        RecordField(name="whither", limit=(1 << 160) - 1, signed="whither", address=True, register="arg_address"),
        RecordField(name="lots", limit=255, signed="lots", register="arg_lots"),
    ),
)
WITH_IT = (*RECORDS, INVENTED)
GENERATED = "contracts/src/libraries/generated/"
BY_HAND = (
    *files(".py", under="shared/tallystick/machine"),
    *(path for path in files(".sol", under="contracts/src") if not shown(path).startswith(GENERATED)),
)


def loaded(source: str) -> ModuleType:
    module = ModuleType("generated")
    exec(compile(source, "generated", "exec"), module.__dict__)
    return module


def assignments(source: str, name: str) -> list[tuple[str, int]]:
    """Return (register, place or constant) for each assignment of a kind's function in Solidity."""
    found = re.search(rf"^function _set{name}\(.*?^}}", source, re.MULTILINE | re.DOTALL)
    assert found is not None
    return [
        (a.lower(), int(b))
        for a, b in re.findall(r"registers\.set(Arg\w+)\((?:\w+\()*(?:values\[)?(\d+)\]?(?: & 63)?\)", found[0])
    ]


def declared(kind: RecordKind) -> list[tuple[str, int]]:
    fields = [(x.register, place) for place, x in enumerate(kind.fields) if x.register]
    return [(register.replace("_", ""), value) for register, value in (*fields, *kind.constants)]


def test_an_invented_kind_is_set_by_the_python_that_is_generated() -> None:
    module = loaded(arguments_target.render_python(WITH_IT))
    registers = Registers()
    module.set_args(registers, 39, (7, 1, 2, 0xABCD, 9))
    assert (registers.arg_account, registers.arg_lots, registers.phase) == (AccountId(7), Lots(9), Phase.TRANSFER)
    assert registers.arg_address == bytes(18) + b"\xab\xcd"
    assert loaded(arguments_target.render_python_fields(WITH_IT)).InventedKindFields.WHITHER == 3


def test_an_invented_kind_is_set_and_known_by_the_solidity_that_is_generated() -> None:
    source = arguments_target.render_solidity(WITH_IT)
    assert "if (kind == RecordKinds.INVENTED_KIND) return _setInventedKind(registers, values);" in source
    assert "registers.setArgAddress(address(uint160(values[3])));" in source
    assert "registers.setPhase(Phase.TRANSFER);" in source
    kinds = solidity_target.render_records(WITH_IT)
    assert "uint8 internal constant INVENTED_KIND = 39;" in kinds
    for name, value in (("authority", 2), ("scope", 3)):
        word = re.search(
            rf"function {name}\(.*?return (0x[0-9a-f]{{64}}) >> \(uint256\(kind\) << 2\) & 15;", kinds, re.DOTALL
        )
        assert word is not None
        assert int(word[1], 16) >> 4 * 39 & 15 == value
    assert "uint256 internal constant WHITHER = 3;" in arguments_target.render_solidity_fields(WITH_IT)


@pytest.mark.parametrize("kind", WITH_IT, ids=lambda kind: kind.name)
def test_both_languages_set_what_is_declared_of_a_kind(kind: RecordKind) -> None:
    name = kind.name.title().replace("_", "")
    assert assignments(arguments_target.render_solidity(WITH_IT), name) == declared(kind)
    if kind is INVENTED:
        return
    values = {x.name: place + 1 for place, x in enumerate(kind.fields)}
    registers = Registers()
    set_args(registers, kind.number, make(kind.name, *(b"" for _ in kind.blobs), **values).values)
    assert registers.phase == kind.phase
    for place, field in enumerate(kind.fields):
        if field.register:
            value = getattr(registers, field.register)
            assert (int.from_bytes(value, "big") if field.address else value) == place + 1
    assert [(name, getattr(registers, name)) for name, _ in kind.constants] == list(kind.constants)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (RecordField(name="lots", limit=1, register="arg_nonesuch"), "no register of a record in progress"),
        (RecordField(name="lots", limit=1, register="fees_units"), "no register of a record in progress"),
        (RecordField(name="lots", limit=256, register="arg_side"), "cannot hold it"),
        (RecordField(name="lots", limit=1, register="arg_address"), "cannot hold it"),
        (RecordField(name="lots", limit=1, register="arg_account"), "so does another field"),
    ],
    ids=lambda value: value.register if isinstance(value, RecordField) else "",
)
def test_a_field_that_goes_to_no_register_that_holds_it_alone_is_refused(field: RecordField, said: str) -> None:
    bad = replace(INVENTED, fields=(*INVENTED.fields[:3], field))
    with pytest.raises(ValueError, match=said):
        arguments_target.render_python((bad,))


def test_a_place_with_several_names_takes_one_field() -> None:
    fields = (
        *INVENTED.fields[:3],
        *(RecordField(name=name, limit=1, register=name) for name in ("arg_to_account", "arg_order_slot")),
    )
    with pytest.raises(ValueError, match="so does another field"):
        arguments_target.render_python((replace(INVENTED, fields=fields),))


def test_every_name_of_a_register_is_of_its_place() -> None:
    found = [(field.name, name) for field in REGISTERS.fields for name, _ in field.also]
    assert found
    for value, (own, other) in enumerate(found, start=1):
        registers = Registers()
        setattr(registers, other, value)
        assert (getattr(registers, own), getattr(registers, other)) == (value, value)


def test_a_constant_is_set_beside_the_fields() -> None:
    kind = replace(INVENTED, constants=(("arg_change", 5),))
    assert "    registers.arg_change = 5\n" in arguments_target.render_python((kind,))
    assert "    registers.setArgChange(uint64(5));\n" in arguments_target.render_solidity((kind,))
    assert declared(kind)[-1] == ("argchange", 5)


@pytest.mark.parametrize(
    ("register", "value", "said"),
    [
        ("arg_nonesuch", 5, "no register of a record in progress"),
        ("arg_lots", 5, "so does another field"),
        ("arg_side", 256, "cannot hold it"),
        ("arg_side", -1, "cannot hold it"),
        ("arg_address", 5, "cannot hold it"),
    ],
)
def test_a_constant_for_no_register_that_holds_it_alone_is_refused(register: str, value: int, said: str) -> None:
    kind = replace(INVENTED, fields=(*INVENTED.fields[:3], INVENTED.fields[4]), constants=((register, value),))
    with pytest.raises(ValueError, match=said):
        arguments_target.render_python((kind,))


def test_a_kind_that_does_not_begin_with_who_signs_it_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with account, nonce"):
        replace(INVENTED, authority=Authority.OWNER, scope=Scope(0))


def test_a_scope_for_what_no_agent_signs_is_refused() -> None:
    with pytest.raises(ValueError, match="a scope is for what an agent may sign"):
        replace(INVENTED, scope=Scope(0))


def test_a_signed_struct_for_what_nobody_signs_is_refused() -> None:
    with pytest.raises(ValueError, match="has an EIP-712 type"):
        replace(INVENTED, authority=Authority.NOBODY, scope=Scope(0))


def test_a_kind_beyond_what_a_word_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="64 kinds"):
        solidity_target.render_records((replace(INVENTED, number=64),))


def test_no_field_is_read_by_its_position_by_hand() -> None:
    found = [
        f"{shown(path)}: {match}"
        for path in BY_HAND
        for match in re.findall(r"\b(?:values|fields)\[\d+\]", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_admission_and_fetching_name_no_kind() -> None:
    places = [
        ROOT / "shared/tallystick/machine/admission.py",
        ROOT / "shared/tallystick/machine/steps/fetch_record.py",
        ROOT / "contracts/src/libraries/Admission.sol",
        ROOT / "contracts/src/referee/steps/FetchRecord.sol",
    ]
    names = "|".join(kind.name for kind in RECORDS)
    for path in places:
        assert re.findall(rf"RecordKinds\.[A-Z]|\"(?:{names})\"", path.read_text(encoding="utf-8")) == []
