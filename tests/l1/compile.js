// Compiles Probe.sol and Stubs.sol into the JSON files beside them: `node tests/l1/compile.js`
// after the contracts' npm packages are installed.
const fs = require("fs");
const path = require("path");
const solc = require(path.join(__dirname, "../../contracts/node_modules/solc"));

function compile(name) {
  const input = {
    language: "Solidity",
    sources: { [name]: { content: fs.readFileSync(path.join(__dirname, name), "utf8") } },
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors) throw new Error(output.errors.map((error) => error.formattedMessage).join("\n"));
  const contracts = {};
  for (const [contract, { abi, evm }] of Object.entries(output.contracts[name])) {
    const places = Object.values(evm.deployedBytecode.immutableReferences ?? {}).flat();
    contracts[contract] = {
      abi,
      bytecode: evm.bytecode.object,
      deployedBytecode: evm.deployedBytecode.object,
      immutableReferences: places.map(({ start, length }) => [start, length]).sort((a, b) => a[0] - b[0]),
    };
  }
  fs.writeFileSync(path.join(__dirname, name.replace(".sol", ".json")), JSON.stringify(contracts) + "\n");
}

compile("Probe.sol");
compile("Stubs.sol");
compile("Tokens.sol");
