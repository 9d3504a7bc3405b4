import { Button } from '@mantine/core';
import type { NbdDisk } from '@strata/contract';
import { IconPlus } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { NbdFields } from '../vm-form/nbd-fields.tsx';
import { DraftPanel } from './draft-panel.tsx';
import tab from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

/** Disks that other programs serve: they come with the next start, and are no layers. */
export function NbdDisksPanel({ draft }: { draft: Draft }) {
  const { nbd: text, sections } = words.hardware;
  const { nbdDisks } = draft.value;
  const set = (next: NbdDisk[]) => draft.set('nbdDisks', next);
  return (
    <DraftPanel draft={draft} title={sections.nbdDisks} fields={['nbdDisks']}>
      <p className={tab.hint}>{nbdDisks.length === 0 ? text.none : text.hint}</p>
      {nbdDisks.map((disk, index) => (
        <NbdFields
          // biome-ignore lint/suspicious/noArrayIndexKey: the place is what names a disk to the guest
          key={index}
          title={text.title(index)}
          disk={disk}
          error={(field) => draft.fieldError(`nbdDisks.${index}.${field}`)}
          onChange={(next) => set(nbdDisks.with(index, next))}
          remove={{ label: text.remove(index), run: () => set(nbdDisks.toSpliced(index, 1)) }}
        />
      ))}
      {nbdDisks.length < 4 ? (
        <div className={tab.adders}>
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => set([...nbdDisks, { uri: '', readOnly: true, bus: 'virtio' }])}
          >
            {text.add}
          </Button>
        </div>
      ) : null}
    </DraftPanel>
  );
}
