import type { ImageFormat } from '@strata/contract';
import type { ImageRecord } from './image-record.ts';

export interface BackingFormat {
  readonly format: ImageFormat;
  /** Nothing else would fit. Otherwise a person has to say it: guessing is how a guest reads its host's files. */
  readonly certain: boolean;
  readonly why: string;
}

const size = (bytes: number): string => `${bytes.toLocaleString('en')} bytes`;

/**
 * What a backing is whose overlay does not say so. An overlay begins with the size of the disk below it, so a file that
 * is that large in one format and of another size as raw was taken for that format when the overlay was made. A file
 * without any header can be raw only, if its size fits too.
 */
export const backingFormat = (overlay: ImageRecord, backing: ImageRecord): BackingFormat => {
  const { format } = backing;
  const shown = format === 'iso' ? 'raw' : format;
  const [own, wanted] = [backing.facts.virtualSize, overlay.facts.virtualSize];
  const asRaw = Math.ceil(backing.identity.size / 512) * 512;
  if (backing.facts.flaws.length > 0)
    return {
      format: shown,
      certain: false,
      why: `“${backing.name}” has a header that Strata does not follow.`,
    };
  if (backing.formatFixed)
    return { format: shown, certain: true, why: `“${backing.name}” was registered as ${shown}.` };
  if (own === wanted && (shown === 'raw' || asRaw !== wanted)) {
    const other = shown === 'raw' ? 'has no header' : `would have ${size(asRaw)} as raw`;
    return {
      format: shown,
      certain: true,
      why: `As ${shown}, “${backing.name}” has the ${size(wanted)} of the overlay, and it ${other}.`,
    };
  }
  const why = `As ${shown}, “${backing.name}” has ${size(own)}, as raw ${size(asRaw)}; the overlay has ${size(wanted)}.`;
  return { format: shown, certain: false, why };
};
