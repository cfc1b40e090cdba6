"""The one declaration of everything both languages must agree on.

`layout` holds cells and registers, `records` the record kinds, `names` constants, phases and outcome codes.
`python -m tallystick.schema` regenerates the copies; `--check` fails on any difference and writes nothing.
"""
