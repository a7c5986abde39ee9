/** JSON with bigints: `{"$bigint":"5"}` stands for 5n. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? { $bigint: v.toString() } : v));
}

export function decodeJson(text: string): unknown {
  return JSON.parse(text, (_, v) => {
    const digits = v?.$bigint;
    const stands = typeof digits === "string" && /^-?\d{1,100}$/.test(digits) && Object.keys(v).length === 1;
    return stands ? BigInt(digits) : v;
  });
}
