import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from '@playwright/test';
import { disposeStrata, finished, type Strata, startStrata, token, until } from '../src/strata.ts';

const tus = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
const partType = 'application/offset+octet-stream';
const mebibyte = 1024 ** 2;

const begin = async (strata: Strata, filename: string, size: number, sha256?: string): Promise<string> => {
  const fields = { filename, ...(sha256 === undefined ? {} : { sha256 }) };
  const metadata = Object.entries(fields).map(
    ([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`,
  );
  const answer = await fetch(`${strata.url}/api/v1/uploads`, {
    method: 'POST',
    headers: { ...tus, 'upload-length': String(size), 'upload-metadata': metadata.join(',') },
  });
  expect(answer.status).toBe(201);
  return answer.headers.get('location') ?? '';
};
const offsetOf = async (strata: Strata, place: string): Promise<number> =>
  Number((await fetch(strata.url + place, { method: 'HEAD', headers: tus })).headers.get('upload-offset'));

/** A part out of a stream; answers the operation's id when it was the last, null when the server died under it. */
const send = (
  strata: Strata,
  place: string,
  offset: number,
  size: number,
  body: Readable,
): Promise<string | null> =>
  new Promise((resolve) => {
    const headers = { ...tus, 'upload-offset': offset, 'content-type': partType, 'content-length': size };
    const request = httpRequest(strata.url + place, { method: 'PATCH', headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve((answer.headers['strata-operation'] as string | undefined) ?? ''));
      answer.once('error', () => resolve(null));
    });
    request.once('error', () => resolve(null));
    pipeline(body, request).catch(() => resolve(null));
  });

test('an upload whose server is killed again and again is whole in the end', async () => {
  const bytes = randomBytes(24 * mebibyte);
  const sum = createHash('sha256').update(bytes).digest('hex');
  let strata = await startStrata();
  const place = await begin(strata, 'often.img', bytes.length, sum);
  for (let round = 0; round < 4; round += 1) {
    const offset = await offsetOf(strata, place);
    const sending = send(strata, place, offset, bytes.length - offset, beginningOf(bytes.subarray(offset)));
    const path = join(strata.dataDir, 'incoming', `${place.split('/').at(-1)}.part`);
    await until(
      'some of it is there',
      async () => statSync(path).size,
      (length) => length > offset + mebibyte,
    );
    await strata.kill();
    expect(await sending).toBeNull();
    strata = await startStrata({ dataDir: strata.dataDir });
  }
  const offset = await offsetOf(strata, place);
  expect(offset).toBeGreaterThan(4 * mebibyte);
  expect(offset).toBeLessThan(bytes.length);
  const operationId = await send(
    strata,
    place,
    offset,
    bytes.length - offset,
    Readable.from([bytes.subarray(offset)]),
  );
  const { result } = await finished(strata, { id: operationId, title: 'take in' });
  const { path } = await strata.ok('GET', `/images/${result.imageId}`);
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(readdirSync(join(strata.dataDir, 'incoming'))).toEqual([]);
  await disposeStrata(strata);
});

/** Its beginning, and then nothing more: there is time to kill the server. */
const beginningOf = (bytes: Buffer): Readable =>
  Readable.from(
    (async function* () {
      for (let at = 0; at < 3 * mebibyte; at += 65_536) yield bytes.subarray(at, at + 65_536);
      await new Promise(() => {});
    })(),
  );

test('a large file takes the server no memory', async () => {
  const strata = await startStrata();
  const peak = (): number =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${strata.pid}/status`, 'utf8'))?.[1]) * 1024;
  const warm = await begin(strata, 'warm.img', 32 * mebibyte);
  await finished(strata, { id: await send(strata, warm, 0, 32 * mebibyte, zeros(32)), title: 'take in' });
  const before = peak();
  const size = 384 * mebibyte;
  const place = await begin(strata, 'large.img', size);
  const operationId = await send(strata, place, 0, size, zeros(384));
  const { result } = await finished(strata, { id: operationId, title: 'take in' });
  const image = await strata.ok('GET', `/images/${result.imageId}`);
  expect([image.virtualSize, image.allocatedSize]).toEqual([size, 0]);
  expect(peak() - before).toBeLessThan(100 * mebibyte);
  await disposeStrata(strata);
});

const zeros = (mebibytes: number): Readable =>
  createReadStream('/dev/zero', { end: mebibytes * mebibyte - 1, highWaterMark: 256 * 1024 });
