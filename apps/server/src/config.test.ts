import { describe, expect, it } from 'vitest';
import { readSettings } from './config.ts';
import { StartRefusal } from './start-refusal.ts';

const read = (argv: string[], environment: Record<string, string> = {}) =>
  readSettings(argv, environment, '/work');
const refusal = (argv: string[], environment: Record<string, string> = {}): StartRefusal => {
  try {
    read(argv, environment);
  } catch (error) {
    if (error instanceof StartRefusal) return error;
    throw error;
  }
  throw new Error('was not refused');
};

describe('the settings', () => {
  it('have defaults: loopback, a fixed port, the XDG data folder, a browser', () => {
    expect(read([], { XDG_DATA_HOME: '/home/a/.data' })).toEqual({
      host: '127.0.0.1',
      port: 7410,
      dataDir: '/home/a/.data/strata',
      runtimeDir: null,
      open: true,
      token: null,
      logLevel: 'warn',
    });
  });
  it('let nothing be written to devices unless asked for, and then to none that is very large', () => {
    expect(read([])?.deviceWriteLimit).toBeUndefined();
    expect(read(['--enable-device-write'])?.deviceWriteLimit).toBe(2 * 1024 ** 4);
    const larger = ['--enable-device-write', '--device-write-limit', '4T'];
    expect(read(larger)?.deviceWriteLimit).toBe(4 * 1024 ** 4);
    expect(refusal(['--device-write-limit', '4T']).message).toContain('--enable-device-write');
    expect(refusal(['--enable-device-write', '--device-write-limit=x']).message).toContain('not "x"');
  });
  it('take both forms of a flag, and flags before the environment', () => {
    const environment = {
      STRATA_PORT: '1',
      STRATA_HOST: '::1',
      STRATA_DATA_DIR: '/env',
      STRATA_TOKEN: 'abc',
    };
    expect(read([], environment)).toMatchObject({ port: 1, host: '::1', dataDir: '/env', token: 'abc' });
    expect(
      read(['--port=0', '--host', '127.0.0.1', '--data-dir', 'here', '--no-open'], environment),
    ).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      dataDir: '/work/here',
      open: false,
    });
  });
  it('pass over empty variables and relative XDG folders', () => {
    expect(read([], { STRATA_PORT: '', STRATA_TOKEN: '', XDG_DATA_HOME: 'relative' })).toMatchObject({
      port: 7410,
      token: null,
      dataDir: expect.stringMatching(/^\/.*\/\.local\/share\/strata$/),
    });
  });
  it.each([
    ['--prot', '1'],
    ['--port'],
    ['--port', 'abc'],
    ['--port', '65536'],
    ['--port=-1'],
    ['extra'],
    ['--host', 'example.com'],
    ['--data-dir', ''],
  ])('refuse %s %s and show the usage', (...argv) => {
    const { message, exitCode } = refusal(argv);
    expect(exitCode).toBe(2);
    expect(message).toContain('Usage: npm start');
  });
  it('are not needed for --help', () => {
    expect(read(['--help'])).toBeNull();
  });
  it('refuse a short chosen token where other machines reach the port, and say what to do', () => {
    expect(refusal(['--host', '0.0.0.0'], { STRATA_TOKEN: 'short' }).message).toContain(
      'openssl rand -hex 32',
    );
    expect(read(['--host', '0.0.0.0'], { STRATA_TOKEN: 'x'.repeat(32) })?.token).toHaveLength(32);
    expect(read(['--host', '0.0.0.0'])?.token).toBeNull();
    expect(read([], { STRATA_TOKEN: 'short' })?.token).toBe('short');
  });
  it('refuse a token that no header can carry', () => {
    expect(refusal([], { STRATA_TOKEN: 'two words' }).exitCode).toBe(2);
  });
});
