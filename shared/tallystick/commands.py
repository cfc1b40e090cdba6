"""One dialect for every command and daemon: numbers, a configuration file, the environment, and how they are refused.

What an option is called on the command line it is called in the file, with underscores, and in the environment, in
capitals behind the name of its group: `--data-dir`, `data_dir`, `TALLYSTICK_OPERATOR_DATA_DIR`. The command line counts
before the environment, and that before the file. A file may serve all commands of a group.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tallystick import numbers
from tallystick.errors import BadInput, ConfigError
from tallystick.tomlfile import read_toml

F = TypeVar("F", bound=Callable[..., Any])
NEGATIVE: Final = re.compile(r"-[0-9.]+")
MINUS: Final = "−"
"""What a number below zero is written with until it is read: with a hyphen it would be taken for an option."""
CONFIG: Final = "config"
BARE: Final = ("--help", "--config", "--install-completion", "--show-completion")
"""What stands in no file."""


class Command(TyperCommand):
    """A command in the dialect; `group` is set by the `App` it belongs to."""

    def __init__(self, *arguments: Any, context_settings: dict[str, Any] | None = None, **settings: Any) -> None:
        more = dict(context_settings or {})
        self.group: str = more.pop("group", "")
        super().__init__(*arguments, context_settings=more, **settings)
        if not any("--config" in each.opts for each in self.params):
            self.params.append(_config_option())
        for each in self.params:
            if isinstance(each, TyperOption):
                _name_variable(each, self.group)
            if isinstance(each, TyperOption | TyperArgument):
                _read_strictly(each)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take a word such as -3 for the number that it is, so that the argument it was meant for refuses it."""
        try:
            return super().parse_args(ctx, list(args))
        except typer.BadParameter:
            raise
        except Exception as error:
            if not any(NEGATIVE.fullmatch(each) for each in args) or not hasattr(error, "option_name"):
                raise
            meant = [MINUS + each[1:] if NEGATIVE.fullmatch(each) else each for each in args]
            return super().parse_args(ctx, meant)

    def invoke(self, ctx: Any) -> Any:
        """Refuse variables of the group that name no option, then run.

        Raises: ConfigError.
        """
        prefix = f"TALLYSTICK_{self.group.upper()}_"
        for variable in os.environ:
            if self.group and variable.startswith(prefix):
                known = _known(ctx)
                if variable.removeprefix(prefix).lower() not in (*known, CONFIG):
                    raise ConfigError(
                        "an environment variable names no option", hint=f"known: {_list(known)}", variable=variable
                    )
        return super().invoke(ctx)


class App(typer.Typer):
    """A group of commands, or one alone, in the dialect."""

    def __init__(self, group: str, **settings: Any) -> None:
        self.group = group
        ordinary: dict[str, Any] = {
            "add_completion": False,
            "no_args_is_help": True,
            "rich_markup_mode": None,
            "pretty_exceptions_enable": False,
        }
        super().__init__(**{**ordinary, **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """Add a command to the group."""
        return super().command(name, cls=Command, context_settings={"group": self.group}, **settings)


def _name_variable(option: TyperOption, group: str) -> None:
    """Have an option read its own variable, and then the one it shares with other groups, if there is one."""
    if any(each in BARE and each != "--config" for each in option.opts) or not group:
        return
    shared = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    if not shared:
        option.show_envvar = False
    option.envvar = [f"TALLYSTICK_{group.upper()}_{_key(option).upper()}", *shared]


def _read_strictly(parameter: TyperOption | TyperArgument) -> None:
    """Have numbers read as people write them: Python alone would take underscores, exponents, and any digits."""
    kind = parameter.type_descriptor.annotation
    readers: dict[Any, Callable[[str], Any]] = {int: numbers.whole, float: numbers.plain_float}
    reader = readers.get(kind) or readers.get(next(iter(get_args(kind)), None))
    if reader is None:
        return
    convert = parameter.process_value

    def read(ctx: Any, value: Any) -> Any:
        try:
            given = _each(reader, value)
        except BadInput as error:
            raise typer.BadParameter(
                f"{error.message}: {error.hint}; {error.data['given']!r}", ctx, parameter
            ) from None
        return convert(ctx, given)

    vars(parameter)["process_value"] = read


def _each(reader: Callable[[str], Any], value: Any) -> Any:
    if isinstance(value, str):
        return reader(value.replace(MINUS, "-"))
    return [_each(reader, each) for each in value] if isinstance(value, list | tuple) else value


# The file


def _config_option() -> TyperOption:
    """Return the option `--config`, made as typer makes it."""
    holder = typer.Typer(add_completion=False)

    @holder.command()
    def hold(
        config: Annotated[
            Path | None,
            typer.Option(
                "--config",
                metavar="FILE",
                envvar="TALLYSTICK_CONFIG",
                is_eager=True,
                expose_value=False,
                callback=_load,
                help="TOML file with any of these options.",
            ),
        ] = None,
    ) -> None:
        """Hold the option."""

    command: Any = typer.main.get_command(holder)
    option: TyperOption = command.params[0]
    return option


def _load(ctx: typer.Context, path: Path | None) -> None:
    """Make the file's values the defaults of the command's options.

    Raises: ConfigError when it cannot be read, or names what is no option of the group.
    """
    if path is None or ctx.resilient_parsing:
        return
    values, known = read_toml(path), _known(ctx)
    unknown = [name for name in values if name not in known]
    if unknown:
        raise ConfigError(
            f"unknown in the configuration: {_list(unknown)}", hint=f"known: {_list(known)}", path=str(path)
        )
    defaults = dict(ctx.default_map or {})
    for option in ctx.command.params:
        if isinstance(option, TyperOption) and (key := _key(option)) in values:
            defaults[option.name or ""] = _as_given(option, values[key], path)
    ctx.default_map = defaults


def _as_given(option: TyperOption, value: Any, path: Path) -> Any:
    """Return a file's value as the command line would have given it.

    Raises: ConfigError when it is of another kind.
    """
    if option.multiple:
        return [_plain(option, each, path) for each in (value if isinstance(value, list) else [value])]
    return _plain(option, value, path)


def _plain(option: TyperOption, value: Any, path: Path) -> Any:
    is_flag = option.type_descriptor.annotation is bool
    if isinstance(value, bool) if is_flag else isinstance(value, str | int | float) and not isinstance(value, bool):
        return value if is_flag else f"{Decimal(str(value)):f}" if isinstance(value, float) else str(value)
    wanted = "true or false" if is_flag else "a number or a text"
    raise ConfigError(f"{_key(option)} is {wanted}", path=str(path), value=value)


def _known(ctx: Any) -> list[str]:
    """Return the keys of all options of the command's group."""
    top = ctx
    while top.parent is not None and _group_of(top.parent.command) == _group_of(ctx.command):
        top = top.parent
    return sorted({_key(each) for each in _options(top.command) if not set(each.opts) & set(BARE)})


def _group_of(command: Any) -> str:
    """Return the group a command, or a group of commands, belongs to."""
    if isinstance(command, TyperGroup):
        return next((_group_of(each) for each in command.commands.values()), "")
    return str(getattr(command, "group", ""))


def _options(command: Any) -> Iterator[TyperOption]:
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            yield from _options(each)
    yield from (each for each in command.params if isinstance(each, TyperOption))


def _key(option: TyperOption) -> str:
    """Return what an option is called in files: its first long name, with underscores."""
    return option.opts[0].removeprefix("--").replace("-", "_")


def _list(names: list[str]) -> str:
    return ", ".join(names)
