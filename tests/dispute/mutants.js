// Compiles Rollup and Challenge with one line each broken: `node tests/dispute/mutants.js`, after any change of them. Into
// Mutants.json beside this file goes the code of every such contract, deflated; test_mutants.py has the model kill it. Into
// DroppedPools.json goes BondPool with a rule dropped each (`node tests/dispute/mutants.js pools` for these alone).
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");
const { compile, code, CHALLENGE, MODEL, POOL, ROLLUP, TREE } = require("./solc.js");

// Each: what is broken, in which file, what stands there, and what stands there instead.
const MUTANTS = [
  // openRoot
  ["a repeated root keeps what it was sent", CHALLENGE, "            addCredit(msg.sender, msg.value);\n            return id;", "            return id;"],
  ["a repeated root is opened again", CHALLENGE, "if (_store.edges[id].progress != Progress.ABSENT) {", "if (_store.edges[id].progress == Progress.BISECTED) {"],
  ["a root needs no rival assertion", CHALLENGE, "require(origin.childCount > 1, NoRivalAssertion(assertion));", ""],
  ["a root enters below a rejected parent", CHALLENGE, "require(origin.status != IRollup.Status.REJECTED, ParentRejected(parent));", ""],
  ["a root enters a decided dispute", CHALLENGE, "require(!dispute.decided, AlreadyDecided(root.dispute));\n        // INVARIANT: each root", "// INVARIANT: each root"],
  ["a root's last leaf is any state", CHALLENGE, "require(folded == span, WrongNode(folded, span));", ""],
  ["a root begins at its own state", CHALLENGE, "base: TraceTree.leaf(StateHash.unwrap(origin.stateHash))", "base: TraceTree.leaf(StateHash.unwrap(claimed.stateHash))"],
  ["roots are not counted", CHALLENGE, "dispute.roots += 1;", "dispute.roots = 1;"],
  ["a root belongs to its opener's name", CHALLENGE, "opener: msg.sender}", "opener: address(this)}"],
  // prove
  ["a step knows no limit", CHALLENGE, "step(pre, dispute.limit, witness)", "step(pre, type(uint64).max, witness)"],
  // decide
  ["a decision is overruled", CHALLENGE, "        require(!dispute.decided, AlreadyDecided(root.dispute));\n\n        update", "        update"],
  ["a decision brings nothing up to date", CHALLENGE, "        update(openings);\n        // SAFETY: the assertion's own", "        // SAFETY: the assertion's own"],
  ["the head start does not count", CHALLENGE, "EdgeTree.saturatingSum(state.totalBlocks, IRollup(rollup).unrivalledBlocks(assertion))", "state.totalBlocks"],
  ["the head start alone counts", CHALLENGE, "EdgeTree.saturatingSum(state.totalBlocks, IRollup(rollup).unrivalledBlocks(assertion))", "EdgeTree.saturatingSum(0, IRollup(rollup).unrivalledBlocks(assertion))"],
  ["a decision needs no time", CHALLENGE, "require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));\n\n        dispute.decided", "dispute.decided"],
  ["a decision comes a block late", CHALLENGE, "require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));\n\n        dispute.decided", "require(total > challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));\n\n        dispute.decided"],
  // settle
  ["a dispute is settled again and again", CHALLENGE, "if (!dispute.settled) settleBonds", "settleBonds"],
  ["a dispute is settled undecided", CHALLENGE, "require(dispute.decided, NotDecided(id));", ""],
  ["any root is paid", CHALLENGE, "require(opened.assertion == dispute.winner, NotWinner(opened.assertion, dispute.winner));", ""],
  ["settling brings nothing up to date", CHALLENGE, "        update(openings);\n        EdgeState storage state = _store.edges[edge];", "        EdgeState storage state = _store.edges[edge];"],
  ["settling comes a block late", CHALLENGE, "require(total >= challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));\n\n        dispute.settled", "require(total > challengePeriodBlocks, PeriodNotOver(total, challengePeriodBlocks));\n\n        dispute.settled"],
  ["nothing below the paid root is won", CHALLENGE, "state.award = Award.WON;", ""],
  ["the winner's own bond is lost too", CHALLENGE, "(dispute.roots - 1) * bondWei", "dispute.roots * bondWei"],
  ["all that is lost repays moves", CHALLENGE, "uint256 potWei = lostWei / 2;", "uint256 potWei = lostWei;"],
  ["a half is rounded up", CHALLENGE, "uint256 potWei = lostWei / 2;", "uint256 potWei = (lostWei + 1) / 2;"],
  ["opening is not repaid", CHALLENGE, "repay(id, dispute, edge, opener, openRewardWei);", ""],
  ["whoever settles has the root's bond", CHALLENGE, "addCredit(opener, bondWei);", "addCredit(msg.sender, bondWei);"],
  ["nothing is forfeited", CHALLENGE, "addCredit(sink, lostWei - potWei);", ""],
  ["a proof is repaid as a bisection", CHALLENGE, "progress == Progress.PROVEN ? proveRewardWei : bisectRewardWei", "bisectRewardWei"],
  ["whoever settles is repaid", CHALLENGE, "repay(id, dispute, edge, mover, rewardWei);", "repay(id, dispute, edge, msg.sender, rewardWei);"],
  ["repayments have no limit", CHALLENGE, "rewardWei < potWei ? rewardWei : potWei;", "rewardWei;"],
  ["the pot is never empty", CHALLENGE, "dispute.potWei = potWei - amountWei;", ""],
  // names
  ["an edge's place has no dispute", TREE, "keccak256(abi.encode(dispute, height, index, base))", "keccak256(abi.encode(height, index, base))"],
  ["an edge's place has no height", TREE, "keccak256(abi.encode(dispute, height, index, base))", "keccak256(abi.encode(dispute, index, base))"],
  ["an edge's place has no index", TREE, "keccak256(abi.encode(dispute, height, index, base))", "keccak256(abi.encode(dispute, height, base))"],
  ["an edge's place has no prefix", TREE, "keccak256(abi.encode(dispute, height, index, base))", "keccak256(abi.encode(dispute, height, index))"],
  ["rivals have one name", TREE, "EdgeId.wrap(keccak256(abi.encode(context, span)))", "EdgeId.wrap(ContextId.unwrap(context))"],
  ["a left child lies where its rival's right one does", TREE, "index: 2 * edge.index, base", "index: 2 * edge.index + 1, base"],
  ["a right child lies where the left one does", TREE, "index: 2 * edge.index + 1,", "index: 2 * edge.index,"],
  // add
  ["a shared child is made anew", TREE, "        if (state.progress != Progress.ABSENT) return id;\n\n        // SAFETY", "        // SAFETY"],
  ["an edge's age is not known", TREE, "state.createdBlock = nowBlock;", ""],
  ["an edge is its own rival", TREE, "} else if (!context.rivalled) {", "} if (!context.rivalled) {"],
  ["a third span sets the clock again", TREE, "} else if (!context.rivalled) {", "} else {"],
  ["a rival's block is not known", TREE, "context.rivalledBlock = nowBlock;", ""],
  // bisect
  ["what nobody opened is bisected", TREE, "        require(state.progress != Progress.ABSENT, IChallenge.UnknownEdge(id));\n        // INVARIANT: a leaf has no children.", "        // INVARIANT: a leaf has no children."],
  ["halves are any two", TREE, "        require(span == edge.span, IChallenge.WrongNode(span, edge.span));\n        // INVARIANT: without a rival there is nothing", "        // INVARIANT: without a rival there is nothing"],
  ["bisections go on for ever", TREE, "        require(!settled, IChallenge.AlreadySettled(edge.dispute));\n\n        state.progress", "        state.progress"],
  ["nobody is repaid for a bisection", TREE, "state.progress = Progress.BISECTED;\n        state.mover = msg.sender;", "state.progress = Progress.BISECTED;"],
  ["a bisection has a left half", TREE, "        add(self, rightChild(edge, left, right));\n", ""],
  ["a bisection has a right half", TREE, "        add(self, leftChild(edge, left));\n", ""],
  // prove
  ["what nobody opened is proven", TREE, "        require(state.progress != Progress.ABSENT, IChallenge.UnknownEdge(id));\n        // INVARIANT: one step", "        // INVARIANT: one step"],
  ["a step proves a node", TREE, "require(edge.height == 0, IChallenge.WrongHeight(edge.height, 0));", ""],
  ["what has no rival is proven", TREE, "        require(self.contexts[context].rivalled, IChallenge.NotRivalled(id));\n        // INVARIANT: a settled dispute stands still; one that is only decided goes on, for the money.\n        require(!settled, IChallenge.AlreadySettled(edge.dispute));\n\n        uint256 expected", "        require(!settled, IChallenge.AlreadySettled(edge.dispute));\n\n        uint256 expected"],
  ["proofs go on for ever", TREE, "        require(!settled, IChallenge.AlreadySettled(edge.dispute));\n\n        uint256 expected", "        uint256 expected"],
  ["the agreed state is any", TREE, "require(base == edge.base, IChallenge.WrongNode(base, edge.base));", ""],
  ["the first step has a prefix", TREE, "if (edge.index != 0) base", "base"],
  ["siblings are one too many", TREE, "edge.index == 0 ? 0 : trailingZeros(edge.index)", "edge.index == 0 ? 0 : trailingZeros(edge.index) + 1"],
  ["a step leads anywhere", TREE, "        require(span == edge.span, IChallenge.WrongNode(span, edge.span));\n        EdgeState storage state = self.edges[id];", "        span;\n        EdgeState storage state = self.edges[id];"],
  ["a proof is not enough", TREE, "state.totalBlocks = ENOUGH;", ""],
  ["nobody is repaid for a proof", TREE, "state.progress = Progress.PROVEN;\n        state.mover = msg.sender;", "state.progress = Progress.PROVEN;"],
  // totals
  ["a total falls", TREE, "if (value <= state.totalBlocks) return;", "if (value == state.totalBlocks) return;"],
  ["a total is not kept", TREE, "        state.totalBlocks = value;\n        emit", "        emit"],
  ["a rival stops no clock", TREE, "context.rivalled ? context.rivalledBlock : uint40(block.number)", "uint40(block.number)"],
  ["a later rival has earned time", TREE, "end > state.createdBlock ? end - state.createdBlock : 0", "end > state.createdBlock ? end - state.createdBlock : state.createdBlock - end"],
  ["own time does not count", TREE, "value = saturatingSum(value, left < right ? left : right);", "value = left < right ? left : right;"],
  ["the right half does not count", TREE, "value = saturatingSum(value, left < right ? left : right);", "right; value = saturatingSum(value, left);"],
  ["the left half does not count", TREE, "value = saturatingSum(value, left < right ? left : right);", "left; value = saturatingSum(value, right);"],
  ["the halves add up", TREE, "value = saturatingSum(value, left < right ? left : right);", "value = saturatingSum(saturatingSum(value, left), right);"],
  ["an unopened half needs an update", TREE, "return own > state.totalBlocks ? own : state.totalBlocks;", "own; return state.totalBlocks;"],
  ["a half is known by its own time", TREE, "return own > state.totalBlocks ? own : state.totalBlocks;", "return own;"],
  ["what nobody opened has time", TREE, "        require(state.progress != Progress.ABSENT, IChallenge.UnknownEdge(id));\n        if (state.progress == Progress.PROVEN) return (id, ENOUGH);", "        if (state.progress == Progress.PROVEN) return (id, ENOUGH);"],
  ["enough and a block is none", TREE, "return a + b > ENOUGH ? ENOUGH : uint40(a + b);", "unchecked { return uint40(a + b); }"],
  // repayments
  ["losers' moves are repaid", TREE, "if (state.award != Award.WON || progress == Progress.OPEN)", "if (state.award == Award.PAID || progress == Progress.OPEN)"],
  ["an edge without a move is repaid", TREE, "if (state.award != Award.WON || progress == Progress.OPEN)", "if (state.award != Award.WON)"],
  ["a move is repaid again", TREE, "state.award = Award.PAID;", ""],
  ["a win goes on to any edges", TREE, "            require(span == edge.span, IChallenge.WrongNode(span, edge.span));\n            inheritWin", "            span;\n            inheritWin"],
  ["a win goes on to the right", TREE, "            inheritWin(self, edgeId(leftChild(edge, opening.left)));\n", ""],
  ["a win goes on to the left", TREE, "            inheritWin(self, edgeId(rightChild(edge, opening.left, opening.right)));\n", ""],
  // Rollup
  ["a rejected parent has children", ROLLUP, "require(origin.status != Status.REJECTED, ParentRejected(parent));", ""],
  ["beside what is confirmed others are posted", ROLLUP, "require(origin.confirmedChild == NOBODY, ParentClosed(parent, origin.confirmedChild));", ""],
  ["inputs may be missing", ROLLUP, "require(batchCount >= limit, InputsMissing(batchCount, limit));", ""],
  ["no child waits", ROLLUP, "require(block.number >= leastBlock, TooEarly(block.number, leastBlock));", "leastBlock;"],
  ["a child waits a block longer", ROLLUP, "require(block.number >= leastBlock, TooEarly(block.number, leastBlock));", "require(block.number > leastBlock, TooEarly(block.number, leastBlock));"],
  ["the first child is alone a block late", ROLLUP, "block.number < sinceBlock + challengePeriodBlocks", "block.number <= sinceBlock + challengePeriodBlocks"],
  ["three children are closed to others", ROLLUP, "origin.childCount != 1 || block.number", "origin.childCount == 0 || block.number"],
  ["equal assertions are posted again", ROLLUP, "require(_assertions[id].status == Status.NONE, AlreadyPosted(id));", ""],
  ["children are not counted", ROLLUP, "origin.childCount = childCount;", "origin.childCount = childCount > 2 ? 2 : 1;"],
  ["the first child's block is each child's", ROLLUP, "        if (childCount == 1) {\n", "        origin.firstChildBlock = uint40(block.number);\n        if (childCount == 1) {\n"],
  ["the second child's block is the last one's", ROLLUP, "        } else if (childCount == 2) {\n", "        } else {\n"],
  ["a moved bond is paid as well", ROLLUP, "if (from == NOBODY) dueWei = assertionBondWei;", "dueWei = assertionBondWei; if (from == NOBODY) {}"],
  ["others' bonds may be moved", ROLLUP, "require(source.bonded == msg.sender, NotBonded(id, source.bonded, msg.sender));", "require(source.bonded != address(0), NotBonded(id, source.bonded, msg.sender));"],
  ["a bond that has left is still there", ROLLUP, "        source.bonded = address(0);\n", ""],
  ["nobody's bond lies on an assertion", ROLLUP, "_assertions[id].bonded = msg.sender;", ""],
  ["children are confirmed before parents", ROLLUP, "require(parent == latestConfirmed, ParentNotLatest(parent, latestConfirmed));", ""],
  ["a decision binds nobody", ROLLUP, "require(winner == id, NotWinner(id, winner));", ""],
  ["no time is needed", ROLLUP, "require(blocks >= challengePeriodBlocks, PeriodNotOver(blocks, challengePeriodBlocks));", "blocks;"],
  ["time is over a block late", ROLLUP, "require(blocks >= challengePeriodBlocks, PeriodNotOver(blocks, challengePeriodBlocks));", "require(blocks > challengePeriodBlocks, PeriodNotOver(blocks, challengePeriodBlocks));"],
  ["a parent does not know its confirmed child", ROLLUP, "_assertions[parent].confirmedChild = id;", ""],
  ["what stands is rejected", ROLLUP, "require(loser.status == Status.PENDING, NotPending(id, loser.status));", ""],
  ["anything pending is rejected", ROLLUP, "require(origin.confirmedChild != NOBODY || origin.status == Status.REJECTED, NotRejectable(id));", ""],
  ["what stands on a lie is not rejected", ROLLUP, "origin.confirmedChild != NOBODY || origin.status == Status.REJECTED, NotRejectable", "origin.confirmedChild != NOBODY, NotRejectable"],
  ["a fallen bond stays", ROLLUP, "        loser.bonded = address(0);\n", ""],
  ["a bond that is not there falls", ROLLUP, "loser.bonded == address(0) ? 0 : assertionBondWei", "assertionBondWei"],
  ["a rival's time is the whole time", ROLLUP, "origin.childCount > 1 ? origin.secondChildBlock : block.number", "block.number"],
  ["a third child's time is negative", ROLLUP, "end > one.createdBlock ? end - one.createdBlock : 0", "end > one.createdBlock ? end - one.createdBlock : one.createdBlock - end"],
  ["every machine has halted", ROLLUP, "packed.phase() == Phase.OPEN_BATCH && packed.batchCursor() >= limit", "packed.phase() == Phase.OPEN_BATCH || packed.batchCursor() >= limit"],
  ["a batch before the limit is the end", ROLLUP, "packed.batchCursor() >= limit", "packed.batchCursor() + 1 >= limit"],
  ["a child's limit is its parent's", ROLLUP, "batchCount > limit ? batchCount : limit + 1", "batchCount > limit ? batchCount : limit"],
];

// What no match and no script can tell apart stays out: a win that goes on twice to a child that has one parent in its tree;
// a status and a decision that `latestConfirmed` and the rule for what was alone imply.

// The rules of tallystick.testing.pools that BondPool has, dropped.
const SPARE = "        made.spareWei = stakesWei - bondWei;\n";
const POOLS = {
  STATE_PAID_FOR: [["require(actual == call.stateHash, WrongState(actual, call.stateHash));", ""]],
  MEMBERS_PAY: [
    ["require(stakesWei >= bondWei, TooLittle(stakesWei, bondWei));", "uint256 more = stakesWei > bondWei ? stakesWei - bondWei : 0;"],
    [SPARE, "        made.spareWei = more;\n"],
    ["emit Made(id, bondWei, stakesWei - bondWei);", "emit Made(id, bondWei, more);"],
  ],
  NOT_VOID: [["        require(possible(call), PoolVoid(id));\n        if (!entered", "        if (!entered"]],
  NOT_LOST: [["        require(possible(call), PoolVoid(id));\n        if (msg.value", "        if (msg.value"]],
  LEAVE_BEFORE: [["        pay(id, msg.sender);", "        require(_pools[id].made, NotMade(id));\n        pay(id, msg.sender);"]],
  NOBODY_PUT_OUT: [["require(_pools[id].made || !possible(_pools[id].call), MayStillBeMade(id));", ""]],
  HOME_ONCE: [["require(!made.home, AlreadyHome(id));", ""]],
  SETTLED_FIRST: [["require(dispute.settled, NotSettled(id));", ""]],
  LOST_BRINGS_NOTHING: [["if (IChallenge(challenge).edgeState(rootOf(call)).award == Award.NONE) return 0;", ""]],
  REWARD_SHARED: [["return rootBondWei + (rewardWei < potWei ? rewardWei : potWei);", "return rootBondWei;"]],
  DUST_TO_LAST: [
    ["                left.spareWei -= partOf(left.spareWei, stakeWei, left.spareStakesWei);\n", ""],
    ["                left.spareStakesWei -= stakeWei;\n", ""],
    ["                left.bondWei -= partOf(left.bondWei, shareWei, left.bondStakesWei);\n", ""],
    ["                left.bondStakesWei -= shareWei;\n", ""],
  ],
  SPARE_BACK: [[SPARE, ""]],
  PAID_ONCE: [["        leaving.stakeWei = 0;\n", ""]],
  TINY_PARTS: [["        leaving.stakeWei = 0;\n", "        require(amountWei > 0, NothingDue(id, who));\n        leaving.stakeWei = 0;\n"]],
  SHARE_KEPT: [["leaving.shareWei = stakeWei;", "leaving.shareWei = left.home ? stakeWei : 0;"]],
};

const packed = (contract) => zlib.deflateSync(Buffer.from(code(contract), "hex"), { level: 9 }).toString("base64");

const pools = {};
for (const [rule, changes] of Object.entries(POOLS)) {
  const all = changes.map(([before, after]) => [POOL, before, after]);
  pools[rule] = packed(compile(POOL, all, [[POOL, "BondPool"]])[POOL].BondPool);
}
fs.writeFileSync(path.join(__dirname, "DroppedPools.json"), JSON.stringify(pools) + "\n");
if (process.argv[2] === "pools") process.exit();

const made = {};
for (const [name, file, before, after] of MUTANTS) {
  const wanted = file === ROLLUP ? [ROLLUP, "Rollup"] : [MODEL, "SmallChallenge"];
  const changed = compile(MODEL, [[file, before, after]], [wanted]);
  made[name] = { [wanted[1]]: packed(changed[wanted[0]][wanted[1]]) };
}
fs.writeFileSync(path.join(__dirname, "Mutants.json"), JSON.stringify(made) + "\n");
