import { createVmBody, patchVmBody, type Vm } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../app-error.ts';
import type { QemuTarget } from '../../qemu/capabilities.ts';
import { changedDefinition, freshMac, hardwareOf, newDefinition } from './vm-definition.ts';
import { checkSocketPaths, vmPaths } from './vm-paths.ts';
import type { StoredDefinition, VmRecord } from './vm-record.types.ts';
import { slugOf } from './vm-slug.ts';
import { selectVms } from './vms.routes.ts';

const target: QemuTarget = {
  arch: 'x86_64',
  binary: '/usr/bin/qemu-system-x86_64',
  version: '7.2.0',
  machines: [
    { name: 'pc-q35-7.2', alias: 'q35', default: false, maxCpus: 288 },
    { name: 'pc-i440fx-7.2', alias: 'pc', default: true, maxCpus: 255 },
  ],
  cpus: [],
  commands: new Set(),
  devices: new Set(),
  memoryFiles: false,
};
const define = (wish: Record<string, unknown> = {}, taken = new Set<string>()) =>
  newDefinition('vm1', createVmBody.parse({ name: 'a', ...wish }), target, taken);
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
  return 'nothing was thrown';
};

describe('a definition', () => {
  it('stores the versioned machine, never the alias', () => {
    expect(define().machine).toBe('pc-q35-7.2');
    expect(define({ machine: 'pc' }).machine).toBe('pc-i440fx-7.2');
    expect(codeOf(() => define({ machine: 'q36' }))).toBe('not-possible');
  });

  it('gives each card a MAC of its own that stays the same', () => {
    const macs = define({ nics: [{}, {}] }).nics.map(({ mac }) => mac);
    expect(new Set(macs).size).toBe(2);
    expect(define({ nics: [{}, {}] }).nics.map(({ mac }) => mac)).toEqual(macs);
    expect(define({ nics: [{}] }, new Set(macs)).nics[0]?.mac).not.toBe(macs[0]);
    expect(codeOf(() => define({ nics: [{ mac: macs[0] }] }, new Set(macs)))).toBe('invalid-request');
    expect(freshMac('x', new Set())).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
  });

  it('numbers the drives of each kind', () => {
    const { media } = define({ media: [{ kind: 'cdrom' }, { kind: 'floppy' }, { kind: 'cdrom' }] });
    expect(media.map(({ slot }) => slot)).toEqual(['cd0', 'fd0', 'cd1']);
  });

  it('keeps in a change what is not named in it', () => {
    const record = {
      id: 'vm1',
      definition: define({ memory: '2G', boot: { menu: true }, media: [{ kind: 'cdrom' }] }),
      disks: [],
    } as unknown as VmRecord;
    const change = patchVmBody.parse({ cpus: 3, boot: { once: 'cdrom' } });
    expect(changedDefinition(record, change, target, new Set())).toEqual({
      ...record.definition,
      cpus: 3,
      boot: { ...record.definition.boot, once: 'cdrom' },
    });
  });

  it('is other hardware when the guest would notice, not when only notes or media change', () => {
    const plain = hardwareOf(define(), []);
    expect(hardwareOf(define({ notes: 'x', autostart: true, boot: { once: 'network' } }), [])).toBe(plain);
    const reversed = Object.fromEntries(Object.entries(define()).reverse()) as StoredDefinition;
    expect(hardwareOf(reversed, [])).toBe(plain);
    expect(hardwareOf(define({ cpus: 2 }), [])).not.toBe(plain);
    expect(hardwareOf(define({ media: [{ kind: 'cdrom' }] }), [])).not.toBe(plain);
  });
});

describe('the sockets of a VM', () => {
  const at = (runDir: string) => vmPaths({ dataDir: '/data', runDir }, 'abcdefghijkl', 1);
  it('fit into what a unix socket takes, or are refused with what to do', () => {
    expect(codeOf(() => checkSocketPaths(at('/run/user/1000/strata/0123456789')))).toBe('nothing was thrown');
    expect(codeOf(() => checkSocketPaths(at(`/${'x'.repeat(90)}`)))).toBe('nothing was thrown');
    expect(codeOf(() => checkSocketPaths(at(`/${'x'.repeat(91)}`)))).toBe('path-too-long');
    expect(codeOf(() => checkSocketPaths(at(`/${'ü'.repeat(50)}`)))).toBe('path-too-long');
  });
});

describe('the list of VMs', () => {
  const vms = ['beta', 'alpha', 'gamma'].map(
    (name, n) =>
      ({ name, notes: n === 2 ? 'Server' : '', state: n === 0 ? 'running' : 'off', createdAt: `${n}` }) as Vm,
  );
  const names = (selection: Parameters<typeof selectVms>[1]): string[] =>
    selectVms(vms, selection).items.map(({ name }) => name);

  it('is filtered, sorted and paged', () => {
    expect(names({})).toEqual(['alpha', 'beta', 'gamma']);
    expect(names({ sort: '-createdAt' })).toEqual(['gamma', 'alpha', 'beta']);
    expect(names({ q: 'SERVER' })).toEqual(['gamma']);
    expect(names({ state: 'running' })).toEqual(['beta']);
    const first = selectVms(vms, { limit: 2 });
    expect(first).toMatchObject({ total: 3, nextCursor: '2' });
    const second = selectVms(vms, { limit: 2, cursor: '2' });
    expect(second.items.map(({ name }) => name)).toEqual(['gamma']);
    expect(second.nextCursor).toBeUndefined();
    expect(codeOf(() => selectVms(vms, { sort: 'shoe-size' }))).toBe('invalid-request');
    expect(codeOf(() => selectVms(vms, { cursor: 'x' }))).toBe('invalid-request');
  });
});

describe('a file name made of a display name', () => {
  it.each([
    ['Web Server 1', 'Web-Server-1'],
    ['../../etc/passwd', 'etc-passwd'],
    ['-n', 'n'],
    ['x,file=/etc/passwd', 'x-file-etc-passwd'],
    ['日本', 'image'],
  ])('%s → %s', (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });
});
