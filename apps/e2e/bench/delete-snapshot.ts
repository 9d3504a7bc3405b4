import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { finished, type Json, type Strata } from '../src/strata.ts';
import { type Line, median, timed } from './table.ts';

const times = 9;
const run = async (program: string, ...args: string[]): Promise<void> => {
  await promisify(execFile)(program, args);
};

/*
 *    active  (empty)                       active
 *    layer ● (empty: the snapshot)   ──▶   base
 *    base
 *
 * By hand: `qemu-img commit` of the empty overlay into the layer below it, and `rm`; or, for a layer in the middle,
 * `qemu-img rebase` of the one above and `rm`.
 */
const byHand = async (folder: string, kind: 'commit' | 'rebase'): Promise<number> => {
  const seen: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const [base, layer, active] = ['base', 'layer', 'active'].map((name) =>
      join(folder, `hand-${kind}-${at}-${name}.qcow2`),
    ) as [string, string, string];
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', base, '1G');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', layer);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', layer, '-F', 'qcow2', active);
    seen.push(
      await timed(async () => {
        if (kind === 'commit') await run('qemu-img', 'commit', '-q', '-f', 'qcow2', active);
        else await run('qemu-img', 'rebase', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', active);
        await rm(kind === 'commit' ? active : layer);
      }),
    );
    await run('sh', '-c', `rm -f ${join(folder, `hand-${kind}-${at}-`)}*`);
  }
  return median(seen);
};

const byStrata = async (strata: Strata, vm: Json, mode: 'commit' | 'pull'): Promise<number> => {
  const seen: number[] = [];
  const path = `/vms/${vm.id}/snapshots`;
  for (let at = 0; at < times; at += 1) {
    const taken = await finished(strata, await strata.ok('POST', `${path}?wait=30`, { name: `s${at}` }));
    seen.push(
      await timed(async () => {
        const wish = `${path}/${taken.result.snapshotId}?mode=${mode}&wait=30`;
        const { state, error } = await strata.ok('DELETE', wish);
        if (state !== 'done') throw new Error(JSON.stringify(error));
      }),
    );
  }
  return median(seen);
};

/** Deleting an empty snapshot of a VM that is off and of one that runs, beside qemu-img. */
export const benchDeleteSnapshot = async (strata: Strata): Promise<Line[]> => {
  const folder = join(strata.dataDir, 'by-hand');
  await run('mkdir', folder);
  const hand = { commit: await byHand(folder, 'commit'), pull: await byHand(folder, 'rebase') };
  const vm = await strata.ok('POST', '/vms', {
    name: 'deletions',
    memory: '64M',
    disks: [{ create: { format: 'qcow2', size: '1G' } }],
    nics: [],
  });
  const lines: Line[] = [];
  await finished(strata, await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: 'kept' }));
  for (const state of ['off', 'running'] as const) {
    if (state === 'running') await strata.ok('POST', `/vms/${vm.id}/start`);
    for (const mode of ['pull', 'commit'] as const)
      lines.push({
        what: `deleting an empty snapshot (${mode}, ${state}), request to done`,
        strata: await byStrata(strata, vm, mode),
        other: mode === 'commit' ? 'qemu-img commit' : 'qemu-img rebase',
        otherMs: hand[mode],
        aim: '≤ 3',
      });
  }
  await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  return lines;
};
