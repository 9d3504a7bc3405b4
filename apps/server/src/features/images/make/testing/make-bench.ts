import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Image, Operation } from '@strata/contract';
import { expect } from 'vitest';
import type { WorkBench, WorkFolder } from '../../../../testing/work-bench.ts';

/** What an image is made of, while it is made. */
export const staged = ({ folder }: WorkFolder): string[] => {
  const path = join(folder, '../making');
  return existsSync(path) ? readdirSync(path) : [];
};

/** What must not be left of an image that was not made, or is complete. */
export const leftovers = (work: WorkFolder): string[] => [
  ...readdirSync(work.folder).filter((name) => name.startsWith('.strata-')),
  ...staged(work),
];

export const imageOf = ({ library }: WorkBench, { state, error, result }: Operation): Image => {
  expect([state, error]).toEqual(['done', undefined]);
  return library.images.get(String(result?.imageId));
};

/** What tools that were killed with the server leave: half an image, and half of what it is made of and read back into. */
const leaveHalves = ({ folder }: WorkFolder, { db }: WorkBench): void => {
  const rows = db
    .prepare<[], { journal: string }>('SELECT journal FROM operations WHERE ended_at IS NULL')
    .all();
  for (const { journal } of rows) {
    const { part } = (JSON.parse(journal) as { file: { part: string } }).file;
    writeFileSync(part, 'half an image');
    const tag = basename(part).replace(/^\.strata-|\.part$/g, '');
    const making = join(folder, '../making');
    for (const ending of ['', '.read']) {
      mkdirSync(join(making, tag + ending), { recursive: true });
      if (ending !== '') writeFileSync(join(making, tag + ending, 'half'), 'half of a proof');
    }
    writeFileSync(join(making, `${tag}.raw`), 'half a disk');
  }
};

/**
 * Kills the server before each action of making an image called “Survivor” in turn, starts it again, and demands that the
 * image is there once, and as `check` wants it, if its operation was written down. Answers the server that stands.
 */
export const killEverywhere = async (
  work: WorkFolder,
  begin: (bench: WorkBench) => Promise<Operation>,
  check: (path: string) => void,
): Promise<WorkBench> => {
  const met: string[] = [];
  for (let stop = 1; ; stop += 1) {
    const doomed = await work.open(stop);
    const ended = begin(doomed)
      .catch(() => null)
      .then((operation) => (operation === null ? null : doomed.ended(operation)));
    const dead = await Promise.race([work.died(), ended.then(() => null)]);
    if (dead === null) {
      expect(met).toEqual(['placeFresh false', 'placeFresh true', 'makeFresh true', 'publish true']);
      return doomed;
    }
    // What a tool that was killed with the server had written by then.
    if (dead === 'makeFresh') leaveHalves(work, doomed);
    const unfinished = ({ operations }: WorkBench): Operation[] =>
      operations.list({}).items.filter(({ endedAt }) => endedAt === null);
    const wasBegun = unfinished(doomed).length > 0;
    const bench = await work.open();
    for (const operation of unfinished(bench)) await bench.ended(operation);
    met.push(`${dead} ${wasBegun}`);
    const survivors = bench.library.images.list().filter(({ name }) => name === 'Survivor');
    expect([dead, survivors.length, leftovers(work)]).toEqual([dead, wasBegun ? 1 : 0, []]);
    for (const { id, path } of survivors) {
      check(path);
      await bench.library.images.delete(id);
    }
  }
};
