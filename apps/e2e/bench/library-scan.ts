import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposeStrata, type Strata, startStrata } from '../src/strata.ts';
import { type Line, least, timed } from './table.ts';

const qemuImg = (...args: string[]): void => {
  execFileSync('qemu-img', args, { stdio: 'pipe' });
};

/** One base, and chains of up to twenty layers on it. */
const makeImages = (folder: string, count: number): string[] => {
  const at = (index: number): string => join(folder, `i${String(index).padStart(5, '0')}.qcow2`);
  qemuImg('create', '-q', '-f', 'qcow2', at(0), '1G');
  const paths = [at(0)];
  for (let index = 1; index < count; index += 1) {
    const below = index % 20 === 1 ? 0 : index - 1;
    // The header of an overlay differs from its neighbour's by the name in it alone: one is made, the others copied.
    if (index <= 20)
      qemuImg(
        'create',
        '-q',
        '-f',
        'qcow2',
        '-u',
        '-b',
        `i${String(below).padStart(5, '0')}.qcow2`,
        '-F',
        'qcow2',
        at(index),
        '1G',
      );
    else copyFileSync(at(((index - 1) % 20) + 1), at(index));
    paths.push(at(index));
  }
  return paths;
};

/** A folder of images that Strata has never seen, registered and listed; and once more, when nothing has changed. */
export const benchLibraryScan = async (count: number, rounds: number): Promise<Line[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-bench-'));
  try {
    const paths = makeImages(folder, count);
    const first: number[] = [];
    const again: number[] = [];
    const byQemuImg: number[] = [];
    const sample = paths.filter((_, index) => index % 20 === 0);
    for (let round = 0; round < rounds; round += 1) {
      const strata: Strata = await startStrata();
      first.push(
        // It answers when all has been read.
        await timed(() => strata.ok('POST', '/folders', { path: folder })),
      );
      const { total } = await strata.ok('GET', '/images?limit=1');
      if (total !== count) throw new Error(`the library knows ${total} of ${count} images`);
      // The first of them finds Strata still noting what stands on what.
      for (let time = 0; time < 3; time += 1)
        again.push(await timed(() => strata.ok('POST', '/folders/scan')));
      await disposeStrata(strata);
      const some = await timed(() => {
        for (const path of sample) qemuImg('info', '--output=json', path);
      });
      byQemuImg.push((some / sample.length) * count);
    }
    const beside = { other: `${count} × qemu-img info`, otherMs: least(byQemuImg) };
    return [
      { what: `first scan of ${count} images`, strata: least(first), ...beside, aim: '≤ 0.02' },
      { what: `scan of ${count} known images`, strata: least(again), ...beside, aim: '≤ 0.02' },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
