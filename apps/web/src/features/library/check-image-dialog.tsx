import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type CheckImage, endpoints, type Image, imageCheck } from '@strata/contract';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { operationQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { isUnfinished } from '../operations/operation-state.ts';

/** Looks for errors and lost space in a file, says in words what was found, and offers the repair. */
export function CheckImageDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const { check } = words.copies;
  const [operationId, setOperationId] = useState<string | null>(null);
  const start = useMutation({
    mutationFn: (body: CheckImage) => call(endpoints.checkImage, { params: { id: image.id }, body }),
    onSuccess: ({ id }) => setOperationId(id),
  });
  const operation = useQuery({ ...operationQuery(operationId ?? ''), enabled: operationId !== null }).data;
  const working = start.isPending || (operation !== undefined && isUnfinished(operation));
  const result = working ? null : (imageCheck.safeParse(operation?.result).data ?? null);
  const failure = operation?.state === 'failed' ? (operation.error?.message ?? null) : null;
  return (
    <Modal opened onClose={onClose} title={check.title(image.name)} size="34rem">
      <Stack gap="md">
        <Text size="sm">{check.text}</Text>
        <div aria-live="polite">
          {working ? <Text size="sm">{check.working}</Text> : null}
          {result ? <Result {...result} /> : null}
          {failure === null ? null : (
            <Alert color="red" icon={<IconAlertTriangle size={18} aria-hidden />}>
              {failure}
            </Alert>
          )}
        </div>
        <ErrorNotice error={start.error} />
        <Group justify="flex-end">
          {result && result.leaks > result.leaksFixed ? (
            <ReasonedButton
              variant="default"
              reason={image.format === 'qcow2' ? null : check.otherFormat}
              onClick={() => start.mutate({ repair: 'leaks' })}
            >
              {check.leaksButton(result.leakedBytes)}
            </ReasonedButton>
          ) : null}
          {result && result.errors > result.errorsFixed ? (
            <RepairErrors image={image} onRepair={() => start.mutate({ repair: 'all' })} />
          ) : null}
          <Button variant="default" onClick={onClose}>
            {words.common.close}
          </Button>
          <ReasonedButton
            loading={working}
            data-autofocus
            reason={image.format === 'raw' || image.format === 'iso' ? check.raw : null}
            onClick={() => start.mutate({})}
          >
            {operationId === null ? check.submit : check.again}
          </ReasonedButton>
        </Group>
      </Stack>
    </Modal>
  );
}

function Result({ errors, leaks, words: text }: { errors: number; leaks: number; words: string }) {
  const sound = errors + leaks === 0;
  const Icon = sound ? IconCheck : IconAlertTriangle;
  return (
    <Alert
      color={sound ? 'green' : errors > 0 ? 'red' : 'amber'}
      icon={<Icon size={18} aria-hidden />}
      title={words.copies.check.counts(errors, leaks)}
    >
      {text}
    </Alert>
  );
}

function RepairErrors({ image, onRepair }: { image: Image; onRepair: () => void }) {
  const { check } = words.copies;
  const standing = image.usedBy.some(({ kind }) => kind === 'overlay' || kind === 'snapshot');
  const reason = image.format === 'qcow2' ? (standing ? check.standing : null) : check.otherFormat;
  return (
    <ReasonedButton color="red" reason={reason} title={check.allText} onClick={onRepair}>
      {check.allButton}
    </ReasonedButton>
  );
}
