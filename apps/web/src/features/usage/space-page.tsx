import { useQuery } from '@tanstack/react-query';
import { usageQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Page } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { DiskPanel } from './disk-panel.tsx';
import { FreeablePanel } from './freeable-panel.tsx';
import { UsagePanel } from './usage-panel.tsx';

/** What takes how much, what is left, and what could be had back. */
export function SpacePage() {
  const usage = useQuery(usageQuery());
  return (
    <Page
      title={words.usage.title}
      aside={usage.data ? <span>{words.usage.total(usage.data.total)}</span> : null}
    >
      <ErrorNotice error={usage.data ? null : usage.error} onRetry={() => void usage.refetch()} />
      {usage.isPending ? <RowSkeletons count={6} height={60} /> : null}
      {usage.data ? <DiskPanel usage={usage.data} /> : null}
      {usage.data ? <FreeablePanel /> : null}
      {usage.data ? <UsagePanel usage={usage.data} /> : null}
    </Page>
  );
}
