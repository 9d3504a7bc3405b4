import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Vm } from '@strata/contract';
import { parse } from 'shell-quote';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { identify, isAlive, killProcess } from '../../qemu/process-identity.ts';
import { type GuestConsole, guestOnWebSocket } from '../../testing/guest-console.ts';
import { buildLinuxGuest, type LinuxGuest } from '../../testing/linux-guest.ts';
import { closeCode, openSocket, upgradeStatus } from '../../testing/socket-client.ts';
import type { TestAnswer } from '../../testing/test-app.ts';
import { startVmServer, type VmServer } from '../../testing/vm-server.ts';

let strata: VmServer;
let guestFiles: LinuxGuest;
beforeAll(async () => {
  guestFiles = await buildLinuxGuest();
  strata = await startVmServer();
});
afterAll(() => strata.stop());

const post = (path: string, body?: unknown): Promise<TestAnswer> =>
  strata.server.request('POST', path, body ?? {});
const get = (path: string): Promise<TestAnswer> => strata.server.request('GET', path);
const made = async (body: Record<string, unknown>): Promise<Vm> => {
  const answer = await post('/vms', body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Vm;
};
const linux = (name: string, over: Record<string, unknown> = {}): Promise<Vm> =>
  made({
    name,
    memory: '160M',
    nics: [],
    kernel: { path: guestFiles.kernel, initrd: guestFiles.initrd, append: guestFiles.append },
    disks: [{ create: { size: '32M' } }],
    ...over,
  });
const until = async (what: () => boolean | Promise<boolean>, waitMs = 30_000): Promise<void> => {
  const end = performance.now() + waitMs;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`did not happen: ${what}`);
    await sleep(25);
  }
};
const stateOf = (id: string): string => strata.vms.get(id).state;
const serialOf = async (id: string): Promise<{ guest: GuestConsole; socket: WebSocket }> => {
  const socket = openSocket(strata.server, `/vms/${id}/serial/0`);
  const guest = guestOnWebSocket(socket);
  expect(await upgradeStatus(socket)).toBe(101);
  return { guest, socket };
};

describe('a VM from its definition to its end', () => {
  it('has sensible defaults, a versioned machine, a unique MAC and an image of its own', async () => {
    const vm = await made({ name: 'Defaults', disks: [{ create: { size: '1G' } }] });
    expect(vm).toMatchObject({
      state: 'off',
      arch: 'x86_64',
      cpus: 1,
      memory: 1024 ** 3,
      display: 'std',
      serial: 1,
    });
    expect(vm.machine).toMatch(/^pc-q35-\d/);
    expect(vm.nics[0]).toMatchObject({ mode: 'user', model: 'virtio' });
    expect(vm.nics[0]?.mac).toMatch(/^52:54:00:/);
    expect(vm.disks[0]?.chainLength).toBe(1);
    expect(vm.effectiveAccelerator.reason).not.toBe('');
    const other = await made({ name: 'Other' });
    expect(other.nics[0]?.mac).not.toBe(vm.nics[0]?.mac);
    const image = strata.images.images.get(vm.disks[0]?.imageId ?? '');
    expect(image.usedBy).toEqual([{ kind: 'vm', id: vm.id, name: 'Defaults' }]);
  });

  it('runs, pauses, resumes, resets, shuts down by the power button, and its guest keeps its data', async () => {
    const vm = await linux('Life');
    const started = await post(`/vms/${vm.id}/start`);
    expect(started.status, JSON.stringify(started.body)).toBe(200);
    expect(started.body).toMatchObject({ state: 'running', changedSinceStart: false });
    expect(started.body.pid).toBeGreaterThan(1);
    const { guest } = await serialOf(vm.id);
    await guest.ready();
    expect(await guest.command('disks')).toContain(`vda:${vm.disks[0]?.id}`);
    await guest.command('write /dev/vda 0 64 5');

    expect((await post(`/vms/${vm.id}/pause`)).body.state).toBe('paused');
    expect((await post(`/vms/${vm.id}/resume`)).body.state).toBe('running');
    await guest.command('ping');

    const before = guest.text.length;
    expect((await post(`/vms/${vm.id}/reset`)).status).toBe(200);
    await guest.ready(60_000, before);
    expect(await guest.command('check /dev/vda 0 64 5')).toBe('same');

    const asked = await post(`/vms/${vm.id}/shutdown`, { timeoutSeconds: 30 });
    expect(asked.status).toBe(202);
    expect(asked.body).toMatchObject({ state: 'stopping', shutdown: { timeoutSeconds: 30 } });
    await until(() => stateOf(vm.id) === 'off');
    expect(guest.text).toContain('POWER BUTTON');
    expect(strata.vms.get(vm.id).lastFailure).toBeUndefined();
    const events = (await get(`/vms/${vm.id}/log`)).body.events.map(
      (event: { event: string }) => event.event,
    );
    expect(events).toEqual(expect.arrayContaining(['created', 'started', 'reset', 'power-button', 'off']));
  });

  it('goes on running when the guest does not answer the power button in time, and says so', async () => {
    const vm = await made({ name: 'Deaf', memory: '32M', nics: [] });
    await post(`/vms/${vm.id}/start`);
    await post(`/vms/${vm.id}/shutdown`, { timeoutSeconds: 1 });
    await until(() => stateOf(vm.id) === 'running');
    const now = strata.vms.get(vm.id);
    expect(now.shutdown).toBeUndefined();
    expect(now.problems.map(({ code }) => code)).toEqual(['shutdown-timeout']);
    expect((await post(`/vms/${vm.id}/poweroff`)).body).toMatchObject({ state: 'off', problems: [] });
  });

  it('is "crashed" when its process dies unasked, and starts again', async () => {
    const vm = await made({ name: 'Killed', memory: '32M', nics: [] });
    const { pid } = (await post(`/vms/${vm.id}/start`)).body as { pid: number };
    const identity = await identify(pid);
    if (identity === null) throw new Error('no process');
    await killProcess(identity);
    await until(() => stateOf(vm.id) === 'crashed');
    expect(strata.vms.get(vm.id).lastFailure).toMatchObject({ code: 'crashed' });
    expect((await post(`/vms/${vm.id}/start`)).body.state).toBe('running');
    await post(`/vms/${vm.id}/poweroff`);
    expect(strata.vms.get(vm.id).lastFailure).toBeUndefined();
  });

  it.each([
    [
      'the guest restarts under -no-reboot',
      { extraArgs: ['-no-reboot'] },
      'reset',
      'the guest restarted|the VM was reset',
    ],
    ['another program sends it a signal', {}, 'signal', 'ended QEMU with a signal'],
    ['another program tells it to quit', {}, 'quit', 'told QEMU to quit'],
  ])('is off, with the reason in its log, when %s', async (_, over, how, words) => {
    const vm = await made({ name: `Ends by ${how}`, memory: '32M', nics: [], ...over });
    const { pid } = (await post(`/vms/${vm.id}/start`)).body as { pid: number };
    if (how === 'reset') await post(`/vms/${vm.id}/reset`);
    else if (how === 'signal') process.kill(pid, 'SIGTERM');
    else await strata.vms.live(vm.id)?.qmp.execute('quit');
    await until(() => stateOf(vm.id) !== 'running');
    expect(strata.vms.get(vm.id)).toMatchObject({ state: 'off' });
    expect(strata.vms.get(vm.id).lastFailure).toBeUndefined();
    const [last] = (await get(`/vms/${vm.id}/log`)).body.events as { event: string; detail: string }[];
    expect(last).toMatchObject({ event: 'off', detail: expect.stringMatching(words) });
  });

  it('starts paused when asked to', async () => {
    const vm = await made({ name: 'Waiting', memory: '32M', nics: [] });
    expect((await post(`/vms/${vm.id}/start`, { paused: true })).body.state).toBe('paused');
    expect((await post(`/vms/${vm.id}/resume`)).body.state).toBe('running');
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('answers 409 to what does not fit its state', async () => {
    const vm = await made({ name: 'Still', memory: '32M', nics: [] });
    for (const verb of ['shutdown', 'poweroff', 'reset', 'pause', 'resume'])
      expect((await post(`/vms/${vm.id}/${verb}`)).body.code, verb).toBe('vm-not-running');
    await post(`/vms/${vm.id}/start`);
    expect((await post(`/vms/${vm.id}/start`)).body.code).toBe('vm-running');
    expect((await strata.server.request('DELETE', `/vms/${vm.id}`)).body.code).toBe('vm-running');
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('starts once when it is started many times at once', async () => {
    const vm = await made({ name: 'Hasty', memory: '32M', nics: [] });
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(`/vms/${vm.id}/start`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
    await post(`/vms/${vm.id}/poweroff`);
  });
});

describe('the command line', () => {
  it('is what really runs, and pastes back as the same arguments', async () => {
    const vm = await made({ name: `It's "a", $(b) \\ test`, memory: '32M' });
    const before = (await get(`/vms/${vm.id}/command`)).body as { argv: string[]; shell: string };
    expect(parse(before.shell.replaceAll('\\\n', ''))).toEqual(before.argv);
    const pasted = execFileSync('bash', ['-c', `printf '%s\\0' ${before.shell}`], { encoding: 'utf8' });
    expect(pasted.split('\0').slice(0, -1)).toEqual(before.argv);
    const { pid } = (await post(`/vms/${vm.id}/start`)).body as { pid: number };
    const running = execFileSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1);
    expect((await get(`/vms/${vm.id}/command`)).body.argv).toEqual(running);
    expect(running.slice(1)).toEqual(before.argv.slice(1));
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('is shown for a definition that does not exist yet, which stays so', async () => {
    const count = strata.vms.list().length;
    const { status, body } = await post('/vms/preview', {
      name: 'Later',
      disks: [{ create: { size: '1G' } }],
    });
    expect(status).toBe(200);
    expect(body.argv.join(' ')).toContain('Later.qcow2');
    expect(strata.vms.list()).toHaveLength(count);
  });
});

describe('a definition is refused, and nothing is changed, when', () => {
  it('the name is taken, in whatever case', async () => {
    await made({ name: 'Taken' });
    expect((await post('/vms', { name: 'tAKEN' })).body.code).toBe('name-taken');
  });

  it('the image is another VM’s disk, a medium, or twice in it', async () => {
    const vm = await made({ name: 'Owner', disks: [{ create: { size: '16M' } }] });
    const imageId = vm.disks[0]?.imageId;
    const taken = await post('/vms', { name: 'Thief', disks: [{ imageId }] });
    expect(taken.body).toMatchObject({ status: 409, code: 'image-in-use' });
    expect(taken.body.usedBy[0].name).toBe('Owner');
    const free = await strata.images.images.create({
      name: 'free',
      format: 'qcow2',
      size: 16 * 1024 ** 2,
      preallocation: 'off',
    });
    expect(
      (await post('/vms', { name: 'Twice', disks: [{ imageId: free.id }, { imageId: free.id }] })).status,
    ).toBe(400);
    expect((await post('/vms', { name: 'Nobody', disks: [{ imageId: 'nonexistent1' }] })).body.code).toBe(
      'not-found',
    );
    await strata.images.images.createOverlay({ backingId: free.id, stem: 'above' });
    const frozen = await post('/vms', { name: 'Frozen', disks: [{ imageId: free.id }] });
    expect(frozen.body.code).toBe('image-in-use');
    expect(frozen.body.detail).toContain('Create an overlay on it');
    const overlay = await made({ name: 'Above', disks: [{ overlayOf: free.id }] });
    expect(overlay.disks[0]?.chainLength).toBe(2);
    expect(strata.vms.list().map(({ name }) => name)).not.toContain('Frozen');
  });

  it.each([
    ['the machine is unknown', { machine: 'pdp11' }, 'not-possible'],
    ['it has more processors than the machine takes', { cpus: 255, machine: 'isapc' }, 'not-possible'],
    ['the kernel does not exist', { kernel: { path: '/nonexistent/vmlinuz' } }, 'not-possible'],
    ['the kernel is a device', { kernel: { path: '/dev/zero' } }, 'not-possible'],
    ['an option is not on the list', { extraArgs: ['-chardev', 'socket,id=x,port=1'] }, 'invalid-request'],
    [
      'a port is forwarded twice',
      {
        nics: [
          {
            forwards: [
              { hostPort: 2222, guestPort: 22 },
              { hostPort: 2222, guestPort: 23 },
            ],
          },
        ],
      },
      'invalid-request',
    ],
    ['the address of a card is zero', { nics: [{ mac: '00:00:00:00:00:00' }] }, 'invalid-request'],
    ['the boot order names a device twice', { boot: { order: ['disk', 'disk'] } }, 'invalid-request'],
    ['it shall boot from a drive that it has not', { boot: { once: 'cdrom' } }, 'invalid-request'],
    ['the notes have control characters', { notes: 'a\u0000b' }, 'invalid-request'],
    ['the notes have half a character', { notes: '\ud800' }, 'invalid-request'],
    ['the name has half a character', { name: 'a\udfff' }, 'invalid-request'],
    ['a bridge has no name', { nics: [{ mode: 'bridge' }] }, 'invalid-request'],
    ['a field is unknown', { colour: 'red' }, 'invalid-request'],
    ['the name has control characters', { name: 'a\nb' }, 'invalid-request'],
    ['the name is endless', { name: 'x'.repeat(10_000) }, 'invalid-request'],
    ['the QEMU of that processor is missing', { arch: 'riscv64' }, 'qemu-missing'],
    ['it shall have a TPM', { tpm: true }, 'tool-missing'],
  ])('%s', async (_, wrong, code) => {
    const images = strata.images.images.list().length;
    const answer = await post('/vms', { name: 'Wrong', disks: [{ create: { size: '16M' } }], ...wrong });
    expect(answer.body.code, JSON.stringify(answer.body)).toBe(code);
    expect(answer.status).toBeLessThan(500);
    expect(strata.vms.list().map(({ name }) => name)).not.toContain('Wrong');
    expect(strata.images.images.list()).toHaveLength(images);
  });
});

describe('a start fails in words when', () => {
  it('a port of the host is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const vm = await made({
      name: 'Port',
      memory: '32M',
      nics: [{ forwards: [{ hostPort: port, guestPort: 22 }] }],
    });
    const answer = await post(`/vms/${vm.id}/start`);
    server.close();
    expect(answer.body).toMatchObject({ status: 409, code: 'port-taken' });
    expect(answer.body.detail).toContain(String(port));
    expect(strata.vms.get(vm.id)).toMatchObject({ state: 'off', lastFailure: { code: 'port-taken' } });
    expect((await post(`/vms/${vm.id}/start`)).body.state).toBe('running');
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('a layer is gone, or something stands on the active layer', async () => {
    const vm = await made({ name: 'Broken', memory: '32M', nics: [], disks: [{ create: { size: '16M' } }] });
    const image = strata.images.images.get(vm.disks[0]?.imageId ?? '');
    const overlay = join(strata.server.config.dataDir, 'images', 'foreign.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image.path, '-F', 'qcow2', overlay]);
    await strata.images.images.scan();
    expect((await post(`/vms/${vm.id}/start`)).body.code).toBe('image-in-use');
    rmSync(overlay);
    rmSync(image.path);
    await strata.images.images.scan();
    const answer = await post(`/vms/${vm.id}/start`);
    expect(answer.body.code).toBe('image-unreadable');
    expect(strata.vms.get(vm.id).problems).not.toEqual([]);
  });

  it('somebody forbids it, before anything is done', async () => {
    const vm = await made({ name: 'Guarded', memory: '32M', nics: [] });
    const { AppError } = await import('../../app-error.ts');
    strata.vms.addGuard((id, _, action) =>
      id === vm.id && action === 'start' ? new AppError('operation-running', 'not now') : null,
    );
    expect((await post(`/vms/${vm.id}/start`)).body.code).toBe('operation-running');
    expect(strata.vms.live(vm.id)).toBeNull();
  });
});

describe('changing a definition', () => {
  it('applies at the next start when the VM runs, and says so', async () => {
    const vm = await made({ name: 'Change', memory: '32M', nics: [] });
    await post(`/vms/${vm.id}/start`);
    const patched = await strata.server.request('PATCH', `/vms/${vm.id}`, { memory: '64M', notes: 'x' });
    expect(patched.body).toMatchObject({ memory: 64 * 1024 ** 2, changedSinceStart: true, state: 'running' });
    await post(`/vms/${vm.id}/poweroff`);
    expect((await post(`/vms/${vm.id}/start`)).body.changedSinceStart).toBe(false);
    expect((await get(`/vms/${vm.id}/command`)).body.argv).toContain('64M');
    // What no guest would notice, and the same again in other words, is no change.
    const { cpus, memory, display, boot } = strata.vms.get(vm.id);
    for (const same of [
      { notes: 'y', autostart: true },
      { display, memory, cpus },
      { boot: { order: boot.order } },
    ]) {
      const answer = await strata.server.request('PATCH', `/vms/${vm.id}`, same);
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      expect(answer.body.changedSinceStart, JSON.stringify(same)).toBe(false);
    }
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('adds, reorders and removes disks of a VM that is off', async () => {
    const vm = await made({ name: 'Disks', disks: [{ create: { size: '16M' } }] });
    const first = vm.disks[0];
    const two = await strata.server.request('PATCH', `/vms/${vm.id}`, {
      disks: [
        { create: { size: '8M', format: 'raw' }, bus: 'sata' },
        { id: first?.id, bus: 'scsi' },
      ],
    });
    expect(two.body.disks).toMatchObject([
      { bus: 'sata' },
      { id: first?.id, imageId: first?.imageId, bus: 'scsi' },
    ]);
    expect((await post(`/vms/${vm.id}/start`)).status).toBe(200);
    expect((await strata.server.request('PATCH', `/vms/${vm.id}`, { disks: [] })).body.code).toBe(
      'vm-running',
    );
    await post(`/vms/${vm.id}/poweroff`);
    const none = await strata.server.request('PATCH', `/vms/${vm.id}`, { disks: [] });
    expect(none.body.disks).toEqual([]);
    expect(existsSync(strata.images.images.get(first?.imageId ?? '').path)).toBe(true);
  });
});

describe('many changes at the same time', () => {
  const patch = (id: string, body: unknown): Promise<TestAnswer> =>
    strata.server.request('PATCH', `/vms/${id}`, body);

  it('never give two VMs the same active layer', async () => {
    const image = await strata.images.images.create({
      name: 'wanted by all',
      format: 'qcow2',
      size: 16 * 1024 ** 2,
      preallocation: 'off',
    });
    const vms = await Promise.all(Array.from({ length: 4 }, (_, n) => made({ name: `Rival ${n}` })));
    const disks = [{ create: { size: '1M' } }, { imageId: image.id }];
    const answers = await Promise.all(vms.map(({ id }) => patch(id, { disks })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    for (const { status, body } of answers) if (status === 409) expect(body.code).toBe('image-in-use');
    const holders = strata.vms.list().filter((vm) => vm.disks.some(({ imageId }) => imageId === image.id));
    expect(holders).toHaveLength(1);
  });

  it('never start a VM on an image that is another VM’s disk, however it got there', async () => {
    const first = await made({
      name: 'First',
      memory: '32M',
      nics: [],
      disks: [{ create: { size: '16M' } }],
    });
    const second = await made({
      name: 'Second',
      memory: '32M',
      nics: [],
      disks: [{ create: { size: '16M' } }],
    });
    strata.vms.setDiskImage(second.id, second.disks[0]?.id ?? '', first.disks[0]?.imageId ?? '');
    const answer = await post(`/vms/${second.id}/start`);
    expect(answer.body).toMatchObject({ status: 409, code: 'image-in-use' });
    expect(answer.body.usedBy).toEqual([expect.objectContaining({ kind: 'vm', id: first.id })]);
    expect(strata.vms.isLive(second.id)).toBe(false);
  });

  it('never put back a disk that an operation has changed meanwhile', async () => {
    const vm = await made({ name: 'Overtaken', disks: [{ create: { size: '16M' } }] });
    const old = vm.disks[0];
    const overlay = await strata.images.images.createOverlay({
      backingId: old?.imageId ?? '',
      stem: 'newer',
    });
    let switched = false;
    strata.vms.addGuard((id, _, action) => {
      if (id === vm.id && action === 'change' && !switched)
        setImmediate(() => strata.vms.setDiskImage(vm.id, old?.id ?? '', overlay.id));
      if (id === vm.id) switched = true;
      return null;
    });
    const count = strata.images.images.list().length;
    const answer = await patch(vm.id, { disks: [{ id: old?.id }, { create: { size: '1M' } }] });
    expect(answer.body).toMatchObject({ status: 409, code: 'vm-busy' });
    expect(strata.vms.get(vm.id).disks.map(({ imageId }) => imageId)).toEqual([overlay.id]);
    expect(strata.images.images.list()).toHaveLength(count);
  });

  it('are told that a VM starts, not that it is off, while it does', async () => {
    const vm = await made({ name: 'Beginning', memory: '32M', nics: [] });
    const start = post(`/vms/${vm.id}/start`);
    await until(() => stateOf(vm.id) === 'starting');
    expect(() => strata.vms.live(vm.id)).toThrow(expect.objectContaining({ code: 'vm-busy' }));
    expect((await start).body.state).toBe('running');
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('never give two VMs the same address', async () => {
    const mac = '52:54:00:aa:bb:cc';
    const body = (n: number) => ({
      name: `Twin ${n}`,
      disks: [{ create: { size: '1M' } }],
      nics: [{ mac }],
    });
    const answers = await Promise.all([1, 2, 3].map((n) => post('/vms', body(n))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
    const others = await Promise.all([1, 2].map((n) => made({ name: `Lone ${n}` })));
    const nics = [{ mac: '52:54:00:aa:bb:dd' }];
    const patched = await Promise.all(
      others.map(({ id }) => patch(id, { nics, disks: [{ create: { size: '1M' } }] })),
    );
    expect(patched.map(({ status }) => status).sort()).toEqual([200, 400]);
  });
});

describe('a port of the host', () => {
  const forward = (over: Record<string, unknown>) => ({
    nics: [{ forwards: [{ hostPort: 8080, guestPort: 80, ...over }] }],
  });

  it.each([
    ['for other machines', { hostAddress: '0.0.0.0' }, 'hostAddress'],
    ['of system services', { hostPort: 80 }, 'hostPort'],
  ])('%s is forwarded only when that is said', async (_, over, field) => {
    const refused = await post('/vms', { name: 'Open', ...forward(over) });
    expect(refused.body).toMatchObject({
      code: 'invalid-request',
      errors: [{ path: `nics.0.forwards.0.${field}`, message: expect.stringContaining('exposed') }],
    });
    const vm = await made({ name: `Open ${field}`, ...forward({ ...over, exposed: true }) });
    expect(vm.problems.map(({ code }) => code)).toEqual(field === 'hostAddress' ? ['port-exposed'] : []);
  });

  it('is not forwarded from an address that is not the host’s, and the words say so', async () => {
    const vm = await made({
      name: 'Foreign',
      memory: '32M',
      ...forward({ hostAddress: '192.0.2.7', exposed: true }),
    });
    const { body } = await post(`/vms/${vm.id}/start`);
    expect(body).toMatchObject({
      code: 'not-possible',
      detail: expect.stringContaining('not an address of this host'),
    });
  });
});

describe('deleting a VM', () => {
  it('keeps its images, or moves to the trash what nothing else stands on', async () => {
    const base = await strata.images.images.create({
      name: 'golden',
      format: 'qcow2',
      size: 16 * 1024 ** 2,
      preallocation: 'off',
    });
    const kept = await made({ name: 'Kept', disks: [{ overlayOf: base.id }] });
    expect((await strata.server.request('DELETE', `/vms/${kept.id}`)).status).toBe(200);
    expect(strata.images.images.get(kept.disks[0]?.imageId ?? '').present).toBe(true);
    const gone = await made({ name: 'Gone', disks: [{ overlayOf: base.id }] });
    const plan = (disks: string) => strata.server.request('DELETE', `/vms/${gone.id}?disks=${disks}&plan=1`);
    const own = gone.disks[0]?.imageId;
    expect((await plan('delete')).body).toMatchObject({
      goes: [{ imageId: own }],
      stays: [{ imageId: base.id, because: [strata.images.images.get(kept.disks[0]?.imageId ?? '').name] }],
      blockers: [],
    });
    expect((await plan('keep')).body).toMatchObject({
      goes: [],
      stays: [{ imageId: own }, { imageId: base.id }],
    });
    expect((await strata.server.request('DELETE', `/vms/${gone.id}?disks=delete`)).status).toBe(200);
    expect(() => strata.images.images.get(gone.disks[0]?.imageId ?? '')).toThrow();
    expect(strata.images.images.get(base.id).present).toBe(true);
    expect((await get(`/vms/${gone.id}`)).status).toBe(404);
  });
});

describe('booting', () => {
  it('takes the one-time device first, once, and the usual order after a reset', async () => {
    const vm = await made({
      name: 'Once',
      memory: '32M',
      nics: [],
      disks: [{ create: { size: '16M' } }],
      media: [{ kind: 'cdrom' }],
      boot: { order: ['disk'], once: 'cdrom' },
    });
    const started = await post(`/vms/${vm.id}/start`);
    expect(started.body.boot).toEqual({ order: ['disk'], menu: false, once: null });
    const { argv } = (await get(`/vms/${vm.id}/command`)).body as { argv: string[] };
    expect(argv.some((argument) => /id=cd0,bootindex=1$/.test(argument))).toBe(true);
    const index = await strata.vms.live(vm.id)?.qmp.executeRaw('qom-get', {
      path: '/machine/peripheral/cd0',
      property: 'bootindex',
    });
    expect(index).toBe(-1);
    await post(`/vms/${vm.id}/poweroff`);
  });

  it.runIf(existsSync('/usr/share/OVMF/OVMF_CODE_4M.fd'))('runs UEFI with variables of its own', async () => {
    const vm = await made({ name: 'Uefi', memory: '128M', nics: [], firmware: 'uefi' });
    expect((await post(`/vms/${vm.id}/start`)).body.state).toBe('running');
    // A guest keeps keys in it: nobody else may read it.
    const vars = join(strata.server.config.dataDir, 'vms', vm.id, 'uefi-vars.fd');
    expect(statSync(vars).mode & 0o777).toBe(0o600);
    await post(`/vms/${vm.id}/poweroff`);
  });
});

describe('media', () => {
  it('are changed in the running VM, and stay in the definition', async () => {
    const iso = join(strata.server.config.dataDir, 'images', 'disc.iso');
    const bytes = Buffer.alloc(64 * 1024);
    bytes.write('CD001', 32_769, 'latin1');
    bytes[32_768] = 1;
    writeFileSync(iso, bytes);
    await strata.images.images.scan();
    const imageId = strata.images.images.findByPath(iso)?.id;
    const vm = await made({ name: 'Drive', memory: '32M', nics: [], media: [{ kind: 'cdrom' }] });
    await post(`/vms/${vm.id}/start`);
    const put = await strata.server.request('PUT', `/vms/${vm.id}/media/cd0`, { imageId });
    expect(put.body.media, JSON.stringify(put.body)).toEqual([{ slot: 'cd0', kind: 'cdrom', imageId }]);
    const inserted = async (): Promise<string | undefined> => {
      const devices = await strata.vms.live(vm.id)?.qmp.execute('query-block');
      return devices?.find(({ qdev }) => qdev === 'cd0')?.inserted?.file;
    };
    expect(await inserted()).toBe(iso);
    expect(
      (await strata.server.request('DELETE', `/vms/${vm.id}/media/cd0`)).body.media[0].imageId,
    ).toBeNull();
    expect(await inserted()).toBeUndefined();
    expect((await strata.server.request('PUT', `/vms/${vm.id}/media/cd7`, { imageId })).status).toBe(404);
    await post(`/vms/${vm.id}/poweroff`);
  });
});

describe('adoption', () => {
  it('takes a running VM back after the server is gone, with what its guest said meanwhile', async () => {
    const vm = await linux('Survivor');
    const { pid, startedAt } = (await post(`/vms/${vm.id}/start`)).body as { pid: number; startedAt: string };
    const first = await serialOf(vm.id);
    await first.guest.ready();
    const bootId = await first.guest.command('boot-id');
    first.guest.tell('flood 64');
    await first.guest.expect(/flood/);
    await strata.abandon();
    await sleep(300);
    expect(await identify(pid)).not.toBeNull();

    const { dataDir, runDir } = strata.server.config;
    strata = await startVmServer({ dataDir, runDir });
    expect(strata.vms.get(vm.id)).toMatchObject({ state: 'running', pid, startedAt });
    const second = await serialOf(vm.id);
    expect(await second.guest.command('boot-id')).toBe(bootId);
    await until(() => (second.guest.text.match(/flood/g) ?? []).length > 9_000);
    // Everything the guest has said since it was started, once.
    expect(second.guest.text.match(/READY/g)).toHaveLength(1);
    await post(`/vms/${vm.id}/poweroff`);
    expect(stateOf(vm.id)).toBe('off');
  });

  it('notices that a VM has ended while no server was there, and leaves a stranger with its pid alone', async () => {
    const vm = await made({ name: 'Ended', memory: '32M', nics: [] });
    const { pid } = (await post(`/vms/${vm.id}/start`)).body as { pid: number };
    await strata.abandon();
    const identity = await identify(pid);
    if (identity === null) throw new Error('no process');
    await killProcess(identity);
    await until(async () => !(await isAlive(identity)));
    const { dataDir, runDir } = strata.server.config;
    // The pid file now names this very test: alive, and not a QEMU of ours.
    writeFileSync(join(runDir, vm.id, 'pid'), String(process.pid));
    strata = await startVmServer({ dataDir, runDir });
    expect(stateOf(vm.id)).toBe('crashed');
    expect(strata.vms.isLive(vm.id)).toBe(false);
  });

  it('finds a QEMU whose start was never written down, by its own pid file', async () => {
    const vm = await made({ name: 'Unwritten', memory: '32M', nics: [] });
    const { pid } = (await post(`/vms/${vm.id}/start`)).body as { pid: number };
    strata.server.db.prepare('UPDATE vms SET process = NULL WHERE id = ?').run(vm.id);
    await strata.abandon();
    const { dataDir, runDir } = strata.server.config;
    strata = await startVmServer({ dataDir, runDir });
    expect(strata.vms.get(vm.id)).toMatchObject({ state: 'running', pid });
    await post(`/vms/${vm.id}/poweroff`);
  });
});

describe('the demo VM', () => {
  const counted = async (id: string): Promise<number> => {
    const { guest } = await serialOf(id);
    const [, number] = await guest.expect(/Boots counted on this disk: (\d+)\r?\n/, 20_000);
    guest.close();
    return Number(number);
  };

  it('comes with base, two overlays and a branch, all with data of their own, and two restore points', async () => {
    const { status, body } = await post('/vms/demo');
    expect(status, JSON.stringify(body)).toBe(201);
    const demo = body as Vm;
    expect(demo.disks[0]?.chainLength).toBe(3);
    expect(demo.snapshotCount).toBe(2);
    expect(demo.current.snapshotId).not.toBeNull();
    const chain = strata.images.images.chainFacts(demo.disks[0]?.imageId ?? '');
    const base = strata.images.images.get(chain[2]?.id ?? '');
    expect(base.overlays).toHaveLength(2);
    for (const layer of chain) expect(layer.allocatedSize).toBeGreaterThan(1024 ** 2);
    const map = await strata.images.images.map(chain[0]?.id ?? '');
    for (const layer of map.layers) expect(layer.visibleBytes).toBeGreaterThan(0);
    expect(map.layers.at(-1)?.shadowed.length).toBeGreaterThan(0);
  });

  it('counts its boots on its disk, shows itself on the screen, answers keys and the power button', async () => {
    const demo = (await post('/vms/demo', { name: 'Counter' })).body as Vm;
    expect(demo.hasPicture).toBe(false);
    const began = performance.now();
    await post(`/vms/${demo.id}/start`);
    expect(await counted(demo.id)).toBe(1);
    expect(performance.now() - began).toBeLessThan(15_000);
    const picture = await strata.server.request('GET', `/vms/${demo.id}/screenshot`);
    expect(picture.raw.subarray(1, 4).toString()).toBe('PNG');
    const etag = String(picture.headers.etag);
    await post(`/vms/${demo.id}/keys`, { keys: ['shift', 'h'] });
    await sleep(1_100);
    const typed = await strata.server.request('GET', `/vms/${demo.id}/screenshot`, undefined, {
      'if-none-match': etag,
    });
    expect(typed.status).toBe(200);
    expect(createHash('md5').update(typed.raw).digest('hex')).not.toBe(
      createHash('md5').update(picture.raw).digest('hex'),
    );
    const same = await strata.server.request('GET', `/vms/${demo.id}/screenshot`, undefined, {
      'if-none-match': String(typed.headers.etag),
    });
    expect(same.status).toBe(304);

    await post(`/vms/${demo.id}/shutdown`, { timeoutSeconds: 20 });
    await until(() => stateOf(demo.id) === 'off');
    expect((await strata.server.request('GET', `/vms/${demo.id}/screenshot`)).status).toBe(200);
    expect((await strata.server.request('GET', `/vms/${demo.id}`)).body).toMatchObject({ hasPicture: true });
    await post(`/vms/${demo.id}/start`);
    const { guest } = await serialOf(demo.id);
    await guest.expect(/disk: 2\r?\n/);
    guest.close();
    await post(`/vms/${demo.id}/poweroff`);
  });
});

describe('the consoles', () => {
  it('greet as RFB, for several viewers at once, and end with the VM', async () => {
    const vm = await made({ name: 'Screen', memory: '32M', nics: [] });
    expect(await upgradeStatus(openSocket(strata.server, `/vms/${vm.id}/console`))).toBe(409);
    await post(`/vms/${vm.id}/start`);
    const sockets = [1, 2].map(() => openSocket(strata.server, `/vms/${vm.id}/console`));
    const greetings = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<Buffer>((resolve) => socket.once('message', (data) => resolve(data as Buffer))),
      ),
    );
    for (const greeting of greetings) expect(greeting.toString('latin1')).toBe('RFB 003.008\n');
    const closed = Promise.all(sockets.map(closeCode));
    await post(`/vms/${vm.id}/poweroff`);
    expect(await closed).toEqual([1000, 1000]);
    expect(await upgradeStatus(openSocket(strata.server, '/vms/nonexistent1/console'))).toBe(404);
  });

  it('replay the serial line to a page that comes later, also when the VM is off', async () => {
    const vm = await linux('Scrollback');
    await post(`/vms/${vm.id}/start`);
    const first = await serialOf(vm.id);
    await first.guest.ready();
    await first.guest.command('ping');
    const second = await serialOf(vm.id);
    await second.guest.expect(/READY[\s\S]*@\S+ ok/);
    await second.guest.command('ping');
    await first.guest.expect(/(@\S+ ok[\s\S]*){2}/);
    await post(`/vms/${vm.id}/poweroff`);
    const third = await serialOf(vm.id);
    await third.guest.expect(/READY/);
  });

  it('keep the log of a serial port small', async () => {
    const vm = await linux('Chatty');
    await post(`/vms/${vm.id}/start`);
    const { guest } = await serialOf(vm.id);
    await guest.ready();
    await guest.command('flood 700', 110_000);
    const log = strata.vms.consolePlaces(vm.id).serial[0]?.log ?? '';
    expect(statSync(log).size).toBeLessThan(512 * 1024);
    expect(existsSync(`${log}.old`)).toBe(true);
    await post(`/vms/${vm.id}/poweroff`);
  });
});
