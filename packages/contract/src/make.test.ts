import { describe, expect, it } from 'vitest';
import { makeFloppyBody, makeIsoBody, makeSeedBody } from './make.ts';

const iso = { name: 'Files', source: '/home/me/files' };

describe('an ISO that is asked for', () => {
  it('has a label, and Joliet names, unless something else is said', () => {
    expect(makeIsoBody.parse(iso)).toEqual({ ...iso, label: 'STRATA', joliet: true });
  });

  it('has a label that is no option and fits on a disc', () => {
    for (const label of ['A', 'Debian_12.5-amd64', 'x'.repeat(32)])
      expect(makeIsoBody.safeParse({ ...iso, label }).success, label).toBe(true);
    for (const label of ['', '-o', '.x', 'a b', 'a\nb', 'é', 'x'.repeat(33)])
      expect(makeIsoBody.safeParse({ ...iso, label }).success, label).toBe(false);
  });

  it('is of an absolute path', () => {
    for (const source of ['files', './x', '-o', '~/x', '/a\nb'])
      expect(makeIsoBody.safeParse({ ...iso, source }).success, source).toBe(false);
  });
});

describe('a floppy that is asked for', () => {
  it('has one of the sizes of a PC, and a label in capitals', () => {
    expect(makeFloppyBody.parse(iso)).toEqual({ ...iso, label: 'STRATA', kilobytes: 1440 });
    for (const wrong of [{ kilobytes: 1441 }, { label: 'lower' }, { label: '-O' }, { label: 'X'.repeat(12) }])
      expect(makeFloppyBody.safeParse({ ...iso, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
  });
});

describe('a seed that is asked for', () => {
  it('has user data of which cloud-init takes notice', () => {
    for (const userData of [
      '#cloud-config\n',
      '#!/bin/sh',
      '## template: jinja\n#cloud-config',
      'MIME-Version: 1.0',
    ])
      expect(makeSeedBody.safeParse({ name: 'x', userData }).success, userData).toBe(true);
    for (const userData of ['', 'hostname: x', '\n#cloud-config', 'x #!', '#cloud-config\n\0'])
      expect(makeSeedBody.safeParse({ name: 'x', userData }).success, userData).toBe(false);
  });

  it('may come from a system with other line ends', () => {
    const { userData } = makeSeedBody.parse({ name: 'x', userData: '#cloud-config\r\nhostname: x\r\n' });
    expect(userData).toBe('#cloud-config\nhostname: x\n');
  });
});
