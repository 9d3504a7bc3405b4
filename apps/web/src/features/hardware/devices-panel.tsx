import { NumberInput, Select, Textarea } from '@mantine/core';
import { words } from '../../lib/words.ts';
import type { Definition } from '../vm-form/definition.ts';
import { options } from '../vm-form/options.ts';
import { DraftPanel } from './draft-panel.tsx';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

export function DevicesPanel({ draft }: { draft: Draft }) {
  const text = words.hardware;
  const { value } = draft;
  return (
    <DraftPanel
      draft={draft}
      title={text.sections.display}
      fields={['display', 'audio', 'serial', 'extraArgs']}
    >
      <div className={classes.fields}>
        <Select
          label={text.displayLabel}
          data={options(text.displays)}
          value={value.display}
          error={draft.fieldError('display')}
          onChange={(display) => draft.set('display', display as Definition['display'])}
        />
        <Select
          label={text.audio}
          description={text.audioHint}
          data={options(text.audios)}
          value={value.audio}
          error={draft.fieldError('audio')}
          onChange={(audio) => draft.set('audio', audio as Definition['audio'])}
        />
        <NumberInput
          label={text.serial}
          min={0}
          max={4}
          allowDecimal={false}
          value={value.serial}
          error={draft.fieldError('serial')}
          onChange={(serial) => typeof serial === 'number' && draft.set('serial', serial)}
        />
      </div>
      <Textarea
        label={text.extraArgs}
        description={text.extraArgsHint}
        autosize
        value={value.extraArgs.join('\n')}
        error={draft.fieldError('extraArgs')}
        onChange={(event) => {
          const lines = event.currentTarget.value;
          draft.set('extraArgs', lines === '' ? [] : lines.split('\n'));
        }}
      />
    </DraftPanel>
  );
}
