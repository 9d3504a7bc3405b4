import { demand, type HeaderReader, headerText, type Reading } from './header-reader.ts';
import { checkQcow2Bitmaps } from './qcow2-bitmaps.ts';

const type = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  dataFile: 0x44415441,
} as const;

export interface Qcow2Extensions {
  backingFormat?: string;
  dataFile?: string;
  bitmaps: number;
}

export interface ExtensionArea {
  readonly start: number;
  /** Where the backing file name begins, or the first cluster ends. */
  readonly end: number;
  readonly version: 2 | 3;
  readonly clusterSize: number;
  readonly luks: boolean;
  /** The autoclear bit that says no old program has touched the image since the bitmaps were written. */
  readonly bitmapsValid: boolean;
}

/** The list of typed records after the fixed header. A record QEMU does not know is skipped by it, and by us. */
export function* readQcow2Extensions(reader: HeaderReader, area: ExtensionArea): Reading<Qcow2Extensions> {
  const found: Qcow2Extensions = { bitmaps: 0 };
  let offset = area.start;
  while (offset < area.end) {
    // A header that fills its area exactly has no end record. Past the end of a short file QEMU reads zeros.
    const head = yield* reader.upTo(offset, 8);
    if (head.length < 8) break;
    const kind = head.readUInt32BE(0);
    const length = head.readUInt32BE(4);
    offset += 8;
    demand(
      offset <= area.end && length <= area.end - offset,
      'damaged-header',
      'A header extension is too large.',
    );
    if (kind === type.end) break;
    const body = yield* reader.bytes(offset, length);
    if (kind === type.backingFormat) {
      demand(length < 16, 'damaged-header', 'The name of the backing format is too long.');
      const text = headerText(body);
      demand(text !== null, 'damaged-header', 'The name of the backing format is not text.');
      if (text !== '') found.backingFormat = text;
    } else if (kind === type.dataFile) {
      found.dataFile = headerText(body) ?? '(not text)';
    } else if (kind === type.encryption) {
      demand(area.luks && length === 16, 'damaged-header', 'The encryption header contradicts itself.');
    } else if (kind === type.bitmaps) {
      found.bitmaps = yield* checkQcow2Bitmaps(reader, body, area);
    }
    offset += Math.ceil(length / 8) * 8;
  }
  return found;
}
