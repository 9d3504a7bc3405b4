import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imagesAt } from '../src/images.ts';
import { finished, type Json, type Strata } from '../src/strata.ts';
import { type Line, median, timed } from './table.ts';

/** Never synchronous: the connection to the server would go stale meanwhile. */
const run = async (program: string, ...args: string[]): Promise<void> => {
  await promisify(execFile)(program, args);
};

const mebibyte = 1024 ** 2;

/** Data that no format makes smaller; in the page cache when it is done. */
const writeData = async (path: string, mebibytes: number): Promise<void> => {
  const file = await open(path, 'w');
  try {
    for (let at = 0; at < mebibytes; at += 1) await file.write(randomBytes(mebibyte));
    await file.sync();
  } finally {
    await file.close();
  }
};

const byStrata = async (strata: Strata, path: string, body: Json): Promise<number> => {
  let operation: Json;
  const time = await timed(async () => {
    operation = await finished(strata, await strata.ok('POST', `${path}?wait=60`, body));
  });
  if (operation.state !== 'done') throw new Error(JSON.stringify(operation.error ?? operation.state));
  return time;
};

/** Each begins in its turn: who comes second finds a disk that is still busy with what the first has written. */
const inTurns = async (
  rounds: number,
  sides: readonly ((round: number) => Promise<void>)[],
): Promise<void> => {
  for (let round = 0; round < rounds; round += 1)
    for (const turn of sides.keys()) {
      await sides[(round + turn) % sides.length]?.(round);
      await run('sync');
    }
};

export const benchChecksum = async (strata: Strata, mebibytes: number, rounds: number): Promise<Line[]> => {
  const path = join(strata.dataDir, 'images', 'sum.raw');
  await writeData(path, mebibytes);
  const { image } = await imagesAt(strata, { image: path });
  const lines: Line[] = [];
  for (const algorithm of ['sha256', 'md5']) {
    const times = { strata: [] as number[], tool: [] as number[] };
    const body = { algorithms: [algorithm] };
    await inTurns(rounds, [
      async () => void times.tool.push(await timed(() => run(`${algorithm}sum`, path))),
      async () => void times.strata.push(await byStrata(strata, `/images/${image.id}/checksum`, body)),
    ]);
    const beside = { other: `${algorithm}sum`, otherMs: median(times.tool) };
    lines.push({
      what: `${algorithm} of ${mebibytes} MiB`,
      strata: median(times.strata),
      ...beside,
      aim: '≤ 1.11',
    });
  }
  return lines;
};

/** Strata proves what it has written; the tool beside it does the same work, and is measured without the proof as well. */
export const benchConvert = async (strata: Strata, mebibytes: number, rounds: number): Promise<Line[]> => {
  const folder = join(strata.dataDir, 'images');
  const raw = join(folder, 'convert.raw');
  await writeData(raw, mebibytes);
  const { image } = await imagesAt(strata, { image: raw });
  const lines: Line[] = [];
  for (const format of ['qcow2', 'vhdx'] as const) {
    const times = { strata: [] as number[], alone: [] as number[], proven: [] as number[] };
    const byTool = async (): Promise<void> => {
      const target = join(strata.dataDir, `tool.${format}`);
      const convert = await timed(() =>
        run('qemu-img', 'convert', '-t', 'writeback', '-f', 'raw', '-O', format, raw, target),
      );
      const compare = await timed(() => run('qemu-img', 'compare', '-f', 'raw', '-F', format, raw, target));
      times.alone.push(convert);
      times.proven.push(convert + compare);
      await rm(target);
    };
    await inTurns(rounds, [
      byTool,
      async (round) => {
        const name = `out ${format} ${round}`;
        times.strata.push(await byStrata(strata, `/images/${image.id}/convert`, { format, name }));
        await rm(join(folder, `out-${format}-${round}.${format}`));
      },
    ]);
    const what = `convert of ${mebibytes} MiB to ${format}, proven`;
    const mine = median(times.strata);
    lines.push(
      {
        what,
        strata: mine,
        other: 'qemu-img convert, compare',
        otherMs: median(times.proven),
        aim: '≤ 1.11',
      },
      { what, strata: mine, other: 'qemu-img convert', otherMs: median(times.alone), aim: '' },
    );
  }
  return lines;
};
