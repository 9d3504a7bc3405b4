import { words } from '../../lib/words.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import type { LayerModel } from './layer-model.ts';

export function actionTitle(action: ConceivableAction, models: readonly LayerModel[]): string {
  const name = (index: number) => models[index]?.image.name ?? '';
  const { sources, target, kind } = action;
  const [only] = sources;
  const moved =
    sources.length === 1 && only !== undefined
      ? name(only)
      : sources.length === 2
        ? words.layers.both
        : words.layers.allOf(sources.length);
  return words.layers.actions[kind](moved, name(target));
}
