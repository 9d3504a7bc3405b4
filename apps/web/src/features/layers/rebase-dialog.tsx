import { Checkbox, SegmentedControl, Select, Stack, Text } from '@mantine/core';
import type { ChainRequest, Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { imagesQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { chainPlan } from '../plan/chain-plan.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { rebaseTargets } from './rebase-targets.ts';

const nothing = 'nothing';
type Mode = 'safe' | 'relink';

/** Another backing for a layer: which one, and whether its contents are kept or only the link is changed. */
export function RebaseDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const images = useQuery(imagesQuery()).data?.items;
  return images === undefined ? null : <RebaseForm image={image} images={images} onClose={onClose} />;
}

/** The path as well where names are the same in different folders. */
const labelOf = ({ name, path }: Image, all: readonly Image[]): string =>
  all.filter((other) => other.name === name).length > 1 ? `${name} (${path})` : name;

interface RebaseFormProps {
  image: Image;
  images: readonly Image[];
  onClose: () => void;
}

function RebaseForm({ image, images, onClose }: RebaseFormProps) {
  const { rebase } = words.layers;
  const isLost = image.backing !== undefined && image.backing.state !== 'ok';
  const targets = rebaseTargets(images, image);
  const stands = image.backing !== undefined;
  const [backing, setBacking] = useState<string | null>(null);
  const [mode, setMode] = useState<Mode>(isLost ? 'relink' : 'safe');
  const [vouched, setVouched] = useState(false);
  const request: ChainRequest = {
    operation: 'rebase',
    imageId: image.id,
    backing: backing === nothing ? null : backing,
    mode,
    ...(mode === 'relink' && isLost && vouched ? { assumeSame: true } : {}),
  };
  return (
    <PlanDialog
      title={rebase.title(image.name)}
      {...chainPlan(request)}
      {...(backing === null ? { makePlan: null } : {})}
      refusal={backing === null ? rebase.choose : null}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Select
          label={rebase.backing}
          value={backing}
          searchable
          allowDeselect={false}
          placeholder={rebase.choose}
          onChange={setBacking}
          data={[
            ...(stands ? [{ value: nothing, label: rebase.nothing }] : []),
            ...targets.map((target) => ({ value: target.id, label: labelOf(target, targets) })),
          ]}
        />
        <Stack gap={6} align="flex-start">
          <SegmentedControl
            aria-label={rebase.mode}
            value={mode}
            onChange={(value) => setMode(value as Mode)}
            data={(['safe', 'relink'] as const).map((value) => ({ value, label: rebase.modes[value] }))}
          />
          <Text size="sm" c="dimmed">
            {rebase.modeText[mode]}
          </Text>
        </Stack>
        {mode === 'relink' && isLost ? (
          <Checkbox
            label={rebase.assume}
            description={rebase.assumeText}
            checked={vouched}
            onChange={(event) => setVouched(event.currentTarget.checked)}
          />
        ) : null}
      </Stack>
    </PlanDialog>
  );
}
