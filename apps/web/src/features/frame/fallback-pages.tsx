import { Button } from '@mantine/core';
import { IconMap2, IconMoodConfuzed } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { LinkButton } from '../../ui/link-button.tsx';

export function UnknownPage() {
  const { notFound } = words.frame;
  return (
    <EmptyState
      icon={<IconMap2 size={40} stroke={1.4} />}
      title={notFound.title}
      actions={
        <LinkButton to="/vms" variant="default">
          {notFound.back}
        </LinkButton>
      }
    >
      {notFound.text}
    </EmptyState>
  );
}

/** When a page throws while it is drawn: a mistake of ours, shown instead of a white page. */
export function BrokenPage({ error }: { error: unknown }) {
  const { broken } = words.frame;
  return (
    <EmptyState
      icon={<IconMoodConfuzed size={40} stroke={1.4} />}
      title={broken.title}
      actions={
        <Button variant="default" onClick={() => location.reload()}>
          {broken.reload}
        </Button>
      }
    >
      <p>{broken.text}</p>
      <ErrorNotice error={error} />
    </EmptyState>
  );
}
