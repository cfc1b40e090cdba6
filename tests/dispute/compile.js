// Compiles what the model plays against the contracts with: `node tests/dispute/compile.js` after the contracts' npm
// packages are installed. Into shared/tallystick/testing/generations/contracts.json go the model's own contracts, with a
// Challenge for trees of any height; into Dropped.json beside this file, those of
// Rollup and Challenge that another rule dropped changes (`node tests/dispute/compile.js RULE…` for some of them).
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const { compile, code, CHALLENGE, MODEL, ROLLUP, TREE, root } = require("./solc.js");

const SHIPPED = "shared/tallystick/testing/generations/contracts.json";

const DROPPED = {
  RIGHT_BASE: [[TREE, "base: TraceTree.node(edge.base, left),", "base: edge.base,"]],
  BISECT_RIVALLED: [
    [
      TREE,
      "        require(self.contexts[context].rivalled, IChallenge.NotRivalled(id));\n        // INVARIANT: a settled dispute stands still; one that is only decided goes on, for the money.\n        require(!settled, IChallenge.AlreadySettled(edge.dispute));\n\n        state.progress",
      "        require(!settled, IChallenge.AlreadySettled(edge.dispute));\n\n        state.progress",
    ],
  ],
  WORSE_CHILD: [[TREE, "left < right ? left : right", "left > right ? left : right"]],
  AGREED_PRE: [
    [TREE, "require(siblings.length == expected, IChallenge.SiblingCount(siblings.length, expected));", "expected;"],
    [TREE, "require(base == edge.base, IChallenge.WrongNode(base, edge.base));", ""],
  ],
  NO_GRACE: [
    [
      ROLLUP,
      "require(winner == id, NotWinner(id, winner));",
      "require(winner == id, NotWinner(id, winner)); require(block.number >= uint256(IChallenge(challenge).disputeState(IChallenge(challenge).disputeId(parent, candidate.limit)).decidedBlock) + 6, TooEarly(0, 0));",
    ],
  ],
  ANY_PARENT: [
    [
      CHALLENGE,
      "        dispute.decided = true;",
      "        require(IRollup(rollup).isConfirmed(IRollup(rollup).assertion(assertion).parent), NotRoot(id));\n        dispute.decided = true;",
    ],
  ],
  PLAY_ON: [
    [CHALLENGE, "left, right, _disputes[edge.dispute].settled", "left, right, _disputes[edge.dispute].decided"],
    [CHALLENGE, "basePrev, siblings, dispute.settled", "basePrev, siblings, dispute.decided"],
  ],
  ALONE_EARNS: [
    [
      CHALLENGE,
      "        require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));\n\n        dispute.settled = true;",
      "        total;\n        dispute.settled = true;",
    ],
  ],
  BOND_MOVES: [[ROLLUP, "source.status == Status.CONFIRMED || source.childCount > 0", "source.status == Status.CONFIRMED"]],
  BOND_FROM_ANYWHERE: [
    [
      ROLLUP,
      "else release(from);",
      "else { require(_assertions[id].parent == from || _assertions[from].status == Status.CONFIRMED, BondLocked(from)); release(from); }",
    ],
    [
      ROLLUP,
      "        release(id);\n        emit BondMoved(id, NOBODY",
      "        require(_assertions[id].status == Status.CONFIRMED, BondLocked(id));\n        release(id);\n        emit BondMoved(id, NOBODY",
    ],
  ],
  BOND_HELD: [[ROLLUP, "source.status == Status.CONFIRMED || source.childCount > 0", "true"]],
  CHILD_COUNTED: [
    [ROLLUP, "        addChild(parent, id);\n        bond(from, id);", "        bond(from, id);\n        addChild(parent, id);"],
  ],
  LIMIT_KEPT: [[ROLLUP, "halted(packed, limit) ? limitAfter(batchCount, limit) : limit", "limitAfter(batchCount, limit)"]],
  NO_WAIT: [[ROLLUP, "if (nextLimit > origin.limit)", "if (nextLimit >= origin.limit)"]],
  ALONE_FOR_GOOD: [[ROLLUP, "origin.childCount != 1 || block.number", "sinceBlock == 0 || true || block.number"]],
  STALE_OPENINGS: [
    [
      TREE,
      "if (!(TraceTree.node(opening.left, opening.right) == edge.span)) return (id, value);",
      "require(TraceTree.node(opening.left, opening.right) == edge.span, IChallenge.UnknownEdge(id));",
    ],
  ],
  NO_OPS: [
    [ROLLUP, "if (candidate.status == Status.CONFIRMED) return;", ""],
    [ROLLUP, "if (loser.status == Status.REJECTED) return;", ""],
    [CHALLENGE, "if (dispute.decided && dispute.winner == assertion) return;", ""],
    [
      TREE,
      "if (state.progress == Progress.BISECTED) return;",
      "require(state.progress != Progress.BISECTED, IChallenge.NotRivalled(id));",
    ],
    [
      TREE,
      "if (state.progress == Progress.PROVEN) return (false, id);",
      "require(state.progress != Progress.PROVEN, IChallenge.NotRivalled(id));",
    ],
  ],
};

const sha256 = (hex) => crypto.createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
const ALL = [
  [ROLLUP, "Rollup"],
  [CHALLENGE, "Challenge"],
  [MODEL, "*"],
];
const all = compile(MODEL, [], ALL);
const shipped = {
  Rollup: sha256(code(all[ROLLUP].Rollup)),
  Challenge: sha256(code(all[CHALLENGE].Challenge)),
  model: {},
};
for (const [name, contract] of Object.entries(all[MODEL])) {
  shipped.model[name] = { abi: contract.abi, bytecode: code(contract) };
}
fs.writeFileSync(path.join(root, SHIPPED), JSON.stringify(shipped) + "\n");

const written = path.join(__dirname, "Dropped.json");
const named = process.argv.slice(2);
const dropped = named.length ? JSON.parse(fs.readFileSync(written, "utf8")) : {};
for (const [rule, changes] of Object.entries(DROPPED)) {
  if (named.length && !named.includes(rule)) continue;
  // Nothing but the Rollup is made of the Rollup's source.
  const files = new Set(changes.map(([file]) => file));
  const wanted = [];
  if (files.delete(ROLLUP)) wanted.push([ROLLUP, "Rollup"]);
  if (files.size) wanted.push([MODEL, "SmallChallenge"]);
  const changed = compile(MODEL, changes, wanted);
  dropped[rule] = Object.fromEntries(wanted.map(([file, name]) => [name, code(changed[file][name])]));
}
fs.writeFileSync(written, JSON.stringify(dropped) + "\n");
