import { Button, Group, Stack, Text } from '@mantine/core';
import { endpoints, type Image, type ImageRepair, type RepairImage } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { imageRepairQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { CheckImageDialog } from './check-image-dialog.tsx';
import { RelinkChoice } from './relink-choice.tsx';
import classes from './repair-dialog.module.css';

interface RepairDialogProps {
  image: Image;
  name: string;
  onClose: () => void;
}

/** Every way there is to mend an image, the best first, each with what it means. */
export function RepairDialog({ image, name, onClose }: RepairDialogProps) {
  const client = useQueryClient();
  const [folder, setFolder] = useState<string | null>(null);
  const [checking, setChecking] = useState(false);
  const found = useQuery({ ...imageRepairQuery(image.id, folder), placeholderData: (before) => before });
  const mend = useMutation({
    mutationFn: (body: RepairImage) => call(endpoints.repairImage, { params: { id: image.id }, body }),
    onSuccess: async ({ operation }) => {
      notifyDone(operation === null ? words.repair.changed : words.repair.done(operation.title));
      onClose();
      await client.invalidateQueries({ queryKey: keys.images });
    },
  });
  if (checking) return <CheckImageDialog image={image} onClose={onClose} />;
  const { data } = found;
  return (
    <Dialog onClose={onClose} title={words.repair.title(name)} size="44rem">
      <Stack gap="md">
        {data?.problems.map((problem) => (
          <Text size="sm" key={problem.code}>
            {problem.message}
          </Text>
        ))}
        {found.isPending ? (
          <>
            <Text size="sm">{words.repair.looking}</Text>
            <RowSkeletons count={3} />
          </>
        ) : null}
        <ErrorNotice error={found.error} />
        {data?.repairs.length === 0 ? <Text size="sm">{words.repair.none}</Text> : null}
        {data?.repairs.map((each) => (
          <section key={`${each.kind} ${each.problem}`} className={classes.repair}>
            <h3>{each.title}</h3>
            <Text size="sm" c="dimmed">
              {each.means}
            </Text>
            {each.kind === 'relink' ? (
              <RelinkChoice
                repair={each}
                remembered={data.remembered}
                busy={mend.isPending}
                searching={found.isFetching}
                onLook={setFolder}
                onRelink={mend.mutate}
              />
            ) : (
              <RepairAction
                repair={each}
                name={name}
                leftAlone={data.leftAlone}
                busy={mend.isPending}
                onMend={mend.mutate}
                onCheck={() => setChecking(true)}
              />
            )}
          </section>
        ))}
        <ErrorNotice error={mend.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {words.common.close}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

interface RepairActionProps {
  repair: ImageRepair;
  name: string;
  leftAlone: boolean;
  busy: boolean;
  onMend: (wish: RepairImage) => void;
  onCheck: () => void;
}

function RepairAction({ repair, name, leftAlone, busy, onMend, onCheck }: RepairActionProps) {
  const { kind, title, means, impediment, format, certain } = repair;
  const button = { variant: 'default', size: 'compact-md', loading: busy, reason: impediment } as const;
  const text = words.repair;
  switch (kind) {
    case 'cut':
      return (
        <ConfirmButton
          {...button}
          title={text.cutTitle(name)}
          question={means}
          confirmLabel={text.cutConfirm}
          onConfirm={() => onMend({ repair: 'cut', standsAlone: true })}
        >
          {title}
        </ConfirmButton>
      );
    case 'check':
      return (
        <ReasonedButton {...button} onClick={onCheck}>
          {title}
        </ReasonedButton>
      );
    case 'record-format': {
      const said = certain || format === undefined ? {} : { format };
      return (
        <ReasonedButton {...button} onClick={() => onMend({ repair: 'record-format', ...said })}>
          {certain || format === undefined ? title : text.sayFormat(format)}
        </ReasonedButton>
      );
    }
    case 'leave-alone':
      return (
        <ReasonedButton {...button} onClick={() => onMend({ repair: 'leave-alone', on: !leftAlone })}>
          {title}
        </ReasonedButton>
      );
    default:
      return (
        <ReasonedButton {...button} onClick={() => onMend({ repair: 'register-backing' })}>
          {title}
        </ReasonedButton>
      );
  }
}
