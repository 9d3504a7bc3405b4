import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imagesAt } from '../src/images.ts';
import { finished, type Json, type Strata } from '../src/strata.ts';
import { startRaw } from './raw-qmp.ts';
import { type Line, median, timed } from './table.ts';

/*
 *   top  (the bytes that go down)          active  (empty)
 *   base (as many bytes, at other places)  top
 *                                          base
 */
type Kind = 'commit' | 'pull';

/** Never synchronous: the connection to the server would go stale meanwhile. */
const run = async (program: string, ...args: string[]): Promise<void> => {
  await promisify(execFile)(program, args);
};

/** Begins each job with the same files in the same state: made anew, flushed, in the page cache. */
const makeLayers = async (
  folder: string,
  name: string,
  mebibytes: number,
): Promise<{ base: string; top: string; active: string }> => {
  const path = (layer: string): string => join(folder, `${name}-${layer}.qcow2`);
  const [base, top, active] = [path('base'), path('top'), path('active')];
  const write = (file: string, at: number, pattern: number): Promise<void> =>
    run('qemu-io', '-f', 'qcow2', '-c', `write -P ${pattern} ${at}M ${mebibytes}M`, '-c', 'flush', file);
  await run('qemu-img', 'create', '-q', '-f', 'qcow2', base, `${2 * mebibytes}M`);
  await write(base, mebibytes, 1);
  await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', `${name}-base.qcow2`, '-F', 'qcow2', top);
  await write(top, 0, 2);
  await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', `${name}-top.qcow2`, '-F', 'qcow2', active);
  return { base, top, active };
};

/** The time from the request to the end, and of the copying alone: the first step. */
const byStrata = async (
  strata: Strata,
  kind: Kind,
  paths: { base: string; top: string; active: string },
): Promise<{ whole: number; moving: number }> => {
  const images = await imagesAt(strata, paths);
  const request =
    kind === 'commit'
      ? { operation: 'commit', top: images.top.id, base: images.base.id }
      : { operation: 'pull', into: images.top.id };
  const plan = await strata.ok('POST', '/chains/plan', request);
  let operation: Json;
  const whole = await timed(async () => {
    const wish = { ...request, fingerprint: plan.fingerprint };
    operation = await finished(strata, await strata.ok('POST', '/chains/run?wait=60', wish));
  });
  if (operation.state !== 'done') throw new Error(JSON.stringify(operation.error ?? operation.state));
  const [copying, next] = operation.steps as Json[];
  return { whole, moving: Date.parse(next.at) - Date.parse(copying.at) };
};

const byRawQmp = async (
  folder: string,
  kind: Kind,
  { base, top, active }: { base: string; top: string; active: string },
): Promise<number> => {
  const socket = join(folder, '.raw.sock');
  const opened = kind === 'commit' ? active : top;
  const blockdev = {
    driver: 'qcow2',
    'node-name': 'd',
    file: { driver: 'file', 'node-name': 'f', filename: opened },
  };
  return timed(async () => {
    const qmp = await startRaw(
      'qemu-storage-daemon',
      [
        ...[
          '--chardev',
          `socket,id=q,path=${socket},server=on,wait=off`,
          '--monitor',
          'chardev=q,mode=control',
        ],
        ...['--blockdev', JSON.stringify(blockdev)],
      ],
      socket,
    );
    const nodes: Json[] = await qmp.execute('query-named-block-nodes', { flat: true });
    const fileOf = ({ file }: Json): string =>
      file.startsWith('json:') ? JSON.parse(file.slice(5)).file.filename : file;
    const nodeOf = (path: string): string => {
      const found = nodes.find((node) => node.drv === 'qcow2' && fileOf(node) === path);
      if (found === undefined) throw new Error(`${path} is not open`);
      return found['node-name'];
    };
    const concluded = qmp.event('JOB_STATUS_CHANGE', ({ status }) => status === 'concluded');
    const job = { 'job-id': 'j', 'auto-dismiss': false };
    if (kind === 'commit')
      await qmp.execute('block-commit', {
        ...job,
        device: 'd',
        'top-node': nodeOf(top),
        'base-node': nodeOf(base),
        'backing-file': base,
      });
    else await qmp.execute('block-stream', { ...job, device: 'd' });
    await concluded;
    const [ended] = await qmp.execute('query-jobs');
    if (ended.error !== undefined) throw new Error(ended.error);
    await qmp.execute('job-dismiss', { id: 'j' });
    await qmp.quit();
  });
};

const byQemuImg = (kind: Kind, { base, top }: { base: string; top: string }): Promise<number> =>
  timed(() =>
    kind === 'commit'
      ? run('qemu-img', 'commit', '-q', '-f', 'qcow2', '-b', base, top)
      : run('qemu-img', 'rebase', '-q', '-f', 'qcow2', '-b', '', top),
  );

export const benchDataMovement = async (
  strata: Strata,
  mebibytes: number,
  rounds: number,
): Promise<Line[]> => {
  const folder = join(strata.dataDir, 'images');
  const lines: Line[] = [];
  for (const kind of ['commit', 'pull'] as const) {
    const times = { whole: [] as number[], moving: [] as number[], raw: [] as number[], img: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      const make = (by: string) => makeLayers(folder, `${kind}-${by}-${round}`, mebibytes);
      const sides = [
        async () => void times.raw.push(await byRawQmp(folder, kind, await make('raw'))),
        async () => {
          const { whole, moving } = await byStrata(strata, kind, await make('strata'));
          times.whole.push(whole);
          times.moving.push(moving);
        },
        async () => void times.img.push(await byQemuImg(kind, await make('img'))),
      ];
      // Who comes second finds a disk that is still busy with what the first has written: each begins in its turn.
      for (const turn of sides.keys()) {
        await sides[(round + turn) % sides.length]?.();
        await run('sh', '-c', `rm -f ${join(folder, `${kind}-`)}*; sync -f ${folder}`);
      }
    }
    const what = `${kind} of ${mebibytes} MiB`;
    const raw = { other: 'raw QMP', otherMs: median(times.raw) };
    const img = { other: 'qemu-img', otherMs: median(times.img) };
    lines.push(
      { what: `${what}, the copying`, strata: median(times.moving), ...raw, aim: '≤ 1.05' },
      { what: `${what}, the copying`, strata: median(times.moving), ...img, aim: '' },
      { what: `${what}, request to proven and recorded`, strata: median(times.whole), ...raw, aim: '' },
    );
  }
  return lines;
};
