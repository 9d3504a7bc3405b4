import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Vm } from '@strata/contract';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { identify, isAlive, killProcess } from '../../qemu/process-identity.ts';
import type { TestAnswer } from '../../testing/test-app.ts';
import { startVmServer, type VmServer } from '../../testing/vm-server.ts';

let strata: VmServer;
const leftovers: (() => void)[] = [];
beforeAll(async () => {
  strata = await startVmServer();
  return () => strata.stop();
});
afterEach(() => {
  for (const end of leftovers.splice(0)) end();
});

const request = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
  strata.server.request(method, path, body ?? (method === 'GET' || method === 'DELETE' ? undefined : {}));
const post = (path: string, body?: unknown): Promise<TestAnswer> => request('POST', path, body);
const end = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended already.
  }
};
const running = async (name: string): Promise<Vm & { pid: number }> => {
  const made = await post('/vms', { name, memory: '32M', nics: [], disks: [{ create: { size: '16M' } }] });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const started = await post(`/vms/${made.body.id}/start`);
  expect(started.status, JSON.stringify(started.body)).toBe(200);
  const { pid } = started.body as { pid: number };
  leftovers.push(() => end(pid));
  return started.body as Vm & { pid: number };
};
const controlOf = (id: string): string => join(strata.server.config.runDir, id, 'c');
const again = async (): Promise<void> => {
  const { dataDir, runDir } = strata.server.config;
  strata = await startVmServer({ dataDir, runDir });
};
const until = async (what: () => boolean | Promise<boolean>, waitMs = 20_000): Promise<void> => {
  const end = performance.now() + waitMs;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`did not happen: ${what}`);
    await sleep(25);
  }
};
/** A client that takes QEMU's only place on a socket. */
const occupy = async (path: string): Promise<Socket> => {
  const socket = createConnection({ path });
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
};

/** What must hold of a VM that lives and does not answer: nothing gets at its disks. */
const expectLeftAlone = async (vm: Vm & { pid: number }): Promise<void> => {
  const now = (await request('GET', `/vms/${vm.id}`)).body as Vm;
  expect(now).toMatchObject({ state: 'running', pid: vm.pid });
  expect(now.problems.map(({ code }) => code)).toEqual(['qemu-unresponsive']);
  expect(now.problems[0]?.repair).toContain(String(vm.pid));
  const disk = vm.disks[0];
  expect(strata.images.images.forest().disks).toContainEqual(
    expect.objectContaining({ diskId: disk?.id, running: true }),
  );
  expect((await post(`/vms/${vm.id}/start`)).body.code).toBe('vm-running');
  expect((await request('DELETE', `/vms/${vm.id}?disks=delete`)).body.code).toBe('vm-running');
  expect((await request('PATCH', `/vms/${vm.id}`, { disks: [] })).body.code).toBe('vm-running');
  for (const verb of ['pause', 'resume', 'reset', 'shutdown'])
    expect((await post(`/vms/${vm.id}/${verb}`)).body, verb).toMatchObject({
      status: 503,
      code: 'qemu-unresponsive',
    });
  expect(() => strata.vms.live(vm.id)).toThrow(expect.objectContaining({ code: 'qemu-unresponsive' }));
  expect(strata.vms.get(vm.id).disks).toMatchObject([{ id: disk?.id, imageId: disk?.imageId }]);
};

describe('a VM that runs but does not answer when the server comes back', () => {
  it('because another program holds its control socket: it is left alone, and taken back when it answers', async () => {
    const vm = await running('Held');
    await strata.abandon();
    const holder = await occupy(controlOf(vm.id));
    leftovers.push(() => holder.destroy());
    await again();
    await expectLeftAlone(vm);
    let settled = false;
    const waiting = strata.vms.settled(vm.id).then(() => {
      settled = true;
    });
    await sleep(50);
    expect(settled).toBe(false);
    holder.destroy();
    await waiting;
    await until(() => strata.vms.get(vm.id).problems.length === 0);
    expect(strata.vms.live(vm.id)).not.toBeNull();
    expect((await post(`/vms/${vm.id}/pause`)).body).toMatchObject({ state: 'paused', pid: vm.pid });
    expect((await post(`/vms/${vm.id}/poweroff`)).body.state).toBe('off');
  });

  it('because it is stopped: power-off ends exactly that process', async () => {
    const vm = await running('Stopped');
    await strata.abandon();
    process.kill(vm.pid, 'SIGSTOP');
    await again();
    await expectLeftAlone(vm);
    const began = performance.now();
    const off = await post(`/vms/${vm.id}/poweroff`);
    expect(off.body, JSON.stringify(off.body)).toMatchObject({ state: 'off', problems: [] });
    expect(off.body.lastFailure).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(await identify(vm.pid)).toBeNull();
  });

  it('is powered off in good order when only its socket is held', async () => {
    const vm = await running('Polite');
    await strata.abandon();
    const holder = await occupy(controlOf(vm.id));
    leftovers.push(() => holder.destroy());
    await again();
    expect((await post(`/vms/${vm.id}/poweroff`)).body.state).toBe('off');
    const { events } = (await request('GET', `/vms/${vm.id}/log`)).body as {
      events: { event: string }[];
    };
    expect(events.map(({ event }) => event)).not.toContain('killed');
  });

  it('and is killed then: it is crashed, not lost from sight', async () => {
    const vm = await running('Shot');
    await strata.abandon();
    process.kill(vm.pid, 'SIGSTOP');
    await again();
    process.kill(vm.pid, 'SIGKILL');
    await until(() => strata.vms.get(vm.id).state === 'crashed');
    expect(strata.vms.live(vm.id)).toBeNull();
  });
});

/** Something that behaves badly where the monitors of a VM are; the VM's own process runs on, stopped. */
const impostor = async (vm: Vm & { pid: number }, answer: (socket: Socket) => void): Promise<void> => {
  process.kill(vm.pid, 'SIGSTOP');
  const folder = join(strata.server.config.runDir, vm.id);
  for (const path of [join(folder, 'c'), join(folder, 't')]) {
    rmSync(path);
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    leftovers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
  }
};
const greeting = `${JSON.stringify({ QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 }, package: '' }, capabilities: [] } })}\n`;
const afterGreeting = (then: (socket: Socket) => void) => (socket: Socket) => {
  socket.write(greeting);
  socket.on('data', (data) => {
    const { execute, id } = JSON.parse(String(data).split('\n')[0] ?? '{}') as {
      execute: string;
      id: unknown;
    };
    if (execute === 'qmp_capabilities') socket.write(`${JSON.stringify({ return: {}, id })}\n`);
    else then(socket);
  });
};

describe('one QEMU that fails while it is taken back', () => {
  it.each([
    ['closes at once', (socket: Socket) => void socket.destroy()],
    ['closes when asked for its UUID', afterGreeting((socket) => socket.destroy())],
    ['never answers', () => {}],
    ['talks nonsense', (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('which %s keeps no other VM from being taken back', async (name, answer) => {
    const bad = await running(`Bad ${name}`);
    const good = await running(`Good ${name}`);
    await strata.abandon();
    await impostor(bad, answer);
    await again();
    const list = await request('GET', '/vms');
    expect(list.status).toBe(200);
    expect(strata.vms.get(good.id)).toMatchObject({ state: 'running', pid: good.pid, problems: [] });
    await expectLeftAlone(bad);
    await post(`/vms/${good.id}/poweroff`);
    expect((await post(`/vms/${bad.id}/poweroff`)).body.state).toBe('off');
  });
});

describe('a QEMU that ends in the middle of being taken back', () => {
  it('is crashed, and the others are there', async () => {
    const vm = await running('Dying');
    const good = await running('Living');
    await strata.abandon();
    await impostor(
      vm,
      afterGreeting((socket) => {
        end(vm.pid);
        socket.destroy();
      }),
    );
    await again();
    expect((await request('GET', '/vms')).status).toBe(200);
    await until(() => strata.vms.get(vm.id).state === 'crashed');
    expect(strata.vms.live(vm.id)).toBeNull();
    expect(strata.vms.get(good.id)).toMatchObject({ state: 'running', problems: [] });
    await post(`/vms/${good.id}/poweroff`);
  });
});

describe('a VM that ended while no server was there', () => {
  it('is crashed when it was killed, also together with the server, and holds nothing any more', async () => {
    const vm = await running('Gone');
    await strata.abandon();
    const identity = await identify(vm.pid);
    if (identity === null) throw new Error('no process');
    await killProcess(identity);
    await until(async () => !(await isAlive(identity)));
    await again();
    expect(strata.vms.get(vm.id)).toMatchObject({ state: 'crashed', lastFailure: { code: 'crashed' } });
    expect(strata.vms.live(vm.id)).toBeNull();
    await strata.vms.settled(vm.id);
    expect(strata.images.images.forest().disks.find((use) => use.vmId === vm.id)?.running).toBe(false);
    expect((await post(`/vms/${vm.id}/start`)).body.state).toBe('running');
    await post(`/vms/${vm.id}/poweroff`);
  });

  it('is off when it ended in good order', async () => {
    const vm = await running('Orderly');
    await strata.abandon();
    process.kill(vm.pid, 'SIGTERM');
    await until(async () => (await identify(vm.pid)) === null);
    await again();
    expect(strata.vms.get(vm.id).state).toBe('off');
    expect(strata.vms.get(vm.id).lastFailure).toBeUndefined();
  });

  it('is crashed when the host was restarted under it', async () => {
    const vm = await running('Power cut');
    await strata.abandon();
    process.kill(vm.pid, 'SIGTERM');
    await until(async () => (await identify(vm.pid)) === null);
    const { dataDir, runDir } = strata.server.config;
    const { openStore } = await import('../../db/open-store.ts');
    const db = openStore(dataDir);
    db.prepare("UPDATE vms SET process = json_set(process, '$.bootId', 'the boot before') WHERE id = ?").run(
      vm.id,
    );
    db.close();
    rmSync(join(runDir, vm.id), { recursive: true });
    await again();
    expect(strata.vms.get(vm.id).lastFailure?.message).toContain('host was restarted');
  });
});

describe('a power-off', () => {
  it('of a frozen QEMU takes seconds, not half a minute', async () => {
    const vm = await running('Frozen');
    process.kill(vm.pid, 'SIGSTOP');
    const began = performance.now();
    expect((await post(`/vms/${vm.id}/poweroff`)).body.state).toBe('off');
    expect(performance.now() - began).toBeLessThan(7_000);
    expect(await identify(vm.pid)).toBeNull();
  });

  it('ends a start that is under way', async () => {
    const made = await post('/vms', { name: 'Regretted', memory: '32M', nics: [] });
    const id = made.body.id as string;
    const start = post(`/vms/${id}/start`);
    await until(() => strata.vms.get(id).state === 'starting');
    const off = await post(`/vms/${id}/poweroff`);
    expect(off.status, JSON.stringify(off.body)).toBe(200);
    expect(off.body).toMatchObject({ state: 'off' });
    expect(off.body.lastFailure).toBeUndefined();
    expect([200, 409]).toContain((await start).status);
    expect(strata.vms.isLive(id)).toBe(false);
    const second = await post(`/vms/${id}/start`);
    expect(second.body, JSON.stringify(second.body)).toMatchObject({ state: 'running' });
    await post(`/vms/${id}/poweroff`);
  });
});
