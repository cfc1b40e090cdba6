// Compiles the Challenge for trees of small heights, and with each load-bearing rule dropped, into
// Small.json: `node tests/dispute/compile.js` after the contracts' npm packages are installed.
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const root = path.join(__dirname, "../..");
const solc = require(path.join(root, "contracts/node_modules/solc"));

const CHALLENGE = "contracts/src/dispute/Challenge.sol";
const TREE = "contracts/src/libraries/EdgeTree.sol";
const MODEL = "tests/dispute/Model.sol";
const height = (levels) => [CHALLENGE, "rootHeight = 20;", `rootHeight = ${levels};`];
const VARIANTS = {
  height_1: [height(1)],
  height_2: [height(2)],
  height_3: [height(3)],
  height_4: [height(4)],
  right_base: [height(3), [TREE, "base: TraceTree.node(edge.base, left),", "base: edge.base,"]],
  bisect_rivalled: [
    height(3),
    [TREE, "require(self.contexts[context].rivalled, IChallenge.NotRivalled(id));\n        // INVARIANT: a decided dispute stands still.\n        require(!decided, IChallenge.AlreadyDecided(edge.dispute));\n\n        state.progress", "require(!decided, IChallenge.AlreadyDecided(edge.dispute));\n\n        state.progress"],
  ],
  worse_child: [height(3), [TREE, "left < right ? left : right", "left > right ? left : right"]],
  agreed_pre: [
    height(3),
    [TREE, "require(siblings.length == expected, IChallenge.SiblingCount(siblings.length, expected));", "expected;"],
    [TREE, "require(base == edge.base, IChallenge.WrongNode(base, edge.base));", ""],
  ],
};

function compile(entry, changes) {
  const read = (name) => {
    let content = fs.readFileSync(path.join(root, name), "utf8");
    for (const [file, before, after] of changes.filter(([file]) => file === name)) {
      if (content.split(before).length !== 2) throw new Error(`not once in ${file}: ${before}`);
      content = content.replace(before, after);
    }
    return content;
  };
  const input = {
    language: "Solidity",
    sources: { [entry]: { content: read(entry) } },
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      remappings: ["@openzeppelin/contracts/=contracts/node_modules/@openzeppelin/contracts/"],
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: (name) => ({ contents: read(name) }) }));
  const errors = (output.errors ?? []).filter((error) => error.severity === "error");
  if (errors.length) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
  return output.contracts[entry];
}

const sha256 = (hex) => crypto.createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
const code = (changes) => compile(CHALLENGE, changes).Challenge.evm.bytecode.object;
const model = compile(MODEL, []);
const result = { original: sha256(code([])), challenges: {}, model: {} };
for (const [name, changes] of Object.entries(VARIANTS)) result.challenges[name] = code(changes);
for (const [name, { abi, evm }] of Object.entries(model)) result.model[name] = { abi, bytecode: evm.bytecode.object };
fs.writeFileSync(path.join(__dirname, "Small.json"), JSON.stringify(result) + "\n");
