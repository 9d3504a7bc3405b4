import { words } from '../../lib/words.ts';
import type { ConceivableAction } from './conceivable-actions.ts';

export function actionTitle(action: ConceivableAction, nameOf: (imageId: string) => string): string {
  const { sources, target, kind } = action;
  const [only] = sources;
  const moved =
    sources.length === 1 && only !== undefined
      ? nameOf(only)
      : sources.length === 2
        ? words.layers.both
        : words.layers.allOf(sources.length);
  return words.layers.actions[kind](moved, nameOf(target));
}
