/** Characters. */
const MAX_TEXT = 255;

/** A line from outside, cut to a length and safe to show at a terminal; null if nothing is left of it. */
export function printable(text: string): string | null {
  const shown = text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, "").trim();
  return [...shown].slice(0, MAX_TEXT).join("") || null;
}
