import { Button, Checkbox, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { endpoints, type Image, resizePlan } from '@strata/contract';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { ExtendDialog } from './extend-dialog.tsx';
import { ResizePlanView } from './resize-plan-view.tsx';
import { wantedSize } from './wanted-size.ts';

/** A plan looks at the disk: not at every key. */
const restMs = 350;

const usePlan = (image: Image, wish: { size: number | null; shrink: boolean; confirm: string }) => {
  const wished = JSON.stringify(wish);
  const [settled] = useDebouncedValue(wished, restMs);
  const query = useQuery({
    queryKey: ['resize-plan', image.id, image.virtualSize, image.modifiedAt, settled],
    // Never with what stood there before, which may have been no size.
    enabled: wish.size !== null && settled === wished,
    placeholderData: keepPreviousData,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const { size, shrink, confirm } = JSON.parse(settled) as typeof wish;
      const body = { size: size ?? 0, plan: true as const, ...asked(shrink, confirm) };
      return resizePlan.parse(await call(endpoints.resizeImage, { params: { id: image.id }, body, signal }));
    },
  });
  const isFresh = settled === wished && !query.isPlaceholderData && !query.isFetching;
  return { ...query, isFresh };
};

const asked = (shrink: boolean, confirm: string) => ({
  ...(shrink ? { shrink } : {}),
  ...(confirm.trim() === '' ? {} : { confirm: confirm.trim() }),
});

/** Makes the disk of an image larger or smaller; what that takes is shown before. */
export function ResizeDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const { resize } = words.imageChanges;
  const [text, setText] = useState('');
  const [shrink, setShrink] = useState(false);
  const [confirm, setConfirm] = useState('');
  const [growing, setGrowing] = useState<string | null>(null);
  const size = wantedSize(text, image.virtualSize);
  const smaller = size !== null && size < image.virtualSize;
  const wish = { size, shrink: smaller && shrink, confirm };
  const { data: plan, error, isFresh, isFetching } = usePlan(image, wish);
  const run = useMutation({
    mutationFn: (fingerprint: string) =>
      call(endpoints.resizeImage, {
        params: { id: image.id },
        body: { size: size ?? 0, fingerprint, ...asked(wish.shrink, confirm) },
      }),
    onSuccess: (operation) => {
      if (!('title' in operation)) return onClose();
      notifyDone(words.copies.started(operation.title));
      // Its guest has nothing of a larger disk yet. Under a running VM only the guest itself can go on.
      if (smaller || plan?.live === true) onClose();
      else setGrowing(operation.id);
    },
  });
  const shown = size === null ? undefined : plan;
  const reason =
    shown === undefined || !isFresh ? resize.planning : shown.blockers.length > 0 ? resize.blocked : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null && shown !== undefined) run.mutate(shown.fingerprint);
  };
  if (growing !== null) return <ExtendDialog image={image} after={growing} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={resize.title(image.name)} size="38rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput
            label={resize.size}
            description={resize.sizeHint(image.virtualSize)}
            value={text}
            data-autofocus
            error={text.trim() !== '' && size === null ? resize.badSize : undefined}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {smaller ? (
            <Checkbox
              label={resize.shrink}
              description={resize.shrinkText}
              checked={shrink}
              onChange={(event) => setShrink(event.currentTarget.checked)}
            />
          ) : null}
          {shown?.needsConfirm ? (
            <TextInput
              label={resize.confirm}
              description={resize.confirmText(shown.cutBytes, image.name)}
              value={confirm}
              onChange={(event) => setConfirm(event.currentTarget.value)}
            />
          ) : null}
          {shown === undefined ? null : <ResizePlanView plan={shown} isStale={!isFresh && isFetching} />}
          <ErrorNotice error={run.error ?? (size === null ? null : error)} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <ReasonedButton
              type="submit"
              {...(smaller ? { color: 'red' } : {})}
              loading={run.isPending}
              reason={size === null ? resize.badSize : reason}
            >
              {smaller ? resize.submit.shrink : resize.submit.grow}
            </ReasonedButton>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
