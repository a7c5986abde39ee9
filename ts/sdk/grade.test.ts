import { expect, test } from "vitest";
import { gradeOf } from "./grade.ts";

test.each([
  [1_000, "A+"],
  [980, "A+"],
  [979, "A"],
  [950, "A"],
  [949, "B+"],
  [899, "B"],
  [849, "C+"],
  [799, "C"],
  [749, "D"],
])("a reliability of %i permille is graded %s", (permille, grade) => {
  expect(gradeOf(BigInt(permille) * 10n ** 15n)).toBe(grade);
});
