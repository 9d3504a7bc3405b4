import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { imagesAt } from '../src/images.ts';
import { type Strata, token } from '../src/strata.ts';
import { type Line, least, timed } from './table.ts';

const depths = [5, 50, 200] as const;
type Depth = (typeof depths)[number];

const run = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: 'pipe' });
};

/** A chain in which each layer holds a piece of its own and one that the layer above it hides. */
const makeChain = (folder: string, depth: Depth): string => {
  const name = (index: number): string => `chain-${depth}-${index}.qcow2`;
  for (let index = 0; index < depth; index += 1) {
    const path = join(folder, name(index));
    const backing = index === 0 ? [] : ['-b', name(index - 1), '-F', 'qcow2'];
    run('qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, path, ...(index === 0 ? ['16G'] : []));
    const pieces = [`write -q -z -u ${index * 64}M 32M`, `write -q -z -u ${(index + 1) * 64}M 1M`];
    run('qemu-io', '-f', 'qcow2', ...pieces.flatMap((piece) => ['-c', piece]), path);
  }
  return join(folder, name(depth - 1));
};

/** Until the strips that are on the screen have been painted. No function of its own in it: tsx would wrap its name. */
const painted = (page: Page, depth: Depth): Promise<unknown> =>
  page.waitForFunction(
    (rows) => {
      const canvases = document.querySelectorAll<HTMLCanvasElement>('[role="row"] [data-strip] canvas');
      const strips = [...canvases].slice(0, rows);
      return (
        strips.length === rows &&
        strips.every(
          (canvas) =>
            canvas.width > 0 &&
            canvas.height > 0 &&
            canvas
              .getContext('2d')
              ?.getImageData(0, 0, canvas.width, 1)
              .data.some((value) => value !== 0),
        )
      );
    },
    Math.min(depth, 5),
    { polling: 'raf' },
  );

/** From the request of the page to its first strips; from a chain's request to its answer; the plan of a commit in it. */
export const benchLayersView = async (strata: Strata, rounds: number): Promise<Line[]> => {
  const folder = join(strata.dataDir, 'images');
  const tops = Object.fromEntries(depths.map((depth) => [depth, makeChain(folder, depth)])) as Record<
    Depth,
    string
  >;
  const images = await imagesAt(strata, tops);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  const seen = {
    view: new Map<Depth, number[]>(),
    map: new Map<Depth, number[]>(),
    plan: new Map<Depth, number[]>(),
  };
  const note = (of: Map<Depth, number[]>, depth: Depth, ms: number) =>
    of.set(depth, [...(of.get(depth) ?? []), ms]);
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(`${strata.url}/#token=${token}`);
    // The first of each is for the caches of the browser and of the server.
    for (let round = 0; round <= rounds; round += 1)
      for (const depth of depths) {
        const { id } = images[depth];
        const view = await timed(async () => {
          await page.goto(`${strata.url}/library/${id}`);
          await painted(page, depth);
        });
        const map = await timed(() => strata.ok('GET', `/images/${id}/map`));
        const { layers } = await strata.ok('GET', `/images/${id}/chain`);
        const request = { operation: 'commit', top: layers[1].id, base: layers[2].id };
        const plan = await timed(() => strata.ok('POST', '/chains/plan', request));
        if (round === 0) continue;
        note(seen.view, depth, view);
        note(seen.map, depth, map);
        note(seen.plan, depth, plan);
      }
  } finally {
    await browser.close();
  }
  const lines = (what: string, of: Map<Depth, number[]>, aim: string): Line[] =>
    depths.slice(1).map((depth) => ({
      what: `${what}, ${depth} layers`,
      strata: least(of.get(depth) ?? []),
      other: `${depths[0]} layers`,
      otherMs: least(of.get(depths[0]) ?? []),
      aim,
    }));
  return [
    ...lines('Layers view, request to first paint', seen.view, '≤ 2'),
    ...lines('map of all layers', seen.map, ''),
    ...lines('plan of a commit', seen.plan, ''),
  ];
};
