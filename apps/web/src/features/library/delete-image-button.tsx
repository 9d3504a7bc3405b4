import { endpoints, type Image } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { imagesQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { standsOn } from './image-list.ts';

/** To the trash; grey with who stands on it. */
export function DeleteImageButton({ image, onDeleted }: { image: Image; onDeleted: () => void }) {
  const client = useQueryClient();
  const { detail } = words.library;
  const remove = useMutation({
    mutationFn: () => call(endpoints.deleteImage, { params: { id: image.id } }),
    onSuccess: async () => {
      notifyDone(detail.deleteDone(image.name));
      onDeleted();
      await Promise.all([
        // Only the list: the details of what is gone would be asked for once more.
        client.invalidateQueries({ queryKey: imagesQuery().queryKey }),
        client.invalidateQueries({ queryKey: keys.trash }),
      ]);
    },
    onError: notifyError,
  });
  const users = standsOn(image);
  return (
    <ConfirmButton
      variant="default"
      reason={users === null ? null : detail.deleteReason(users)}
      loading={remove.isPending}
      title={detail.deleteTitle(image.name)}
      question={detail.deleteText(image.allocatedSize)}
      confirmLabel={detail.deleteConfirm}
      onConfirm={() => remove.mutate()}
    >
      {detail.delete}
    </ConfirmButton>
  );
}
