import { endpoints, type Operation } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { keys, operationsQuery } from '../../api/queries.ts';
import { notifyError } from '../../ui/notify.tsx';

export type OperationAction = 'pause' | 'resume' | 'cancel' | { bytesPerSecond: number };

/** Pause, resume, cancel and the speed limit of one operation. */
export function useOperationActions(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (action: OperationAction): Promise<Operation> => {
      const params = { id };
      if (action === 'pause') return call(endpoints.pauseOperation, { params });
      if (action === 'resume') return call(endpoints.resumeOperation, { params });
      if (action === 'cancel') return call(endpoints.cancelOperation, { params });
      return call(endpoints.patchOperation, { params, body: action });
    },
    onSuccess: (operation) => {
      client.setQueryData(keys.operation(id), operation);
      client.setQueryData(
        operationsQuery().queryKey,
        (list) => list && { ...list, items: list.items.map((each) => (each.id === id ? operation : each)) },
      );
    },
    onError: notifyError,
  });
}
