import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { imagesAt } from '../src/images.ts';
import type { Strata } from '../src/strata.ts';
import { type Line, timed } from './table.ts';

const clustersApart = 13;
const cluster = 65_536;

/** Every thirteenth cluster of a 100 GiB disk: 120,000 extents that no two are neighbours. */
const scatter = (path: string, extents: number): void => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '100G'], { stdio: 'pipe' });
  const commands = Array.from(
    { length: extents },
    (_, index) => `write -q -z -u ${index * clustersApart * cluster} ${cluster}`,
  );
  execFileSync('qemu-io', ['-f', 'qcow2', '--cache', 'unsafe', path], {
    input: commands.join('\n'),
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 1024 ** 3,
  });
};

export const benchMapAggregation = async (strata: Strata, extents: number): Promise<Line[]> => {
  const path = join(strata.dataDir, 'images', 'scattered.qcow2');
  scatter(path, extents);
  const { image } = await imagesAt(strata, { image: path });
  let bytes = 0;
  const ask = async (): Promise<void> => {
    bytes = JSON.stringify(await strata.ok('GET', `/images/${image.id}/map`)).length;
  };
  const first = await timed(ask);
  const again = await timed(ask);
  let raw = 0;
  const rawMs = await timed(() => {
    const args = ['map', '--output=json', '-f', 'qcow2', path];
    raw = execFileSync('qemu-img', args, { maxBuffer: 1024 ** 3 }).length;
  });
  const beside = { other: `qemu-img map, ${Math.round(raw / 1024)} KiB`, otherMs: rawMs };
  const size = `${Math.round(bytes / 1024)} KiB`;
  return [
    { what: `map of ${extents} extents, first, ${size}`, strata: first, ...beside, aim: '' },
    { what: `map of ${extents} extents, again, ${size}`, strata: again, ...beside, aim: '' },
  ];
};
