import type { Forest, LayerId, PromotePlan } from '@strata/backing-chain';
import type { RevertStep } from './revert-view.ts';

export interface PromoteWords {
  /** The name of the snapshot that keeps what is left; null: it stays as a branch without a name in the tree. */
  readonly keepName: string | null;
  readonly start: 'no' | 'running' | 'paused';
  /** The snapshot the VM is at afterwards. */
  readonly standsAt: string | null;
}

const quoted = (names: readonly string[]): string =>
  [...new Set(names)].map((name) => `“${name}”`).join(', ');

/** What happens, in order. What there is nothing to do for is no step. */
export const promoteSteps = (
  forest: Forest,
  plan: PromotePlan,
  { keepName, start, standsAt }: PromoteWords,
): { readonly step: RevertStep; readonly text: string }[] => {
  const name = (id: LayerId) => forest.layers.get(id)?.name ?? id;
  const changes = [...plan.overlays, ...plan.switches];
  const left = quoted(changes.map(({ from }) => name(from)));
  const onto = [
    ...(plan.switches.length > 0 ? [quoted(plan.switches.map(({ to }) => name(to)))] : []),
    ...(plan.overlays.length > 0
      ? [plan.overlays.length === 1 ? 'the new overlay' : 'the new overlays']
      : []),
  ].join(' and ');
  const stays = keepName === null ? `${left} stays as a branch` : `${left} is kept as “${keepName}”`;
  const place = standsAt === null ? 'The VM is then at no snapshot' : `The VM is then at “${standsAt}”`;
  return [
    ...(plan.overlays.length > 0
      ? [
          {
            step: 'create' as const,
            text: `Create a new overlay on ${quoted(plan.overlays.map(({ backing }) => name(backing)))}`,
          },
        ]
      : []),
    ...(plan.vm.running ? [{ step: 'stop' as const, text: `Pause and power off “${plan.vm.vmName}”` }] : []),
    {
      step: 'switch',
      text: `Let ${changes.length === 1 ? 'the disk' : 'the disks'} continue on ${onto}; ${stays}. ${place}`,
    },
    ...(start === 'no'
      ? []
      : [{ step: 'after' as const, text: `Then start the VM${start === 'paused' ? ', paused' : ''}` }]),
  ];
};
