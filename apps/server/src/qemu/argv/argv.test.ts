import { describe, expect, it } from 'vitest';
import { AppError } from '../../app-error.ts';
import { qemuArgs } from './argv.ts';
import { afterOnce } from './boot-order.ts';
import type { Launch, LaunchDisk, LaunchNic } from './launch.types.ts';

const disk = (over: Partial<LaunchDisk> = {}): LaunchDisk => ({
  id: 'aaaaaaaaaaaa',
  path: '/data/images/web.qcow2',
  format: 'qcow2',
  bus: 'virtio',
  cache: 'writeback',
  discard: true,
  ...over,
});
const nic = (over: Partial<LaunchNic> = {}): LaunchNic => ({
  id: 'nic0',
  mode: 'user',
  model: 'virtio',
  mac: '52:54:00:01:02:03',
  forwards: [],
  ...over,
});
const launch = (over: Partial<Launch> = {}): Launch => ({
  uuid: '6f1f3f0a-0000-4000-8000-000000000001',
  name: 'web',
  arch: 'x86_64',
  machine: 'pc-q35-7.2',
  accelerator: 'tcg',
  cpus: 2,
  memory: 512 * 1024 ** 2,
  firmware: null,
  boot: { order: ['disk', 'cdrom', 'network'], menu: false, once: null },
  kernel: null,
  disks: [disk()],
  media: [],
  nics: [nic()],
  display: 'std',
  audio: 'none',
  extraArgs: [],
  sockets: {
    control: '/run/v/c',
    tools: '/run/v/t',
    vnc: '/run/v/v',
    agent: '/run/v/g',
    serial: ['/run/v/s0'],
  },
  serialLogs: ['/data/vms/v/serial0.log'],
  pidFile: '/run/v/pid',
  paused: false,
  incoming: false,
  ...over,
});

/** The values that follow an option, in order. */
const valuesOf = (option: string, args: readonly string[]): string[] =>
  args.flatMap((argument, index) => (argument === option ? [args[index + 1] ?? ''] : []));
const devices = (over: Partial<Launch> = {}): string[] => valuesOf('-device', qemuArgs(launch(over)));
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
  return 'nothing was thrown';
};

describe('the command line of a VM', () => {
  it('starts from nothing, in the sandbox, with the stored machine and no defaults', () => {
    const args = qemuArgs(launch());
    expect(args).toContain('-nodefaults');
    expect(args).toContain('-no-user-config');
    expect(valuesOf('-sandbox', args)).toEqual([
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
    expect(valuesOf('-machine', args)).toEqual(['pc-q35-7.2,dump-guest-core=off,usb=off,vmport=off']);
    expect(valuesOf('-uuid', args)).toEqual(['6f1f3f0a-0000-4000-8000-000000000001']);
    expect(valuesOf('-accel', args)).toEqual(['tcg']);
    expect(valuesOf('-cpu', args)).toEqual(['max']);
    expect(valuesOf('-smp', args)).toEqual(['cpus=2']);
    expect(valuesOf('-m', args)).toEqual(['512M']);
    expect(args).not.toContain('-daemonize');
    expect(args).not.toContain('-no-shutdown');
    expect(args).not.toContain('-S');
  });

  it('uses the host processor under KVM', () => {
    expect(valuesOf('-cpu', qemuArgs(launch({ accelerator: 'kvm' })))).toEqual(['host']);
  });

  it('opens a disk by JSON with its format, a named top node and no probing', () => {
    expect(valuesOf('-blockdev', qemuArgs(launch())).map((json) => JSON.parse(json) as unknown)).toEqual([
      {
        driver: 'file',
        'node-name': 'f-aaaaaaaaaaaa',
        filename: '/data/images/web.qcow2',
        cache: { direct: false, 'no-flush': false },
        discard: 'unmap',
      },
      {
        driver: 'qcow2',
        'node-name': 'd-aaaaaaaaaaaa',
        file: 'f-aaaaaaaaaaaa',
        cache: { direct: false, 'no-flush': false },
        discard: 'unmap',
      },
    ]);
    expect(devices()).toContain(
      'virtio-blk-pci,bus=rp0,addr=0x0,drive=d-aaaaaaaaaaaa,id=disk-aaaaaaaaaaaa,serial=aaaaaaaaaaaa,write-cache=on,bootindex=100,werror=enospc,rerror=report',
    );
  });

  it.each([
    ['writeback', false, 'on'],
    ['none', true, 'on'],
    ['writethrough', false, 'off'],
    ['directsync', true, 'off'],
  ])('spells out the cache mode %s', (cache, direct, writeCache) => {
    const args = qemuArgs(launch({ disks: [disk({ cache })] }));
    for (const json of valuesOf('-blockdev', args))
      expect((JSON.parse(json) as { cache: unknown }).cache).toEqual({ direct, 'no-flush': false });
    expect(valuesOf('-device', args).find((device) => device.includes('drive='))).toContain(
      `write-cache=${writeCache}`,
    );
  });

  it.each([
    ['scsi', 'scsi-hd,bus=scsi.0,scsi-id=0,lun=0,'],
    ['sata', 'ide-hd,bus=ide.0,unit=0,'],
    ['ide', 'ide-hd,bus=ide.0,unit=0,'],
    ['nvme', 'nvme,bus=rp0,addr=0x0,'],
    ['usb', 'scsi-hd,bus=disk-aaaaaaaaaaaa-usb.0,scsi-id=0,lun=0,'],
  ] as const)('gives a %s disk its own explicit place', (bus, start) => {
    expect(devices({ disks: [disk({ bus })] }).some((device) => device.startsWith(start))).toBe(true);
  });

  it('puts an IDE disk of a pc machine on the IDE controller', () => {
    const found = devices({ machine: 'pc-i440fx-7.2', disks: [disk({ bus: 'ide' })] });
    expect(found.some((device) => device.startsWith('ide-hd,bus=ide.0,unit=0,'))).toBe(true);
    expect(found.some((device) => device.startsWith('pcie-root-port'))).toBe(false);
  });

  it('refuses a seventh drive on a SATA controller, in words', () => {
    const disks = Array.from({ length: 7 }, (_, n) => disk({ id: `disk${n}`, bus: 'sata' }));
    expect(codeOf(() => qemuArgs(launch({ disks })))).toBe('not-possible');
  });

  it('gives every PCI device an explicit and unique address', () => {
    const disks = Array.from({ length: 16 }, (_, n) => disk({ id: `disk${n}` }));
    const nics = Array.from({ length: 8 }, (_, n) =>
      nic({ id: `nic${n}`, model: n % 2 === 0 ? 'virtio' : 'e1000' }),
    );
    const found = devices({ disks, nics, audio: 'hda' }).filter((device) =>
      /bus=(pcie\.0|rp\d+)/.test(device),
    );
    const places = found.map((device) => /bus=([^,]+),addr=([^,]+)/.exec(device)?.slice(1).join(' '));
    expect(places).not.toContain(undefined);
    expect(new Set(places).size).toBe(places.length);
  });

  it('keeps four root ports free for what is plugged in later', () => {
    const found = devices();
    for (const port of [24, 25, 26, 27]) {
      expect(found.some((device) => device.startsWith(`pcie-root-port,id=rp${port},`))).toBe(true);
      expect(found.some((device) => device.includes(`bus=rp${port},`))).toBe(false);
    }
  });

  it('does not move a device when another one is added', () => {
    const place = (over: Partial<Launch>): string | undefined =>
      devices(over)
        .find((device) => device.startsWith('virtio-net'))
        ?.match(/bus=[^,]+,addr=[^,]+/)?.[0];
    expect(place({ nics: [nic()] })).toBe('bus=rp16,addr=0x0');
    expect(place({ disks: [disk(), disk({ id: 'bbbbbbbbbbbb' })], nics: [nic()] })).toBe('bus=rp16,addr=0x0');
  });

  it('keeps an empty CD-ROM drive and reads a medium as raw and read-only', () => {
    expect(devices({ media: [{ slot: 'cd0', kind: 'cdrom', path: null }] })).toContain(
      'ide-cd,bus=ide.0,unit=0,id=cd0,bootindex=101',
    );
    const args = qemuArgs(launch({ disks: [], media: [{ slot: 'cd0', kind: 'cdrom', path: '/iso/a.iso' }] }));
    expect(JSON.parse(valuesOf('-blockdev', args)[0] ?? '')).toEqual({
      driver: 'raw',
      'node-name': 'm-cd0',
      'read-only': true,
      file: { driver: 'file', filename: '/iso/a.iso', 'read-only': true },
    });
    expect(valuesOf('-device', args)).toContain('ide-cd,bus=ide.0,unit=0,id=cd0,drive=m-cd0,bootindex=100');
  });

  it('boots in the order of the definition, the one-time device first, and knows how to undo that', () => {
    const once = launch({
      boot: { order: ['disk', 'network'], menu: true, once: 'cdrom' },
      media: [{ slot: 'cd0', kind: 'cdrom', path: null }],
    });
    const args = qemuArgs(once);
    const indexOf = (id: string): string | undefined =>
      valuesOf('-device', args)
        .find((device) => device.includes(`id=${id}`))
        ?.match(/bootindex=(\d+)/)?.[1];
    expect(indexOf('cd0')).toBe('1');
    expect(indexOf('disk-aaaaaaaaaaaa')).toBe('100');
    expect(indexOf('nic0')).toBe('101');
    expect(valuesOf('-boot', args)).toEqual(['menu=on,splash-time=5000,strict=on']);
    expect(afterOnce(once)).toEqual([{ device: 'cd0', property: 'bootindex', bootindex: -1 }]);
  });

  it('boots a kernel directly', () => {
    const kernel = { path: '/boot/vmlinuz', initrd: '/boot/initrd', append: 'console=ttyS0 x=1,y' };
    const args = qemuArgs(launch({ kernel }));
    expect(valuesOf('-kernel', args)).toEqual(['/boot/vmlinuz']);
    expect(valuesOf('-initrd', args)).toEqual(['/boot/initrd']);
    expect(valuesOf('-append', args)).toEqual(['console=ttyS0 x=1,y']);
  });

  it('listens on unix sockets only, two of them for QMP, and keeps a log of the serial port', () => {
    const args = qemuArgs(launch());
    expect(valuesOf('-chardev', args)).toEqual([
      'socket,id=control,path=/run/v/c,server=on,wait=off',
      'socket,id=tools,path=/run/v/t,server=on,wait=off',
      'socket,id=agent,path=/run/v/g,server=on,wait=off',
      'socket,id=serial0,path=/run/v/s0,server=on,wait=off,logfile=/data/vms/v/serial0.log,logappend=on',
    ]);
    expect(valuesOf('-vnc', args)).toEqual(['unix:/run/v/v,share=force-shared']);
    expect(args.join(' ')).not.toMatch(/tcp:|:\d{4,5}\b/);
  });

  it('shows no screen when the VM has none', () => {
    const args = qemuArgs(launch({ display: 'none' }));
    expect(args).not.toContain('-vnc');
    expect(args.join(' ')).not.toContain('VGA');
  });

  it('forwards ports from an explicit address of the host', () => {
    const forwards = [{ protocol: 'tcp' as const, hostAddress: '127.0.0.1', hostPort: 2222, guestPort: 22 }];
    expect(valuesOf('-netdev', qemuArgs(launch({ nics: [nic({ forwards })] })))).toEqual([
      'user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22',
    ]);
  });

  it('isolates, unplugs, and joins taps without scripts', () => {
    const of = (over: Partial<LaunchNic>): string[] =>
      valuesOf('-netdev', qemuArgs(launch({ nics: [nic(over)] })));
    expect(of({ mode: 'isolated' })).toEqual(['user,id=net0,restrict=on']);
    expect(of({ mode: 'none' })).toEqual(['hubport,id=net0,hubid=100']);
    expect(of({ mode: 'tap', network: 'tap0' })).toEqual(['tap,id=net0,ifname=tap0,script=no,downscript=no']);
    expect(codeOf(() => of({ mode: 'tap' }))).toBe('invalid-request');
  });

  it('opens the sandbox only for the helper of a bridge', () => {
    const bridge = qemuArgs(launch({ nics: [nic({ mode: 'bridge', network: 'br0' })] }));
    expect(valuesOf('-sandbox', bridge)).toEqual([
      'on,obsolete=deny,elevateprivileges=allow,spawn=allow,resourcecontrol=deny',
    ]);
    const tap = qemuArgs(launch({ nics: [nic({ mode: 'tap', network: 'tap0' })] }));
    expect(valuesOf('-sandbox', tap)[0]).toContain('spawn=deny');
  });

  it('brings UEFI as a read-only code and a store of the VM’s own', () => {
    const args = qemuArgs(launch({ firmware: { code: '/fw/CODE.fd', vars: '/data/vms/v/uefi-vars.fd' } }));
    expect(valuesOf('-machine', args)[0]).toContain('pflash0=uefi-code,pflash1=uefi-vars');
    const nodes = valuesOf('-blockdev', args).map((json) => JSON.parse(json) as Record<string, unknown>);
    expect(nodes[0]).toMatchObject({ 'node-name': 'uefi-code', 'read-only': true, driver: 'raw' });
    expect(nodes[1]).toMatchObject({ 'node-name': 'uefi-vars', 'read-only': false, driver: 'raw' });
  });

  it('lets no name or path become an option', () => {
    const name = 'x,file=/etc/passwd,readonly=on';
    const path = '/data/images/a,b:c json:{} -n.qcow2';
    const args = qemuArgs(launch({ name, disks: [disk({ path })] }));
    expect(valuesOf('-name', args)).toEqual(['guest=x,,file=/etc/passwd,,readonly=on']);
    expect((JSON.parse(valuesOf('-blockdev', args)[0] ?? '') as { filename: string }).filename).toBe(path);
    expect(args.filter((argument) => argument.includes('json:{}'))).toHaveLength(1);
    const sockets = { ...launch().sockets, control: '/run/a,b/c' };
    expect(valuesOf('-chardev', qemuArgs(launch({ sockets })))[0]).toContain('path=/run/a,,b/c,server=on');
  });

  it('lays out an ARM board without VGA, floppy and ISA', () => {
    const args = qemuArgs(launch({ arch: 'aarch64', machine: 'virt-7.2' }));
    const found = valuesOf('-device', args);
    expect(found.some((device) => device.startsWith('virtio-gpu-pci,'))).toBe(true);
    expect(found.some((device) => device.startsWith('usb-kbd,'))).toBe(true);
    expect(args.join(' ')).not.toMatch(/isa-|VGA/);
    expect(valuesOf('-serial', args)).toEqual(['chardev:serial0']);
    const floppy = { slot: 'fd0', kind: 'floppy' as const, path: null };
    expect(codeOf(() => qemuArgs(launch({ machine: 'virt-7.2', media: [floppy] })))).toBe('not-possible');
    expect(codeOf(() => qemuArgs(launch({ machine: 'microvm' })))).toBe('not-possible');
  });
});

describe('further options of a person', () => {
  it.each([
    [['-cpu', 'Nehalem,+aes,-avx']],
    [['-rtc', 'base=localtime']],
    [['-smp', '4,sockets=1,cores=4,threads=1']],
    [['-no-reboot']],
    [['-k', 'de']],
    [['-smbios', 'type=1,manufacturer=Acme,product=Box 1']],
    [['-device', 'usb-kbd']],
  ])('takes %j', (extraArgs) => {
    expect(qemuArgs(launch({ extraArgs })).slice(-extraArgs.length)).toEqual(extraArgs);
  });

  it.each([
    [['-chardev', 'socket,id=x,port=1']],
    [['-drive', 'file=/etc/passwd']],
    [['-netdev', 'user,id=x,guestfwd=tcp:1.2.3.4:1-cmd:id']],
    [['-monitor', 'stdio']],
    [['-incoming', 'exec:id']],
    [['-smbios', 'type=0,file=/etc/passwd']],
    [['-smbios', 'file=/etc/passwd']],
    [['-icount', 'shift=1,rr=record,rrfile=/tmp/x']],
    [['-device', 'virtio-blk-pci,drive=x']],
    [['-device', 'loader,file=/etc/passwd']],
    [['-rtc', 'base=utc\n-monitor']],
    [['-cpu']],
    [['toString']],
    [['__proto__', 'x']],
    [['--', '-S']],
  ])('refuses %j', (extraArgs) => {
    expect(codeOf(() => qemuArgs(launch({ extraArgs })))).toBe('invalid-request');
  });
});
