import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { apiPrefix, type Image } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createImage, type ImageFile, imagesAreEqual } from '../../qemu/qemu-img.ts';
import { type ExportBench, mebi, startExportBench, tool } from '../exports/testing/export-bench.ts';
import { outgoingFiles } from './outgoing-files.ts';

let bench: ExportBench;
beforeEach(async () => {
  bench = await startExportBench();
});
afterEach(() => bench.stop());

const saved = (name: string, bytes: Buffer): string => {
  const path = join(bench.scratch, name);
  writeFileSync(path, bytes);
  return path;
};
const readsAs = (name: string, bytes: Buffer, format: ImageFile['format'], image: ImageFile) =>
  imagesAreEqual({ path: saved(name, bytes), format }, image);
const get = (path: string, headers?: object) => bench.call('GET', path, undefined, headers);
/** Folders of the processes that read images for a stream. */
const readers = (): string[] => readdirSync(bench.runDir).filter((name) => name.startsWith('n-'));
const outgoing = (): string[] => {
  const folder = join(bench.dataDir, 'outgoing');
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe('the file of an image', () => {
  it('is fetched as it is, whole or in parts, under its own name', async () => {
    const path = `/images/${bench.top.id}/download`;
    const bytes = readFileSync(bench.top.path);
    const whole = await get(path);
    expect(whole.raw.equals(bytes)).toBe(true);
    expect(whole.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="top.qcow2"; filename*=UTF-8''top.qcow2`,
      'content-length': String(bytes.length),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    });
    const part = await get(path, { range: 'bytes=100-299', 'if-range': whole.headers.etag });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-299/${bytes.length}`]);
    expect(part.raw.equals(bytes.subarray(100, 300))).toBe(true);
    const changed = await get(path, { range: 'bytes=100-299', 'if-range': '"of another day"' });
    expect([changed.status, changed.raw.length]).toEqual([200, bytes.length]);
    const behind = await get(path, { range: `bytes=${bytes.length}-` });
    expect([behind.status, behind.body.code]).toEqual([416, 'range-not-satisfiable']);
  });

  it('is opened by a ticket for that very address, once, and not by the token in the address', async () => {
    const path = `/images/${bench.base.id}/download?format=raw`;
    const ticketFor = async (address: string): Promise<string> =>
      (await bench.call('POST', '/tickets', { purpose: 'download', path: address })).body.ticket;
    const anonymous = { authorization: undefined };
    const ticket = await ticketFor(path);
    const other = `/images/${bench.top.id}/download?format=raw`;
    expect((await get(`${other}&ticket=${await ticketFor(path)}`, anonymous)).status).toBe(401);
    expect((await get(`/vms?ticket=${await ticketFor('/vms')}`, anonymous)).status).toBe(401);
    expect((await get(`${path}&ticket=test-token`, anonymous)).status).toBe(401);
    expect((await get(`${path}&ticket=${ticket}`, anonymous)).status).toBe(200);
    expect((await get(`${path}&ticket=${ticket}`, anonymous)).status).toBe(401);
  });

  it('is refused while a running VM writes it; the frozen layer below is not', async () => {
    const disks = [{ imageId: bench.top.id }];
    const { body } = await bench.call('POST', '/vms', { name: 'web', memory: '64M', disks, nics: [] });
    await bench.call('POST', `/vms/${body.id}/start`);
    for (const query of ['', '?format=raw', '?format=qcow2']) {
      const refused = await get(`/images/${bench.top.id}/download${query}`);
      expect([refused.status, refused.body.code]).toEqual([409, 'image-in-use']);
    }
    const frozen = await get(`/images/${bench.base.id}/download?format=raw`);
    expect(await readsAs('base.raw', frozen.raw, 'raw', bench.base)).toBe(true);
  });
});

describe('what an image shows', () => {
  it('is streamed as raw through its whole chain, whole or in parts, and leaves nothing behind', async () => {
    const path = `/images/${bench.top.id}/download?format=raw`;
    const whole = await get(path);
    expect(whole.raw.length).toBe(8 * mebi);
    expect(await readsAs('top.raw', whole.raw, 'raw', bench.top)).toBe(true);
    const part = await get(path, { range: `bytes=${mebi - 10}-${mebi + 9}` });
    expect(part.raw.equals(whole.raw.subarray(mebi - 10, mebi + 10))).toBe(true);
    const packed = await get(`${path}&compress=1`);
    expect(packed.headers['content-disposition']).toContain('top.raw.gz');
    expect(gunzipSync(packed.raw).equals(whole.raw)).toBe(true);
    expect(outgoing()).toEqual([]);
    await vi.waitFor(() => expect(bench.image('top').usedBy).toEqual([]));
    await vi.waitFor(() => expect(readers()).toEqual([]));
  });

  it.each([
    ['qcow2', 'qcow2', ''],
    ['qcow2', 'qcow2', '&compress=1'],
    ['vmdk', 'vmdk', '&compress=1'],
    ['vdi', 'vdi', ''],
    ['vhdx', 'vhdx', ''],
    ['vpc', 'vhd', ''],
  ] as const)(
    'is converted to %s (.%s%s), and the file made for that is gone',
    async (format, extension, more) => {
      const answer = await get(`/images/${bench.top.id}/download?format=${format}${more}`);
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      expect(answer.headers['content-disposition']).toContain(`filename="top.${extension}"`);
      expect(await readsAs(`out.${extension}`, answer.raw, format, bench.top)).toBe(true);
      await vi.waitFor(() => expect(outgoing()).toEqual([]));
    },
  );

  it('is what an internal snapshot shows, when that is asked for', async () => {
    const { path, id } = bench.top;
    await tool('qemu-img', ['snapshot', '-c', 'then', path]);
    const then = await get(`/images/${id}/download?format=raw`);
    // The process that has read it holds its lock until it is gone.
    await vi.waitFor(() => expect(readers()).toEqual([]), { timeout: 20_000 });
    await tool('qemu-io', ['-f', 'qcow2', '-c', 'write -P 3 0 1M', path]);
    const copy = await get(`/images/${id}/download?format=raw&tag=then`);
    expect(copy.raw.equals(then.raw)).toBe(true);
    expect((await get(`/images/${id}/download?format=raw`)).raw.equals(then.raw)).toBe(false);
    const old = { path: saved('then.raw', then.raw), format: 'raw' as const };
    const vdi = await get(`/images/${id}/download?format=vdi&tag=then`);
    expect(await readsAs('then.vdi', vdi.raw, 'vdi', old)).toBe(true);
    expect((await get(`/images/${id}/download?format=raw&tag=never`)).status).toBe(404);
    expect((await get(`/images/${id}/download?tag=then`)).status).toBe(400);
  });

  it('is prepared as an operation, fetched as often as one likes, and removed', async () => {
    const answer = await bench.call('POST', `/images/${bench.top.id}/downloads`, { format: 'vmdk' });
    const { state, result, error } = await bench.operation(answer);
    expect([state, error]).toEqual(['done', undefined]);
    const { body } = await bench.call('GET', '/downloads');
    expect(body.items).toMatchObject([{ id: result?.downloadId, name: 'top.vmdk', notes: [] }]);
    for (const name of ['one.vmdk', 'two.vmdk'])
      expect(
        await readsAs(name, (await get(`/downloads/${result?.downloadId}`)).raw, 'vmdk', bench.top),
      ).toBe(true);
    await bench.restart();
    expect((await bench.call('GET', '/downloads')).body.total).toBe(1);
    expect((await bench.call('DELETE', `/downloads/${result?.downloadId}`)).status).toBe(200);
    expect(outgoing()).toEqual([]);
    expect((await get(`/downloads/${result?.downloadId}`)).status).toBe(404);
  });

  it('is prepared to its end by the next server, when this one ends in the middle', async () => {
    const answer = await bench.call('POST', `/images/${bench.top.id}/downloads`, { format: 'vdi' });
    await bench.restart();
    const { state, result } = await bench.operation(answer);
    expect(state).toBe('done');
    const { raw } = await get(`/downloads/${result?.downloadId}`);
    expect(await readsAs('out.vdi', raw, 'vdi', bench.top)).toBe(true);
    expect(outgoing()).toEqual([result?.downloadId]);
  });

  it('is refused in forms that do not exist', async () => {
    for (const [query, status] of [
      ['format=vdi&compress=1', 422],
      ['format=qed', 400],
      ['format=raw&format=vdi', 400],
      ['compress=1', 400],
    ] as const)
      expect((await get(`/images/${bench.top.id}/download?${query}`)).status, query).toBe(status);
  });

  it('is held while it is streamed, and let go when the reader leaves', async () => {
    const { images } = bench.strata.services.library;
    const path = join(bench.dataDir, 'images', 'large.raw');
    await createImage({ path, format: 'raw', size: 1024 ** 4 });
    await images.scan();
    const large = images.list().find((image: Image) => image.path === path);
    await bench.strata.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = bench.strata.app.server.address() as AddressInfo;
    const before = process.memoryUsage().rss;
    const leave = new AbortController();
    let received = 0;
    await new Promise<void>((resolve, reject) => {
      const asked = httpRequest(
        {
          ...{ host: '127.0.0.1', port, signal: leave.signal },
          path: `${apiPrefix}/images/${large?.id}/download?format=raw`,
          headers: { authorization: 'Bearer test-token' },
        },
        (answer) =>
          answer.on('data', (chunk: Buffer) => {
            received += chunk.length;
            if (received > 256 * mebi) resolve();
          }),
      );
      asked.once('error', reject).end();
    });
    expect(images.get(large?.id ?? '').usedBy).toMatchObject([{ kind: 'export' }]);
    const refused = await bench.call('DELETE', `/images/${large?.id}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'image-in-use']);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * mebi);
    leave.abort();
    await vi.waitFor(() => expect(images.get(large?.id ?? '').usedBy).toEqual([]), { timeout: 20_000 });
    await vi.waitFor(() => expect(readers()).toEqual([]), { timeout: 20_000 });
  });
});

describe('a file that was made to be fetched', () => {
  it('goes after a day; half of one goes when nobody makes it', async () => {
    const clock = { now: Date.now() };
    const files = outgoingFiles(join(bench.dataDir, 'of-its-own'), () => clock.now);
    for (const id of ['ready', 'half', 'making']) writeFileSync(await files.place(id), 'bytes');
    await files.publish('ready', { name: 'a.vdi', notes: [] });
    await files.sweep((id) => id === 'making');
    expect((await files.list()).map(({ id, size }) => [id, size])).toEqual([['ready', 5]]);
    expect(existsSync(files.folderOf('half'))).toBe(false);
    expect(existsSync(files.folderOf('making'))).toBe(true);
    clock.now += 24 * 3_600_000;
    await files.sweep(() => true);
    expect(await files.list()).toEqual([]);
  });
});
