// Compiles the harness of the libraries' arithmetic into Arithmetic.json: `node tests/arithmetic/compile.js`
// after the contracts' npm packages are installed. `make contracts` runs it.
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const root = path.join(__dirname, "../..");
const solc = require(path.join(root, "contracts/node_modules/solc"));

const HARNESS = "tests/arithmetic/Arithmetic.sol";
// Steps that between them use every function of the harness: compiled in the same run, their bytecode is the
// committed one, so the harness holds what is deployed.
const STEPS = ["Deleverage", "Liquidate", "ListMarket", "MatchMaker", "NominateAdl", "TakeOver", "UpdateMark", "Withdraw"];
const step = (name) => `contracts/src/referee/steps/${name}.sol`;
const read = (name) => fs.readFileSync(path.join(root, name), "utf8");

function compile(entries) {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(entries.map((name) => [name, { content: read(name) }])),
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      remappings: [
        "@openzeppelin/contracts/=contracts/node_modules/@openzeppelin/contracts/",
        "@tallystick/=contracts/src/",
      ],
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: (name) => ({ contents: read(name) }) }));
  const errors = (output.errors ?? []).filter((error) => error.severity === "error");
  if (errors.length) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
  return output.contracts;
}

const sha256 = (data) => crypto.createHash("sha256").update(data).digest("hex");
const built = compile([HARNESS, ...STEPS.map(step)]);
const code = (file, name) => built[file][name].evm.bytecode.object;
const result = {
  source: sha256(read(HARNESS)),
  steps: Object.fromEntries(STEPS.map((name) => [name, sha256(Buffer.from(code(step(name), name), "hex"))])),
  abi: built[HARNESS].Arithmetic.abi,
  bytecode: code(HARNESS, "Arithmetic"),
};
fs.writeFileSync(path.join(__dirname, "Arithmetic.json"), JSON.stringify(result) + "\n");
