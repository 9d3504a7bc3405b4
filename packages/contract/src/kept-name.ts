const former = /^(?:before (?:revert(?:ing)? to|continuing on) )+/i;
const numbered = / \(\d+\)$/;
const mostCharacters = 100;

/** A state that was kept is named by what it was kept for: going back to it is no reason to say so twice. */
const ownName = (target: string): string => {
  const own = target.replace(former, '');
  return own === target ? target : own.replace(numbered, '') || target;
};

/**
 * The name of the snapshot that keeps the current state, for who gives none: `Before reverting to s1`, and `(2)` after it when
 * the VM has one of that name.
 */
export const keptName = (
  doing: 'reverting to' | 'continuing on',
  target: string,
  taken: readonly string[] = [],
): string => {
  const used = new Set(taken.map((name) => name.toLowerCase()));
  const stem = `Before ${doing} ${ownName(target)}`;
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : ` (${number})`;
    const name = stem.slice(0, mostCharacters - suffix.length).trimEnd() + suffix;
    if (!used.has(name.toLowerCase())) return name;
  }
};
