/** Grades of reliability, and the least that each asks, in percent. */
const GRADES = [
  ["A+", 98n],
  ["A", 95n],
  ["B+", 90n],
  ["B", 85n],
  ["C+", 80n],
  ["C", 75n],
] as const;

/** The grade of a reliability in WAD: a letter for people, which the protocol itself does not use. */
export function gradeOf(reliability: bigint): string {
  return GRADES.find(([, least]) => reliability >= least * 10n ** 16n)?.[0] ?? "D";
}
