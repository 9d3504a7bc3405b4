import { Switch, Textarea, TextInput } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { DraftPanel } from './draft-panel.tsx';
import type { Draft } from './use-draft.ts';

export function GeneralPanel({ draft }: { draft: Draft }) {
  const text = words.hardware;
  return (
    <DraftPanel draft={draft} title={text.sections.general} fields={['name', 'notes', 'autostart']}>
      <TextInput
        label={text.name}
        value={draft.value.name}
        error={draft.fieldError('name')}
        onChange={(event) => draft.set('name', event.currentTarget.value)}
      />
      <Textarea
        label={text.notes}
        autosize
        minRows={2}
        maxRows={8}
        value={draft.value.notes}
        error={draft.fieldError('notes')}
        onChange={(event) => draft.set('notes', event.currentTarget.value)}
      />
      <Switch
        label={text.autostart}
        checked={draft.value.autostart}
        onChange={(event) => draft.set('autostart', event.currentTarget.checked)}
      />
    </DraftPanel>
  );
}
