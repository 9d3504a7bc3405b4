import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import type { ImageExport } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findProgram } from '../../qemu/capabilities.ts';
import { fuseRefusal, isMounted } from '../../qemu/exports/fuse-mount.ts';
import { imagesAreEqual } from '../../qemu/qemu-img.ts';
import { exportsRepository } from './exports.repository.ts';
import { type ExportBench, mebi, paste, startExportBench, tool } from './testing/export-bench.ts';

let bench: ExportBench;
beforeEach(async () => {
  bench = await startExportBench();
});
afterEach(() => bench.stop());

const exported = async (wish: object): Promise<ImageExport> => {
  const answer = await bench.call('POST', '/exports', wish);
  expect(answer.body, JSON.stringify(answer.body)).toMatchObject({ id: expect.any(String) });
  return answer.body as ImageExport;
};
const commandOf = ({ commands }: ImageExport, title: string): string => {
  const found = commands.find((each) => each.title === title);
  if (found === undefined) throw new Error(`no command “${title}”`);
  return found.command;
};
const readsAsTop = (name: string): Promise<boolean> =>
  imagesAreEqual(
    { path: join(bench.scratch, name), format: name.endsWith('.raw') ? 'raw' : 'qcow2' },
    bench.top,
  );
const pidOf = (id: string): number => Number(readFileSync(join(bench.runDir, `d-x-${id}.pid`), 'utf8'));
const lives = (pid: number): boolean => existsSync(`/proc/${pid}/exe`);
const gone = (pid: number): Promise<void> =>
  vi.waitFor(() => expect(lives(pid)).toBe(false), { timeout: 20_000 });

/** The printed commands that need neither root nor a kernel module, each run as it is printed. */
const proveCommands = async (one: ImageExport): Promise<void> => {
  expect((await paste(commandOf(one, 'What QEMU sees'), bench.scratch)).stdout).toContain('8 MiB');
  await paste(commandOf(one, 'Copy all of it into a new image'), bench.scratch);
  expect(await readsAsTop('copy.qcow2')).toBe(true);
  if (findProgram('nbdinfo') === null) return;
  const { stdout } = await paste(commandOf(one, 'What it is'), bench.scratch);
  expect(stdout).toContain(`export-size: ${8 * mebi}`);
  expect(stdout).toContain('is_read_only: true');
  await paste(commandOf(one, 'Copy all of it into a raw file'), bench.scratch);
  expect(await readsAsTop('copy.raw')).toBe(true);
};

describe('an export over NBD', () => {
  it('serves what a layer reads through its chain, read-only, on a socket that only its owner reaches', async () => {
    const one = await exported({ imageId: bench.top.id, name: 'for me' });
    expect(one).toMatchObject({ kind: 'nbd', writable: false, tls: false, pinned: false, size: 8 * mebi });
    expect(one.uri).toMatch(/^nbd\+unix:\/\/\/disk\?socket=/);
    const socket = one.socket ?? '';
    expect(statSync(socket).mode & 0o077).toBe(0);
    expect(statSync(dirname(socket)).mode & 0o077).toBe(0);
    await proveCommands(one);
    const write = ['-f', 'raw', '-c', 'write 0 512', one.uri];
    await expect(tool('qemu-io', write)).rejects.toThrow();
    expect(await readsAsTop('copy.qcow2')).toBe(true);
  });

  it('listens on loopback alone when asked for TCP, under a name that nobody guesses', async () => {
    const one = await exported({ imageId: bench.top.id, transport: 'tcp' });
    const { port = 0, host } = one.address ?? {};
    expect(host).toBe('127.0.0.1');
    expect(one.exportName).toMatch(/^[0-9a-f]{24}$/);
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listening = ['tcp', 'tcp6'].flatMap((name) =>
      readFileSync(`/proc/net/${name}`, 'utf8')
        .split('\n')
        .filter((line) => line.trim().split(/\s+/)[3] === '0A' && line.includes(`:${hex} `))
        .map((line) => line.trim().split(/\s+/)[1]),
    );
    expect(listening).toEqual([`0100007F:${hex}`]);
    await proveCommands(one);
    const taken = await bench.call('POST', '/exports', { imageId: bench.base.id, transport: 'tcp', port });
    expect([taken.status, taken.body.code]).toEqual([409, 'port-taken']);
    expect((await bench.call('GET', '/exports')).body.total).toBe(1);
  });

  it('lets in only who has the client’s key, when TLS is asked for', async () => {
    const one = await exported({ imageId: bench.top.id, transport: 'tcp', tls: true });
    const keys = one.credentials ?? '';
    expect(readdirSync(keys).sort()).toEqual(['ca-cert.pem', 'client-cert.pem', 'client-key.pem']);
    for (const role of ['client', 'server'])
      expect(statSync(join(dirname(keys), role, `${role}-key.pem`)).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(keys)).sort()).toEqual(['client', 'server']);
    await proveCommands(one);

    const { port, host } = one.address ?? {};
    const plain = `driver=nbd,host=${host},port=${port},export=${one.exportName}`;
    await expect(tool('qemu-img', ['info', '--image-opts', plain])).rejects.toThrow();
    // The keys of another export are no proof for this one.
    const other = await exported({ imageId: bench.base.id, transport: 'tcp', tls: true });
    const foreign = `tls-creds-x509,id=t,dir=${other.credentials},endpoint=client,verify-peer=no`;
    const asked = ['info', '--object', foreign, '--image-opts', `${plain},tls-creds=t`];
    await expect(tool('qemu-img', asked)).rejects.toThrow();
  });

  it('shows who is connected, and cuts them off when it is stopped', async () => {
    const [unix, tcp] = [
      await exported({ imageId: bench.top.id }),
      await exported({ imageId: bench.base.id, transport: 'tcp' }),
    ];
    const reader = spawn('qemu-io', ['-r', '-f', 'raw', tcp.uri], { stdio: ['pipe', 'ignore', 'ignore'] });
    const socket = createConnection(unix.socket ?? '').resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    try {
      await vi.waitFor(
        async () => {
          const clients = (await bench.call('GET', `/exports/${tcp.id}`)).body.clients;
          expect(clients).toMatchObject([{ pid: reader.pid, program: 'qemu-io' }]);
          expect(clients[0].address).toMatch(/^127\.0\.0\.1:\d+$/);
          expect((await bench.call('GET', `/exports/${unix.id}`)).body.clients).toEqual([
            { address: 'unix' },
          ]);
        },
        { timeout: 20_000 },
      );
      const pid = pidOf(unix.id);
      expect((await bench.call('DELETE', `/exports/${unix.id}`)).status).toBe(200);
      await closed;
      await gone(pid);
      expect(existsSync(dirname(unix.socket ?? ''))).toBe(false);
      expect((await bench.call('GET', `/exports/${unix.id}`)).status).toBe(404);
      expect((await bench.call('GET', '/exports')).body.items.map(({ id }: ImageExport) => id)).toEqual([
        tcp.id,
      ]);
    } finally {
      reader.kill();
      socket.destroy();
    }
  });

  it('is gone from the list when its process was killed, and the layers are free again', async () => {
    const one = await exported({ imageId: bench.top.id });
    process.kill(pidOf(one.id), 'SIGKILL');
    await vi.waitFor(async () => expect((await bench.call('GET', '/exports')).body.total).toBe(0), {
      timeout: 20_000,
    });
    expect(bench.image('top').usedBy).toEqual([]);
    expect(existsSync(dirname(one.socket ?? ''))).toBe(false);
  });
});

/** A raw disk with a partition of 2 MiB behind its first MiB, which begins with these bytes. */
const rawDisk = async (words: string): Promise<string> => {
  const path = join(bench.dataDir, 'images', 'stick.raw');
  const bytes = Buffer.alloc(4 * mebi);
  bytes.writeUInt8(0x83, 0x1be + 4);
  bytes.writeUInt32LE(2048, 0x1be + 8);
  bytes.writeUInt32LE(4096, 0x1be + 12);
  bytes.writeUInt16BE(0x55aa, 510);
  bytes.write(words, mebi);
  writeFileSync(path, bytes);
  const { images } = bench.strata.services.library;
  await images.scan();
  return images.findByPath(path)?.id ?? '';
};

describe('an exported disk with partitions', () => {
  it('is mounted by the offset and the length of each, computed for the raw file', async () => {
    const imageId = await rawDisk('the first sector');
    const one = await exported({ imageId });
    const path = join(bench.dataDir, 'images', 'stick.raw');
    expect(commandOf(one, `Mount partition 1 of the file ${path}`)).toBe(
      `sudo mount -o ro,loop,offset=${mebi},sizelimit=${2 * mebi} ${path} /mnt`,
    );
    // An overlay alone is no raw disk: then only what is served is.
    const layered = await exported({ imageId: bench.top.id });
    expect(layered.commands.filter(({ title }) => title.startsWith('Mount partition'))).toEqual([]);
    if ((await fuseRefusal()) !== null) return;
    const file = await exported({ imageId, kind: 'fuse' });
    const command = commandOf(file, `Mount partition 1 of the file ${file.mountpoint}`);
    const offset = Number(/offset=(\d+)/.exec(command)?.[1]);
    const { stdout } = await paste(
      `dd if=${file.mountpoint} bs=512 skip=${offset / 512} count=1 status=none`,
      bench.scratch,
    );
    expect(stdout).toMatch(/^the first sector/);
  });
});

describe('an exported layer', () => {
  it('is named by what uses it, and whatever would change or remove it is refused by that name', async () => {
    const one = await exported({ imageId: bench.top.id, name: 'for the lab' });
    expect(bench.image('top').usedBy).toEqual([{ kind: 'export', id: one.id, name: 'for the lab' }]);
    const { top, base } = bench;
    for (const request of [
      { operation: 'commit', top: top.id, base: base.id },
      { operation: 'pull', into: top.id },
      { operation: 'delete', imageId: top.id },
      { operation: 'flatten', imageId: top.id },
    ]) {
      const { body } = await bench.call('POST', '/chains/plan', request);
      expect(JSON.stringify(body), request.operation).toContain('“for the lab”');
      const ran = await bench.call('POST', '/chains/run', { ...request, fingerprint: body.fingerprint });
      expect([ran.status, ran.body.code]).toEqual([409, 'plan-blocked']);
    }
    for (const [method, path, body] of [
      ['DELETE', `/images/${top.id}`],
      ['POST', `/images/${base.id}/rename`, { name: 'other' }],
      ['POST', `/images/${base.id}/check`, { repair: 'all' }],
    ] as const) {
      const answer = await bench.call(method, path, body);
      expect([answer.status, answer.body.code]).toEqual([409, 'image-in-use']);
      expect(answer.body.detail).toContain('for the lab');
    }
    await bench.call('DELETE', `/exports/${one.id}`);
    expect((await bench.call('DELETE', `/images/${top.id}`)).status).toBe(200);
  });

  it('keeps the VM that would write it from starting', async () => {
    const disks = [{ imageId: bench.top.id }];
    await bench.call('POST', '/vms', { name: 'web', memory: '64M', disks, nics: [] });
    const [web] = bench.strata.services.vms.list();
    const one = await exported({ imageId: bench.top.id, name: 'for the lab' });
    const refused = await bench.call('POST', `/vms/${web?.id}/start`);
    expect([refused.status, refused.body.code]).toEqual([409, 'image-in-use']);
    expect(refused.body.detail).toContain('for the lab');
    await bench.call('DELETE', `/exports/${one.id}`);
    expect((await bench.call('POST', `/vms/${web?.id}/start`)).body.state).toBe('running');

    const active = await bench.call('POST', '/exports', { imageId: bench.top.id });
    expect([active.status, active.body.code]).toEqual([409, 'image-in-use']);
    expect(active.body.detail).toContain('Take a snapshot');
    // The layer that it stands on is frozen: it is served while the guest runs.
    const frozen = await exported({ imageId: bench.base.id });
    await paste(commandOf(frozen, 'Copy all of it into a new image'), bench.scratch);
    const copy = { path: join(bench.scratch, 'copy.qcow2'), format: 'qcow2' as const };
    expect(await imagesAreEqual(copy, bench.base)).toBe(true);
  });

  it('stands in the way of a snapshot of a VM that is off by its own name, and says how to stop it', async () => {
    await bench.call('POST', '/vms', {
      name: 'web',
      memory: '64M',
      disks: [{ imageId: bench.top.id }],
      nics: [],
    });
    const [web] = bench.strata.services.vms.list();
    const one = await exported({ imageId: bench.top.id, name: 'for the lab' });
    const refused = await bench.call('POST', `/vms/${web?.id}/snapshots?wait=30`, { name: 'first' });
    expect([refused.status, refused.body.code]).toEqual([409, 'image-locked']);
    expect(refused.body.detail).toBe(
      'The export “for the lab” has “top” open. Stop it first, under Exports in the library.',
    );
    await bench.call('DELETE', `/exports/${one.id}`);
    const taken = await bench.call('POST', `/vms/${web?.id}/snapshots?wait=30`, { name: 'first' });
    expect(taken.body).toMatchObject({ state: 'done' });
  });

  it('is written only where nothing stands on it, and then by nobody else', async () => {
    const refused = await bench.call('POST', '/exports', { imageId: bench.base.id, writable: true });
    expect([refused.status, refused.body.code]).toEqual([409, 'image-in-use']);
    expect(refused.body.detail).toContain('“top”');

    const one = await exported({ imageId: bench.top.id, writable: true, name: 'the writer' });
    await tool('qemu-io', ['-f', 'raw', '-c', 'write -P 7 4M 64k', '-c', 'flush', one.uri]);
    const copy = await bench.call('POST', `/images/${bench.top.id}/copy`, { name: 'half written' });
    expect([copy.status, copy.body.code]).toEqual([409, 'image-in-use']);
    await bench.call('DELETE', `/exports/${one.id}`);
    const read = await tool('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -v -P 7 4M 64k', bench.top.path]);
    expect(read.stdout).not.toContain('Pattern verification failed');
  });
});

describe('a request for an export', () => {
  it('opens no address but loopback, no port of the system, and no port or key for a socket', async () => {
    const { id } = bench.top;
    for (const wish of [
      { imageId: id, listen: '0.0.0.0' },
      { imageId: id, transport: 'tcp', host: '0.0.0.0' },
      { imageId: id, transport: 'tcp', port: 80 },
      { imageId: id, transport: 'tcp', port: '10809' },
      { imageId: id, port: 10_809 },
      { imageId: id, tls: true },
      { imageId: id, kind: 'fuse', transport: 'tcp' },
    ])
      expect((await bench.call('POST', '/exports', wish)).status, JSON.stringify(wish)).toBe(400);
    expect((await bench.call('POST', '/exports', { imageId: 'zzzzzzzzzzzz' })).status).toBe(404);
    expect((await bench.call('GET', '/exports')).body.total).toBe(0);
    expect(readdirSync(bench.runDir).filter((name) => name.includes('x-'))).toEqual([]);
  });
});

describe('when the server ends', () => {
  it('an export ends with it, unless it is pinned: that is taken up again and stopped like any other', async () => {
    const [loose, pinned] = [
      await exported({ imageId: bench.top.id }),
      await exported({ imageId: bench.base.id, pinned: true, name: 'stays' }),
    ];
    const [loosePid, pinnedPid] = [pidOf(loose.id), pidOf(pinned.id)];
    await bench.restart();
    expect(lives(loosePid)).toBe(false);
    expect(lives(pinnedPid)).toBe(true);
    expect((await bench.call('GET', '/exports')).body.items).toMatchObject([
      { id: pinned.id, name: 'stays' },
    ]);
    expect(bench.image('base').usedBy).toContainEqual({ kind: 'export', id: pinned.id, name: 'stays' });
    await tool('qemu-img', ['info', '-f', 'raw', pinned.uri]);
    await bench.call('DELETE', `/exports/${pinned.id}`);
    await gone(pinnedPid);
  });

  it('by a kill, what it has left behind is ended at the next start', async () => {
    const one = await exported({ imageId: bench.top.id, pinned: true });
    const pid = pidOf(one.id);
    await bench.restart((db) => {
      const books = exportsRepository(db);
      const [record] = books.all();
      if (record === undefined) throw new Error('it was not written down');
      // A server that is killed ends nothing: what it leaves is like this, and not pinned.
      books.remove(one.id);
      books.add({ ...record, pinned: false });
    });
    await gone(pid);
    expect((await bench.call('GET', '/exports')).body.total).toBe(0);
    expect(bench.image('top').usedBy).toEqual([]);
    expect(existsSync(dirname(one.socket ?? ''))).toBe(false);
  });
});

describe.skipIf((await fuseRefusal()) !== null)('an export as a file', () => {
  it('is a raw file that reads as the layer does, and cannot be written', async () => {
    const one = await exported({ imageId: bench.top.id, kind: 'fuse' });
    const file = one.mountpoint ?? '';
    expect(statSync(file).size).toBe(8 * mebi);
    await paste(commandOf(one, 'Copy all of it'), bench.scratch);
    expect(await readsAsTop('copy.raw')).toBe(true);
    expect(statSync(file).mode & 0o222).toBe(0);
    await bench.call('DELETE', `/exports/${one.id}`);
    expect(await isMounted(file)).toBe(false);
    expect(existsSync(dirname(file))).toBe(false);
  });

  it('leaves no dead mount behind when its process was killed', async () => {
    const one = await exported({ imageId: bench.top.id, kind: 'fuse' });
    const file = one.mountpoint ?? '';
    expect(await isMounted(file)).toBe(true);
    process.kill(pidOf(one.id), 'SIGKILL');
    await vi.waitFor(
      async () => {
        expect((await bench.call('GET', '/exports')).body.total).toBe(0);
        expect(await isMounted(file)).toBe(false);
      },
      { timeout: 20_000 },
    );
    expect(existsSync(dirname(file))).toBe(false);
  });
});
