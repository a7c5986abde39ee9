/** JSON in which bigints are decimal strings: for programs that read what we print. @param indent Spaces; none puts it on one line. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part), indent);
}
