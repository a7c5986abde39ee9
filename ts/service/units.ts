const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
const WEI_DECIMALS: Readonly<Record<string, number>> = { wei: 0, gwei: 9, ether: 18 };

/** Milliseconds of a text such as "90s", "1h 30m" or "250 ms". */
export function parseDuration(text: string): number {
  return sum(text, MILLISECONDS, "a duration such as 250ms, 90s or 1h 30m");
}

/** Bytes of a text such as "8MiB", "1.5 TB" or "512B". */
export function parseSize(text: string): number {
  return Math.floor(sum(text, BYTES, "a size such as 512MiB or 1.5TB"));
}

/** Wei of a text such as "30 gwei", "0.5 ether" or "1000 wei". */
export function parseWei(text: string): bigint {
  const [, whole, fraction = "", unit] = /^(\d{1,30})(?:\.(\d{1,18}))? ?(wei|gwei|ether)$/.exec(text.trim()) ?? [];
  const decimals = WEI_DECIMALS[unit ?? ""];
  if (decimals === undefined || fraction.length > decimals)
    throw new RangeError(`${JSON.stringify(text)} is not an amount such as 30 gwei or 0.5 ether`);
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

function sum(text: string, units: Readonly<Record<string, number>>, what: string): number {
  const parts = text.trim().split(/(?<=[A-Za-z]) *(?=\d)/);
  const values = parts.map((part) => {
    const [, number, unit] = /^(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]+)$/.exec(part) ?? [];
    return Number(number) * (units[unit ?? ""] ?? Number.NaN);
  });
  const total = values.reduce((a, b) => a + b, 0);
  if (!Number.isFinite(total)) throw new RangeError(`${JSON.stringify(text)} is not ${what}`);
  return total;
}
