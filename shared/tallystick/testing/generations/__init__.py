"""Random matches over many generations of assertions: disputes below every rivalled parent, bonds and money.

`match` plays one honest party (`honest`) against an attacker (`attacker`) under the rules of `tallystick.dispute.protocol`,
and looks for what must never happen. `bonds` tries every order of posts and bonds; `campaign` plays by the ten thousand.
"""
