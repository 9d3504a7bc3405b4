import { SegmentedControl } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { IconStack2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Page } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { OperationItem } from './operation-item.tsx';
import { isUnfinished } from './operation-state.ts';
import classes from './operations-page.module.css';

const filters = {
  all: () => true,
  running: isUnfinished,
  failed: ({ state }) => state === 'failed',
  done: (operation) => !isUnfinished(operation),
} satisfies Record<string, (operation: Operation) => boolean>;
type Filter = keyof typeof filters;

export function OperationsPage() {
  const operations = useQuery(operationsQuery());
  const [filter, setFilter] = useState<Filter>('all');
  const items = operations.data?.items ?? [];
  const shown = items.filter(filters[filter]);
  const { filter: filterWords } = words.operations;
  return (
    <Page
      title={words.operations.title}
      actions={
        items.length > 0 ? (
          <SegmentedControl
            aria-label={filterWords.label}
            value={filter}
            onChange={(value) => setFilter(value as Filter)}
            data={(['all', 'running', 'failed', 'done'] as const).map((value) => ({
              value,
              label: filterWords[value],
            }))}
          />
        ) : undefined
      }
    >
      <ErrorNotice error={operations.error} onRetry={() => void operations.refetch()} />
      {operations.isPending ? <RowSkeletons /> : null}
      {operations.data && items.length === 0 ? (
        <EmptyState icon={<IconStack2 size={40} />} title={words.operations.empty.title}>
          {words.operations.empty.text}
        </EmptyState>
      ) : null}
      {items.length > 0 && shown.length === 0 ? <p>{words.operations.noneMatch}</p> : null}
      <div className={classes.list}>
        {shown.map((operation) => (
          <OperationItem key={operation.id} operation={operation} />
        ))}
      </div>
    </Page>
  );
}
