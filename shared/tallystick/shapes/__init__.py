"""What an operator and its clients say to each other over HTTP: each shape once, and the endpoints that take and give them.

A shape is frozen and keyword-only. What is asked refuses keys that it does not know; what is answered may grow, so a client
passes over them. JSON as docs/operator.md has it: addresses, hashes and signatures are hex behind 0x, numbers are numbers.
"""
