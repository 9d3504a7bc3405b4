import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { NicFields } from '../vm-form/nic-fields.tsx';
import { DraftPanel } from './draft-panel.tsx';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

export function NicsPanel({ draft }: { draft: Draft }) {
  const { nic: text, sections } = words.hardware;
  const { nics } = draft.value;
  return (
    <DraftPanel draft={draft} title={sections.nics} fields={['nics']}>
      {nics.length === 0 ? <p className={classes.hint}>{text.none}</p> : null}
      {nics.map((nic, index) => (
        <NicFields
          // biome-ignore lint/suspicious/noArrayIndexKey: the place is what names a card to the guest
          key={index}
          index={index}
          value={nic}
          onChange={(next) => draft.set('nics', nics.with(index, next))}
          onRemove={() => draft.set('nics', nics.toSpliced(index, 1))}
          error={draft.fieldError}
        />
      ))}
      <div className={classes.adders}>
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => draft.set('nics', [...nics, { mode: 'user', model: 'virtio', forwards: [] }])}
        >
          {text.add}
        </Button>
      </div>
    </DraftPanel>
  );
}
