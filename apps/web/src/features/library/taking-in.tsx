import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { arrivalResult, endpoints, type Image, type Operation } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { call } from '../../api/call.ts';
import { operationQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { notifyDone } from '../../ui/notify.tsx';
import { OperationProgress } from '../operations/operation-progress.tsx';
import { isUnfinished, progressLine } from '../operations/operation-state.ts';

interface TakingInProps {
  operation: Operation;
  onClose: () => void;
  /** With the image, unless it is gone again. */
  onDone: (image: Image | null) => void | Promise<void>;
  /** Back to the choice, after it failed. */
  onAgain: () => void;
}

/** How far a file of the host is on its way into the library, and how that ended. It goes on when the dialog is closed. */
export function TakingIn({ operation: begun, onClose, onDone, onAgain }: TakingInProps) {
  const operation = useQuery({ ...operationQuery(begun.id), initialData: begun }).data;
  const { register } = words.library;
  const told = useRef(false);
  useEffect(() => {
    if (operation.state !== 'done' || told.current) return;
    told.current = true;
    const result = arrivalResult.parse(operation.result);
    notifyDone(register.took[result.how ?? 'unpacked'](operation.title));
    for (const note of result.notMapped) notifyDone(note);
    call(endpoints.getImage, { params: { id: result.imageId } })
      .catch(() => null)
      .then(onDone)
      .catch(() => {});
  }, [operation, onDone, register]);
  const running = isUnfinished(operation);
  const failed = !running && operation.state !== 'done';
  return (
    <Stack gap="md">
      <Text size="sm" fw={600}>
        {operation.title}
      </Text>
      {failed ? (
        <Alert
          color="red"
          role="alert"
          icon={<IconAlertTriangle size={18} aria-hidden />}
          title={register.failed}
        >
          {operation.error?.message ?? register.cancelled}
        </Alert>
      ) : (
        <>
          <OperationProgress operation={operation} />
          <Text size="sm" c="dimmed" aria-live="polite">
            {progressLine(operation)}
          </Text>
          <Text size="sm" c="dimmed">
            {register.goesOn}
          </Text>
        </>
      )}
      <Group justify="flex-end">
        {failed ? (
          <Button variant="default" onClick={onAgain}>
            {register.again}
          </Button>
        ) : null}
        <Button variant={failed ? 'filled' : 'default'} onClick={onClose}>
          {words.common.close}
        </Button>
      </Group>
    </Stack>
  );
}
