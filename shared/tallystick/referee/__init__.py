"""One step on an EVM of this process, and what is judged by it: the compiled Referee, and bundles of disputes."""
