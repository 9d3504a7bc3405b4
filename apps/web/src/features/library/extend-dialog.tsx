import { Alert, Button, Group, Stack } from '@mantine/core';
import { type ExtendPlan, endpoints, extendPlan, type Image } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { call } from '../../api/call.ts';
import { operationQuery } from '../../api/queries.ts';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { kindName } from './contents-text.ts';
import classes from './resize-dialog.module.css';

interface ExtendDialogProps {
  image: Image;
  /** The operation that makes the disk larger: before its end there is nothing to plan. */
  after?: string;
  onClose: () => void;
}

const text = words.extend;

/** Where a disk has grown: its last partition and the file system in it, with what that will do before. */
export function ExtendDialog({ image, after, onClose }: ExtendDialogProps) {
  const resize = useQuery({ ...operationQuery(after ?? ''), enabled: after !== undefined }).data?.state;
  const isGrown = after === undefined || resize === 'done';
  const plan = usePlan(image, isGrown ? (after ?? '') : null);
  const run = useMutation({
    mutationFn: (fingerprint: string) =>
      call(endpoints.extendImage, { params: { id: image.id }, body: { fingerprint } }),
    onSuccess: (operation) => {
      if ('title' in operation) notifyDone(words.copies.started(operation.title));
      onClose();
    },
  });
  const shown = isGrown ? plan.data : undefined;
  // On what it was made larger for, if that is no partition and no file system, there is nothing to offer.
  const isNothingThere = shown !== undefined && shown.partition === null && shown.fileSystem === null;
  const endsUnasked = after !== undefined && isNothingThere;
  useEffect(() => {
    if (endsUnasked) onClose();
  }, [endsUnasked, onClose]);
  const hasFailed = resize === 'failed' || resize === 'cancelled';
  const reason = shown === undefined ? text.planning : shown.blockers.length > 0 ? text.blocked : null;
  return (
    <Dialog onClose={onClose} title={text.title(visibleName(image.name))} size="38rem">
      <Stack gap="md">
        <p>{text.text}</p>
        {hasFailed ? <p role="alert">{text.resizeFailed}</p> : null}
        {shown === undefined && !hasFailed && !plan.isError ? (
          <p role="status" className={classes.quiet}>
            {isGrown ? text.planning : text.waiting}
          </p>
        ) : null}
        {shown === undefined ? null : <PlanView plan={shown} />}
        <ErrorNotice error={run.error ?? (isGrown ? plan.error : null)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {after === undefined ? words.common.cancel : text.later}
          </Button>
          <ReasonedButton
            loading={run.isPending}
            reason={hasFailed ? text.resizeFailed : reason}
            onClick={() => {
              if (shown !== undefined) run.mutate(shown.fingerprint);
            }}
          >
            {text.submit}
          </ReasonedButton>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** A look at a moving world: asked anew each time it is opened. `moment`: null while it is too early. */
const usePlan = (image: Image, moment: string | null) =>
  useQuery({
    queryKey: ['extend-plan', image.id, image.virtualSize, image.modifiedAt, moment],
    enabled: moment !== null,
    staleTime: 0,
    gcTime: 0,
    queryFn: async ({ signal }) =>
      extendPlan.parse(
        await call(endpoints.extendImage, { params: { id: image.id }, body: { plan: true }, signal }),
      ),
  });

function PlanView({ plan: { partition, fileSystem, steps, notes, blockers } }: { plan: ExtendPlan }) {
  return (
    <div className={classes.plan} aria-live="polite">
      {partition === null ? null : (
        <p>
          {text.partition(partition.number)}:{' '}
          <span className={classes.sizes}>{text.becomes(partition.before, partition.after)}</span>
        </p>
      )}
      {fileSystem === null ? null : (
        <p>
          {text.fileSystem(
            kindName(fileSystem.kind),
            fileSystem.label === null ? null : visibleName(fileSystem.label),
          )}
          :{' '}
          <span className={classes.sizes}>
            {fileSystem.after === null ? text.stays : text.becomes(fileSystem.before, fileSystem.after)}
          </span>
        </p>
      )}
      {blockers.length === 0 ? null : (
        <Alert color="red" icon={<IconAlertTriangle size={18} aria-hidden />} title={text.blocked}>
          <ul className={classes.list}>
            {blockers.map(({ code, message }) => (
              <li key={code}>{message}</li>
            ))}
          </ul>
        </Alert>
      )}
      {steps.length === 0 ? null : (
        <section>
          <h3>{text.steps}</h3>
          <ol className={classes.list}>
            {steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </section>
      )}
      {notes.map((note) => (
        <p key={note} className={classes.quiet}>
          {note}
        </p>
      ))}
    </div>
  );
}
