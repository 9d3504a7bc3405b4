import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { isApiError } from '../../api/api-error.ts';
import { imageQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { Page } from '../../ui/page.tsx';
import { LayersView } from '../layers/layers-view.tsx';

/** The chain below any image, with or without a VM: it can be merged here too. */
export function ImagePage({ imageId }: { imageId: string }) {
  const image = useQuery(imageQuery(imageId));
  const navigate = useNavigate();
  const nameOf = useImageNames();
  const { gone } = words.library.imagePage;
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
  const title = image.data ? nameOf(image.data) : '…';
  return (
    <Page
      title={title}
      aside={
        image.data ? <span>{words.library.imagePage.facts(image.data.format, image.data.path)}</span> : null
      }
      actions={
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/library" search={{ image: imageId }} {...props} />}
        >
          {words.layers.panel.details}
        </Button>
      }
    >
      {image.isError && image.data === undefined ? (
        <ErrorNotice error={image.error} onRetry={() => void image.refetch()} />
      ) : (
        <LayersView
          tipId={imageId}
          title={words.layers.chainTitle}
          onShow={(tip) => void navigate({ to: '/library/$imageId', params: { imageId: tip } })}
        />
      )}
    </Page>
  );
}
