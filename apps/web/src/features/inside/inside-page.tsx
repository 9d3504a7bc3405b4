import type { Image, InsideSession } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { imageQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { Page } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { ChangeDialog } from './change-dialog.tsx';
import { InsideActions, InsideMarks } from './inside-head.tsx';
import { InsideView } from './inside-view.tsx';
import { Failed, NotOpen, Refused, Starting } from './look-states.tsx';
import { useInsideSession } from './use-inside-session.ts';

/** The partitions and files of an image, or of a snapshot inside its file. */
export function InsidePage({ imageId, tag }: { imageId: string; tag: string | null }) {
  const image = useQuery(imageQuery(imageId));
  const { gone } = words.inside;
  if (isApiError(image.error) && image.error.is('not-found'))
    return (
      <EmptyState
        title={gone.title}
        actions={
          <LinkButton to="/library" variant="default">
            {gone.back}
          </LinkButton>
        }
      >
        {gone.text}
      </EmptyState>
    );
  if (image.data === undefined)
    return (
      <Page title={words.inside.button}>
        {image.isError ? (
          <ErrorNotice error={image.error} onRetry={() => void image.refetch()} />
        ) : (
          <RowSkeletons />
        )}
      </Page>
    );
  return <Inside key={`${imageId} ${tag ?? ''}`} image={image.data} tag={tag} />;
}

function Inside({ image, tag }: { image: Image; tag: string | null }) {
  const nameOf = useImageNames();
  const { look, open, close } = useInsideSession({ imageId: image.id, tag });
  const [isAsking, setAsking] = useState(false);
  const session = look.kind === 'open' ? look.session : null;
  const isReady = session?.state === 'ready';
  return (
    <Page
      title={words.inside.title(visibleName(nameOf(image)))}
      aside={<InsideMarks session={isReady ? session : null} tag={tag} />}
      actions={
        <InsideActions
          image={image}
          session={isReady ? session : null}
          onChange={() => setAsking(true)}
          onClose={() => session !== null && close.mutate(session.id)}
        />
      }
    >
      <ErrorNotice error={close.error} />
      {look.kind === 'opening' ? <Starting session={null} onStop={null} /> : null}
      {look.kind === 'refused' ? <Refused error={look.error} onAgain={() => open.mutate(false)} /> : null}
      {look.kind === 'ended' || look.kind === 'closed' ? (
        <NotOpen kind={look.kind} onAgain={() => open.mutate(false)} />
      ) : null}
      {session === null ? null : (
        <Open
          session={session}
          diskSize={image.virtualSize}
          onStop={() => close.mutate(session.id)}
          onAgain={() => open.mutate(false)}
        />
      )}
      {isAsking ? (
        <ChangeDialog
          image={image}
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            open.mutate(true);
          }}
        />
      ) : null}
    </Page>
  );
}

interface OpenProps {
  session: InsideSession;
  diskSize: number;
  onStop: () => void;
  onAgain: () => void;
}

function Open({ session, diskSize, onStop, onAgain }: OpenProps) {
  if (session.state === 'starting') return <Starting session={session} onStop={onStop} />;
  if (session.state === 'failed') return <Failed session={session} onAgain={onAgain} />;
  return <InsideView session={session} diskSize={diskSize} />;
}
