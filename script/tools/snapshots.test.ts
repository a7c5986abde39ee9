import { type Abi, parseAbi } from "viem";
import { expect, test } from "vitest";
import { abiText, sizeLine, storageText } from "./snapshots.ts";

test("a layout names every variable with its place, and the structs behind mappings and arrays", () => {
  const types = {
    t_uint8: { label: "uint8", numberOfBytes: "1" },
    t_map: { label: "mapping(uint8 => struct Thing.Part[])", numberOfBytes: "32", key: "t_uint8", value: "t_list" },
    t_list: { label: "struct Thing.Part[]", numberOfBytes: "32", base: "t_part" },
    t_part: {
      label: "struct Thing.Part",
      numberOfBytes: "32",
      members: [
        { label: "a", slot: "0", offset: 0, type: "t_uint8" },
        { label: "b", slot: "0", offset: 1, type: "t_uint8" },
      ],
    },
  };
  const storage = [
    { label: "count", slot: "0", offset: 20, type: "t_uint8" },
    { label: "_parts", slot: "1", offset: 0, type: "t_map" },
  ];
  expect(storageText({ storage, types })).toBe(`slot offset bytes  variable
   0     20     1  uint8 count
   1      0    32  mapping(uint8 => struct Thing.Part[]) _parts

struct Thing.Part: 32 bytes
   0      0     1  uint8 a
   0      1     1  uint8 b
`);
});

test("an ABI is listed by kind and name, with selectors, mutability, indexed parameters and structs", () => {
  const part = {
    name: "list",
    type: "tuple[]",
    internalType: "struct Thing.Part[]",
    components: [{ name: "a", type: "uint8" }],
  };
  const abi = [
    ...parseAbi([
      "event Sent(address indexed to, uint256 amount)",
      "error Thing_Gone(uint256 id)",
      "function transfer(address to, uint256 amount) returns (bool)",
    ]),
    { type: "function", name: "parts", stateMutability: "view", inputs: [], outputs: [part] },
  ] as Abi;
  expect(abiText(abi)).toBe(`error 0xafe5ec2a Thing_Gone(uint256 id)
event 0x510ffb4dcab972ae9d2007a58e13f1b0881776d23cd8f5cc32f8c5be2dbf70d2 Sent(address indexed to, uint256 amount)
function 0xb47e9c79 parts() view returns (Thing.Part[] list)
function 0xa9059cbb transfer(address to, uint256 amount) returns (bool)
struct Thing.Part (uint8 a)
`);
});

test("sizes show the margin, and code that no chain takes is an error", () => {
  const code = (bytes: number) => ({ object: `0x${"00".repeat(bytes)}` as const });
  const sized = (runtime: number, init: number) =>
    sizeLine("Thing", { abi: [], bytecode: code(init), deployedBytecode: code(runtime) });
  expect(sized(24_000, 25_000)).toBe("Thing              24000       576     25000     24152");
  expect(() => sized(24_577, 25_000)).toThrow("Thing is too large: 24577");
  expect(() => sized(1, 49_153)).toThrow("Thing is too large: 1, 49153 to create");
});
