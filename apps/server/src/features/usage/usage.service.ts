import type { Download, FreeableList, Upload, Usage } from '@strata/contract';
import { freeableList } from './freeable.ts';
import { type SurveyDeps, takeSurvey } from './survey.ts';
import { usageView } from './usage-view.ts';

export interface UsageService {
  usage(): Promise<Usage>;
  freeable(): Promise<FreeableList>;
}

export interface UsageDeps extends SurveyDeps {
  readonly uploads: { list(): Promise<Upload[]> };
  readonly downloads: { list(): Promise<Download[]> };
}

/** What takes how much, and what of it could be had back: looked up when it is asked for. */
export const createUsageService = (deps: UsageDeps): UsageService => ({
  usage: async () => usageView(await takeSurvey(deps)),
  freeable: async () => {
    const [survey, uploads, downloads] = await Promise.all([
      takeSurvey(deps),
      deps.uploads.list(),
      deps.downloads.list(),
    ]);
    const { memory } = deps.library.access;
    return freeableList({ survey, uploads, downloads, remembered: (id) => memory.of(id) });
  },
});
