import { Badge } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconTerminal2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useParams, useRouterState, useSearch } from '@tanstack/react-router';
import { isApiError } from '../../api/api-error.ts';
import { vmQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { Page } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { TakeSnapshotButton } from '../snapshots/take-snapshot-button.tsx';
import { PowerButtons } from './power-buttons.tsx';
import { ShutdownNotice } from './shutdown-notice.tsx';
import { StateBadge } from './state-badge.tsx';
import { address, sizeFact } from './vm-facts.ts';
import classes from './vm-page.module.css';
import { VmProblems } from './vm-problems.tsx';

export function VmPage() {
  const { vmId } = useParams({ from: '/vms/$vmId' });
  const query = useQuery(vmQuery(vmId));
  if (isApiError(query.error) && query.error.is('not-found', 'invalid-request')) return <GoneVm />;
  if (!query.data)
    return (
      <Page title={words.frame.vms}>
        {query.error ? (
          <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <RowSkeletons />
        )}
      </Page>
    );
  return <LoadedVm key={vmId} vm={query.data} />;
}

function LoadedVm({ vm }: { vm: Vm }) {
  const where = address(vm);
  const onConsole = useRouterState({ select: ({ location }) => location.pathname.endsWith('/console') });
  return (
    <Page
      title={vm.name}
      aside={
        <>
          <StateBadge vm={vm} />
          <span>
            {sizeFact(vm)}
            {where ? ` · ${where}` : ''} ·{' '}
            <span title={vm.effectiveAccelerator.reason}>{vm.effectiveAccelerator.kind.toUpperCase()}</span>
          </span>
          {vm.changedSinceStart ? (
            <Badge variant="outline" tt="none" fw={500}>
              {words.vms.changedSinceStart}
            </Badge>
          ) : null}
        </>
      }
      actions={
        <>
          {onConsole ? null : (
            <LinkButton
              variant="default"
              to="/vms/$vmId/console"
              params={{ vmId: vm.id }}
              leftSection={<IconTerminal2 size={16} aria-hidden />}
              className={classes.consoleButton ?? ''}
            >
              {words.vms.actions.console}
            </LinkButton>
          )}
          <PowerButtons vm={vm} />
          <TakeSnapshotButton vm={vm} />
        </>
      }
    >
      <ShutdownNotice vm={vm} />
      <VmProblems vm={vm} />
      <VmTabs vm={vm} />
      <div className={classes.tab}>
        <Outlet />
      </div>
    </Page>
  );
}

const tabs = ['console', 'layers', 'snapshots', 'hardware', 'log'] as const;

function VmTabs({ vm }: { vm: Vm }) {
  const text = words.vms.tabs;
  // What is selected among the snapshots is marked among the layers, and the other way round.
  const { snapshot, layer } = useSearch({ strict: false });
  const marked = { ...(snapshot ? { snapshot } : {}), ...(layer ? { layer } : {}) };
  return (
    <nav className={classes.tabs} aria-label={text.label}>
      {tabs.map((tab) => (
        <Link
          key={tab}
          to={`/vms/$vmId/${tab}`}
          params={{ vmId: vm.id }}
          search={tab === 'layers' || tab === 'snapshots' ? marked : {}}
          activeOptions={{ includeSearch: false }}
          className={classes.tabLink}
        >
          {text[tab]}
          {tab === 'snapshots' && vm.snapshotCount > 0 ? (
            <span className={classes.count}>{vm.snapshotCount}</span>
          ) : null}
        </Link>
      ))}
    </nav>
  );
}

function GoneVm() {
  const { gone } = words.vms;
  return (
    <EmptyState
      title={gone.title}
      actions={
        <LinkButton to="/vms" variant="default">
          {words.frame.notFound.back}
        </LinkButton>
      }
    >
      {gone.text}
    </EmptyState>
  );
}
