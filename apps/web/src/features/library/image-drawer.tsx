import { Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { imageQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { useEscape } from '../../ui/use-escape.ts';
import { ImageDetail } from './image-detail.tsx';

interface ImageDrawerProps {
  imageId: string | null;
  onClose: () => void;
  onOpen: (imageId: string) => void;
}

export function ImageDrawer({ imageId, onClose, onOpen }: ImageDrawerProps) {
  useEscape(imageId !== null, onClose);
  return (
    <Drawer
      opened={imageId !== null}
      onClose={onClose}
      closeOnEscape={false}
      position="right"
      size="30rem"
      title={words.library.detail.title}
    >
      {imageId === null ? null : (
        <Content key={imageId} imageId={imageId} onClose={onClose} onOpen={onOpen} />
      )}
    </Drawer>
  );
}

function Content({ imageId, onClose, onOpen }: { imageId: string } & Omit<ImageDrawerProps, 'imageId'>) {
  const image = useQuery(imageQuery(imageId));
  if (image.data !== undefined) return <ImageDetail image={image.data} onClose={onClose} onOpen={onOpen} />;
  return image.isError ? <ErrorNotice error={image.error} /> : <RowSkeletons />;
}
