import { Radio, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { type DeleteMode, endpoints, type Plan, type Snapshot, type Vm } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { type Choice, ChoiceCards } from '../../ui/choice-cards.tsx';
import { CountInput } from '../../ui/count-input.tsx';
import { diskName } from '../layers/disk-name.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { betweenOf, branchUp, type DeleteScope, type DeleteWish } from './delete-scopes.ts';
import { operationOf, planOf } from './plan-answer.ts';

interface DeleteDialogProps {
  vm: Vm;
  /** What was selected; none: thinning out the branch one is on. */
  chosen: readonly Snapshot[];
  byId: ReadonlyMap<string, Snapshot>;
  currentId: string | null;
  onClose: () => void;
}

/** Deletes restore points, one or many: which, in what way, and at what price. */
export function DeleteDialog({ vm, chosen, byId, currentId, onClose }: DeleteDialogProps) {
  const text = words.snapshots.delete;
  const scopes = scopesOf(chosen, byId);
  const [scope, setScope] = useState<DeleteScope>(scopes[0] ?? 'these');
  const branchLength = branchUp(byId, currentId).length;
  // A number that thins out something.
  const [keep, setKeep] = useState<number | null>(() => Math.max(0, Math.min(10, branchLength - 1)));
  const [mode, setMode] = useState<DeleteMode>('auto');
  const [settledKeep] = useDebouncedValue(keep, 400);
  // While no number stands there, the plan is of nothing, and does not run.
  const body = { ...wishOf(scope, chosen, settledKeep ?? branchLength), mode };
  const params = { id: vm.id };
  return (
    <PlanDialog
      title={titleOf(scope, chosen)}
      planKey={['delete-snapshots', vm.id, body]}
      makePlan={async (signal) =>
        planOf(await call(endpoints.deleteSnapshots, { params, body: { ...body, plan: true }, signal }))
      }
      run={async (approved) =>
        operationOf(await call(endpoints.deleteSnapshots, { params, body: { ...body, ...approved } }))
      }
      refusal={keep === null ? text.noNumber : settledKeep === keep ? null : words.plan.making}
      diskOf={(tipId) => {
        const index = vm.disks.findIndex(({ imageId }) => imageId === tipId);
        return index < 0 ? null : diskName(vm.disks, index);
      }}
      onClose={onClose}
    >
      {(plan) => (
        <Stack gap="md">
          {scopes.length > 1 ? (
            <Radio.Group
              label={text.which}
              value={scope}
              onChange={(value) => setScope(value as DeleteScope)}
            >
              <Stack gap={6} mt={6}>
                {scopes.map((each) => (
                  <Radio key={each} value={each} label={scopeWords(each, chosen, byId)} />
                ))}
              </Stack>
            </Radio.Group>
          ) : null}
          {scope === 'older' ? (
            <CountInput
              label={text.keepLast}
              description={text.keepLastText(branchLength)}
              value={keep}
              min={0}
              max={1000}
              maw="20rem"
              onCount={setKeep}
            />
          ) : null}
          <Modes plan={plan} mode={mode} onMode={setMode} />
        </Stack>
      )}
    </PlanDialog>
  );
}

const modes = ['auto', 'commit', 'pull', 'forget'] as const;

interface ModesProps {
  plan: Plan | undefined;
  mode: DeleteMode;
  onMode: (mode: DeleteMode) => void;
}

function Modes({ plan, mode, onMode }: ModesProps) {
  const text = words.snapshots.delete;
  // A tag inside a layer is neither committed nor pulled.
  const isTag = plan?.modes?.some((priced) => priced.mode === 'auto') === true;
  const offered = isTag ? (['auto', 'forget'] as const) : modes;
  const choiceOf = (value: DeleteMode): Choice<DeleteMode> => {
    const priced = plan?.modes?.find((each) => each.mode === value);
    return {
      value,
      label: isTag && value === 'auto' ? text.tag : text.modes[value],
      text: isTag && value === 'auto' ? text.tagText : text.modeText[value],
      reason: priced?.possible === false ? priced.reason : null,
      price: priced
        ? text.price(priced.bytesToMove, priced.freed)
        : mode === 'auto' && plan?.mode && plan.freed !== undefined
          ? `${text.takes[plan.mode]}: ${text.price(plan.bytesToMove, plan.freed)}`
          : null,
    };
  };
  return <ChoiceCards label={text.how} value={mode} onChange={onMode} choices={offered.map(choiceOf)} />;
}

function scopesOf(chosen: readonly Snapshot[], byId: ReadonlyMap<string, Snapshot>): readonly DeleteScope[] {
  const [a, b] = chosen;
  if (a === undefined) return ['older'];
  const between = b !== undefined && chosen.length === 2 ? betweenOf(byId, a, b) : null;
  return between !== null && between.length > 0 ? ['these', 'between'] : ['these'];
}

function wishOf(scope: DeleteScope, chosen: readonly Snapshot[], keep: number): DeleteWish {
  const [a, b] = chosen;
  if (scope === 'between' && a !== undefined && b !== undefined) return { between: { from: a.id, to: b.id } };
  return scope === 'older' ? { keepLast: keep } : { snapshots: chosen.map(({ id }) => id) };
}

function titleOf(scope: DeleteScope, chosen: readonly Snapshot[]): string {
  const text = words.snapshots.delete;
  const [only] = chosen;
  if (scope === 'older') return text.titleOlder;
  if (scope === 'between') return text.titleBetween;
  return chosen.length === 1 && only !== undefined ? text.title(only.name) : text.titleMany(chosen.length);
}

function scopeWords(
  scope: DeleteScope,
  chosen: readonly Snapshot[],
  byId: ReadonlyMap<string, Snapshot>,
): string {
  const { scopes } = words.snapshots.delete;
  const [a, b] = chosen;
  if (scope !== 'between' || a === undefined || b === undefined) return scopes.these(chosen.length);
  return scopes.between(a.name, b.name, betweenOf(byId, a, b)?.length ?? 0);
}
