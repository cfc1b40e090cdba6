// Compiles the Inbox without one of its rules each: `node tests/dispute/inbox_rules.js` after any change of it. Into
// DroppedInbox.json beside this file goes their code, deflated, by the names of tallystick.testing.inbox.
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");
const { compile, code } = require("./solc.js");

const INBOX = "contracts/src/bridge/Inbox.sol";
const DROPPED = {
  BUCKET: ["require(small || level <= burstBytes, BucketFull(level, burstBytes));", ""],
  SMALL_COUNTED: ["        (_level, _levelBlock) =", "        if (!small) (_level, _levelBlock) ="],
  SMALL_TAKEN: ["require(small || level", "require(level"],
  TIME_FORWARD: ["require(time >= batchUntil, TimeBackwards(time, batchUntil));", ""],
  NOT_HELD_BACK: ["require(time >= least, TimeTooOld(time, least));", ""],
  NOT_AHEAD: ["require(until <= most, UntilTooNew(until, most));", ""],
  IN_TIME: ["require(block.timestamp <= dueAt, MessageOverdue(limit, dueAt));", ""],
  LIMIT_FORWARD: ["require(limit >= messageLimit, MessageLimitBackwards(limit, messageLimit));", ""],
  LIMIT_KNOWN: [
    "require(limit <= count, MessageLimitAhead(limit, count));",
    "if (limit > count) return;",
  ],
  NOT_CUT: ["require(last < next, MessagesCut(limit, last));", ""],
  NOT_OF_NOW: ["require(last < block.timestamp, MessageOfThisSecond(limit - 1, last));", ""],
  NOT_NEWER: ["require(last <= time, MessageNewerThanBatch(limit - 1, last, time));", ""],
  SEQUENCER_ALONE: ["msg.sender == sequencer || block.timestamp >= takeoverAt(),", "true,"],
  OWN_SILENCE: ["if (msg.sender == sequencer) _sequencerSeen", "_sequencerSeen"],
};

const made = {};
for (const [rule, [before, after]] of Object.entries(DROPPED)) {
  const changed = compile(INBOX, [[INBOX, before, after]], [[INBOX, "Inbox"]]);
  made[rule] = zlib.deflateSync(Buffer.from(code(changed[INBOX].Inbox), "hex"), { level: 9 }).toString("base64");
}
fs.writeFileSync(path.join(__dirname, "DroppedInbox.json"), JSON.stringify(made) + "\n");
