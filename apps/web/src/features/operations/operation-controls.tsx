import { Button, Group, Menu } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { IconGauge } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ConfirmDialog } from '../../ui/confirm-button.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { cancelReason, isUnfinished, limitReason, pauseReason } from './operation-state.ts';
import { useOperationActions } from './use-operation-actions.ts';

const MiB = 1024 ** 2;
const speeds = [5 * MiB, 20 * MiB, 50 * MiB, 100 * MiB, 500 * MiB];

/** Pause, speed limit, cancel: while it runs. */
export function OperationControls({ operation }: { operation: Operation }) {
  const actions = useOperationActions(operation.id);
  const [cancelling, setCancelling] = useState(false);
  if (!isUnfinished(operation)) return null;
  const { operations } = words;
  const paused = operation.state === 'paused';
  const noLimit = limitReason(operation);
  return (
    <Group gap={6} wrap="nowrap">
      <ReasonedButton
        size="compact-sm"
        variant="default"
        reason={pauseReason(operation)}
        loading={actions.isPending && (actions.variables === 'pause' || actions.variables === 'resume')}
        onClick={() => actions.mutate(paused ? 'resume' : 'pause')}
      >
        {paused ? operations.resume : operations.pause}
      </ReasonedButton>
      {operation.progress.unit !== 'bytes' || operation.state === 'finishing' ? null : noLimit !== null ? (
        <ReasonedButton
          size="compact-sm"
          variant="default"
          aria-label={operations.speedLimit}
          reason={noLimit}
        >
          <IconGauge size={15} aria-hidden />
        </ReasonedButton>
      ) : (
        <Menu position="top-end">
          <Menu.Target>
            <Button size="compact-sm" variant="default" aria-label={operations.speedLimit}>
              <IconGauge size={15} aria-hidden />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{operations.speedLimit}</Menu.Label>
            <Menu.Item onClick={() => actions.mutate({ bytesPerSecond: 0 })}>
              {operations.unlimited}
            </Menu.Item>
            {speeds.map((speed) => (
              <Menu.Item key={speed} onClick={() => actions.mutate({ bytesPerSecond: speed })}>
                {operations.speeds(speed)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      <ReasonedButton
        size="compact-sm"
        variant="default"
        reason={cancelReason(operation)}
        loading={actions.isPending && actions.variables === 'cancel'}
        onClick={() => setCancelling(true)}
      >
        {operations.cancel}
      </ReasonedButton>
      <ConfirmDialog
        opened={cancelling}
        onClose={() => setCancelling(false)}
        title={operations.cancelTitle}
        confirmLabel={operations.cancelConfirm}
        cancelLabel={operations.cancelKeep}
        danger
        onConfirm={() => {
          setCancelling(false);
          actions.mutate('cancel');
        }}
      >
        <p>{operation.cancelNote ?? operations.cancelFallback}</p>
      </ConfirmDialog>
    </Group>
  );
}
