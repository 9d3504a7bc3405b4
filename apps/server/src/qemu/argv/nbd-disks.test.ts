import { describe, expect, it } from 'vitest';
import type { LaunchNbdDisk } from './launch.types.ts';
import { nbdDiskArgs, nbdPorts } from './nbd-disks.ts';

const disk = (differs: Partial<LaunchNbdDisk> = {}): LaunchNbdDisk => ({
  id: 'nbd0',
  target: { server: { type: 'unix', path: '/run/a,b/nbd.sock' }, exportName: 'disk', tls: false },
  credentials: null,
  readOnly: true,
  bus: 'virtio',
  ...differs,
});
const jsonOf = (args: readonly string[]): unknown[] =>
  args.filter((arg) => arg.startsWith('{')).map((arg) => JSON.parse(arg) as unknown);

describe('a disk that an NBD server has', () => {
  it('is opened by JSON, raw and read-only unless it is written', () => {
    const args = nbdDiskArgs([disk()], 'q35', () => ',bootindex=100');
    expect(jsonOf(args)).toEqual([
      {
        ...{ driver: 'nbd', 'node-name': 'f-nbd0', server: { type: 'unix', path: '/run/a,b/nbd.sock' } },
        ...{ export: 'disk', 'reconnect-delay': 30, 'read-only': true },
      },
      { driver: 'raw', 'node-name': 'd-nbd0', file: 'f-nbd0', 'read-only': true },
    ]);
    expect(args.at(-1)).toBe(
      'virtio-blk-pci,bus=rp13,addr=0x0,drive=d-nbd0,id=disk-nbd0,serial=nbd0,write-cache=on,bootindex=100',
    );
    expect(nbdPorts([disk(), disk({ bus: 'scsi' })])).toEqual([13]);
  });

  it('is reached with keys from a folder when its server wants TLS', () => {
    const target = {
      ...{ server: { type: 'inet' as const, host: '127.0.0.1', port: 4444 }, exportName: 'x', tls: true },
    };
    const secure = disk({ target, credentials: '/keys', readOnly: false, bus: 'scsi' });
    const args = nbdDiskArgs([secure], 'pc', () => '');
    expect(jsonOf(args)).toMatchObject([
      { 'qom-type': 'tls-creds-x509', id: 'tls-nbd0', dir: '/keys', endpoint: 'client' },
      {
        server: { type: 'inet', host: '127.0.0.1', port: '4444' },
        'tls-creds': 'tls-nbd0',
        'read-only': false,
      },
      { driver: 'raw', 'read-only': false },
    ]);
    expect(args.at(-1)).toMatch(/^scsi-hd,bus=scsi\.0,scsi-id=100,lun=0,/);
  });
});
