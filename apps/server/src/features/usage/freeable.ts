import type { Download, FreeableList, Upload } from '@strata/contract';
import type { Remembered } from '../images/image-memory.ts';
import { fileItems } from './freeable-files.ts';
import { imageItems, unmeasured } from './freeable-images.ts';
import { mergeable } from './mergeable.ts';
import type { Survey } from './survey.ts';

export interface FreeableSources {
  readonly survey: Survey;
  readonly uploads: readonly Pick<Upload, 'id' | 'filename' | 'state'>[];
  readonly downloads: readonly Pick<Download, 'id' | 'name'>[];
  remembered(imageId: string): Remembered;
}

/** What nobody needs: to free it takes nothing away from anybody. */
const certainKinds: ReadonlySet<string> = new Set(['trash', 'upload', 'download', 'orphan', 'unused']);

/** Everything that could be freed; what has to be measured first is told by number. */
export const freeableList = (sources: FreeableSources): FreeableList => {
  const items = [...fileItems(sources), ...imageItems(sources), ...mergeable(sources.survey)].sort(
    (one, other) => (other.bytes ?? 0) - (one.bytes ?? 0) || (one.key < other.key ? -1 : 1),
  );
  const exact = items.filter(({ kind, certainty }) => certainKinds.has(kind) && certainty === 'exact');
  return {
    items,
    total: items.length,
    certain: exact.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    unmeasured: unmeasured(sources).length,
  };
};
