import type { Operation, Upload } from '@strata/contract';
import { expect, it } from 'vitest';
import type { UploadJob } from './upload-queue.ts';
import { uploadRows } from './upload-rows.ts';

const job = (what: Partial<UploadJob>): UploadJob => ({
  ...{ key: 'k', file: new File(['x'.repeat(1000)], 'disk.img'), state: 'sending', sent: 500, from: null },
  ...{ error: null, uploadId: null, operationId: null },
  ...what,
});
const upload = (what: Partial<Upload>): Upload => ({
  ...{
    id: 'u1',
    filename: 'disk.img',
    name: 'disk',
    size: 1000,
    offset: 250,
    purpose: 'library',
    state: 'receiving',
    active: false,
  },
  ...{ operationId: null, error: null, createdAt: '', expiresAt: '' },
  ...what,
});
const operation = (what: Partial<Operation>): Operation =>
  ({ id: 'o1', state: 'running', progress: { done: 1, total: 4 }, ...what }) as Operation;
const first = (...args: Parameters<typeof uploadRows>) => uploadRows(...args)[0];

it('tells how far a file is, how fast, and how long it takes', () => {
  const from = { sent: 100, at: 1000 };
  expect(first([job({ from })], [], [], 5000)).toMatchObject({
    state: 'sending',
    percent: 50,
    text: '500 bytes of 1,000 bytes · 100 bytes/s · 5 s left'.replace('1,000', '1000'),
  });
  expect(first([job({ state: 'paused' })], [], [], 0)).toMatchObject({ state: 'paused', percent: 50 });
});

it('follows the operation that takes it in, to the image or the reason', () => {
  const sent = job({ state: 'sent', operationId: 'o1' });
  expect(first([sent], [], [operation({})], 0)).toMatchObject({ state: 'importing', percent: 25 });
  const result = { imageId: 'i1', imageIds: ['i1'], notMapped: ['x'] };
  expect(first([sent], [], [operation({ state: 'done', result })], 0)).toMatchObject({
    state: 'done',
    result,
  });
  const refused = operation({ state: 'failed', error: { code: 'image-refused', message: 'no' } });
  expect(first([sent], [], [refused], 0)).toMatchObject({ state: 'refused', text: 'no' });
  const full = operation({ state: 'failed', error: { code: 'disk-full', message: 'full' } });
  expect(first([sent], [], [full], 0)).toMatchObject({ state: 'failed', text: 'full' });
});

it('shows what the server has beside, once', () => {
  expect(uploadRows([job({ uploadId: 'u1' })], [upload({})], [], 0)).toHaveLength(1);
  // The event came before the answer.
  expect(uploadRows([job({ uploadId: null })], [upload({})], [], 0)).toHaveLength(1);
  expect(uploadRows([job({ uploadId: 'u2' })], [upload({})], [], 0)).toHaveLength(2);
  expect(
    uploadRows(
      [],
      [upload({}), upload({ id: 'u2', active: true }), upload({ id: 'u3', state: 'failed' })],
      [],
      0,
    ).map(({ state }) => state),
  ).toEqual(['unfinished', 'elsewhere', 'failed']);
});
