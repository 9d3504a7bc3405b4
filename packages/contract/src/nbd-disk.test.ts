import { describe, expect, it } from 'vitest';
import { nbdDisk, parseNbdUri } from './nbd-disk.ts';

describe('the address of an NBD export', () => {
  it('is read as an export shows it', () => {
    expect(parseNbdUri('nbd+unix:///disk?socket=%2Frun%2Fa%20b%2Fnbd.sock')).toEqual({
      ...{ server: { type: 'unix', path: '/run/a b/nbd.sock' }, exportName: 'disk', tls: false },
    });
    expect(parseNbdUri('nbds://127.0.0.1:4444/abc')).toEqual({
      ...{ server: { type: 'inet', host: '127.0.0.1', port: 4444 }, exportName: 'abc', tls: true },
    });
    expect(parseNbdUri('nbd://[::1]/')).toEqual({
      ...{ server: { type: 'inet', host: '::1', port: 10_809 }, exportName: '', tls: false },
    });
  });

  it('is nothing else', () => {
    for (const uri of [
      'http://127.0.0.1/x',
      'file:///etc/passwd',
      'nbd:localhost:10809',
      'json:{"driver":"nbd"}',
      'nbd://host:0/x',
      'nbd://host:70000/x',
      'nbd://user@host/x',
      'nbd://ho st/x',
      'nbd://-x/x',
      'nbd://host/a/b',
      'nbd://host/x?tls-certificates=/etc',
      'nbd://host/%0a',
      'nbd://host/%zz',
      'nbd+unix:///x?socket=relative',
      `nbd+unix:///x?socket=/${'a'.repeat(120)}`,
      'nbd+unix:///x?socket=/a&socket=/b',
    ])
      expect(parseNbdUri(uri), uri).toBeNull();
  });

  it('comes with keys exactly when it is with TLS', () => {
    expect(nbdDisk.safeParse({ uri: 'nbds://host/x' }).success).toBe(false);
    expect(nbdDisk.safeParse({ uri: 'nbd://host/x', credentials: '/keys' }).success).toBe(false);
    expect(nbdDisk.parse({ uri: 'nbds://host/x', credentials: '/keys' })).toEqual({
      ...{ uri: 'nbds://host/x', credentials: '/keys', readOnly: true, bus: 'virtio' },
    });
  });
});
