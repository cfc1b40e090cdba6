"""Random matches over many generations of assertions: disputes below every rivalled parent, bonds and money.

`match` plays one honest party (`honest`) against an attacker (`attacker`) under the rules of `tallystick.testing.protocol.protocol`,
and looks for what must never happen. `twin` has the compiled contracts take every call beside them, `party_side` has the
party's own strategy be the honest side. `bonds` tries every order of posts and bonds; `campaign` plays by the ten thousand.
"""
