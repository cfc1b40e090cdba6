"""Random matches about the Inbox: posters who flood, stall and fall silent, against what its rules promise to everybody.

`rules` is the Inbox as plain Python, with what bounds the work it asks for; `match` plays it, `twin` has the compiled Inbox
take every call as well.
"""
