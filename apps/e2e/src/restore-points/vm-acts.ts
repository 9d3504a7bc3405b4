import { execFileSync } from 'node:child_process';
import { patternBytes } from '../../../server/src/testing/linux-guest.ts';
import { complaintsOfGuest } from './judge.ts';
import {
  begin,
  blockBytes,
  copiesOf,
  devices,
  diskBytes,
  operate,
  powerOff,
  vmOf,
  withGuest,
} from './machines.ts';
import { type Act, type Done, nodeOf, refused, type Scene, somePoint } from './scene.ts';

/** Other places on each disk; the guest counts what it wrote in its memory. */
export const write: Act = async ({ strata, random, next }, machine) => {
  const { state, disks } = await vmOf(strata, machine);
  if (state !== 'running' && state !== 'off') return null;
  const number = next();
  const places = devices.map(() => {
    const blocks = 1 + random.int(64);
    return { blocks, block: random.int(diskBytes / blockBytes - blocks), zero: random.chance(0.2) };
  });
  const content = (zero: boolean, blocks: number) =>
    zero ? Buffer.alloc(blocks * blockBytes) : patternBytes(number, blocks);
  if (state === 'running')
    machine.memory = await withGuest(strata, machine, async (guest) => {
      for (const [at, { block, blocks, zero }] of places.entries()) {
        const where = `${devices[at]} ${block} ${blocks}`;
        await guest.command(zero ? `zero ${where}` : `write ${where} ${number}`);
      }
      await guest.command(`mark ${number}`);
      return { bootId: machine.memory?.bootId ?? '', counter: number };
    });
  for (const [at, { block, blocks, zero }] of places.entries()) {
    const disk = machine.disks[at] ?? Buffer.alloc(0);
    if (state === 'running') content(zero, blocks).copy(disk, block * blockBytes);
    else {
      const { path } = await strata.ok('GET', `/images/${disks[at].imageId}`);
      const how = zero ? '-z' : `-P ${1 + (number % 255)}`;
      const command = `write ${how} ${block * blockBytes} ${blocks * blockBytes}`;
      execFileSync('qemu-io', ['-f', 'qcow2', '-c', command, path], { stdio: 'pipe' });
      disk.fill(zero ? 0 : 1 + (number % 255), block * blockBytes, (block + blocks) * blockBytes);
    }
  }
  return { words: `${machine.name}, ${state}: write ${number}`, complaints: [] };
};

const mostMachines = 3;

/** A VM of its own, on overlays or on copies, that is off or goes on from the memory of the moment; when there are enough, one of them goes, with what nobody else needs. */
export const branch: Act = async (scene, machine) => {
  const { strata, random, machines, next } = scene;
  if (machines.length === mostMachines) return removeMachine(scene);
  const point = somePoint(random, machine);
  if (point === null) return null;
  const mode = random.pick(['linked', 'full']);
  const name = `branch-${next()}`;
  const tree = (await strata.ok('GET', `/vms/${machine.vmId}/snapshots`)).tree;
  const external = nodeOf(tree, point.id)?.kind === 'external';
  const memory = external && point.memory !== null && random.chance(0.5);
  const words = `${machine.name}: branch “${name}” from “${point.name}”, ${mode}${memory ? ' with memory' : ''}`;
  const path = `/vms/${machine.vmId}/snapshots/${point.id}/branch`;
  const operation = await operate(strata, 'POST', path, { name, mode, memory });
  if (typeof operation === 'string') return refused(words, operation, !external);
  const { vmId } = operation.result;
  const made = { vmId, name, disks: copiesOf(point.disks), memory: memory ? point.memory : null };
  machines.push({ ...made, points: new Map() });
  const { state } = await strata.ok('GET', `/vms/${vmId}`);
  const wanted = memory ? 'suspended' : 'off';
  return { words, complaints: state === wanted ? [] : [`the branch is ${state} instead of ${wanted}`] };
};

const removeMachine = async ({ strata, random, machines }: Scene): Promise<Done | null> => {
  const gone = random.pick(machines);
  await powerOff(strata, gone);
  await strata.ok('DELETE', `/vms/${gone.vmId}?disks=delete`);
  machines.splice(machines.indexOf(gone), 1);
  return { words: `delete ${gone.name} with its disks`, complaints: [] };
};

/** On, off, paused, suspended, and on again with the memory of before. */
export const power: Act = async ({ strata, random }, machine) => {
  const { state } = await vmOf(strata, machine);
  const tell = (what: string) => strata.ok('POST', `/vms/${machine.vmId}/${what}`);
  const words = (what: string) => `${machine.name}, ${state}: ${what}`;
  if (state === 'off') {
    await tell('start');
    await begin(strata, machine);
    return { words: words('start'), complaints: await complaintsOfGuest(strata, machine) };
  }
  if (state === 'paused' || (state === 'suspended' && random.chance(0.7))) {
    await tell(state === 'paused' ? 'resume' : 'start');
    return { words: words('go on'), complaints: await complaintsOfGuest(strata, machine) };
  }
  const what = state === 'suspended' ? 'off' : random.pick(['off', 'pause', 'suspend']);
  if (what === 'off') await powerOff(strata, machine);
  else if (what === 'pause') await tell('pause');
  else {
    const operation = await operate(strata, 'POST', `/vms/${machine.vmId}/suspend`);
    if (typeof operation === 'string') return refused(words(what), operation, false);
  }
  return { words: words(what), complaints: [] };
};
