import { QmpCommandError, QmpConnectError, QmpInterruptedError, QmpTimeoutError } from '@strata/qmp';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { AppError } from '../app-error.ts';
import { inWords, refusalFrom, toAppError } from './qemu-errors.ts';

describe('what QEMU says', () => {
  it('about a lock names the file that is locked', () => {
    const words =
      'qemu-img: Could not open \'/v/top.qcow2\': Failed to get shared "write" lock\nIs another process using the image [/v/base.qcow2]?';
    const error = refusalFrom('Checking /v/top.qcow2', words);
    expect(error).toMatchObject({ code: 'image-locked', extras: { stderr: words } });
    expect(error.message).toContain('another program uses /v/base.qcow2');
  });

  it.each([
    ['Could not write: No space left on device', 'disk-full'],
    ['error while writing: Disk quota exceeded', 'disk-full'],
    ["Could not open '/v/x': Permission denied", 'image-unreadable'],
    ["Could not open '/v/x': Image is not in qcow2 format", 'image-unreadable'],
    ['cannot set up guest memory: Cannot allocate memory', 'out-of-memory'],
    ['Something nobody has seen before', 'qemu-refused'],
    ['', 'qemu-refused'],
  ])('“%s” is %s', (words, code) => {
    expect(refusalFrom('Working', words)).toMatchObject({ code });
  });
});

describe('an error', () => {
  it.each([
    [new QmpCommandError('job-cancel', 'GenericError', 'Job not found'), 'qemu-refused'],
    [new QmpTimeoutError('stop', 10), 'qemu-unresponsive'],
    [new QmpInterruptedError('stop'), 'qemu-unresponsive'],
    [new QmpConnectError('/run/q', 'no-greeting', 'silence'), 'qemu-unresponsive'],
    [Object.assign(new Error('write'), { code: 'ENOSPC' }), 'disk-full'],
    [Object.assign(new Error('open'), { code: 'EROFS' }), 'read-only'],
    [new Error('a bug'), 'internal-error'],
  ])('%s becomes %s, with its cause', (cause, code) => {
    expect(toAppError('Working', cause)).toMatchObject({ code, cause });
  });

  it('about a program that is not there says how to get it', async () => {
    const cause = await execa('qemu-img', ['--version'], {
      env: { PATH: '/nonexistent' },
      extendEnv: false,
    }).catch((error: unknown) => error);
    const error = toAppError('Checking /v/a.qcow2', cause);
    expect(error.code).toBe('tool-missing');
    expect(error.message).toContain('qemu-img is not installed');
    expect(error.message).toContain('apt-get install qemu-utils');
  });

  it('that is in words already stays as it is', async () => {
    const error = new AppError('vm-busy', 'Wait.');
    await expect(inWords('Working', () => Promise.reject(error))).rejects.toBe(error);
  });
});
