// Compiles the contracts with some of their lines changed.
const fs = require("fs");
const path = require("path");
const root = path.join(__dirname, "../..");
const solc = require(path.join(root, "contracts/node_modules/solc"));

const CHALLENGE = "contracts/src/dispute/Challenge.sol";
const ROLLUP = "contracts/src/rollup/Rollup.sol";
const TREE = "contracts/src/libraries/proof/EdgeTree.sol";
const POOL = "contracts/src/rollup/BondPool.sol";
const MODEL = "tests/dispute/Model.sol";

// Returns what is wanted (pairs of a file and a contract) of what `entry` needs. A change is a file, what stands there once,
// and what is to stand there instead.
function compile(entry, changes, wanted, optimizer = { enabled: true, runs: 200 }) {
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
      optimizer,
      metadata: { bytecodeHash: "none", appendCBOR: false },
      remappings: ["@openzeppelin/contracts/=contracts/node_modules/@openzeppelin/contracts/"],
      outputSelection: Object.fromEntries(
        wanted.map(([file, name]) => [file, { [name]: ["abi", "evm.bytecode.object"] }])
      ),
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: (name) => ({ contents: read(name) }) }));
  const errors = (output.errors ?? []).filter((error) => error.severity === "error");
  if (errors.length) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
  return output.contracts;
}

const code = (contract) => contract.evm.bytecode.object;

module.exports = { compile, code, CHALLENGE, POOL, ROLLUP, TREE, MODEL, root };
