import { Button, Group, Stack } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { OperationProgress } from '../operations/operation-progress.tsx';
import { progressLine } from '../operations/operation-state.ts';
import { OperationSteps } from '../operations/operation-steps.tsx';

interface TakeProgressProps {
  name: string;
  operation: Operation;
  onClose: () => void;
}

/** While memory is written: how far it is. It goes on without the dialog. */
export function TakeProgress({ name, operation, onClose }: TakeProgressProps) {
  const { take } = words.snapshots;
  return (
    <Dialog onClose={onClose} title={take.taking(name)} size="34rem">
      <Stack gap="sm">
        <OperationProgress operation={operation} />
        <p role="status">{progressLine(operation)}</p>
        <OperationSteps operation={operation} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {take.goesOn}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
