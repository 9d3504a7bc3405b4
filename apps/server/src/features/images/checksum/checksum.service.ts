import { basename } from 'node:path';
import type { ChecksumImage, Image, Operation } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import { demandUnwritten } from '../demand-unwritten.ts';
import type { ImagesFeature } from '../images.service.ts';
import { checksumExecutor } from './checksum.executor.ts';
import { type ExpectedSum, expectedSums, sumsFor } from './expected-sums.ts';

export interface ChecksumService {
  compute(id: string, wish: ChecksumImage): Promise<Operation>;
}

interface ChecksumDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'access'>;
  readonly operations: OperationsService;
}

/** A whole distribution's list: what is kept of it is what speaks of this file. */
const mostSums = 1000;

const readExpected = (text: string | undefined): ExpectedSum[] => {
  if (text === undefined) return [];
  const sums = expectedSums(text);
  if (sums.length === 0)
    throw new AppError('invalid-request', 'There is no checksum in what was given as expected.', {
      errors: [
        {
          path: 'expected',
          message: 'holds no sum of 32, 40, 64 or 128 hexadecimal digits (MD5, SHA-1, SHA-256, SHA-512)',
        },
      ],
    });
  return sums.slice(0, mostSums);
};

const named = (algorithms: readonly string[]): string =>
  algorithms.map((algorithm) => algorithm.toUpperCase().replace(/^SHA/, 'SHA-')).join(', ');

/** Of the file as it lies there: of an overlay the layers below are not in it. */
const ofWhat = ({ name, backingId }: Image): string =>
  backingId === null ? `“${name}”` : `the file of “${name}” (this layer alone, not what it stands on)`;

/** Registers its executor; create it once, before operations are recovered. */
export const createChecksumService = ({ library, operations }: ChecksumDeps): ChecksumService => {
  const { images, access } = library;
  operations.register(checksumExecutor(access));
  return {
    compute: async (id, { algorithms, expected: text }) => {
      images.facts(id);
      const lookedAt = operations.look();
      const expected = readExpected(text);
      await images.refresh([id]);
      const image = images.get(id);
      if (!image.present)
        throw new AppError('image-unreadable', `The file of “${image.name}” (${image.path}) is gone.`);
      await demandUnwritten(
        images.forest(),
        image,
        'Its checksum changes all the time. Shut it down first, or take a snapshot, which freezes this layer.',
      );
      const names = [...new Set([basename(image.path), image.name])];
      const meant = sumsFor(expected, names).map(({ algorithm }) => algorithm);
      const asked = algorithms ?? (meant.length === 0 ? ['sha256' as const] : []);
      const wanted = [...new Set([...asked, ...meant])];
      const { size } = access.world.record(id).identity;
      const active = images.forest().disks.filter((disk) => disk.imageId === id);
      return operations.start({
        kind: 'image-checksum',
        title: `${named(wanted)} of “${image.name}”`,
        request: { imageId: id, algorithms: wanted, expected, names },
        journal: {},
        steps: [
          `Read ${ofWhat(image)} and compute ${named(wanted)}`,
          expected.length === 0 ? 'Write it down' : 'Compare it with what is expected, and write it down',
        ],
        subjects: [{ kind: 'image', id, name: image.name }],
        // It must not begin to be written while it is read.
        locks: { images: [], reads: [id], vms: active.map(({ vmId }) => vmId) },
        unit: 'bytes',
        total: size,
        cancelNote: 'Nothing was changed; what was computed so far is forgotten.',
        lookedAt,
      });
    },
  };
};
