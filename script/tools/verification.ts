// `npm run verification-inputs -- [deployments/<chainId>.json]`: writes deployments/<chainId>/, for the explorers of that chain:
//   <Contract>.json  the compiler's standard JSON, to upload as it is
//   contracts.json   by contract: address, name, compiler, constructor's arguments
// `npm run build` comes first, at the commit that was deployed.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadRecord } from "../../ts/deployment/record.ts";
import { verificationOf } from "../../ts/deployment/verification.ts";

const file = process.argv[2] ?? "deployments/31337.json";
const record = await loadRecord(file);
const folder = join(dirname(file), String(record.chainId));
mkdirSync(folder, { recursive: true });
const contracts: Record<string, object> = {};
for (const [name, { input, ...facts }] of await verificationOf(record)) {
  contracts[name] = facts;
  write(`${name}.json`, input);
}
write("contracts.json", contracts);
console.log(`verification inputs: ${folder} has those of ${Object.keys(contracts).length} contracts`);

function write(name: string, value: object): void {
  writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
}
