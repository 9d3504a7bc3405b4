/** `name`, or `name 2`, `name 3`, … when others have it already. */
export const freeName = (name: string, taken: readonly string[]): string => {
  const used = new Set(taken.map((each) => each.toLowerCase()));
  const stem = name.slice(0, 90);
  if (!used.has(stem.toLowerCase())) return stem;
  let number = 2;
  while (used.has(`${stem} ${number}`.toLowerCase())) number += 1;
  return `${stem} ${number}`;
};
