import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { imagesQuery, vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Page, Panel } from '../../ui/page.tsx';
import { AdvancedFields } from './advanced-fields.tsx';
import { CommandPreview } from './command-preview.tsx';
import { CreateButtons } from './create-buttons.tsx';
import { emptyForm, type NewVmForm, suggestedName, withPreset } from './new-vm-form.ts';
import classes from './new-vm-page.module.css';
import { PresetCards } from './preset-cards.tsx';
import { SizeFields } from './size-fields.tsx';
import { SourceFields } from './source-fields.tsx';
import { usePreview } from './use-preview.ts';

/** One page: what to start from, which system, how large; the command beside it. */
export function NewVmPage() {
  const { image } = useSearch({ from: '/vms/new' });
  const [form, setForm] = useState<NewVmForm>(() => emptyForm(image ?? null));
  const taken = useVmNames();
  const name = useSuggestedName(form, taken);
  const preview = usePreview(form, name, taken);
  const text = words.newVm;
  const change = (part: Partial<NewVmForm>) => setForm((before) => ({ ...before, ...part }));
  return (
    <Page title={text.title}>
      <form className={classes.columns} onSubmit={(event) => event.preventDefault()}>
        <div className={classes.form}>
          <Panel title={text.source}>
            <SourceFields form={form} change={change} fieldError={preview.fieldError} />
          </Panel>
          <Panel title={text.system}>
            <PresetCards
              value={form.preset}
              onChange={(preset) => setForm((before) => withPreset(before, preset))}
            />
          </Panel>
          <Panel title={text.size}>
            <SizeFields
              form={form}
              change={change}
              suggested={name}
              taken={taken}
              fieldError={preview.fieldError}
            />
          </Panel>
          <AdvancedFields form={form} change={change} fieldError={preview.fieldError} />
        </div>
        <div className={classes.beside}>
          <CommandPreview preview={preview} />
          <CreateButtons form={form} name={name} taken={taken} />
        </div>
      </form>
    </Page>
  );
}

function useVmNames(): readonly string[] {
  const vms = useQuery(vmsQuery()).data?.items;
  return useMemo(() => vms?.map((vm) => vm.name) ?? [], [vms]);
}

function useSuggestedName(form: NewVmForm, taken: readonly string[]): string {
  const images = useQuery(imagesQuery()).data?.items;
  const sourceId = form.source === 'image' ? form.imageId : form.source === 'iso' ? form.isoId : null;
  const source = images?.find((image) => image.id === sourceId)?.name ?? null;
  return suggestedName(source, form.preset, taken);
}
