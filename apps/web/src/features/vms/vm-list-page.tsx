import { Button, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { type Vm, vmState } from '@strata/contract';
import { IconLayoutGrid, IconList, IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { Page } from '../../ui/page.tsx';
import { CardSkeletons } from './card-skeletons.tsx';
import { FirstSteps } from './first-steps.tsx';
import { filterVms, type VmSort } from './vm-facts.ts';
import { VmGrid } from './vm-grid.tsx';
import classes from './vm-list-page.module.css';
import { VmTable } from './vm-table.tsx';

export function VmListPage() {
  const { list } = words.vms;
  const vms = useQuery(vmsQuery());
  const all = vms.data?.items;
  return (
    <Page
      title={list.title}
      actions={
        all?.length ? (
          <LinkButton to="/vms/new" leftSection={<IconPlus size={16} aria-hidden />}>
            {words.frame.newVm}
          </LinkButton>
        ) : null
      }
    >
      <ErrorNotice error={all ? null : vms.error} onRetry={() => void vms.refetch()} />
      {all ? all.length === 0 ? <FirstSteps /> : <VmList all={all} /> : null}
      {vms.isPending ? <CardSkeletons /> : null}
    </Page>
  );
}

function VmList({ all }: { all: Vm[] }) {
  const { list, states } = words.vms;
  const [text, setText] = useState('');
  const [state, setState] = useState<Vm['state'] | 'any'>('any');
  const [sort, setSort] = useLocalStorage<VmSort>({ key: 'strata.vms.sort', defaultValue: 'name' });
  const [view, setView] = useLocalStorage({ key: 'strata.vms.view', defaultValue: 'cards' });
  const shown = useMemo(() => filterVms(all, { text, state }, sort), [all, text, state, sort]);
  return (
    <>
      <search className={classes.tools}>
        <TextInput
          className={classes.filter ?? ''}
          aria-label={list.filter}
          placeholder={list.filterShort}
          leftSection={<IconSearch size={15} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Select
          className={classes.select ?? ''}
          aria-label={list.stateLabel}
          value={state}
          onChange={(value) => setState((value ?? 'any') as typeof state)}
          data={[
            { value: 'any', label: list.anyState },
            ...vmState.options.map((value) => ({ value, label: states[value] })),
          ]}
        />
        <Select
          className={classes.select ?? ''}
          aria-label={list.sortLabel}
          value={sort}
          onChange={(value) => setSort((value ?? 'name') as VmSort)}
          data={Object.entries(list.sorts).map(([value, label]) => ({ value, label }))}
        />
        <span className={classes.count} role="status">
          {list.shown(shown.length, all.length)}
        </span>
        <SegmentedControl
          aria-label={list.viewLabel}
          value={view}
          onChange={setView}
          data={[
            { value: 'cards', label: <ViewLabel icon={<IconLayoutGrid size={16} />} text={list.cards} /> },
            { value: 'table', label: <ViewLabel icon={<IconList size={16} />} text={list.table} /> },
          ]}
        />
      </search>
      {shown.length === 0 ? (
        <EmptyState
          title={list.nothingMatches}
          actions={
            <Button
              variant="default"
              onClick={() => {
                setText('');
                setState('any');
              }}
            >
              {list.clearFilter}
            </Button>
          }
        />
      ) : view === 'table' ? (
        <VmTable vms={shown} />
      ) : (
        <VmGrid vms={shown} />
      )}
    </>
  );
}

function ViewLabel({ icon, text }: { icon: ReactNode; text: string }) {
  return (
    <span className={classes.view} title={text}>
      {icon}
      <span className="visually-hidden">{text}</span>
    </span>
  );
}
