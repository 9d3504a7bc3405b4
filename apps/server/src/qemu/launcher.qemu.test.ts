import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppError } from '../app-error.ts';
import { qemuArgs } from './argv/argv.ts';
import type { Launch, LaunchDisk } from './argv/launch.types.ts';
import { createCapabilities } from './capabilities.ts';
import { launchQemu, type RunningQemu } from './launcher.ts';
import { argumentsOf, isAlive, killProcess, waitForEnd } from './process-identity.ts';

const uuid = '6f1f3f0a-0000-4000-8000-000000000001';
let folder: string;
let running: RunningQemu[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-launch-'));
  running = [];
});
afterEach(async () => {
  for (const { identity, monitors } of running) {
    monitors.control.close();
    monitors.tools.close();
    await killProcess(identity);
    await waitForEnd(identity, 5_000);
  }
  rmSync(folder, { recursive: true, force: true });
});

const disk = (over: Partial<LaunchDisk> = {}): LaunchDisk => {
  const id = over.id ?? 'aaaaaaaaaaaa';
  const path = join(folder, `disk, ${id}.qcow2`);
  if (!existsSync(path)) execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '16M']);
  return { id, path, format: 'qcow2', bus: 'virtio', cache: 'writeback', discard: true, ...over };
};

const start = async (over: Partial<Launch> = {}, name = 'a'): Promise<RunningQemu> => {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  const { binary, machines } = await createCapabilities().target('x86_64');
  const machine = machines.find(({ alias }) => alias === 'q35')?.name ?? 'q35';
  const sockets = {
    control: join(own, 'c'),
    tools: join(own, 't'),
    vnc: join(own, 'v'),
    agent: join(own, 'g'),
    serial: [join(own, 's0')],
  };
  const launch: Launch = {
    uuid,
    incoming: false,
    name: 'a,b',
    arch: 'x86_64',
    machine,
    accelerator: 'tcg',
    cpus: 1,
    memory: 64 * 1024 ** 2,
    firmware: null,
    boot: { order: ['disk'], menu: false, once: null },
    kernel: null,
    disks: [],
    media: [],
    nics: [],
    display: 'std',
    audio: 'none',
    extraArgs: [],
    sockets,
    serialLogs: [join(own, 'serial0.log')],
    pidFile: join(own, 'pid'),
    paused: true,
    ...over,
  };
  const qemu = await launchQemu({
    binary,
    args: qemuArgs(launch),
    folder: own,
    logFile: join(own, 'qemu.log'),
    sockets,
  });
  running.push(qemu);
  return qemu;
};
const failure = async (work: Promise<unknown>): Promise<AppError> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: AppError) => error,
  );

describe('starting QEMU', () => {
  it('ends when both monitors answer, with who the process is', async () => {
    const { identity, monitors } = await start({ disks: [disk()] });
    expect(await isAlive(identity)).toBe(true);
    expect((await monitors.control.execute('query-uuid')).UUID).toBe(uuid);
    expect((await monitors.tools.execute('query-status')).status).toBe('prelaunch');
    expect(readFileSync(join(folder, 'a', 'pid'), 'utf8').trim()).toBe(String(identity.pid));
  });

  it('keeps its sockets, its log and its environment to itself', async () => {
    process.env.STRATA_TOKEN = 'canary-token';
    const { identity } = await start();
    delete process.env.STRATA_TOKEN;
    for (const name of ['c', 't', 'v', 'g', 's0', 'qemu.log', 'serial0.log'])
      expect(statSync(join(folder, 'a', name)).mode & 0o077, name).toBe(0);
    expect(readFileSync(`/proc/${identity.pid}/environ`, 'utf8')).not.toContain('canary-token');
    expect((await argumentsOf(identity.pid)).join(' ')).not.toContain('canary-token');
  });

  it('is a session of its own, so that Ctrl-C of the server does not reach it', async () => {
    const { identity } = await start();
    const session = readFileSync(`/proc/${identity.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(session).toBe(String(identity.pid));
  });

  it('names the port that is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const forwards = [{ protocol: 'tcp' as const, hostAddress: '127.0.0.1', hostPort: port, guestPort: 22 }];
    const error = await failure(
      start({ nics: [{ id: 'nic0', mode: 'user', model: 'virtio', mac: '52:54:00:00:00:01', forwards }] }),
    );
    server.close();
    expect(error.code).toBe('port-taken');
    expect(error.message).toContain(String(port));
    expect(error.extras.stderr).toContain('host forwarding');
  });

  it('names the image that another QEMU writes, and that process', async () => {
    const shared = disk();
    const first = await start({ disks: [shared] });
    const error = await failure(start({ disks: [shared] }, 'b'));
    expect(error.code).toBe('image-locked');
    expect(error.message).toContain(shared.path);
    expect(error.message).toContain(`process ${first.identity.pid}`);
  });

  it('says which file is gone', async () => {
    const error = await failure(start({ disks: [disk({ path: join(folder, 'gone.qcow2') })] }));
    expect(error.code).toBe('image-unreadable');
    expect(error.message).toContain('gone.qcow2');
  });

  it('repeats QEMU’s own words for a machine it does not have', async () => {
    const error = await failure(start({ machine: 'pc-q35-99.9' }));
    expect(error.code).toBe('qemu-refused');
    expect(error.extras.stderr).toContain('unsupported machine type');
  });

  it('says that the host has too little memory', async () => {
    const error = await failure(start({ memory: 8 * 1024 ** 4 }));
    expect(['out-of-memory', 'qemu-refused']).toContain(error.code);
    expect(error.extras.stderr).not.toBe('');
  });

  it('leaves no process behind when it fails, and starts again afterwards', async () => {
    await failure(start({ machine: 'pc-q35-99.9' }));
    const { identity } = await start();
    expect(await isAlive(identity)).toBe(true);
  });
});

describe('QEMU takes every device of a definition', () => {
  const nicModels = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet', 'vmxnet3', 'usb'] as const;
  const everything = (bus: LaunchDisk['bus']): Partial<Launch> => ({
    disks: [disk({ bus }), disk({ id: 'bbbbbbbbbbbb', bus: 'virtio', cache: 'none' })],
    media: [
      { slot: 'cd0', kind: 'cdrom', path: null },
      { slot: 'fd0', kind: 'floppy', path: null },
    ],
    boot: { order: ['disk', 'cdrom', 'network', 'floppy'], menu: true, once: 'cdrom' },
    audio: 'hda',
  });

  it.each(['virtio', 'scsi', 'sata', 'ide', 'nvme', 'usb'] as const)('on q35 with a %s disk', async (bus) => {
    const { monitors } = await start(everything(bus));
    const devices = await monitors.tools.execute('query-block');
    expect(devices.map((device) => device.inserted?.['node-name']).filter(Boolean)).toContain(
      'd-aaaaaaaaaaaa',
    );
    const qdev =
      bus === 'virtio' ? '/machine/peripheral/disk-aaaaaaaaaaaa/virtio-backend' : 'disk-aaaaaaaaaaaa';
    expect(devices.map((device) => device.qdev)).toContain(qdev);
  });

  it.each(['virtio', 'scsi', 'sata', 'ide', 'nvme', 'usb'] as const)('on pc with a %s disk', async (bus) => {
    const { machines } = await createCapabilities().target('x86_64');
    const machine = machines.find(({ alias }) => alias === 'pc')?.name ?? 'pc';
    await start({ ...everything(bus), machine });
  });

  it('with eight network cards of all models', async () => {
    const nics = nicModels.map((model, n) => ({
      ...{ id: `nic${n}`, mode: n % 2 === 0 ? 'user' : 'none', model },
      ...{ mac: `52:54:00:00:00:0${n}`, forwards: [] },
    }));
    await start({ nics, audio: 'ac97' });
  });

  it.each(['std', 'virtio', 'cirrus', 'vmware', 'none'])('with the display %s', async (display) => {
    await start({
      display,
      extraArgs: ['-device', 'usb-kbd', '-rtc', 'base=localtime', '-cpu', 'qemu64,+aes'],
    });
  });

  it('and lets the one-time boot device be undone while it runs', async () => {
    const { monitors } = await start(everything('virtio'));
    await monitors.control.executeRaw('qom-set', {
      path: '/machine/peripheral/cd0',
      property: 'bootindex',
      value: 102,
    });
    expect(
      await monitors.control.executeRaw('qom-get', {
        path: '/machine/peripheral/cd0',
        property: 'bootindex',
      }),
    ).toBe(102);
  });
});

describe('what this host’s QEMU can do', () => {
  it('is asked of QEMU itself: version, machines with aliases, processors, commands', async () => {
    const target = await createCapabilities().target('x86_64');
    expect(target.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(target.machines.find(({ alias }) => alias === 'q35')?.name).toMatch(/^pc-q35-\d/);
    expect(target.machines.filter((machine) => machine.default)).toHaveLength(1);
    expect(target.cpus).toContain('qemu64');
    expect(target.commands.has('blockdev-snapshot')).toBe(true);
    expect(target.devices.has('virtio-blk-pci')).toBe(true);
  });

  it('says how to install QEMU where there is none', async () => {
    const error = await failure(createCapabilities('/nonexistent').target('x86_64'));
    expect(error.code).toBe('qemu-missing');
    expect(error.message).toContain('apt-get install');
    expect(await createCapabilities('/nonexistent').targets()).toEqual([]);
  });
});
