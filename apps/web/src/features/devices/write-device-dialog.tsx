import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { endpoints, type Image, operation, type WriteDevicePlan, writeDevicePlan } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { DeviceChoice } from './device-choice.tsx';
import classes from './devices.module.css';
import { devicesQuery } from './devices-query.ts';

interface WriteDeviceDialogProps {
  image: Image;
  onClose: () => void;
}

/** Choose a device, see what is lost, type what stands on it: then it becomes what the image shows. */
export function WriteDeviceDialog({ image, onClose }: WriteDeviceDialogProps) {
  const text = words.devices.write;
  const devices = useQuery(devicesQuery());
  const [id, setId] = useState<string | null>(null);
  const [typed, setTyped] = useState('');
  const plan = useQuery({
    queryKey: ['devices', 'write', image.id, image.modifiedAt, id],
    enabled: id !== null,
    staleTime: 0,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const body = { device: id ?? '', plan: true };
      return writeDevicePlan.parse(
        await call(endpoints.writeDevice, { params: { id: image.id }, body, signal }),
      );
    },
  });
  const run = useMutation({
    mutationFn: async ({ device, fingerprint }: WriteDevicePlan) => {
      const body = { device: device.id, identity: device.identity, fingerprint, confirmation: typed };
      return operation.parse(await call(endpoints.writeDevice, { params: { id: image.id }, body }));
    },
    onSuccess: ({ title }) => {
      notifyDone(words.copies.started(title));
      onClose();
    },
    onError: () => void plan.refetch(),
  });
  const choose = (next: string) => {
    setId(next);
    // What was typed for one device must not do for another.
    setTyped('');
    run.reset();
  };
  const shown = plan.data;
  const reason = reasonOf(id, plan.isFetching ? undefined : shown, typed);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null && shown !== undefined) run.mutate(shown);
  };
  return (
    <Dialog onClose={onClose} title={text.title(image.name)} size="40rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{text.text}</Text>
          <DeviceChoice devices={devices} purpose="writing" value={id} onChange={choose} />
          {shown === undefined ? null : <PlanView plan={shown} />}
          {shown === undefined || shown.blockers.length > 0 ? null : (
            <TextInput
              label={text.confirm}
              description={shown.confirmation.words}
              value={typed}
              autoComplete="off"
              spellCheck={false}
              maxLength={100}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
          )}
          <ErrorNotice error={run.error ?? plan.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <ReasonedButton type="submit" color="red" loading={run.isPending} reason={reason}>
              {shown === undefined ? text.submitNone : text.submit(shown.device.path)}
            </ReasonedButton>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

const reasonOf = (id: string | null, plan: WriteDevicePlan | undefined, typed: string): string | null => {
  const text = words.devices.write;
  if (id === null) return text.chooseFirst;
  if (plan === undefined) return text.planning;
  if (plan.blockers.length > 0) return text.blocked;
  return typed.trim() === '' ? text.notTyped : null;
};

function PlanView({ plan }: { plan: WriteDevicePlan }) {
  const text = words.devices.write;
  const isBlocked = plan.blockers.length > 0;
  return (
    <div className={classes.plan} aria-live="polite">
      <Alert
        color="red"
        icon={<IconAlertTriangle size={18} aria-hidden />}
        title={isBlocked ? text.blocked : text.loses(plan.device.path)}
      >
        <ul className={classes.lines}>
          {isBlocked
            ? plan.blockers.map(({ code, message, repair }) => (
                <li key={`${code} ${message}`}>
                  {message} {repair}
                </li>
              ))
            : plan.loses.map((line) => <li key={line}>{line}</li>)}
        </ul>
      </Alert>
      {isBlocked ? null : (
        <section>
          <h3>{text.steps}</h3>
          <ol className={classes.lines}>
            {plan.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </section>
      )}
      {plan.notes.map((note) => (
        <p key={note} className={classes.muted}>
          {note}
        </p>
      ))}
    </div>
  );
}
