import { Alert, Button, Checkbox, Group } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { Operation, Plan } from '@strata/contract';
import { IconInfoCircle, IconRefresh } from '@tabler/icons-react';
import { skipToken, useMutation, useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { nameLayers } from './name-layers.ts';
import classes from './plan.module.css';
import { PlanBlockers } from './plan-blockers.tsx';
import { PlanBody } from './plan-body.tsx';
import { shortageOf } from './plan-space.ts';

/** What a person has looked at and agreed to. */
export interface Approved {
  readonly fingerprint: string;
  readonly useReserve?: true;
}

interface PlanDialogProps {
  title: string;
  /** What the plan depends on: another key, another plan. */
  planKey: readonly unknown[];
  /** Null as long as a choice is missing. */
  makePlan: ((signal: AbortSignal) => Promise<Plan>) | null;
  run: (approved: Approved) => Promise<Operation>;
  onClose: () => void;
  /** Choices that the plan follows, and that it may say the price of. */
  children?: ReactNode | ((plan: Plan | undefined) => ReactNode);
  /** What is wrong with a choice, so that nothing can run. */
  refusal?: string | null;
  /** Which disk a chain of the plan is of, by its uppermost layer. */
  diskOf?: (tipId: string) => string | null;
}

/** Plan, then run: nothing is touched before the button, and the button runs exactly what is shown. */
export function PlanDialog(props: PlanDialogProps) {
  const { title, planKey, makePlan, run, onClose, children, refusal, diskOf } = props;
  const [stale, setStale] = useState(false);
  const [useReserve, setUseReserve] = useState(false);
  const nameOf = useImageNames();
  const narrow = useMediaQuery('(max-width: 48rem)') ?? false;
  const plan = useQuery({
    queryKey: ['plan', ...planKey],
    queryFn: makePlan === null ? skipToken : ({ signal }) => makePlan(signal),
    // A plan is of this moment: it is never taken from an earlier look.
    staleTime: 0,
    gcTime: 0,
    refetchOnMount: 'always',
    placeholderData: (previous) => previous,
  });
  const start = useMutation({
    mutationFn: (fingerprint: string) => run({ fingerprint, ...(useReserve ? { useReserve } : {}) }),
    // From here on it is in the operations bar, and between the rows.
    onSuccess: onClose,
    onError: (error) => {
      if (!isApiError(error) || !error.is('plan-stale', 'plan-blocked')) return;
      setStale(error.is('plan-stale'));
      void plan.refetch();
    },
  });
  const shownError = isApiError(start.error) && start.error.is('plan-stale') ? null : start.error;
  return (
    <Dialog
      onClose={onClose}
      title={title}
      size="64rem"
      fullScreen={narrow}
      classNames={{ title: classes.title ?? '' }}
    >
      <div className={classes.dialog}>
        {typeof children === 'function' ? children(plan.data) : children}
        {stale && !plan.isFetching ? (
          <Alert color="amber" icon={<IconRefresh size={18} aria-hidden />} role="status">
            {words.plan.stale}
          </Alert>
        ) : null}
        {plan.data ? (
          <PlanBlockers
            blockers={plan.data.blockers}
            onLeave={onClose}
            onLifted={() => void plan.refetch()}
          />
        ) : null}
        {plan.isError ? <NoPlan error={plan.error} onRetry={() => void plan.refetch()} /> : null}
        {plan.isLoading ? <RowSkeletons count={5} height={48} /> : null}
        {plan.data?.nothing === undefined ? null : <Calm text={plan.data.nothing} />}
        {plan.data && plan.data.nothing === undefined ? (
          <PlanBody plan={nameLayers(plan.data, nameOf)} diskOf={diskOf} />
        ) : null}
        {plan.data && shortageOf(plan.data) === 'reserve' ? (
          <Checkbox
            label={words.plan.space.useReserve}
            description={words.plan.space.useReserveText}
            checked={useReserve}
            onChange={(event) => setUseReserve(event.currentTarget.checked)}
          />
        ) : null}
        <ErrorNotice error={shownError} />
        <Group justify="flex-end" className={classes.buttons}>
          <Button variant="default" onClick={onClose} data-autofocus>
            {words.plan.close}
          </Button>
          <RunButton
            plan={plan.isFetching || plan.isError ? undefined : plan.data}
            failed={plan.isError && !plan.isFetching}
            refusal={refusal ?? null}
            useReserve={useReserve}
            pending={start.isPending}
            onRun={(fingerprint) => start.mutate(fingerprint)}
          />
        </Group>
      </div>
    </Dialog>
  );
}

interface RunButtonProps {
  plan: Plan | undefined;
  /** There is no plan to wait for. */
  failed: boolean;
  refusal: string | null;
  useReserve: boolean;
  pending: boolean;
  onRun: (fingerprint: string) => void;
}

const spaceReason = (plan: Plan, useReserve: boolean): string | undefined => {
  const shortage = shortageOf(plan);
  if (shortage === 'none' || (shortage === 'reserve' && useReserve)) return undefined;
  return words.plan.space[shortage === 'disk' ? 'noRoom' : 'onlyReserve'];
};

function RunButton({ plan, failed, refusal, useReserve, pending, onRun }: RunButtonProps) {
  const reason =
    refusal ??
    (plan === undefined
      ? words.plan[failed ? 'failed' : 'making']
      : (plan.nothing ?? plan.blockers[0]?.message ?? spaceReason(plan, useReserve)));
  const losing = (plan?.losesSnapshots.length ?? 0) > 0;
  return (
    <ReasonedButton
      {...(losing ? { color: 'red' } : {})}
      loading={pending}
      reason={reason}
      onClick={() => plan && onRun(plan.fingerprint)}
    >
      {losing ? words.plan.runRed : words.plan.run}
    </ReasonedButton>
  );
}

/** What there is no plan for is no failure: trying again changes nothing. */
function NoPlan({ error, onRetry }: { error: Error; onRetry: () => void }) {
  if (!isApiError(error) || !error.is('not-possible')) return <ErrorNotice error={error} onRetry={onRetry} />;
  return <Calm text={error.problem.detail} />;
}

function Calm({ text }: { text: string }) {
  return (
    <Alert color="gray" icon={<IconInfoCircle size={18} aria-hidden />} role="status">
      {text}
    </Alert>
  );
}
