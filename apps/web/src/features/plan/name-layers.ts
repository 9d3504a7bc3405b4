import type { Plan } from '@strata/contract';

type Name = (image: { id: string; name: string }) => string;

/** The plan with the names by which the layers of the library are told apart. */
export function nameLayers(plan: Plan, nameOf: Name): Plan {
  const named = <Layer extends { imageId: string; name: string }>(layer: Layer): Layer => ({
    ...layer,
    name: nameOf({ id: layer.imageId, name: layer.name }),
  });
  const chains = (all: Plan['before']) => all.map(({ layers }) => ({ layers: layers.map(named) }));
  return {
    ...plan,
    before: chains(plan.before),
    after: chains(plan.after),
    relinks: plan.relinks.map(named),
    nowUnused: plan.nowUnused.map(named),
  };
}
