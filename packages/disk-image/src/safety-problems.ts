import { resolveBacking } from './backing-path.ts';
import type { HeaderProblem, ImageHeader } from './image-header.types.ts';

/** Why this image must not be taken in or opened: its header's flaws, and a backing that is no file. */
export const safetyProblems = (
  header: Pick<ImageHeader, 'backing' | 'problems'>,
): readonly HeaderProblem[] => {
  const alreadyTold = header.problems.some((problem) => problem.code === 'bad-backing-name');
  if (header.backing === null || alreadyTold) return header.problems;
  const target = resolveBacking('/', header.backing.string);
  if (target.kind === 'file') return header.problems;
  const shown = header.backing.string.slice(0, 200);
  const message = `Its backing file "${shown}" ${target.reason}. Strata does not follow that.`;
  return [...header.problems, { code: 'bad-backing-name', message }];
};
