import { fileRanges } from '../../../file-ranges.ts';
import type { Piece } from './hash-thread.ts';

/** Small enough that a pause or a cancel is felt at once, large enough that the messages cost nothing. */
const pieceBytes = 8 * 1024 ** 2;
/** The whole file, in order. A digest has to be fed its zeros one by one, but they need not be fetched from the disk. */
export const filePieces = async (path: string): Promise<Iterable<Piece>> => {
  const ranges = await fileRanges(path);
  return (function* () {
    for (const { start, end, zero } of ranges)
      for (let offset = start; offset < end; offset += pieceBytes)
        yield { offset, length: Math.min(pieceBytes, end - offset), zero };
  })();
};
