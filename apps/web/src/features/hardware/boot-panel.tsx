import { Select, Switch } from '@mantine/core';
import type { CreateVm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { BootOrder } from '../vm-form/boot-order.tsx';
import { KernelFields } from '../vm-form/kernel-fields.tsx';
import { options } from '../vm-form/options.ts';
import { DraftPanel } from './draft-panel.tsx';
import type { Draft } from './use-draft.ts';

type Once = NonNullable<CreateVm['boot']['once']>;

export function BootPanel({ draft }: { draft: Draft }) {
  const { boot: text, kernel: kernelText, sections } = words.hardware;
  const { boot, kernel } = draft.value;
  return (
    <DraftPanel draft={draft} title={sections.boot} fields={['boot', 'kernel']}>
      <BootOrder value={boot.order} onChange={(order) => draft.set('boot', { ...boot, order })} />
      <Select
        label={text.once}
        description={text.onceHint}
        data={[{ value: '', label: text.noOnce }, ...options(text.devices)]}
        value={boot.once ?? ''}
        onChange={(once) => draft.set('boot', { ...boot, once: (once || null) as Once | null })}
      />
      <Switch
        label={text.menu}
        checked={boot.menu}
        onChange={(event) => draft.set('boot', { ...boot, menu: event.currentTarget.checked })}
      />
      <Switch
        label={kernelText.direct}
        description={kernelText.directHint}
        checked={kernel !== null}
        onChange={(event) =>
          draft.set('kernel', event.currentTarget.checked ? { path: '', append: '' } : null)
        }
      />
      {kernel ? (
        <KernelFields
          value={kernel}
          onChange={(next) => draft.set('kernel', next)}
          error={draft.fieldError}
        />
      ) : null}
    </DraftPanel>
  );
}
